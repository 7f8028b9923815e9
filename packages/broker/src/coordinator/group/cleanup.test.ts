import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageWith } from '../testing/transcript.ts'
import { CHECK_INTERVAL_MS, ShardHarness, WEEK_MS } from './shard-harness.ts'

/** The next look at what is old happens right after this. */
const BEFORE_A_WEEK_MS = WEEK_MS - CHECK_INTERVAL_MS
/** Well below what a batch may have. */
const PIECE_BYTES_MAX = 300_000

test('offsets of a simple group age from their commit; with the last of them the group goes', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.transcript.advance(BEFORE_A_WEEK_MS)
  harness.commit({ partition: 1 })
  assert.deepEqual(harness.fetch(), ['t-0=5', 't-1=5'])
  const first = harness.written(() => harness.transcript.advance(CHECK_INTERVAL_MS))
  assert.deepEqual(
    first.map(({ type, key, value }) => [type, key, value]),
    [['offsetCommit', { group: 'g', topic: 't', partition: 0 }, null]],
  )
  const rest = harness.written(() => harness.transcript.advance(WEEK_MS))
  assert.deepEqual(
    rest.map(({ type, value }) => [type, value]),
    [
      ['offsetCommit', null],
      ['groupMetadata', null],
    ],
  )
  assert.deepEqual([harness.list(), harness.shard.groupCount], [[], 0])
})

test('a commit with a time of retention of its own goes by that, and survives a fail-over with it', () => {
  const harness = new ShardHarness()
  harness.commit({ retentionTimeMs: CHECK_INTERVAL_MS * 2, apiVersion: 4 })
  harness.restart()
  harness.transcript.advance(CHECK_INTERVAL_MS)
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  harness.transcript.advance(CHECK_INTERVAL_MS)
  assert.deepEqual(harness.fetch(), [])
})

test('a retention for ever is for ever', () => {
  const harness = new ShardHarness()
  harness.commit({ retentionTimeMs: Number.MAX_SAFE_INTEGER, apiVersion: 4 })
  harness.transcript.advance(WEEK_MS * 10)
  assert.deepEqual(harness.fetch(), ['t-0=5'])
})

test('while a group has members whose subscriptions cannot be read nothing ages', () => {
  const harness = new ShardHarness()
  harness.world.changedSettings = { offsetsRetentionMs: 60_000 }
  const { memberId, generationId } = harness.joined()
  harness.sync(memberId, generationId!)
  const commit = { memberId, generation: generationId! }
  harness.commit(commit)
  // Commits keep the member alive, past the next look at what is old.
  for (let passedMs = 0; passedMs <= CHECK_INTERVAL_MS; passedMs += 5000) {
    assert.equal(harness.commit({ ...commit, partition: 1 }), 'NONE')
    harness.transcript.advance(5000)
  }
  assert.deepEqual(harness.fetch(), ['t-0=5', 't-1=5'])
})

test('the offsets of a group that has become empty age from then on', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.joined()
  harness.transcript.advance(WEEK_MS - CHECK_INTERVAL_MS)
  // Its silent member was dropped after ten seconds.
  assert.deepEqual(harness.list(), ['g classic Empty "consumer"'])
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  harness.transcript.advance(CHECK_INTERVAL_MS * 2)
  assert.deepEqual([harness.fetch(), harness.list()], [[], []])
})

test('what a transaction may yet commit keeps its offset and its group', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commitInTransaction(70)
  harness.transcript.advance(WEEK_MS * 2)
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  harness.shard.endTransaction(70, 'abort')
  harness.transcript.advance(CHECK_INTERVAL_MS)
  assert.deepEqual([harness.fetch(), harness.list()], [[], []])
})

test('offsets of topics that a consumer group reads stay; the others age', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commit({ topic: 'u' })
  harness.consumerHeartbeat()
  for (let passedMs = 0; passedMs < WEEK_MS + CHECK_INTERVAL_MS; passedMs += 40_000) {
    harness.transcript.advance(40_000)
    harness.consumerHeartbeat({ memberEpoch: 0 })
  }
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  assert.deepEqual(harness.list(), ['g consumer Stable "consumer"'])
})

test('a log that takes no tombstones is asked again at the next look', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.transcript.advance(WEEK_MS - 1)
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  harness.transcript.advance(1)
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  harness.transcript.advance(CHECK_INTERVAL_MS)
  assert.deepEqual(harness.fetch(), [])
})

test('thousands of old groups are removed piece by piece, none of them larger than a batch may be', () => {
  const harness = new ShardHarness(imageWith({ t: 4 }))
  const groups = Array.from({ length: 1200 }, (_, i) => `${i}${'x'.repeat(300)}`)
  for (const group of groups) for (const partition of [0, 1]) harness.commit({ group, partition })
  const pieces: number[] = []
  const run = harness.transcript.run.bind(harness.transcript)
  harness.transcript.run = (step) => {
    pieces.push(step.records.reduce((bytes, { key }) => bytes + key.length, 0))
    return run(step)
  }
  harness.transcript.advance(WEEK_MS)
  assert.deepEqual([harness.shard.offsetCount, harness.list()], [0, []])
  assert.ok(pieces.filter((bytes) => bytes > 0).length >= 3, 'In pieces')
  assert.ok(
    pieces.every((bytes) => bytes < PIECE_BYTES_MAX),
    'None is too large',
  )
})
