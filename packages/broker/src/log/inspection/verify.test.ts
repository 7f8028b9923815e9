import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIRECTORY, LogFixture, testBatch } from '../testing.ts'
import { formatAbortedTransactions } from '../transaction-index.ts'
import { type Finding, verifyPath } from './verify.ts'

const FIRST = `${DIRECTORY}/00000000000000000000.log`
const BATCH_BYTES = testBatch().length

async function stoppedLog(): Promise<LogFixture> {
  const fixture = new LogFixture({ settings: { segmentBytes: 5 * BATCH_BYTES, indexIntervalBytes: 0 } })
  const log = await fixture.finished(fixture.open())
  for (let i = 0; i < 10; i++) fixture.append(log, { timestampsMs: [1_700_000_000_000 + i] })
  await fixture.finished(log[Symbol.asyncDispose]())
  return fixture
}

async function findings({ disk }: LogFixture, path = DIRECTORY, deep = true) {
  const found: Finding[] = []
  const verified = await verifyPath(path, { disk, deep, report: (finding) => void found.push(finding) })
  return { found, verified }
}

function damage({ disk }: LogFixture, path: string, change: (bytes: Buffer) => unknown): void {
  const bytes = disk.readFile(path)
  const changed = change(bytes)
  disk.replaceFile(path, Buffer.isBuffer(changed) ? changed : bytes)
}

test('a log that was closed in order has nothing to be told of', async () => {
  const { found, verified } = await findings(await stoppedLog())
  assert.deepEqual(found, [])
  assert.deepEqual([verified.partitions, verified.segments, verified.batches], [1, 2, 10])
})

for (const [what, path, change, expected] of [
  ['a flipped bit in a body', FIRST, (bytes: Buffer) => bytes.writeUInt8(0xff, 65), [FIRST, 0, 'damage']],
  [
    'a hole',
    FIRST,
    (bytes: Buffer) => void bytes.fill(0, BATCH_BYTES, 2 * BATCH_BYTES),
    [FIRST, BATCH_BYTES, 'damage'],
  ],
  ['a torn end', FIRST, (bytes: Buffer) => bytes.subarray(0, bytes.length - 1), [FIRST, 4 * BATCH_BYTES, 'damage']],
  [
    'an index that points into a batch',
    FIRST.replace('log', 'index'),
    (bytes: Buffer) => bytes.writeInt32BE(BATCH_BYTES + 1, 4),
    [FIRST.replace('log', 'index'), 0, 'rebuilt'],
  ],
  [
    'a time index with another timestamp',
    FIRST.replace('log', 'timeindex'),
    (bytes: Buffer) => bytes.writeInt32BE(5, 4),
    [FIRST.replace('log', 'timeindex'), 0, 'rebuilt'],
  ],
  [
    'leader epochs that are garbage',
    `${DIRECTORY}/leader-epoch-checkpoint`,
    () => Buffer.from('x'),
    [`${DIRECTORY}/leader-epoch-checkpoint`, null, 'rebuilt'],
  ],
] as const) {
  test(`${what} is told with file and position`, async () => {
    const fixture = await stoppedLog()
    damage(fixture, path, change)
    const { found } = await findings(fixture)
    assert.ok(
      found.some(
        ({ file, position, severity }) => file === expected[0] && position === expected[1] && severity === expected[2],
      ),
      JSON.stringify(found),
    )
  })
}

test('a missing index is told of, a missing segment noted, and a checkpoint beyond the end of a log is damage', async () => {
  const fixture = await stoppedLog()
  fixture.disk.remove(FIRST.replace('log', 'index'))
  fixture.disk.replaceFile('/data/recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 11\n'))
  const { found } = await findings(fixture, '/data')
  assert.deepEqual(
    found.map(({ severity }) => severity),
    ['rebuilt', 'damage'],
  )
  assert.match(found[1]!.problem, /says 11 of t-0, whose log ends at 10/)
})

test('aborted transactions that are not of the segment, and a recovery point far behind, are notes', async () => {
  const fixture = await stoppedLog()
  const path = FIRST.replace('log', 'txnindex')
  const entry = { producerId: 1, firstOffset: 0, lastOffset: 4, lastStableOffset: 0 }
  const problems = async () =>
    (await findings(fixture, '/data')).found.map(({ severity, problem }) => [severity, problem])
  fixture.disk.replaceFile(path, formatAbortedTransactions([entry]))
  fixture.disk.replaceFile('/data/recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 1\n'))
  assert.deepEqual(await problems(), [])
  fixture.disk.replaceFile(path, formatAbortedTransactions([{ ...entry, lastOffset: 5 }]))
  fixture.disk.replaceFile('/data/recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 0\n'))
  assert.deepEqual(await problems(), [
    ['note', 'an entry has its marker at 5, which is not in the segment'],
    ['note', 'it says 0 of t-0, and 2 segments lie behind that'],
  ])
  fixture.disk.replaceFile(path, Buffer.alloc(34, 1))
  assert.match((await problems())[0]![1]!, /its version is 257/)
})
