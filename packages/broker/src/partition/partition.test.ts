import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { Scratch } from '@ottla/protocol/records/compression.ts'
import { LogOfflineError } from '../log/log.ts'
import type { LogSettings } from '../log/settings.ts'
import { LogFixture, type TestBatch, testBatch } from '../log/testing.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { brokerConfig } from '../testing/memory-broker.ts'
import { aloneInCluster } from '../testing/no-cluster.ts'
import { deletionTarget } from './deletion-target.ts'
import { type AppendResult, NEVER_FAILED, Partition } from './partition.ts'
import { partitionRules } from './topic-rules.ts'

const LEADER: PartitionImage = { index: 0, replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
const DIRECTORY = '/data/t-0'

interface Produced {
  readonly baseOffset: number
  /** `waiting`, `done`, or the name of the error. */
  outcome: string
}

interface FixtureOptions {
  readonly settings?: Partial<LogSettings>
  readonly parts?: LogFixture
  readonly image?: PartitionImage
  readonly failedEpoch?: number
}

/** One partition, the only replica's leader, on a disk whose syncs the test holds. */
class Fixture {
  readonly parts: LogFixture
  readonly partition: Partition

  private constructor(parts: LogFixture, partition: Partition) {
    this.parts = parts
    this.partition = partition
  }

  static async open(options: FixtureOptions = {}) {
    const parts = options.parts ?? new LogFixture({ settings: options.settings ?? {}, random: seededRandom(3) })
    const { time, disk, syncs, tail, openSegments, removals, logger, settings } = parts
    const opening = Partition.open({
      cluster: aloneInCluster(),
      ...(options.failedEpoch === undefined ? {} : { failedEpoch: options.failedEpoch }),
      ...{ topicId: 'A'.repeat(22), topicName: 't', image: options.image ?? LEADER, localBrokerId: 1 },
      ...{ clock: time, timers: time, rules: partitionRules(brokerConfig(), { configs: new Map() }) },
      scratch: new Scratch(),
      log: {
        ...{
          disk,
          directory: DIRECTORY,
          clock: time,
          timers: time,
          syncs,
          tail,
          openSegments,
          removals,
          logger,
          settings,
        },
        ...{ cleanShutdown: false, recoveryPoint: 0, logStartOffset: 0, producerIdExpirationMs: 86_400_000 },
      },
    })
    return new Fixture(parts, await parts.finished(opening))
  }

  append(acks: -1 | 0 | 1, batch: TestBatch = {}, timeoutMs = 1000): AppendResult {
    const buffer = testBatch(batch)
    return this.partition.append({ buffer, at: 0, end: buffer.length, acks, timeoutMs })
  }

  produce(acks: -1 | 0 | 1, batch: TestBatch = {}, timeoutMs = 1000): Produced {
    const result = this.append(acks, batch, timeoutMs)
    if (result.kind !== 'appended') throw new Error(`Refused: ${result.error}`)
    const produced: Produced = { baseOffset: result.baseOffset, outcome: result.done === null ? 'done' : 'waiting' }
    result.done?.then(
      () => {
        produced.outcome = 'done'
      },
      (error) => {
        produced.outcome = error instanceof ProtocolError ? error.error : error.name
      },
    )
    return produced
  }

  refusal(acks: -1 | 0 | 1, batch: TestBatch = {}): string {
    const result = this.append(acks, batch)
    return result.kind === 'refused' ? result.error : result.kind
  }

  settle(): Promise<void> {
    return this.parts.time.settle()
  }
}

test('acks=1 is answered and visible when it is written, acks=all only when it is synced', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const quick = one.produce(1, { count: 2 })
  assert.deepEqual(
    [quick.outcome, one.partition.highWatermark],
    ['waiting', 0],
    'nothing is written in the turn itself',
  )
  await one.settle()
  assert.deepEqual([quick.outcome, one.partition.highWatermark], ['done', 2])
  const safe = one.produce(-1)
  await one.settle()
  assert.deepEqual([safe.outcome, one.partition.highWatermark, one.partition.logEndOffset], ['waiting', 2, 3])
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([safe.outcome, one.partition.highWatermark], ['done', 3])
})

