import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import { DIRECTORY, LogFixture, testBatch } from '../testing.ts'
import { formatAbortedTransactions } from '../transaction-index.ts'
import { type DumpedLine, type DumpOptions, dumpedFiles, dumpFile } from './dump.ts'

const FIRST = `${DIRECTORY}/00000000000000000000.log`
const MEBIBYTE = 1024 * 1024
const SMALL_BYTES = testBatch().length

/** A log of one batch of `count` records each, closed in order. */
async function stoppedLog(batches: readonly { count?: number; valueBytes?: number }[]): Promise<LogFixture> {
  const fixture = new LogFixture({ settings: { segmentBytes: 100 * MEBIBYTE, indexIntervalBytes: 0 } })
  const log = await fixture.finished(fixture.open())
  for (const [sequence, fields] of batches.entries()) {
    const timestampsMs = [1_700_000_000_000 + sequence]
    fixture.append(log, { ...fields, timestampsMs, producerId: 7, producerEpoch: 0, baseSequence: sequence })
  }
  await fixture.finished(log[Symbol.asyncDispose]())
  return fixture
}

async function dumped(fixture: LogFixture, path: string, options: Partial<DumpOptions> = {}): Promise<DumpedLine[]> {
  const lines: DumpedLine[] = []
  const all = { records: false, offset: 0, limit: Number.POSITIVE_INFINITY }
  for await (const line of dumpFile(path, { disk: fixture.disk, ...all, ...options })) lines.push(line)
  return lines
}

function values(lines: readonly DumpedLine[], name: string): unknown[] {
  return lines.map((line) => (line.kind === 'problem' ? line.problem : line.fields[name]))
}

test('every batch of a segment larger than a page is shown once, in order', async () => {
  const sizes = [10, 700_000, 700_000, 3 * MEBIBYTE, 10, 700_000]
  const fixture = await stoppedLog(sizes.map((valueBytes) => ({ valueBytes })))
  const lines = await dumped(fixture, FIRST)
  assert.deepEqual(values(lines, 'baseOffset'), [0, 1, 2, 3, 4, 5])
  assert.ok(values(lines, 'isvalid').every((isValid) => isValid === true))
  assert.deepEqual(values(await dumped(fixture, FIRST, { offset: 3, limit: 2 }), 'baseOffset'), [3, 4])
})

test('an offset inside a batch begins with its record, and a limit counts records where they are shown', async () => {
  const fixture = await stoppedLog([{ count: 1 }])
  const log = await fixture.finished(fixture.open())
  fixture.append(log, { count: 4 })
  fixture.append(log, { count: 4 })
  await fixture.finished(log[Symbol.asyncDispose]())
  const lines = await dumped(fixture, FIRST, { records: true, offset: 3, limit: 4 })
  const shown = lines.map((line) => (line.kind === 'problem' ? line : [line.kind, line.fields.offset]))
  const records = (...offsets: number[]) => offsets.map((offset) => ['record', offset])
  assert.deepEqual(shown, [['batch', undefined], ...records(3, 4), ['batch', undefined], ...records(5, 6)])
})

test('the batches behind a hole are shown, and the hole is told of with its position', async () => {
  const fixture = await stoppedLog([{}, {}, {}])
  const bytes = fixture.disk.readFile(FIRST)
  fixture.disk.replaceFile(FIRST, bytes.fill(0, SMALL_BYTES, 2 * SMALL_BYTES))
  const lines = await dumped(fixture, FIRST)
  assert.deepEqual(lines[1], {
    kind: 'problem',
    position: SMALL_BYTES,
    problem: `${SMALL_BYTES} bytes are no whole batch; the next begins at ${2 * SMALL_BYTES}`,
  })
  assert.deepEqual([lines.length, values(lines, 'baseOffset')[2]], [3, 2])
})

test('records that cannot be read are a problem of their batch alone', async () => {
  const fixture = await stoppedLog([{}, {}])
  const bytes = fixture.disk.readFile(FIRST)
  bytes.writeUInt8(0xff, 61)
  fixture.disk.replaceFile(FIRST, bytes)
  const kinds = (await dumped(fixture, FIRST, { records: true })).map(({ kind }) => kind)
  assert.deepEqual(kinds, ['batch', 'problem', 'problem', 'batch', 'record'])
})

