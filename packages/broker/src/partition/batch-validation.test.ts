import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchMaxTimestamp,
  batchRecordCount,
  batchSize,
  checkCrc,
  compressionOf,
  isLogAppendTime,
  readBatchHeader,
  sealCrc,
  writeBatchHeader,
} from '@ottla/protocol/records/batch.ts'
import { buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import { type Codec, compress, compressionNumber } from '@ottla/protocol/records/compression.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { batchOf, NOW_MS, type TestBatch } from '../testing/still-world.ts'
import { type AppendRules, type BatchVerdict, validateBatch } from './batch-validation.ts'

const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const HOUR_MS = 3_600_000

const RULES: AppendRules = {
  maxMessageBytes: 1_048_588,
  segmentBytes: 1_073_741_824,
  compacted: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: HOUR_MS,
  timestampAfterMaxMs: HOUR_MS,
  compression: 'producer',
  compressionLevel: undefined,
}

/** The batch lies somewhere inside a request's bytes. */
function validate(batch: Buffer, rules: Partial<AppendRules> = {}): BatchVerdict {
  const buffer = Buffer.concat([Buffer.alloc(5, 0xee), batch, Buffer.alloc(5, 0xee)])
  return validateBatch({ buffer, at: 5, end: 5 + batch.length, nowMs: NOW_MS }, { ...RULES, ...rules })
}

/** What is stored of a batch that must be good. */
function stored(batch: Buffer, rules: Partial<AppendRules> = {}): Buffer {
  const verdict = validate(batch, rules)
  assert.equal(verdict.kind, 'valid', verdict.kind === 'refused' ? `${verdict.error} ${verdict.message}` : '')
  if (verdict.kind !== 'valid') throw new Error('unreachable')
  const bytes = verdict.buffer.subarray(verdict.at, verdict.at + batchSize(verdict.buffer, verdict.at))
  assert.equal(checkCrc(bytes, 0), true)
  return bytes
}

function errorOf(batch: Buffer, rules: Partial<AppendRules> = {}): string {
  const verdict = validate(batch, rules)
  return verdict.kind === 'refused' ? verdict.error : 'valid'
}

type Bad = (batch: Buffer) => void

const int32 = (at: number, value: number) => (batch: Buffer) => void batch.writeInt32BE(value, at)
const sealed =
  (change: Bad): Bad =>
  (batch) => {
    change(batch)
    sealCrc(batch, 0)
  }

/** Each makes a good batch bad in one way; in Kafka's order of checks. */
const REFUSALS: readonly (readonly [name: string, error: string, change: Bad, rules?: Partial<AppendRules>])[] = [
  ['a base offset that is not 0', 'INVALID_RECORD', (batch) => void batch.writeInt32BE(1, 4)],
  ['more bytes than max.message.bytes', 'MESSAGE_TOO_LARGE', () => {}, { maxMessageBytes: 70 }],
  ['a wrong checksum', 'CORRUPT_MESSAGE', (batch) => void batch.writeUInt8(batch.at(-1)! ^ 1, batch.length - 1)],
  ['an empty range of offsets', 'INVALID_RECORD', sealed(int32(23, -1))],
  ['no records', 'INVALID_RECORD', sealed(int32(57, 0))],
  ['another count than offsets', 'INVALID_RECORD', sealed(int32(57, 3))],
  ['the control flag', 'INVALID_RECORD', sealed((batch) => void batch.writeUInt16BE(0x20, 21))],
  [
    'a producer id without a sequence',
    'INVALID_RECORD',
    sealed((batch) => {
      batch.writeBigInt64BE(5n, 43)
      batch.writeInt32BE(-1, 53)
    }),
  ],
  ['an unknown codec', 'INVALID_RECORD', sealed((batch) => void batch.writeUInt16BE(7, 21))],
  ['a record that is malformed', 'INVALID_RECORD', sealed((batch) => void batch.writeUInt8(0x7f, BATCH_OVERHEAD))],
]

const messages: Record<string, RegExp> = {
  'a base offset that is not 0': /base offset/,
  'an empty range of offsets': /offset range/,
  'no records': /claims 0 records/,
  'another count than offsets': /3 records over 2 offsets/,
  'the control flag': /control records/,
  'a producer id without a sequence': /sequence/,
  'an unknown codec': /unknown compression codec/,
  'a record that is malformed': /Record 0 is malformed/,
}

test('a bad batch is refused with the error that Kafka gives, and says why', () => {
  for (const [name, error, change, rules] of REFUSALS) {
    const batch = batchOf({ records: [{}, {}] })
    change(batch)
    const verdict = validate(batch, rules)
    assert.equal(verdict.kind, 'refused', name)
    if (verdict.kind !== 'refused') continue
    assert.equal(verdict.error, error, name)
    assert.match(verdict.message!, messages[name] ?? /./, name)
  }
})

test('of two faults the one that Kafka looks for first is told', () => {
  for (let first = 0; first < REFUSALS.length; first++) {
    for (let second = first + 1; second < REFUSALS.length; second++) {
      const [firstName, firstError, firstChange, firstRules] = REFUSALS[first]!
      const [secondName, , secondChange, secondRules] = REFUSALS[second]!
      const batch = batchOf({ records: [{}, {}] })
      // The later check's fault goes in first, so that a checksum that has to be wrong stays wrong.
      secondChange(batch)
      firstChange(batch)
      const verdict = validate(batch, { ...firstRules, ...secondRules })
      assert.equal(verdict.kind, 'refused')
      if (verdict.kind !== 'refused') continue
      const names = `${firstName}, then ${secondName}`
      assert.equal(verdict.error, firstError, names)
      assert.match(verdict.message!, messages[firstName] ?? /./, names)
    }
  }
})

test('a marker of a transaction is no producer’s to write', () => {
  const marker = { commit: true, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: NOW_MS }
  assert.equal(errorOf(buildEndTransactionBatch(marker)), 'INVALID_RECORD')
})

test('a batch of exactly max.message.bytes passes, one of a byte more does not', () => {
  const batch = batchOf()
  assert.equal(errorOf(batch, { maxMessageBytes: batch.length }), 'valid')
  assert.equal(errorOf(batch, { maxMessageBytes: batch.length - 1 }), 'MESSAGE_TOO_LARGE')
})

test('a batch that no segment can hold is refused, compressed anew or as it came', () => {
  const batch = batchOf({ records: [{ value: 'v'.repeat(1000) }] })
  assert.equal(errorOf(batch, { segmentBytes: batch.length }), 'valid')
  assert.equal(errorOf(batch, { segmentBytes: batch.length - 1 }), 'RECORD_LIST_TOO_LARGE')
  const packed = batchOf({ codec: 'gzip', records: [{ value: 'v'.repeat(1000) }] })
  assert.equal(errorOf(packed, { compression: 'none', segmentBytes: 500 }), 'RECORD_LIST_TOO_LARGE')
})

test('a batch that outgrows max.message.bytes in the topic’s codec is refused', () => {
  const packed = batchOf({ codec: 'zstd', records: [{ value: 'v'.repeat(10_000) }] })
  assert.equal(errorOf(packed, { compression: 'none', maxMessageBytes: 5000 }), 'MESSAGE_TOO_LARGE')
  assert.equal(errorOf(packed, { maxMessageBytes: 5000 }), 'valid')
})

test('what a producer sends is stored byte for byte where the topic changes nothing', () => {
  for (const codec of CODECS) {
    const batch = batchOf({
      codec,
      records: [{ key: null, headers: [{ key: 'h', value: null }] }, { timestampMs: -1 }],
    })
    assert.deepEqual(stored(batch), batch, codec)
  }
})

test('every codec is stored as every other that a topic asks for', () => {
  const records = Array.from({ length: 50 }, (_, i) => ({
    timestampMs: NOW_MS + (i % 7),
    key: `k${i}`,
    value: 'v'.repeat(i),
  }))
  const sent = { records, producerId: 9, producerEpoch: 2, baseSequence: 17 }
  for (const codec of CODECS) {
    for (const compression of CODECS) {
      const batch = batchOf({ codec, ...sent })
      const kept = stored(batch, { compression })
      const pair = `${codec} to ${compression}`
      assert.equal(compressionOf(batchAttributes(kept, 0)), compressionNumber(compression), pair)
      assert.deepEqual(readRecords(kept), readRecords(batch), pair)
      const { sizeBytes: _size, crc: _crc, attributes: _attributes, ...header } = readBatchHeader(kept, 0)
      const { sizeBytes: _size2, crc: _crc2, attributes: _attributes2, ...before } = readBatchHeader(batch, 0)
      assert.deepEqual(header, before, pair)
    }
  }
})

test('the topic’s compression level is obeyed', () => {
  const records = Array.from({ length: 500 }, (_, i) => ({ value: `value ${i * i} of ${i}` }))
  const fast = stored(batchOf({ records }), { compression: 'gzip', compressionLevel: 1 })
  const small = stored(batchOf({ records }), { compression: 'gzip', compressionLevel: 9 })
  assert.ok(small.length < fast.length)
})

/** A batch whose offsets are 0, 2, 4 …, as old clients compressed them. */
function gapped(codec: Codec, fields: Omit<TestBatch, 'codec'> = {}): Buffer {
  const plain = batchOf(fields)
  const section = Buffer.from(plain.subarray(BATCH_OVERHEAD))
  let at = 0
  for (let index = 0; at < section.length; index++) {
    assert.ok(section[at]! < 0x80 && section[at + 2]! < 0x80, 'A small record with small deltas')
    section.writeUInt8(4 * index, at + 3)
    at += 1 + section[at]! / 2
  }
  const blob = compress(codec, section)
  const batch = Buffer.concat([plain.subarray(0, BATCH_OVERHEAD), blob])
  const header = readBatchHeader(plain, 0)
  writeBatchHeader(batch, 0, {
    ...header,
    sizeBytes: batch.length,
    attributes: header.attributes | compressionNumber(codec),
  })
  return batch
}

test('a compressed batch with gaps between its offsets is numbered anew, a plain one is refused', () => {
  const fields = { records: [{ value: 'a' }, { value: 'b', headers: [{ key: 'h', value: '1' }] }, { key: 'c' }] }
  for (const codec of CODECS) {
    const batch = gapped(codec, { ...fields, producerId: 4, producerEpoch: 1, baseSequence: 8 })
    if (codec === 'none') {
      assert.equal(errorOf(batch), 'INVALID_RECORD')
      continue
    }
    const kept = stored(batch)
    const records = readRecords(kept)
    assert.deepEqual(
      records.map(({ offset }) => offset),
      [0, 1, 2],
      codec,
    )
    assert.deepEqual(records, readRecords(batchOf(fields)), codec)
    const { producerId, producerEpoch, baseSequence, attributes } = readBatchHeader(kept, 0)
    assert.deepEqual(
      [producerId, producerEpoch, baseSequence, compressionOf(attributes)],
      [4, 1, 8, compressionNumber(codec)],
    )
  }
})

test('a batch that is numbered anew is checked all the same', () => {
  const records = [{ key: 'k' }, { key: null }]
  assert.equal(errorOf(gapped('gzip', { records }), { compacted: true }), 'INVALID_RECORD')
  const old = gapped('lz4', { records: [{ timestampMs: NOW_MS - HOUR_MS - 1 }, { timestampMs: NOW_MS - HOUR_MS - 1 }] })
  assert.equal(errorOf(old), 'INVALID_TIMESTAMP')
  const flagged = gapped('gzip', { records: [{}, {}], logAppendTimeMs: NOW_MS })
  assert.equal(errorOf(flagged, { timestampType: 'LogAppendTime' }), 'INVALID_TIMESTAMP')
  assert.equal(compressionOf(batchAttributes(stored(gapped('gzip', { records }), { compression: 'zstd' }), 0)), 4)
})

test('compressed records that are too few, too many or no records at all are refused', () => {
  for (const codec of CODECS.slice(1)) {
    const fewer = batchOf({ codec, records: [{}, {}] })
    fewer.writeInt32BE(2, 23)
    fewer.writeInt32BE(3, 57)
    sealCrc(fewer, 0)
    const more = batchOf({ codec, records: [{}, {}] })
    more.writeInt32BE(0, 23)
    more.writeInt32BE(1, 57)
    sealCrc(more, 0)
    const garbage = batchOf({ codec, records: [{ value: 'x'.repeat(100) }] })
    garbage.fill(0xa5, BATCH_OVERHEAD)
    sealCrc(garbage, 0)
    assert.deepEqual(
      [fewer, more, garbage].map((batch) => errorOf(batch)),
      Array(3).fill('INVALID_RECORD'),
      codec,
    )
  }
})

test('a batch that inflates beyond the bound is refused as too large', () => {
  const plain = batchOf()
  for (const codec of ['gzip', 'zstd'] as const) {
    const blob = compress(codec, Buffer.alloc(80 * 1024 * 1024))
    const bomb = Buffer.concat([plain.subarray(0, BATCH_OVERHEAD), blob])
    writeBatchHeader(bomb, 0, {
      ...readBatchHeader(plain, 0),
      sizeBytes: bomb.length,
      attributes: compressionNumber(codec),
    })
    assert.equal(errorOf(bomb), 'MESSAGE_TOO_LARGE', codec)
  }
})

test('records without a key are refused on a compacted topic, each by its place', () => {
  const batch = batchOf({ records: [{ key: 'k' }, { key: null }, { key: '' }, { key: null }] })
  const verdict = validate(batch, { compacted: true })
  assert.equal(verdict.kind, 'refused')
  if (verdict.kind !== 'refused') return
  assert.equal(verdict.error, 'INVALID_RECORD')
  assert.deepEqual(
    verdict.recordErrors.map(({ batchIndex }) => batchIndex),
    [1, 3],
  )
  assert.equal(errorOf(batch), 'valid')
})

test('a batch names at most 100 of its bad records', () => {
  const verdict = validate(batchOf({ records: Array(101).fill({ key: null }) }), { compacted: true })
  assert.equal(verdict.kind === 'refused' && verdict.recordErrors.length, 100)
})

test('timestamps pass up to the allowed distance from now, and not a millisecond beyond', () => {
  const cases: [timestampMs: number, expected: string][] = [
    [NOW_MS, 'valid'],
    [NOW_MS - HOUR_MS, 'valid'],
    [NOW_MS - HOUR_MS - 1, 'INVALID_TIMESTAMP'],
    [NOW_MS + HOUR_MS, 'valid'],
    [NOW_MS + HOUR_MS + 1, 'INVALID_TIMESTAMP'],
    [0, 'INVALID_TIMESTAMP'],
    [-1, 'valid'],
    [-2, 'INVALID_TIMESTAMP'],
  ]
  for (const [timestampMs, expected] of cases) {
    for (const codec of ['none', 'snappy'] as const) {
      assert.equal(errorOf(batchOf({ codec, records: [{ timestampMs }] })), expected, `${timestampMs - NOW_MS}`)
      assert.equal(errorOf(batchOf({ codec, records: [{}, { timestampMs }, {}] })), expected, `${timestampMs - NOW_MS}`)
    }
  }
  const unlimited = { timestampBeforeMaxMs: 9.3e18, timestampAfterMaxMs: 9.3e18 }
  for (const [timestampMs] of cases) assert.equal(errorOf(batchOf({ records: [{ timestampMs }] }), unlimited), 'valid')
})

test('a record without a timestamp does not hide one that is too old', () => {
  const batch = batchOf({ records: [{ timestampMs: -1 }, { timestampMs: 5 }, {}] })
  const verdict = validate(batch)
  assert.equal(verdict.kind, 'refused')
  if (verdict.kind !== 'refused') return
  assert.deepEqual(
    [verdict.error, verdict.recordErrors.map(({ batchIndex }) => batchIndex)],
    ['INVALID_TIMESTAMP', [1]],
  )
})

test('a bad timestamp wins over a missing key', () => {
  const batch = batchOf({ records: [{ key: null }, { timestampMs: 5 }] })
  const verdict = validate(batch, { compacted: true })
  assert.equal(verdict.kind, 'refused')
  if (verdict.kind !== 'refused') return
  assert.equal(verdict.error, 'INVALID_TIMESTAMP')
  assert.deepEqual(
    verdict.recordErrors.map(({ batchIndex }) => batchIndex),
    [0, 1],
  )
})

test('a topic of LogAppendTime stamps batches with the broker’s clock, however they come', () => {
  for (const codec of CODECS) {
    const batch = batchOf({ codec, records: [{ timestampMs: 5 }, { timestampMs: 9 }] })
    const verdict = validate(batch, { timestampType: 'LogAppendTime' })
    assert.equal(verdict.kind === 'valid' && verdict.logAppendTimeMs, NOW_MS)
    const kept = stored(batch, { timestampType: 'LogAppendTime' })
    assert.deepEqual([batchMaxTimestamp(kept, 0), isLogAppendTime(batchAttributes(kept, 0))], [NOW_MS, true])
    assert.deepEqual(
      readRecords(kept).map(({ timestamp }) => timestamp),
      [NOW_MS, NOW_MS],
    )
  }
})

test('the broker’s own flag is refused from a producer where Kafka refuses it, else taken away', () => {
  const flagged = batchOf({ logAppendTimeMs: NOW_MS })
  assert.equal(errorOf(flagged, { timestampType: 'LogAppendTime' }), 'INVALID_TIMESTAMP')
  assert.equal(errorOf(batchOf({ records: [{ timestampMs: -1 }], logAppendTimeMs: -1 })), 'INVALID_TIMESTAMP')
  assert.equal(isLogAppendTime(batchAttributes(stored(flagged), 0)), false)
})

test('a header that lies about its newest record is corrected', () => {
  const batch = batchOf({ records: [{ timestampMs: NOW_MS + 5 }, { timestampMs: NOW_MS + 50 }, {}] })
  const lie = Buffer.from(batch)
  lie.writeBigInt64BE(123n, 35)
  sealCrc(lie, 0)
  assert.deepEqual(stored(lie), batch)
})

test('a batch of the largest count of records is one scan, and its fields stay', () => {
  const records = Array.from({ length: 20_000 }, (_, i) => ({ value: String(i) }))
  const kept = stored(batchOf({ records }))
  assert.equal(batchRecordCount(kept, 0), 20_000)
})
