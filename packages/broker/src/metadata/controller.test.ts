import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { Controller } from './controller.ts'
import type { AlterConfig, CreatePartitions, CreateTopic } from './controller-client.ts'
import { encodeShard, SHARD_PARTITIONS_MAX, shardKey } from './documents.ts'
import { SUPPORTED_FEATURES } from './features.ts'
import { MetadataFollower } from './follower.ts'
import { MemoryStore, memoryContent } from './memory-store.ts'
import { type OneBroker, oneBroker, plaintext } from './one-broker.ts'

const NOW = { validateOnly: false }
const CHECK = { validateOnly: true }

const topic = (name: string, options: Partial<CreateTopic> = {}): CreateTopic => ({
  ...{ name, partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] },
  ...options,
})
const assigned = (...replicas: readonly (readonly number[])[]): Partial<CreateTopic> => ({
  ...{ partitionCount: -1, replicationFactor: -1 },
  assignments: replicas.map((ids, index) => ({ index, replicas: ids })),
})
const errorOf = (outcome: unknown): ErrorName | null => (outcome instanceof ProtocolError ? outcome.error : null)

test('a created topic is in the image when its creation is answered', async () => {
  await using broker = await oneBroker({ others: [plaintext(2), plaintext(3)] })
  const [created] = await broker.client.createTopics(
    [topic('a', { partitionCount: 3, replicationFactor: 2, configs: [{ name: 'retention.ms', value: '5' }] })],
    NOW,
  )
  const image = broker.image().topicsByName.get('a')!
  assert.ok(!(created instanceof ProtocolError) && created?.id === image.id)
  assert.deepEqual([image.configs.get('retention.ms'), image.internal, image.partitions.length], ['5', false, 3])
  for (const partition of image.partitions) {
    assert.deepEqual(partition.isr, partition.replicas)
    assert.deepEqual([partition.leader, partition.leaderEpoch, partition.partitionEpoch], [partition.replicas[0], 0, 0])
  }
  assert.equal(broker.image().topicsById.get(image.id), image)
})

const REFUSED: readonly (readonly [ErrorName, CreateTopic])[] = [
  ['INVALID_TOPIC_EXCEPTION', topic('')],
  ['INVALID_TOPIC_EXCEPTION', topic('..')],
  ['INVALID_TOPIC_EXCEPTION', topic('a/b')],
  ['INVALID_TOPIC_EXCEPTION', topic('x'.repeat(250))],
  ['INVALID_TOPIC_EXCEPTION', topic('there_it.is')],
  ['TOPIC_ALREADY_EXISTS', topic('there.it.is')],
  ['TOPIC_ALREADY_EXISTS', topic('there.it.is', { partitionCount: 0 })],
  ['INVALID_CONFIG', topic('a', { configs: [{ name: 'retention.ms', value: null }] })],
  ['INVALID_CONFIG', topic('a', { configs: [{ name: 'no.such.key', value: '1' }] })],
  ['INVALID_CONFIG', topic('a', { configs: [{ name: 'segment.bytes', value: '1' }] })],
  ['INVALID_REQUEST', topic('a', { ...assigned([1]), replicationFactor: 1 })],
  ['INVALID_REQUEST', topic('a', { ...assigned([1]), partitionCount: 1 })],
  ['INVALID_REPLICA_ASSIGNMENT', topic('a', assigned([]))],
  ['INVALID_REPLICA_ASSIGNMENT', topic('a', assigned([9]))],
  ['INVALID_REPLICA_ASSIGNMENT', topic('a', assigned([1, 1]))],
  ['INVALID_REPLICA_ASSIGNMENT', topic('a', assigned([1, 2], [1]))],
  ['INVALID_REPLICA_ASSIGNMENT', topic('a', { ...assigned([1]), assignments: [{ index: 1, replicas: [1] }] })],
  [
    'INVALID_REPLICA_ASSIGNMENT',
    topic('a', {
      ...assigned([1]),
      assignments: [
        { index: 0, replicas: [1] },
        { index: 0, replicas: [1] },
      ],
    }),
  ],
  ['INVALID_REPLICATION_FACTOR', topic('a', { replicationFactor: 0 })],
  ['INVALID_REPLICATION_FACTOR', topic('a', { replicationFactor: -2 })],
  ['INVALID_REPLICATION_FACTOR', topic('a', { replicationFactor: 3 })],
  ['INVALID_PARTITIONS', topic('a', { partitionCount: 0 })],
  ['INVALID_PARTITIONS', topic('a', { partitionCount: -2 })],
  ['POLICY_VIOLATION', topic('a', { partitionCount: 10_001 })],
]
test('what must not be created is refused, one by one', async () => {
  await using broker = await oneBroker({ others: [plaintext(2)] })
  await broker.client.createTopics([topic('there.it.is')], NOW)
  const { revision } = broker.image()
  for (const [error, command] of REFUSED) {
    const [outcome] = await broker.client.createTopics([command], NOW)
    assert.equal(errorOf(outcome), error, JSON.stringify(command).slice(0, 120))
  }
  assert.equal(broker.image().revision, revision)
})

