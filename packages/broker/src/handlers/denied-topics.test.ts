import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShare } from '@ottla/base/byte-share.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { emptyImage, type TopicImage } from '../metadata/image.ts'
import { brokerConfig } from '../testing/memory-broker.ts'
import { batchOf, fetchRequest, produceRequest } from '../testing/still-world.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { deleteRecords } from './21-delete-records.ts'
import { call, type Denied } from './admin-harness.ts'
import { FetchSessions } from './fetch-sessions.ts'

const KNOWN_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAABg'
const TRANSACTIONAL = { transactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 }

/** A broker that knows the topic `t`, by name and id, and holds no partition of it. */
const TOPIC: TopicImage = { id: KNOWN_ID, name: 't', internal: false, configs: new Map(), partitions: [], revision: 1 }
const image = () => ({ ...emptyImage, topicsByName: new Map([['t', TOPIC]]), topicsById: new Map([[KNOWN_ID, TOPIC]]) })
const partitions = { find: () => undefined, isOffline: () => false } as unknown as Parameters<
  typeof produce
>[0]['partitions']

async function produced(
  version: number,
  topic: { name?: string; topicId?: string },
  denied: Denied,
  request: Partial<RequestInputOf<typeof Produce>> = {},
) {
  const plain = produceRequest(batchOf())
  const topicData = [{ ...topic, partitionData: plain.topicData[0]!.partitionData }]
  const asked = { version, request: { ...plain, topicData, ...request }, denied }
  const reply = await call(Produce, produce({ image, partitions }), asked)
  return errorName(reply.responses[0]!.partitionResponses[0]!.errorCode)
}

async function fetched(version: number, topic: { topic?: string; topicId?: string }, denied: Denied, replicaId = -1) {
  const time = new FakeTime()
  const handler = fetch({
    ...{
      image,
      partitions,
      clock: time,
      timers: time,
      config: () => brokerConfig(),
      replyBytes: new ByteShare('r', 1),
    },
    fetchSessions: new FetchSessions({ clock: time, random: seededRandom(1), slotsMax: 0 }),
  })
  const request = fetchRequest(version >= 15 ? { replicaState: { replicaId, replicaEpoch: -1 } } : { replicaId })
  const topics = [{ ...topic, partitions: request.topics[0]!.partitions }]
  const reply = await call(Fetch, handler, { version, request: { ...request, topics }, denied })
  return errorName(reply.responses[0]!.partitions[0]!.errorCode)
}

test('who may not write a topic does not learn whether it is there, by name', async () => {
  for (const name of ['t', 'none']) {
    assert.equal(await produced(12, { name }, [['write', 'topic', name]]), 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal(await produced(12, { name }, []), 'UNKNOWN_TOPIC_OR_PARTITION')
  }
})

test('an id that is not known is said to be so before any permission is asked for', async () => {
  const denied: Denied = [
    ['write', 'topic', 't'],
    ['read', 'topic', 't'],
    ['write', 'topic', ''],
    ['read', 'topic', ''],
  ]
  assert.equal(await produced(13, { topicId: UNKNOWN_ID }, denied), 'UNKNOWN_TOPIC_ID')
  assert.equal(await produced(13, { topicId: KNOWN_ID }, denied), 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(await fetched(13, { topicId: UNKNOWN_ID }, denied), 'UNKNOWN_TOPIC_ID')
  assert.equal(await fetched(13, { topicId: KNOWN_ID }, denied), 'TOPIC_AUTHORIZATION_FAILED')
})

test('a transactional id needs its permission where the records are a transaction’s, and only there', async () => {
  const denied: Denied = [['write', 'transactionalId', 'x']]
  const plain = { transactionalId: 'x' }
  assert.equal(await produced(12, { name: 't' }, denied, plain), 'UNKNOWN_TOPIC_OR_PARTITION')
  const partitionData = [{ index: 0, records: batchOf(TRANSACTIONAL) }]
  const transactional = { ...plain, topicData: [{ name: 't', partitionData }] }
  assert.equal(await produced(12, {}, denied, transactional), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  assert.equal(await produced(12, {}, [], transactional), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('who may not read a topic does not learn whether it is there, by name', async () => {
  for (const topic of ['t', 'none']) {
    assert.equal(await fetched(12, { topic }, [['read', 'topic', topic]]), 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal(await fetched(12, { topic }, []), 'UNKNOWN_TOPIC_OR_PARTITION')
  }
})

test('a follower needs the permission of brokers, and no other', async () => {
  const read: Denied = [['read', 'topic', 't']]
  const follow: Denied = [['clusterAction', 'cluster', 'kafka-cluster']]
  for (const version of [12, 18]) {
    const topic = version >= 13 ? { topicId: KNOWN_ID } : { topic: 't' }
    assert.equal(await fetched(version, topic, follow, 3), 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal(await fetched(version, topic, read, 3), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(await fetched(version, topic, follow), 'UNKNOWN_TOPIC_OR_PARTITION')
  }
})

test('who may not delete from a topic does not learn whether it is there', async () => {
  for (const name of ['t', 'none']) {
    const request = { timeoutMs: 1000, topics: [{ name, partitions: [{ partitionIndex: 0, offset: 0 }] }] }
    const handler = deleteRecords({ image, partitions })
    const errors = await Promise.all(
      [[['delete', 'topic', name]] as Denied, []].map(async (denied) => {
        const reply = await call(DeleteRecords, handler, { version: 2, request, denied })
        return errorName(reply.topics[0]!.partitions[0]!.errorCode)
      }),
    )
    assert.deepEqual(errors, ['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION'])
  }
})