test('acks=0 waits for nothing and is visible when it is written', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  assert.equal(one.produce(0).outcome, 'done')
  await one.settle()
  assert.deepEqual([one.partition.highWatermark, one.parts.disk.waitingSyncs], [1, 0])
})

test('acks=1 behind an unsynced acks=all is answered when written, and visible when what precedes it is synced', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const [before, safe, behind] = [one.produce(1), one.produce(-1), one.produce(1)]
  await one.settle()
  assert.deepEqual([before.outcome, safe.outcome, behind.outcome], ['done', 'waiting', 'done'])
  assert.equal(
    one.partition.highWatermark,
    1,
    'what lies before the unsynced batch is visible, what lies behind is not',
  )
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([safe.outcome, one.partition.highWatermark], ['done', 3])
})

test('with write.caching acks=all is answered and visible when it is written, and nothing is synced', async () => {
  const one = await Fixture.open({ settings: { writeCaching: true } })
  const syncsBefore = one.parts.syncs.syncs.value
  const cached = one.produce(-1)
  await one.settle()
  assert.deepEqual([cached.outcome, one.partition.highWatermark], ['done', 1])
  assert.equal(one.parts.syncs.syncs.value, syncsBefore)
})

test('one sync serves all that came before it began, one more all that came while it ran', async () => {
  const one = await Fixture.open()
  // The first sync of a log makes its leader epoch durable, too.
  one.produce(-1)
  await one.settle()
  const syncsBefore = one.parts.syncs.syncs.value
  one.parts.disk.holdSyncs()
  const first = Array.from({ length: 10 }, () => one.produce(-1))
  await one.settle()
  const later: Produced[] = []
  for (let turn = 0; turn < 5; turn++) {
    later.push(one.produce(-1), one.produce(-1))
    await one.settle()
  }
  assert.equal(one.parts.disk.waitingSyncs, 1, 'one at a time')
  assert.ok([...first, ...later].every(({ outcome }) => outcome === 'waiting'))
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.ok([...first, ...later].every(({ outcome }) => outcome === 'done'))
  assert.equal(one.parts.syncs.syncs.value - syncsBefore, 2, '20 batches in 6 turns')
})

test('what a sync does not cover is not committed by it', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const first = one.produce(-1)
  await one.settle()
  const second = one.produce(-1)
  await one.settle()
  one.parts.disk.releaseSyncs()
  one.parts.disk.holdSyncs()
  await one.settle()
  assert.deepEqual([first.outcome, second.outcome, one.partition.highWatermark], ['done', 'waiting', 1])
})

test('a producer whose sync takes too long is told REQUEST_TIMED_OUT, and its batch is committed all the same', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const [impatient, patient] = [one.produce(-1, {}, 100), one.produce(-1, {}, 200)]
  await one.parts.time.run(99)
  assert.deepEqual([impatient.outcome, patient.outcome], ['waiting', 'waiting'])
  await one.parts.time.run(1)
  await one.settle()
  assert.deepEqual([impatient.outcome, patient.outcome], ['REQUEST_TIMED_OUT', 'waiting'])
  assert.deepEqual([one.partition.highWatermark, one.partition.logEndOffset], [0, 2])
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([patient.outcome, one.partition.highWatermark], ['done', 2])
})

test('a failed sync is told to all who wait and to all who come, and takes nothing of what was committed', async () => {
  const one = await Fixture.open()
  const before = one.produce(-1)
  await one.settle()
  one.parts.disk.failNext({ operation: 'sync', code: 'EIO' })
  let wakes = 0
  one.partition.addFetchWaiter({ wake: () => void wakes++ })
  const [first, second] = [one.produce(-1), one.produce(-1)]
  await one.settle()
  assert.deepEqual(
    [before.outcome, first.outcome, second.outcome],
    ['done', 'KAFKA_STORAGE_ERROR', 'KAFKA_STORAGE_ERROR'],
  )
  assert.deepEqual([one.partition.isOffline, one.partition.highWatermark], [true, 1])
  assert.ok(wakes > 0, 'parked fetches are told')
  assert.deepEqual([one.refusal(-1), one.refusal(1), one.refusal(0)], Array(3).fill('KAFKA_STORAGE_ERROR'))
  assert.throws(() => deletionTarget(one.partition, 0), { error: 'KAFKA_STORAGE_ERROR' })
  assert.throws(() => one.partition.read({ offset: 0, maxBytes: 100, minOneBatch: true }), LogOfflineError)
  assert.equal(one.parts.time.pendingTimers, 0)
})