test('a transaction’s marker is shown as what it is', async () => {
  const fixture = await stoppedLog([])
  const marker = { producerId: 7, producerEpoch: 1, commit: false, coordinatorEpoch: 5, timestampMs: 1 }
  fixture.disk.replaceFile(FIRST, buildEndTransactionBatch(marker))
  const [batch, record] = await dumped(fixture, FIRST, { records: true })
  assert.deepEqual(values([batch!], 'isControl'), [true])
  assert.ok(record?.kind === 'record')
  assert.deepEqual(record.fields, { offset: 0, endTxnMarker: 'ABORT', coordinatorEpoch: 5 })
})

test('indexes, snapshots and checkpoints of a log are shown, all of them by its directory', async () => {
  const fixture = await stoppedLog([{}, {}, {}])
  fixture.disk.replaceFile(
    FIRST.replace('log', 'txnindex'),
    formatAbortedTransactions([{ producerId: 0, firstOffset: 0, lastOffset: 2, lastStableOffset: 0 }]),
  )
  const shown = new Map<string, DumpedLine[]>()
  for (const file of dumpedFiles(fixture.disk, DIRECTORY)) shown.set(file, await dumped(fixture, file))
  const fieldsOf = (name: string) =>
    shown.get(`${DIRECTORY}/${name}`)?.map((line) => (line.kind === 'entry' ? line.fields : line))
  assert.deepEqual(fieldsOf('00000000000000000000.index'), [
    { offset: 1, position: SMALL_BYTES },
    { offset: 2, position: 2 * SMALL_BYTES },
  ])
  assert.deepEqual(fieldsOf('00000000000000000000.timeindex')?.at(-1), { timestamp: 1_700_000_000_002, offset: 2 })
  assert.deepEqual(fieldsOf('leader-epoch-checkpoint'), [{ epoch: 0, startOffset: 0 }])
  assert.deepEqual(fieldsOf('00000000000000000000.txnindex'), [
    { version: 0, producerId: 0, firstOffset: 0, lastOffset: 2, lastStableOffset: 0 },
  ])
  const producers = fieldsOf('00000000000000000003.snapshot')
  assert.deepEqual(producers?.at(-1), {
    ...{ producerId: 7, producerEpoch: 0, coordinatorEpoch: -1, currentTxnFirstOffset: -1 },
    ...{ lastSequence: 2, lastOffset: 2, offsetDelta: 0, timestamp: 1_700_000_000_002 },
  })
})

for (const [what, name, bytes, problem] of [
  ['an index that does not rise', '00000000000000000000.index', indexOf([5, 50], [4, 60]), /offset of an entry is not/],
  ['a torn index', '00000000000000000000.index', indexOf([5, 50]).subarray(0, 7), /ends inside an entry/],
  ['an unknown version', '00000000000000000000.txnindex', Buffer.alloc(34, 1), /version is 257/],
  ['a torn snapshot', '00000000000000000003.snapshot', Buffer.alloc(9), /checksum of the snapshot/],
  ['a checkpoint that promises more', 'leader-epoch-checkpoint', Buffer.from('0\n2\n0 0\n'), /1 entries where it/],
  [
    'a checkpoint with other fields',
    'leader-epoch-checkpoint',
    Buffer.from('0\n1\n0\n'),
    /"0" is not epoch, startOffset/,
  ],
] as const) {
  test(`${what} is a problem`, async () => {
    const fixture = await stoppedLog([{}])
    fixture.disk.replaceFile(`${DIRECTORY}/${name}`, bytes)
    const [line] = (await dumped(fixture, `${DIRECTORY}/${name}`)).filter(({ kind }) => kind === 'problem')
    assert.ok(line?.kind === 'problem')
    assert.match(line.problem, problem)
  })
}

test('files that a start set aside or that are about to go are shown too', async () => {
  const fixture = await stoppedLog([{}, {}])
  const bytes = fixture.disk.readFile(FIRST)
  for (const name of ['00000000000000000000-at-78.damaged', '00000000000000000000.log.deleted']) {
    fixture.disk.replaceFile(`${DIRECTORY}/${name}`, bytes)
    assert.deepEqual(values(await dumped(fixture, `${DIRECTORY}/${name}`), 'baseOffset'), [0, 1], name)
  }
})

function indexOf(...entries: readonly (readonly [offset: number, position: number])[]): Buffer {
  const bytes = Buffer.alloc(entries.length * 8)
  for (const [at, [offset, position]] of entries.entries()) {
    bytes.writeInt32BE(offset, at * 8)
    bytes.writeInt32BE(position, at * 8 + 4)
  }
  return bytes
}
