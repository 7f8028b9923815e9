import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '@ottla/protocol/errors.ts'
import type { BrokerRegistration, PartitionImage } from '../metadata/image.ts'
import { answerOf, broker as brokerOf, FetchFixture } from '../testing/fetch-fixture.ts'

const SELECTOR = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }
const LED_HERE: PartitionImage = {
  ...{ index: 0, replicas: [1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 0, partitionEpoch: 0 },
}
const LED_ELSEWHERE: PartitionImage = { ...LED_HERE, leader: 2 }

function broker(id: number, rack: string, fields: Partial<BrokerRegistration> = {}): BrokerRegistration {
  return brokerOf(id, { rack, ...fields })
}

/** A leader with four records, of which broker 2 has all and broker 3 the first two. */
async function leader(brokers: readonly BrokerRegistration[], settings: { [name: string]: string } = SELECTOR) {
  const fixture = await FetchFixture.open({ image: LED_HERE, brokers, settings })
  await fixture.append(10, 4)
  for (const [follower, offset] of [
    [2, 4],
    [3, 2],
  ] as const)
    await fixture.fetch({ version: 18, follower, offset })
  const sentTo = async (asked: Parameters<FetchFixture['fetch']>[0]) => {
    const { partition, bytes } = await fixture.fetch({ maxWaitMs: 1000, ...asked })
    return partition.preferredReadReplica === undefined ? `${bytes > 0} records` : partition.preferredReadReplica
  }
  return { fixture, sentTo }
}

test('a consumer of a follower’s rack is sent there at once, and gets no records here (KIP-392)', async () => {
  const { fixture, sentTo } = await leader([broker(1, 'a'), broker(2, 'b'), broker(3, 'c')])
  assert.deepEqual([await sentTo({ rack: 'b' }), await sentTo({ rack: 'c', offset: 1 })], [2, 3])
  const { partition, bytes } = await fixture.fetch({ rack: 'b', offset: 1, maxWaitMs: 1000 })
  assert.deepEqual([partition.errorCode, partition.highWatermark, partition.logStartOffset, bytes], [0, 2, 0, 0])
  assert.equal(partition.abortedTransactions, null)
})

test('who is sent nowhere reads here: no rack, the leader’s, nobody’s, an old version, a follower', async () => {
  const { fixture, sentTo } = await leader([broker(1, 'a'), broker(2, 'b'), broker(3, 'c')])
  for (const rack of ['', 'a', 'd']) assert.equal(await sentTo({ rack }), 'true records', rack)
  assert.equal(await sentTo({ rack: 'b', version: 10 }), 'true records')
  assert.equal(await sentTo({ rack: 'b', version: 18, follower: 3, offset: 2 }), 'true records')
  assert.equal(await fixture.errorOf({ rack: 'b', currentLeaderEpoch: 1 }), 'UNKNOWN_LEADER_EPOCH')
})

test('without the selector nobody is sent away', async () => {
  const { sentTo } = await leader([broker(1, 'a'), broker(2, 'b')], {})
  assert.equal(await sentTo({ rack: 'b' }), 'true records')
})

test('a follower that has not got so far, is fenced or is not reached by the client’s listener serves nobody', async () => {
  const { sentTo } = await leader([broker(1, 'a'), broker(2, 'b', { fenced: true }), broker(3, 'c')])
  assert.equal(await sentTo({ rack: 'b' }), 'true records')
  const { fixture } = await leader([broker(1, 'a'), broker(2, 'b', { listeners: [] }), broker(3, 'c')])
  assert.equal((await fixture.fetch({ rack: 'b' })).partition.preferredReadReplica, undefined)
  const behind = await fixture.fetch({ rack: 'c', offset: 3 })
  assert.deepEqual([behind.partition.errorCode, behind.partition.preferredReadReplica], [0, undefined])
})

test('of several in one rack the one that has got furthest is read from', async () => {
  const { sentTo } = await leader([broker(1, 'a'), broker(2, 'b'), broker(3, 'b')])
  assert.equal(await sentTo({ rack: 'b' }), 2)
})

test('a waiting consumer is sent to its rack as soon as it would get something', async () => {
  const { fixture } = await leader([broker(1, 'a'), broker(2, 'b'), broker(3, 'c')])
  const running = fixture.begin({ rack: 'c', offset: 3, maxWaitMs: 1000 })
  await fixture.log.time.settle()
  assert.equal(answerOf(running), undefined)
  await fixture.fetch({ version: 18, follower: 3, offset: 4 })
  assert.equal(answerOf(running)?.preferredReadReplica, 3)
})

test('a follower serves consumers up to the high watermark that it knows', async () => {
  const fixture = await FetchFixture.open({ image: LED_ELSEWHERE })
  await fixture.follow(3, 2)
  const { partition } = await fixture.fetch()
  assert.deepEqual([partition.errorCode, partition.highWatermark, (partition.records as Buffer[]).length], [0, 2, 1])
  assert.equal((await fixture.fetch({ offset: 2 })).bytes, 0)
  assert.equal((await fixture.fetch({ offset: 3 })).bytes, 0)
  assert.equal(await fixture.errorOf({ offset: 4 }), 'OFFSET_OUT_OF_RANGE')
  assert.deepEqual(
    [await fixture.errorOf({ version: 10 }), await fixture.errorOf({ version: 18, follower: 3 })],
    ['NOT_LEADER_OR_FOLLOWER', 'NOT_LEADER_OR_FOLLOWER'],
  )
  assert.equal(await fixture.errorOf({ currentLeaderEpoch: 1 }), 'UNKNOWN_LEADER_EPOCH')
})

test('a consumer that waits at a follower is woken when the follower learns that more is committed', async () => {
  const fixture = await FetchFixture.open({ image: LED_ELSEWHERE })
  await fixture.follow(2, 1)
  const running = fixture.begin({ offset: 1, maxWaitMs: 1000, currentLeaderEpoch: 0 })
  await fixture.log.time.settle()
  assert.equal(answerOf(running), undefined)
  await fixture.follow(0, 2)
  assert.equal((answerOf(running)!.records as Buffer[]).length, 1)
  const other = fixture.begin({ offset: 2, maxWaitMs: 1000, currentLeaderEpoch: 0 })
  await fixture.log.time.settle()
  fixture.partition.update({ ...LED_ELSEWHERE, leader: 3, leaderEpoch: 1, partitionEpoch: 1 })
  await fixture.log.time.settle()
  assert.equal(errorName(answerOf(other)!.errorCode), 'FENCED_LEADER_EPOCH')
})

test('a waiting follower is told at once that the high watermark has moved, where consumers read from followers', async () => {
  const brokers = [broker(1, 'a'), broker(2, 'b'), broker(3, 'c')]
  for (const [settings, isTold] of [
    [SELECTOR, true],
    [{}, false],
  ] as const) {
    const { fixture } = await leader(brokers, settings)
    const asked = { version: 18, follower: 2, offset: 4, highWatermark: 2n, maxWaitMs: 1000 }
    // It was told 2 already when this session began.
    const began = await fixture.fetch({ ...asked, maxWaitMs: 0, sessionEpoch: 0 })
    const session = { sessionId: began.response!.sessionId!, sessionEpoch: 1 }
    const running = fixture.begin({ ...asked, ...session })
    await fixture.log.time.settle()
    assert.equal(answerOf(running), undefined)
    await fixture.fetch({ version: 18, follower: 3, offset: 4 })
    assert.equal(answerOf(running)?.highWatermark, isTold ? 4 : undefined)
    if (!isTold) continue
    // A follower that stays behind all the same does not ask in a circle.
    const again = fixture.begin({ ...asked, ...session, sessionEpoch: 2 })
    await fixture.log.time.settle()
    assert.equal(answerOf(again), undefined)
  }
})
