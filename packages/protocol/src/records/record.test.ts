import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_OVERHEAD, setMaxTimestamp } from './batch.ts'
import { BatchBuilder, type NewRecord } from './batch-builder.ts'
import { DecompressionError } from './compression.ts'
import { GOLDEN_TIME_MS, goldenCompressed, goldenPlain, goldenTransactional } from './golden.fixture.ts'
import { mutated, numbersFrom } from './mutate.fixture.ts'
import { readRecords, recordsSection, type ScanVerdict, scanRecords } from './record.ts'
import { RecordFormatError } from './record-cursor.ts'

const MUTATIONS = 40_000

const goldenRead = [
  {
    offset: 0,
    timestamp: GOLDEN_TIME_MS,
    key: Buffer.from('k1'),
    value: Buffer.from('v1'),
    headers: [
      { key: 'h', value: Buffer.from('x') },
      { key: 'n', value: null },
    ],
  },
  {
    offset: 1,
    timestamp: GOLDEN_TIME_MS + 5,
    key: null,
    value: Buffer.from('hello hello hello hello'),
    headers: [],
  },
  { offset: 2, timestamp: GOLDEN_TIME_MS - 10, key: Buffer.from('k3'), value: null, headers: [] },
]

function sectionOf(records: readonly NewRecord[]): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record)
  return Buffer.from(recordsSection(builder.build()))
}

function scan(section: Buffer, count: number): ScanVerdict {
  return scanRecords(section, 0, section.length, count)
}

test('the records that Kafka wrote are read, whatever their codec', () => {
  for (const batch of [goldenPlain, goldenTransactional, ...Object.values(goldenCompressed)]) {
    assert.deepEqual(readRecords(batch), goldenRead)
  }
})

test('where the broker stamped the batch, every record has its time', () => {
  const batch = Buffer.from(goldenPlain)
  setMaxTimestamp(batch, 0, { timestampMs: 77, logAppendTime: true })
  assert.deepEqual(
    readRecords(batch).map((record) => record.timestamp),
    [77, 77, 77],
  )
})

test('a scan tells the extremes of time and the first missing key', () => {
  assert.deepEqual(scanRecords(goldenPlain, BATCH_OVERHEAD, goldenPlain.length, 3), {
    ok: true,
    minTimestampDelta: -10,
    maxTimestampDelta: 5,
    maxTimestampIndex: 1,
    nullKeyIndex: 1,
  })
})

test('a visitor sees each record where it lies', () => {
  const seen: unknown[] = []
  scanRecords(goldenPlain, BATCH_OVERHEAD, goldenPlain.length, 3, (record) => {
    seen.push([record.offsetDelta, record.key()?.toString(), record.valueLength, record.headerCount])
  })
  assert.deepEqual(seen, [
    [0, 'k1', 2, 2],
    [1, undefined, 23, 0],
    [2, 'k3', -1, 0],
  ])
})

test('each way in which a record can be wrong has its reason', () => {
  const cases: [string, number, string][] = [
    ['', 1, 'records-missing'],
    ['0c00000001010000', 1, 'bytes-left'],
    ['0a000000010100', 1, 'record-length'],
    ['0e000000010100', 1, 'record-length'],
    ['01', 1, 'record-length'],
    ['ffffffffff', 1, 'varint-overflow'],
    ['ffffffff1f', 1, 'varint-overflow'],
    ['0c000002010100', 1, 'offset-delta'],
    ['0c000000030100', 1, 'key-length'],
    ['0c000000080100', 1, 'key-length'],
    ['0c000000010300', 1, 'value-length'],
    ['0c000000010800', 1, 'value-length'],
    ['0c000000010101', 1, 'header-count'],
    ['0c00000001017e', 1, 'header-count'],
    ['1000000001010201' + '00', 1, 'header-key-length'],
    ['1000000001010208' + '00', 1, 'header-key-length'],
    ['1000000001010200' + '08', 1, 'header-value-length'],
    ['1000000001010200' + '03', 1, 'header-value-length'],
    ['0e00000001010000', 1, 'length-mismatch'],
    ['1e' + '00ffffffffffffffffff02' + '00010100', 1, 'varint-overflow'],
  ]
  for (const [hex, count, reason] of cases) {
    const verdict = scan(Buffer.from(hex, 'hex'), count)
    assert.deepEqual(verdict, { ok: false, index: reason === 'bytes-left' ? 1 : 0, reason }, hex)
  }
})