test("defaults are the broker's, manual assignments are taken as they are", async () => {
  await using broker = await oneBroker({ settings: { 'num.partitions': '4' }, others: [plaintext(2)] })
  const commands = [topic('a', { partitionCount: -1, replicationFactor: -1 }), topic('b', assigned([2, 1], [1, 2]))]
  const outcomes = await broker.client.createTopics(commands, NOW)
  assert.deepEqual(
    outcomes.map((one) => !(one instanceof ProtocolError) && [one.partitionCount, one.replicationFactor]),
    [
      [4, 1],
      [2, 2],
    ],
  )
  assert.deepEqual(
    broker
      .image()
      .topicsByName.get('b')!
      .partitions.map(({ replicas, leader }) => [replicas, leader]),
    [
      [[2, 1], 2],
      [[1, 2], 1],
    ],
  )
})

test('of topics of one request that collide, the first is created', async () => {
  await using broker = await oneBroker()
  const outcomes = await broker.client.createTopics([topic('a.b'), topic('a_b')], NOW)
  assert.deepEqual(outcomes.map(errorOf), [null, 'INVALID_TOPIC_EXCEPTION'])
})

test('validation changes nothing', async () => {
  await using broker = await oneBroker()
  const { revision } = broker.image()
  assert.deepEqual((await broker.client.createTopics([topic('a')], CHECK)).map(errorOf), [null])
  assert.equal(broker.image().revision, revision)
})

test('the largest topic of one request is created, grown and deleted, over several commits', async () => {
  await using broker = await oneBroker()
  await broker.client.createTopics([topic('big', { partitionCount: 10_000 }), topic('small')].slice(0, 1), NOW)
  const { id, partitions } = broker.image().topicsByName.get('big')!
  assert.deepEqual([partitions.length, partitions[9_999]!.index], [10_000, 9_999])
  assert.ok(
    broker
      .image()
      .shards.get(id)!
      .every((shard) => shard.partitions.length <= SHARD_PARTITIONS_MAX),
  )
  const grow: CreatePartitions = { name: 'big', count: 20_000, assignments: null }
  assert.deepEqual((await broker.client.createPartitions([grow], NOW)).map(errorOf), [null])
  assert.ok(
    broker
      .image()
      .topicsByName.get('big')!
      .partitions.every(({ index }, i) => index === i),
  )
  assert.deepEqual((await broker.client.deleteTopics([id])).map(errorOf), [null])
  const image = broker.image()
  assert.deepEqual([image.topicsById.size, image.topicsByName.size, image.shards.size], [0, 0, 0])
})

test('many topics of one request are all there', async () => {
  await using broker = await oneBroker()
  const outcomes = await broker.client.createTopics(
    Array.from({ length: 300 }, (_, i) => topic(`t-${i}`)),
    NOW,
  )
  assert.ok(outcomes.every((outcome) => errorOf(outcome) === null))
  assert.equal(broker.image().topicsByName.size, 300)
})