test('a failed write is told to acks=1 and acks=all alike', async () => {
  const one = await Fixture.open()
  one.parts.disk.failNext({ operation: 'write', path: `${DIRECTORY}/00000000000000000000.log`, code: 'ENOSPC' })
  const [quick, safe] = [one.produce(1), one.produce(-1)]
  await one.settle()
  // Of acks=1 the handler makes the same error.
  assert.deepEqual([quick.outcome, safe.outcome], ['LogOfflineError', 'KAFKA_STORAGE_ERROR'])
  assert.deepEqual([one.partition.highWatermark, one.refusal(1)], [0, 'KAFKA_STORAGE_ERROR'])
})

for (const [operation, what] of [
  ['create', 'begin its next segment'],
  ['write', 'write what the turn had before'],
] as const) {
  test(`a batch is refused, and nobody waits for it, when its log cannot ${what}`, async () => {
    const one = await Fixture.open({ settings: { segmentBytes: 200 } })
    const first = one.produce(-1)
    if (operation === 'create') await one.settle()
    one.parts.disk.failNext({ operation, code: 'ENOSPC' })
    assert.equal(one.refusal(-1, { valueBytes: 100 }), 'KAFKA_STORAGE_ERROR')
    await one.settle()
    assert.equal(first.outcome, operation === 'create' ? 'done' : 'KAFKA_STORAGE_ERROR')
    assert.deepEqual([one.partition.isOffline, one.partition.producersWaiting], [true, 0])
  })
}

test('a batch that is too large to wait for the end of its turn is refused when it cannot be written', async () => {
  const one = await Fixture.open()
  const rules = partitionRules(brokerConfig({ 'message.max.bytes': '10000000' }), { configs: new Map() })
  one.partition.configure(rules, one.parts.settings)
  one.parts.disk.failNext({ operation: 'write', code: 'ENOSPC' })
  assert.equal(one.refusal(-1, { valueBytes: 9_000_000 }), 'KAFKA_STORAGE_ERROR')
  assert.deepEqual([one.partition.isOffline, one.partition.producersWaiting], [true, 0])
})

test('the retry of a batch waits for the commit of the first copy, and is answered at once behind it', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const batch = { producerId: 7, producerEpoch: 0, baseSequence: 0, count: 2 }
  one.produce(1)
  const [first, second] = [one.produce(-1, batch), one.produce(-1, batch)]
  await one.settle()
  const third = one.produce(-1, batch, 10)
  await one.settle()
  assert.deepEqual(
    [first, second, third].map(({ baseOffset }) => baseOffset),
    [1, 1, 1],
  )
  assert.deepEqual(
    [first, second, third].map(({ outcome }) => outcome),
    Array(3).fill('waiting'),
  )
  assert.equal(one.partition.logEndOffset, 3, 'nothing is written again')
  await one.parts.time.run(10)
  await one.settle()
  assert.equal(third.outcome, 'REQUEST_TIMED_OUT')
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([first.outcome, second.outcome, one.partition.highWatermark], ['done', 'done', 3])
  assert.deepEqual([one.produce(-1, batch).outcome, one.produce(1, batch).outcome], ['done', 'done'])
})

test('a retry with acks=all of a batch that came with acks=1 waits for a sync although the batch is visible', async () => {
  const one = await Fixture.open()
  const batch = { producerId: 7, producerEpoch: 0, baseSequence: 0, count: 2 }
  one.parts.disk.holdSyncs()
  const [quick, sameTurn] = [one.produce(1, batch), one.produce(-1, batch)]
  await one.settle()
  assert.deepEqual([quick.outcome, sameTurn.outcome, one.partition.highWatermark], ['done', 'waiting', 0])
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([sameTurn.outcome, one.partition.highWatermark], ['done', 2])
  const next = { ...batch, baseSequence: 2 }
  one.parts.disk.holdSyncs()
  one.produce(1, next)
  await one.settle()
  const later = one.produce(-1, next)
  await one.settle()
  assert.deepEqual([later.outcome, one.partition.highWatermark], ['waiting', 4])
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.equal(later.outcome, 'done')
})