test('the index of a verdict is that of the record at fault', () => {
  const section = sectionOf([0, 1, 2, 3].map((n) => ({ timestampMs: n, key: null, value: 'v' })))
  const third = (section.length / 4) * 2
  section[third + 3] = 8
  assert.deepEqual(scan(section, 4), { ok: false, index: 2, reason: 'offset-delta' })
})

test('a count that no bytes could hold costs nothing', () => {
  assert.deepEqual(scan(Buffer.from('0c000000010100', 'hex'), 2147483647), {
    ok: false,
    index: 1,
    reason: 'records-missing',
  })
  assert.equal(scan(Buffer.alloc(0), -5).ok, true)
})

test('a timestamp delta of any 64 bits is read, saturated beyond the safe integers', () => {
  const least = Buffer.from('1e00ffffffffffffffffff0100010100', 'hex')
  const verdict = scan(least, 1)
  assert.equal(verdict.ok && verdict.minTimestampDelta, -Number.MAX_SAFE_INTEGER)
  for (const timestampMs of [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2 ** 40, -(2 ** 31), 8191, 8192]) {
    const deltas = scan(sectionOf([0, timestampMs].map((time) => ({ timestampMs: time, key: null, value: null }))), 2)
    assert.equal(deltas.ok && deltas[timestampMs > 0 ? 'maxTimestampDelta' : 'minTimestampDelta'], timestampMs)
  }
})

/** Plain records, records with headers and long ones, so that both ways of scanning take their turns. */
function mixedRecords(count: number): NewRecord[] {
  return Array.from({ length: count }, (_, n) => ({
    timestampMs: GOLDEN_TIME_MS + ((n * 7919) % 20_000) - 10_000,
    key: n % 5 === 0 ? null : `key-${n}`,
    value: n % 7 === 0 ? null : Buffer.alloc((n * 131) % 300, n),
    headers: n % 4 === 0 ? [{ key: 'trace', value: `${n}` }] : [],
  }))
}

test('the quick scan and the careful one agree on sound and on damaged bytes, and never throw', () => {
  const random = numbersFrom(11)
  const section = sectionOf(mixedRecords(60))
  assert.equal(scan(section, 60).ok, true)
  let refused = 0
  for (let i = 0; i < MUTATIONS; i++) {
    const bytes = mutated(section, random)
    const quick = scan(bytes, 60)
    const careful = scanRecords(bytes, 0, bytes.length, 60, () => undefined)
    assert.deepEqual(quick, careful, bytes.toString('hex'))
    if (!quick.ok) refused++
  }
  assert.ok(refused > MUTATIONS / 4, `${refused} refused`)
})

test('reading a damaged batch gives records or a typed error', () => {
  const random = numbersFrom(13)
  for (const batch of [goldenPlain, ...Object.values(goldenCompressed)]) {
    for (let i = 0; i < MUTATIONS / 8; i++) {
      try {
        readRecords(mutated(batch, random), { decompressedBytesMax: 1 << 20 })
      } catch (error) {
        assert.ok(error instanceof RecordFormatError || error instanceof DecompressionError, String(error))
      }
    }
  }
})

test('a batch with a codec that does not exist is refused', () => {
  const batch = Buffer.from(goldenPlain)
  batch[22] = 5
  assert.throws(() => readRecords(batch), DecompressionError)
})

test('a batch that decompresses beyond the reader bound is refused', () => {
  assert.throws(() => readRecords(goldenCompressed.gzip, { decompressedBytesMax: 50 }), { kind: 'too-large' })
})