test('growth fills the last shard, keeps what was there, and is refused like Kafka refuses it', async () => {
  await using broker = await oneBroker({ others: [plaintext(2)] })
  await broker.client.createTopics([topic('a', { partitionCount: 2 })], NOW)
  const before = broker.image().topicsByName.get('a')!.partitions
  const grow = async (count: number, assignments: number[][] | null) =>
    errorOf((await broker.client.createPartitions([{ name: 'a', count, assignments }], NOW))[0])
  assert.equal(await grow(2, null), 'INVALID_PARTITIONS')
  assert.equal(await grow(1, null), 'INVALID_PARTITIONS')
  assert.equal(await grow(4, [[1]]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(await grow(3, [[1, 2]]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(await grow(3, [[7]]), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(await grow(3, [[2]]), null)
  const { id, partitions } = broker.image().topicsByName.get('a')!
  assert.deepEqual(partitions.slice(0, 2), before)
  assert.deepEqual([partitions[2]!.replicas, broker.image().shards.get(id)!.length], [[2], 1])
  const unknown = await broker.client.createPartitions([{ name: 'b', count: 3, assignments: null }], NOW)
  assert.deepEqual(unknown.map(errorOf), ['UNKNOWN_TOPIC_OR_PARTITION'])
})

test('a deleted topic is gone, its name is free, its id is unknown', async () => {
  await using broker = await oneBroker()
  await broker.client.createTopics([topic('a')], NOW)
  const { id } = broker.image().topicsByName.get('a')!
  assert.deepEqual((await broker.client.deleteTopics([id])).map(errorOf), [null])
  assert.deepEqual((await broker.client.deleteTopics([id])).map(errorOf), ['UNKNOWN_TOPIC_ID'])
  await broker.client.createTopics([topic('a')], NOW)
  assert.notEqual(broker.image().topicsByName.get('a')!.id, id)
})

test('producer ids are given once, also over a restart', async () => {
  const content = memoryContent()
  const first = await oneBroker({ store: new MemoryStore({ content }) })
  assert.deepEqual(await first.client.allocateProducerIds(), { first: 0, count: 1000 })
  await first[Symbol.asyncDispose]()
  await using second = await oneBroker({ store: new MemoryStore({ content }) })
  assert.deepEqual(await second.client.allocateProducerIds(), { first: 1000, count: 1000 })
})

test('a new incarnation has a larger epoch, keeps the cluster id and leads in a new epoch', async () => {
  const content = memoryContent()
  const first = await oneBroker({ store: new MemoryStore({ content }) })
  await first.client.createTopics([topic('a')], NOW)
  const before = first.image()
  await first[Symbol.asyncDispose]()
  await using second = await oneBroker({ store: new MemoryStore({ content }) })
  const after = second.image()
  assert.equal(after.clusterId, before.clusterId)
  assert.notEqual(after.clusterId, '')
  assert.ok(after.brokers.get(1)!.epoch > before.brokers.get(1)!.epoch)
  const [partition] = after.topicsByName.get('a')!.partitions
  assert.deepEqual([partition!.leader, partition!.leaderEpoch, partition!.partitionEpoch], [1, 1, 1])
})

/** A topic of brokers 1 and 2 that is led by 2, who prefers 1. */
async function ledByTheSecond(settings: { [key: string]: string }): Promise<OneBroker> {
  const broker = await oneBroker({ others: [plaintext(2)], settings })
  await broker.client.createTopics([topic('a', assigned([1, 2]))], NOW)
  const { id, partitions } = broker.image().topicsByName.get('a')!
  const value = encodeShard([{ ...partitions[0]!, leader: 2, leaderEpoch: 1 }])
  await broker.store.commit({ ifRevision: [], puts: [{ key: shardKey(id, 0), value }], deletes: [] })
  await broker.timers.settle()
  return broker
}

test('preferred leaders get their place back after the interval, unless that is switched off', async () => {
  for (const [enabled, expected] of [
    ['true', 1],
    ['false', 2],
  ] as const) {
    const settings = { 'auto.leader.rebalance.enable': enabled, 'leader.imbalance.check.interval.seconds': '5' }
    await using broker = await ledByTheSecond(settings)
    const leader = () => broker.image().topicsByName.get('a')!.partitions[0]!.leader
    await broker.timers.run(4000)
    assert.equal(leader(), 2)
    await broker.timers.run(2000)
    assert.equal(leader(), expected, enabled)
  }
})

const alter = (name: string, changes: AlterConfig['changes'], options: Partial<AlterConfig> = {}): AlterConfig => ({
  ...{ type: 'topic', name, complete: false, changes },
  ...options,
})
const set = (key: string, value: string) => ({ operation: 'set', key, value }) as const

test('settings of a topic are set, removed, and changed as lists', async () => {
  await using broker = await oneBroker()
  await broker.client.createTopics([topic('a')], NOW)
  const configs = () => Object.fromEntries(broker.image().topicsByName.get('a')!.configs)
  const change = async (...changes: AlterConfig['changes'][number][]) =>
    errorOf((await broker.client.alterConfigs([alter('a', changes)], NOW))[0])
  assert.equal(await change(set('retention.ms', '5'), set('segment.ms', '6')), null)
  assert.equal(await change({ operation: 'append', key: 'cleanup.policy', value: 'compact' }), null)
  assert.deepEqual(configs(), { 'retention.ms': '5', 'segment.ms': '6', 'cleanup.policy': 'delete,compact' })
  assert.equal(await change({ operation: 'append', key: 'cleanup.policy', value: 'compact' }), null)
  assert.equal(await change({ operation: 'subtract', key: 'cleanup.policy', value: 'delete,compact' }), null)
  assert.equal(await change({ operation: 'delete', key: 'segment.ms', value: null }), null)
  assert.equal(await change({ operation: 'delete', key: 'flush.ms', value: null }), null)
  assert.deepEqual(configs(), { 'retention.ms': '5', 'cleanup.policy': '' })
  assert.equal(await change({ operation: 'append', key: 'retention.ms', value: '1' }), 'INVALID_CONFIG')
  assert.equal(await change(set('retention.ms', 'x')), 'INVALID_CONFIG')
  assert.equal(await change(set('nonsense', '1')), 'INVALID_CONFIG')
  await broker.client.alterConfigs([alter('a', [set('flush.ms', '1')], { complete: true })], NOW)
  assert.deepEqual(configs(), { 'flush.ms': '1' })
  assert.equal(errorOf((await broker.client.alterConfigs([alter('b', [])], NOW))[0]), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(errorOf((await broker.client.alterConfigs([alter('b!', [])], NOW))[0]), 'INVALID_TOPIC_EXCEPTION')
})

test('dynamic settings of brokers take effect on what topics inherit', async () => {
  await using broker = await oneBroker()
  const change = async (name: string, key: string, value: string) =>
    errorOf((await broker.client.alterConfigs([alter(name, [set(key, value)], { type: 'broker' })], NOW))[0])
  assert.equal(await change('', 'log.retention.ms', '1000'), null)
  assert.equal(broker.config().text('log.retention.ms'), '1000')
  assert.equal(await change('1', 'log.retention.ms', '2000'), null)
  assert.equal(broker.config().text('log.retention.ms'), '2000')
  assert.equal(await change('1', 'num.partitions', '2'), 'INVALID_REQUEST')
  assert.equal(await change('', 'log.retention.ms', 'x'), 'INVALID_REQUEST')
})

test('groups and client metrics need not exist to be given settings', async () => {
  await using broker = await oneBroker()
  const change = async (type: AlterConfig['type'], name: string, key: string, value: string) =>
    errorOf((await broker.client.alterConfigs([alter(name, [set(key, value)], { type })], NOW))[0])
  assert.equal(await change('group', 'g/1', 'share.record.lock.duration.ms', '20000'), null)
  assert.equal(broker.image().configs.get('group/g/1')!.values.get('share.record.lock.duration.ms'), '20000')
  assert.equal(await change('group', '', 'share.record.lock.duration.ms', '20000'), 'INVALID_REQUEST')
  assert.equal(await change('group', 'g', 'share.record.lock.duration.ms', '2000'), 'INVALID_CONFIG')
  assert.equal(await change('client-metrics', 's', 'interval.ms', '1'), 'INVALID_REQUEST')
  assert.equal(await change('client-metrics', 's', 'match', 'x=y'), 'INVALID_CONFIG')
})

test('an unknown outcome is told as a time-out, is not sent again, and does not spoil what follows', async () => {
  await using broker = await oneBroker()
  for (const fault of ['unknown, lost', 'unknown, applied'] as const) {
    broker.faults.nextCommit = fault
    const [outcome] = await broker.client.createTopics([topic(fault.slice(9))], NOW)
    assert.equal(errorOf(outcome), 'REQUEST_TIMED_OUT')
  }
  const outcomes = await broker.client.createTopics([topic('lost'), topic('applied')], NOW)
  assert.deepEqual(outcomes.map(errorOf), [null, 'TOPIC_ALREADY_EXISTS'])
})

test('an unfinished growth or creation is removed by the next controller and shows nowhere', async () => {
  const content = memoryContent()
  const first = await oneBroker({ store: new MemoryStore({ content }) })
  await first.client.createTopics([topic('a', { partitionCount: 2 })], NOW)
  const { id } = first.image().topicsByName.get('a')!
  const shard = '{"v":1,"partitions":[[[1],[1],1,0,0]]}'
  const puts = [`partitions/${id}/000064`, 'partitions/AAAAAAAAAAAAAAAAAAAAAQ/000000'].map((key) => ({
    key,
    value: shard,
  }))
  await first.store.commit({ ifRevision: [], puts, deletes: [] })
  await first[Symbol.asyncDispose]()
  await using second = await oneBroker({ store: new MemoryStore({ content }) })
  assert.equal(second.image().topicsByName.get('a')!.partitions.length, 2)
  assert.deepEqual(
    [...second.image().shards].map(([topicId, shards]) => [topicId, shards.length]),
    [[id, 1]],
  )
})

test('a controller that lost its lease refuses, and is elected again', async () => {
  await using broker = await oneBroker()
  const epoch = broker.image().controllerEpoch
  broker.store.loseLease(1)
  const [refused] = await broker.client.createTopics([topic('a')], NOW)
  assert.equal(errorOf(refused), 'NOT_CONTROLLER')
  await broker.controller.elected()
  assert.ok(broker.image().controllerEpoch > epoch)
  assert.deepEqual((await broker.client.createTopics([topic('a')], NOW)).map(errorOf), [null])
})

test('of two controllers one acts, and the other takes over when it goes', async () => {
  await using first = await oneBroker()
  const second = await secondController(first)
  await first.client.createTopics([topic('a')], NOW)
  await second.follower.reached(first.image().revision)
  assert.deepEqual([first.controller.isActive, second.controller.isActive], [true, false])
  assert.deepEqual((await second.controller.createTopics([topic('b')], NOW)).map(errorOf), ['NOT_CONTROLLER'])
  await first.controller[Symbol.asyncDispose]()
  await second.controller.elected()
  assert.deepEqual((await second.controller.createTopics([topic('b')], NOW)).map(errorOf), [null])
  assert.equal(second.follower.image.controllerId, 2)
  await second.controller[Symbol.asyncDispose]()
  await second.follower[Symbol.asyncDispose]()
})

test('a broker that waits to be elected can stop', async () => {
  await using first = await oneBroker()
  const second = await secondController(first)
  await first.client.createTopics([topic('a')], NOW)
  await second.controller[Symbol.asyncDispose]()
  await second.follower[Symbol.asyncDispose]()
})

async function secondController({ store, config, timers }: OneBroker) {
  const onFailure = (error: unknown): void => assert.fail(String(error))
  const follower = await MetadataFollower.open({ store, onImage: () => undefined, onFailure })
  const [random, logger] = [seededRandom('second'), new MemoryLogger()]
  const features = SUPPORTED_FEATURES
  const options = { store, follower, brokerId: 2, features, config, random, timers, logger, onFailure }
  return { follower, controller: new Controller(options) }
}