test('a retry of what is synced here and not yet at others holds up nothing that comes behind it', async () => {
  const one = await Fixture.open({ image: { ...LEADER, replicas: [1, 2], isr: [1, 2] } })
  const batch = { producerId: 7, producerEpoch: 0, baseSequence: 0, count: 2 }
  one.produce(1, batch)
  await one.settle()
  await one.parts.finished(one.partition.log.synced())
  const retry = one.produce(-1, batch)
  one.parts.disk.holdSyncs()
  one.produce(1, { count: 2 })
  await one.settle()
  assert.deepEqual([retry.outcome, one.partition.highWatermark], ['waiting', 0])
  one.partition.observeFollower({ replicaId: 2, brokerEpoch: 1, fetchOffset: 4, logStartOffset: 0 })
  await one.settle()
  assert.deepEqual([retry.outcome, one.partition.highWatermark], ['done', 4])
  one.parts.disk.releaseSyncs()
})

test('the high watermark never lies inside a batch, also while retries wait', async () => {
  const one = await Fixture.open()
  const batch = { producerId: 7, producerEpoch: 0, baseSequence: 0, count: 2 }
  one.parts.disk.holdSyncs()
  one.produce(-1, batch)
  await one.settle()
  one.produce(1, { count: 3 })
  const retry = one.produce(-1, batch)
  await one.settle()
  one.parts.disk.releaseSyncs()
  one.parts.disk.holdSyncs()
  await one.settle()
  assert.ok([0, 2].includes(one.partition.highWatermark), `it is ${one.partition.highWatermark}`)
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.deepEqual([retry.outcome, one.partition.highWatermark], ['done', 5])
})

test('who waits when the partition goes is sent to look for it elsewhere, and no timer is left', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  const waiting = one.produce(-1)
  let wakes = 0
  one.partition.addFetchWaiter({ wake: () => void wakes++ })
  one.partition.resign()
  await one.settle()
  assert.deepEqual([waiting.outcome, one.partition.isLeader], ['NOT_LEADER_OR_FOLLOWER', false])
  assert.ok(wakes > 0)
  assert.equal(one.refusal(-1), 'NOT_LEADER_OR_FOLLOWER')
  assert.throws(() => deletionTarget(one.partition, 0), { error: 'NOT_LEADER_OR_FOLLOWER' })
  assert.equal(one.parts.time.pendingTimers, 0)
})

test('acks=all is refused below min.insync.replicas, acks=1 is not', async () => {
  const one = await Fixture.open({ image: { ...LEADER, replicas: [1, 2, 3] } })
  const rules = partitionRules(brokerConfig(), { configs: new Map([['min.insync.replicas', '2']]) })
  one.partition.configure(rules, one.parts.settings)
  assert.deepEqual([one.refusal(-1), one.refusal(1), one.refusal(0)], ['NOT_ENOUGH_REPLICAS', 'appended', 'appended'])
})

test('a new leader epoch wakes parked fetches, is written into batches and checked against clients', async () => {
  const one = await Fixture.open()
  let wakes = 0
  one.partition.addFetchWaiter({ wake: () => void wakes++ })
  one.partition.update({ ...LEADER, partitionEpoch: 1 })
  assert.equal(wakes, 0, 'the same epoch is no news')
  one.partition.update({ ...LEADER, leaderEpoch: 3, partitionEpoch: 2 })
  assert.equal(wakes, 1)
  const [older, same, newer, none] = [2, 3, 4, -1].map((epoch) => one.partition.checkLeaderEpoch(epoch))
  assert.deepEqual([older, same, newer, none], ['FENCED_LEADER_EPOCH', null, 'UNKNOWN_LEADER_EPOCH', null])
  one.produce(1)
  assert.equal(one.partition.log.leaderEpochs.epochAt(0), 3)
  one.partition.update({ ...LEADER, leader: 2, leaderEpoch: 4, partitionEpoch: 3 })
  assert.equal(one.refusal(1), 'NOT_LEADER_OR_FOLLOWER')
})

