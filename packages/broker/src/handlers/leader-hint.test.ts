import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { testBatch } from '../log/testing.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { broker, FetchFixture, TOPIC_ID } from '../testing/fetch-fixture.ts'
import { produce } from './00-produce.ts'
import { listOffsets } from './02-list-offsets.ts'
import { call } from './admin-harness.ts'

const LED_HERE: PartitionImage = {
  ...{ index: 0, replicas: [1, 2], isr: [1, 2], leader: 1, leaderEpoch: 4, partitionEpoch: 4 },
}
const LED_ELSEWHERE: PartitionImage = { ...LED_HERE, leader: 2, leaderEpoch: 5, partitionEpoch: 5 }
const HINT = { leaderId: 2, leaderEpoch: 5 }
const ENDPOINT = { nodeId: 2, host: 'b2', port: 9092, rack: null }
const NO_HINT = { leaderId: -1, leaderEpoch: -1 }

async function produceAt(fixture: FetchFixture, version: number) {
  const topic = version >= 13 ? { topicId: TOPIC_ID } : { name: 't' }
  const topicData = [{ ...topic, partitionData: [{ index: 0, records: testBatch() }] }]
  const request = { transactionalId: null, acks: -1, timeoutMs: 1000, topicData }
  const answering = call(Produce, produce(fixture.parts), { version, request })
  return async () => {
    const { responses, nodeEndpoints } = await fixture.log.finished(answering)
    const { errorCode, currentLeader } = responses[0]!.partitionResponses[0]!
    return [errorName(errorCode), currentLeader, nodeEndpoints]
  }
}

test('a producer at the wrong broker is told the leader and its address on its own listener (KIP-951)', async () => {
  const fixture = await FetchFixture.open({ image: LED_ELSEWHERE, brokers: [broker(1), broker(2)] })
  for (const version of [10, 12, 13]) {
    assert.deepEqual(await (await produceAt(fixture, version))(), ['NOT_LEADER_OR_FOLLOWER', HINT, [ENDPOINT]])
  }
  assert.deepEqual(await (await produceAt(fixture, 9))(), ['NOT_LEADER_OR_FOLLOWER', NO_HINT, []])
})

test('a producer is told the leader too where this broker does not hold the partition, and where it loses it', async () => {
  const fixture = await FetchFixture.open({ image: LED_HERE, brokers: [broker(1), broker(2)] })
  const waiting = await produceAt(fixture, 13)
  await fixture.publish(LED_ELSEWHERE)
  assert.deepEqual(await waiting(), ['NOT_LEADER_OR_FOLLOWER', HINT, [ENDPOINT]])
  fixture.isHere = false
  assert.deepEqual(await (await produceAt(fixture, 13))(), ['NOT_LEADER_OR_FOLLOWER', HINT, [ENDPOINT]])
})

test('a leader without an address for the client is named all the same; one that is fenced has none', async () => {
  const other = { name: 'OTHER', host: 'x', port: 1, securityProtocol: 'PLAINTEXT' } as const
  for (const fields of [{ listeners: [other] }, { fenced: true }]) {
    const fixture = await FetchFixture.open({ image: LED_ELSEWHERE, brokers: [broker(1), broker(2, fields)] })
    assert.deepEqual(await (await produceAt(fixture, 13))(), ['NOT_LEADER_OR_FOLLOWER', HINT, []])
  }
})

test('a consumer is told the leader with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH, at once', async () => {
  const fixture = await FetchFixture.open({ image: LED_ELSEWHERE, brokers: [broker(1), broker(2)] })
  const fenced = await fixture.fetch({ version: 16, currentLeaderEpoch: 4, maxWaitMs: 1000 })
  assert.deepEqual(
    [errorName(fenced.partition.errorCode), fenced.partition.currentLeader, fenced.response!.nodeEndpoints],
    ['FENCED_LEADER_EPOCH', HINT, [ENDPOINT]],
  )
  fixture.isHere = false
  const gone = await fixture.fetch({ version: 16, maxWaitMs: 1000 })
  assert.deepEqual(
    [errorName(gone.partition.errorCode), gone.partition.currentLeader],
    ['NOT_LEADER_OR_FOLLOWER', HINT],
  )
  fixture.isHere = true
  for (const asked of [{ version: 15 }, { version: 16, currentLeaderEpoch: 6 }]) {
    const { partition, response } = await fixture.fetch(asked)
    assert.deepEqual([partition.currentLeader, response!.nodeEndpoints], [undefined, undefined])
  }
})

async function offsetOf(fixture: FetchFixture, timestamp: number, { version = 10, replicaId = -1 } = {}) {
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }] }]
  const request = { replicaId, isolationLevel: 0, topics }
  const answer = await fixture.log.finished(call(ListOffsets, listOffsets(fixture.parts), { version, request }))
  const { errorCode, offset } = answer.topics[0]!.partitions[0]!
  return errorCode === 0 ? offset : errorName(errorCode)
}

test('a leader just elected does not tell an end that may go back (KIP-207)', async () => {
  const [LATEST, EARLIEST, MAX_TIMESTAMP] = [-1, -2, -3]
  const fixture = await FetchFixture.open({ image: LED_ELSEWHERE })
  await fixture.follow(3, 1)
  await fixture.publish({ ...LED_HERE, leaderEpoch: 6, partitionEpoch: 6 })
  assert.equal(await offsetOf(fixture, LATEST), 'OFFSET_NOT_AVAILABLE')
  assert.equal(await offsetOf(fixture, LATEST, { version: 4 }), 'LEADER_NOT_AVAILABLE')
  assert.deepEqual([await offsetOf(fixture, EARLIEST), await offsetOf(fixture, 0)], [0, 0])
  assert.equal(await offsetOf(fixture, 1e15), 'OFFSET_NOT_AVAILABLE', 'it may be among what is not committed yet')
  assert.notEqual(await offsetOf(fixture, MAX_TIMESTAMP), -1)
  assert.equal(await offsetOf(fixture, LATEST, { replicaId: 2 }), 3)
  await fixture.fetch({ version: 18, follower: 2, offset: 3 })
  assert.deepEqual([await offsetOf(fixture, LATEST), await offsetOf(fixture, 1e15)], [3, -1])
})
