import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { metadata } from './03-metadata.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

const VERSIONS = Array.from({ length: 14 }, (_, version) => version)
const names = (...all: string[]) => all.map((name) => ({ name }))

const ask = (broker: OneBroker, version: number, request: object, denied: Denied = []) =>
  call(Metadata, metadata(partsOf(broker)), { version, request: { topics: [], ...request }, denied })

const partsOf = (broker: OneBroker) => ({
  ...{ ...broker, controller: broker.client },
  partitions: { find: () => undefined, isOffline: () => false },
})

async function withTopics(...topics: string[]): Promise<OneBroker> {
  const broker = await oneBroker()
  const commands = topics.map((name) => ({
    name,
    partitionCount: 2,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  await broker.client.createTopics(commands, { validateOnly: false })
  return broker
}

for (const version of VERSIONS) {
  test(`version ${version} tells brokers, the topic and its leader`, async () => {
    await using broker = await withTopics('a')
    const reply = await ask(broker, version, { topics: names('a') })
    assert.deepEqual(
      reply.brokers.map(({ nodeId, host, port }) => [nodeId, host, port]),
      [[1, 'host-1', 9092]],
    )
    assert.deepEqual(errorsOf(reply.topics), ['NONE'])
    assert.deepEqual(
      reply.topics[0]!.partitions.map(({ partitionIndex, leaderId, isrNodes }) => [partitionIndex, leaderId, isrNodes]),
      [
        [0, 1, [1]],
        [1, 1, [1]],
      ],
    )
    if (version >= 1) assert.equal(reply.controllerId, 1)
    if (version >= 2) assert.equal(reply.clusterId, broker.image().clusterId)
    if (version >= 10) assert.equal(reply.topics[0]!.topicId, broker.image().topicsByName.get('a')!.id)
  })
}

test('all topics are asked for by an empty list in version 0, by null later', async () => {
  await using broker = await withTopics('a', 'b')
  assert.equal((await ask(broker, 0, {})).topics.length, 2)
  assert.equal((await ask(broker, 1, {})).topics.length, 0)
  assert.equal((await ask(broker, 12, { topics: null })).topics.length, 2)
})

test('a missing topic is created and told at once, where the client allows it', async () => {
  await using broker = await oneBroker()
  assert.deepEqual(errorsOf((await ask(broker, 4, { topics: names('a'), allowAutoTopicCreation: false })).topics), [
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const reply = await ask(broker, 4, { topics: names('a', 'b', 'a') })
  assert.deepEqual(errorsOf(reply.topics), ['NONE', 'NONE'])
  assert.equal(reply.topics[0]!.partitions[0]!.leaderId, 1)
  assert.deepEqual(errorsOf((await ask(broker, 3, { topics: names('c') })).topics), ['NONE'])
})

test('a missing topic is told to be internal where its name says so', async () => {
  await using broker = await oneBroker()
  const topics = names('__consumer_offsets', '__consumer_offset')
  const reply = await ask(broker, 12, { topics, allowAutoTopicCreation: false })
  assert.deepEqual(
    reply.topics.map(({ isInternal }) => isInternal),
    [true, false],
  )
})

test('all topics are never created, and neither is one that the broker does not allow', async () => {
  await using broker = await oneBroker({ settings: { 'auto.create.topics.enable': 'false' } })
  assert.deepEqual(errorsOf((await ask(broker, 12, { topics: names('a') })).topics), ['UNKNOWN_TOPIC_OR_PARTITION'])
})

test('a bad name, or one that collides, is not created', async () => {
  await using broker = await withTopics('a.b')
  const { topics } = await ask(broker, 12, { topics: names('a b', 'a_b', '') })
  assert.deepEqual(errorsOf(topics), [
    'INVALID_TOPIC_EXCEPTION',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'INVALID_TOPIC_EXCEPTION',
  ])
})

test('internal topics are created with settings of their own', async () => {
  await using broker = await oneBroker({ settings: { 'offsets.topic.replication.factor': '1' } })
  const { topics } = await ask(broker, 12, { topics: names('__consumer_offsets') })
  assert.deepEqual([topics[0]!.isInternal, topics[0]!.partitions.length], [true, 50])
  assert.equal(broker.image().topicsByName.get('__consumer_offsets')!.configs.get('cleanup.policy'), 'compact')
})

test('ids are looked up, names beside them are ignored, below version 12 the request is invalid', async () => {
  await using broker = await withTopics('a')
  const { id } = broker.image().topicsByName.get('a')!
  const topics = [{ topicId: id, name: null }, { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', name: null }, { name: 'zzz' }]
  const reply = await ask(broker, 12, { topics })
  assert.deepEqual(
    reply.topics.map(({ name }) => name),
    ['a', null],
  )
  assert.deepEqual(errorsOf(reply.topics), ['NONE', 'UNKNOWN_TOPIC_ID'])
  await assert.rejects(async () => await ask(broker, 11, { topics }), { error: 'INVALID_REQUEST' })
})

test('what the client may not see is hidden from all, refused by name and by id', async () => {
  await using broker = await withTopics('a', 'b')
  const denied: Denied = [['describe', 'topic', 'a']]
  const { id } = broker.image().topicsByName.get('a')!
  assert.deepEqual(
    (await ask(broker, 12, { topics: null }, denied)).topics.map(({ name }) => name),
    ['b'],
  )
  assert.deepEqual(errorsOf((await ask(broker, 12, { topics: names('a') }, denied)).topics), [
    'TOPIC_AUTHORIZATION_FAILED',
  ])
  const [byId] = (await ask(broker, 12, { topics: [{ topicId: id, name: null }] }, denied)).topics
  assert.equal(byId!.name, null)
})

test('creation needs a permission', async () => {
  await using broker = await oneBroker()
  const denied: Denied = [
    ['create', 'cluster', 'kafka-cluster'],
    ['create', 'topic', 'a'],
  ]
  const { topics } = await ask(broker, 12, { topics: names('a', 'b') }, denied)
  assert.deepEqual(errorsOf(topics), ['TOPIC_AUTHORIZATION_FAILED', 'NONE'])
})

test("a leader without an address on the client's listener is told as such", async () => {
  const elsewhere = { ...plaintext(2), listeners: [{ ...plaintext(2).listeners[0]!, name: 'OTHER' }] }
  await using broker = await oneBroker({ others: [elsewhere] })
  const assignments = [{ index: 0, replicas: [2, 1] }]
  await broker.client.createTopics(
    [{ name: 'a', partitionCount: -1, replicationFactor: -1, assignments, configs: [] }],
    { validateOnly: false },
  )
  const [latest] = (await ask(broker, 13, { topics: names('a') })).topics[0]!.partitions
  assert.deepEqual([errorsOf([latest!]), latest!.leaderId, latest!.offlineReplicas], [['LISTENER_NOT_FOUND'], -1, [2]])
  const [oldest] = (await ask(broker, 0, { topics: names('a') })).topics[0]!.partitions
  assert.deepEqual([errorsOf([oldest!]), oldest!.replicaNodes], [['LEADER_NOT_AVAILABLE'], [1]])
})

test('authorised operations are told when asked for', async () => {
  await using broker = await withTopics('a')
  const [plain] = (await ask(broker, 8, { topics: names('a') })).topics
  assert.equal(plain!.topicAuthorizedOperations, -2147483648)
  const asked = { topics: names('a'), includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
  const reply = await ask(broker, 8, asked, [['delete', 'topic', 'a']])
  assert.equal(reply.topics[0]!.topicAuthorizedOperations, 0b1101_1011_1000)
  assert.equal(reply.clusterAuthorizedOperations, 0b1_1111_1010_0000)
})
