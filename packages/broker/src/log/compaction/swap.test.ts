/** Stops the machine at every single operation of a compaction and of its swap, and asserts what the next start finds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import { batchBaseOffset, batchLastOffset } from '@ottla/protocol/records/batch.ts'
import type { Log } from '../log.ts'
import { DIRECTORY, type LogFixture, NOW_MS } from '../testing.ts'
import { formatAbortedTransactions } from '../transaction-index.ts'
import { compacted, compactionFixture, contents, keyedBatch, storedBatches } from './testing.ts'

/** How often each point is tried, each time with other luck. `SWAP_CHOICES` asks for more. */
const CHOICES_PER_POINT = Number(process.env['SWAP_CHOICES'] ?? 2)
/** Three sources become one segment, and two another. */
const GROUPED = { segmentBytes: 700, indexIntervalBytes: 100 }
const BATCHES = ['a b', 'a c', 'c d', 'd a', 'e a']

interface Written {
  readonly lines: string[]
  readonly newest: ReadonlyMap<string, string>
  readonly endOffset: number
}

async function write(log: Log, fixture: LogFixture): Promise<Written> {
  const lines: string[] = []
  const newest = new Map<string, string>()
  for (const [round, keys] of BATCHES.entries()) {
    const records = keys.split(' ').map((key) => ({ key, value: `${round}`.repeat(60) }))
    const offset = log.append(keyedBatch(records), 0, { leaderEpoch: 0, appendTimeMs: NOW_MS })
    for (const [index, { key, value }] of records.entries()) {
      lines.push(`${offset + index} ${key}=${value}`)
      newest.set(key, lines.at(-1)!)
    }
    log.roll()
  }
  await fixture.finished(log.synced())
  addAborted(fixture)
  return { lines, newest, endOffset: log.logEndOffset }
}

/** Of a producer that wrote nothing else: its entry goes with the compaction, and its file must not come back. */
function addAborted(fixture: LogFixture): void {
  const file = fixture.disk.open(`${DIRECTORY}/00000000000000000002.txnindex`, { create: true })
  file.write(formatAbortedTransactions([{ producerId: 1, firstOffset: 2, lastOffset: 3, lastStableOffset: 4 }]), 0)
  file.close()
  fixture.disk.syncAll()
}

/** Every record is one that was written, in order, and the newest of each key is there. */
async function check(log: Log, fixture: LogFixture, written: Written): Promise<number> {
  log.verify()
  assert.equal(log.logEndOffset, written.endOffset)
  const found = await contents(log, fixture)
  const places = found.map((line) => written.lines.indexOf(line))
  assert.ok(!places.includes(-1), 'nothing is made up')
  assert.deepEqual(
    places,
    places.toSorted((left, right) => left - right),
    'the order is kept',
  )
  for (const line of written.newest.values()) assert.ok(found.includes(line), `${line} is there`)
  const batches = await storedBatches(log, fixture)
  for (let offset = 0; offset < written.endOffset; offset++) {
    const [first] = await storedBatches(log, fixture, offset)
    const expected = batches.find((batch) => batchLastOffset(batch, 0) >= offset)!
    assert.equal(batchBaseOffset(first!, 0), batchBaseOffset(expected, 0), `offset ${offset} is found by the index`)
  }
  return found.length
}

/** How many operations there are to crash at. */
async function operations(): Promise<number> {
  const fixture = compactionFixture({ settings: { indexIntervalBytes: 100 } })
  const log = await fixture.finished(fixture.open())
  await write(log, fixture)
  const before = fixture.disk.operations
  await compacted(log, fixture, { limits: GROUPED })
  return fixture.disk.operations - before
}

async function crashAt(point: number, choice: number): Promise<{ crashed: boolean; records: number }> {
  const fixture = compactionFixture({
    settings: { indexIntervalBytes: 100 },
    random: seededRandom(`${point} ${choice}`),
  })
  const log = await fixture.finished(fixture.open())
  const written = await write(log, fixture)
  fixture.disk.crashAtOperation(fixture.disk.operations + point)
  const crashed = await compacted(log, fixture, { limits: GROUPED }).then(
    () => false,
    () => true,
  )
  fixture.disk.crash()
  // Trusted as far as it can be: below the recovery point indexes are believed as they are.
  const again = { recoveryPoint: (point + choice) % 2 === 0 ? written.endOffset : 0 }
  if (choice % 2 === 1) {
    fixture.disk.crashAtOperation(fixture.disk.operations + 1 + ((point + choice) % 20))
    await fixture.finished(fixture.open(again)).catch(() => {})
    fixture.disk.crash()
  }
  const reopened = await fixture.finished(fixture.open(again))
  const records = await check(reopened, fixture, written)
  const leftovers = fixture.disk.list(DIRECTORY).filter(({ name }) => /\.(swap|cleaned|deleted)$/.test(name))
  assert.deepEqual(leftovers, [])
  await compacted(reopened, fixture, { limits: GROUPED })
  await check(reopened, fixture, written)
  return { crashed, records }
}

test('a crash at any operation of a compaction leaves the log as it was, or compacted, or partly so', async () => {
  const sizes = new Set<number>()
  const points = await operations()
  for (let point = 1; point <= points; point++) {
    for (let choice = 0; choice < CHOICES_PER_POINT; choice++) {
      const { crashed, records } = await crashAt(point, choice).catch((error: Error) => {
        error.message = `point ${point}, choice ${choice}: ${error.message}`
        throw error
      })
      assert.ok(crashed, `operation ${point} of ${points} is one of the compaction`)
      sizes.add(records)
    }
  }
  assert.ok(sizes.size >= 3, 'some had replaced a part of the segments')
})