test('what was fetched and is not synced is not committed by being elected, only by its sync', async () => {
  const replicas = { ...LEADER, replicas: [1, 2] }
  const one = await Fixture.open({ image: { ...replicas, leader: 2, isr: [1, 2] } })
  one.parts.disk.holdSyncs()
  const batch = testBatch({ count: 3 })
  assignOffset(batch, 0, 0, 0)
  const fetched = one.partition.appendFetched([batch], { highWatermark: 0, logStartOffset: 0 })
  await one.settle()
  one.partition.update({ ...replicas, isr: [1], leaderEpoch: 1, partitionEpoch: 1 })
  await one.settle()
  assert.deepEqual([one.partition.highWatermark, one.partition.logEndOffset], [0, 3])
  one.parts.disk.releaseSyncs()
  await one.parts.finished(fetched.catch(() => undefined))
  await one.settle()
  assert.equal(one.partition.highWatermark, 3)
})

test('a leader that is elected once more commits what it has written itself', async () => {
  const one = await Fixture.open()
  one.parts.disk.holdSyncs()
  one.produce(1, { count: 2 })
  one.partition.update({ ...LEADER, leaderEpoch: 1, partitionEpoch: 1 })
  await one.settle()
  assert.equal(one.partition.highWatermark, 0)
  one.parts.disk.releaseSyncs()
  await one.settle()
  assert.equal(one.partition.highWatermark, 2, 'without anybody who asks for a sync')
})

test('records are deleted up to what is committed, not beyond', async () => {
  const one = await Fixture.open()
  one.produce(-1, { count: 3 })
  await one.settle()
  one.parts.disk.holdSyncs()
  one.produce(-1)
  await one.settle()
  assert.deepEqual(
    [-1, 0, 3].map((offset) => deletionTarget(one.partition, offset)),
    [3, 0, 3],
  )
  for (const offset of [4, -2]) {
    assert.throws(() => deletionTarget(one.partition, offset), { error: 'OFFSET_OUT_OF_RANGE' })
  }
})

test('everything that a recovery brings back is committed', async () => {
  const one = await Fixture.open()
  one.produce(-1, { count: 2 })
  await one.settle()
  await one.parts.finished(one.partition[Symbol.asyncDispose]())
  const again = await Fixture.open({ parts: one.parts })
  assert.deepEqual([again.partition.highWatermark, again.partition.logEndOffset], [2, 2])
})

test('whose log has failed while it led leads in a later epoch only, unless it is all there is', async () => {
  const image = { ...LEADER, replicas: [1, 2], leaderEpoch: 4, partitionEpoch: 4 }
  const fixture = await Fixture.open({ image, failedEpoch: 4 })
  const { partition } = fixture
  assert.deepEqual(
    [partition.isLeader, partition.awaitsNewEpoch, fixture.refusal(1)],
    [false, true, 'NOT_LEADER_OR_FOLLOWER'],
  )
  // A change of the in-sync set is no new epoch.
  partition.update({ ...image, isr: [1, 2], partitionEpoch: 5 })
  assert.equal(fixture.refusal(1), 'NOT_LEADER_OR_FOLLOWER')
  partition.update({ ...image, leaderEpoch: 5, partitionEpoch: 6 })
  assert.deepEqual([partition.isLeader, partition.awaitsNewEpoch], [true, false])
  const produced = fixture.produce(1)
  await fixture.settle()
  assert.equal(produced.outcome, 'done')
  const alone = await Fixture.open({ image: { ...LEADER, leaderEpoch: 4 }, failedEpoch: 4 })
  assert.equal(alone.partition.isLeader, true)
})

test('the epoch in which a log failed stays known, whatever becomes of the partition meanwhile', async () => {
  const fixture = await Fixture.open({ image: { ...LEADER, replicas: [1, 2], leaderEpoch: 4 } })
  assert.equal(fixture.partition.failedEpoch, NEVER_FAILED)
  fixture.parts.disk.failNext({ operation: 'write', code: 'EIO' })
  fixture.append(1)
  await fixture.settle()
  assert.deepEqual([fixture.partition.isOffline, fixture.partition.failedEpoch], [true, 4])
  fixture.partition.update({ ...LEADER, replicas: [1, 2], leaderEpoch: 5, partitionEpoch: 1 })
  assert.equal(fixture.partition.failedEpoch, 4)
})
