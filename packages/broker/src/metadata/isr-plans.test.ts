import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { loadConfig } from '../config.ts'
import { emptyImage, type MetadataImage, type PartitionImage } from './image.ts'
import { type AlterIsr, planAlterPartitions } from './isr-plans.ts'
import { plaintext } from './one-broker.ts'

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ'
const CONFIG = loadConfig({ overrides: {} }).config

function image(partition: Partial<PartitionImage> = {}, fenced: readonly number[] = []): MetadataImage {
  const one: PartitionImage = {
    ...{ index: 0, replicas: [1, 2, 3], isr: [1, 2], leader: 1, leaderEpoch: 4, partitionEpoch: 7 },
    ...partition,
  }
  const partitions = [one, { ...one, index: 1 }]
  const topic = { id: TOPIC, name: 't', internal: false, configs: new Map(), partitions, revision: 1 }
  const brokers = [1, 2, 3].map((id) => {
    const rest = { fenced: fenced.includes(id), lostData: false, epoch: 10 + id, revision: 10 + id }
    return [id, { ...plaintext(id), ...rest }] as const
  })
  return {
    ...emptyImage,
    brokers: new Map(brokers),
    topicsById: new Map([[TOPIC, topic]]),
    shards: new Map([[TOPIC, [{ first: 0, revision: 20, partitions }]]]),
  }
}

const wanted = (isr: readonly number[], fields: Partial<AlterIsr> = {}): AlterIsr => ({
  ...{ topicId: TOPIC, index: 0, leaderEpoch: 4, partitionEpoch: 7 },
  isr: isr.map((id) => ({ id, brokerEpoch: 10 + id })),
  ...fields,
})

function ask(of: MetadataImage, one: AlterIsr, { brokerId = 1, brokerEpoch = 11 } = {}) {
  const plan = planAlterPartitions(of, [{ brokerId, brokerEpoch, partitions: [one] }], CONFIG)
  const [outcome] = plan.success
  if (outcome instanceof ProtocolError) return outcome.error
  const [state] = outcome!
  return typeof state === 'string' ? state : [state!.isr, state!.leaderEpoch, state!.partitionEpoch, plan.sets.length]
}

test('the in-sync set that the leader asks for is written, with the next partition epoch and the same leader epoch', () => {
  assert.deepEqual(ask(image(), wanted([1, 2, 3])), [[1, 2, 3], 4, 8, 1])
  assert.deepEqual(ask(image(), wanted([1])), [[1], 4, 8, 1])
})

test('what must not be written is refused, in the order of Kafka', () => {
  const rows: [expected: string, of: MetadataImage, one: AlterIsr, by?: { brokerId?: number; brokerEpoch?: number }][] =
    [
      ['STALE_BROKER_EPOCH', image(), wanted([1, 2, 3]), { brokerEpoch: 10 }],
      ['STALE_BROKER_EPOCH', image(), wanted([1, 2, 3]), { brokerId: 9 }],
      ['UNKNOWN_TOPIC_ID', image(), wanted([1], { topicId: 'AAAAAAAAAAAAAAAAAAAAAg' })],
      ['UNKNOWN_TOPIC_OR_PARTITION', image(), wanted([1], { index: 5 })],
      ['NOT_CONTROLLER', image(), wanted([1], { leaderEpoch: 5 })],
      ['NOT_CONTROLLER', image(), wanted([1], { partitionEpoch: 8 })],
      ['FENCED_LEADER_EPOCH', image(), wanted([1], { leaderEpoch: 3 })],
      ['INVALID_REQUEST', image(), wanted([1]), { brokerId: 2, brokerEpoch: 12 }],
      ['INVALID_UPDATE_VERSION', image(), wanted([1], { partitionEpoch: 6 })],
      ['INVALID_REQUEST', image(), wanted([1, 9])],
      ['INVALID_REQUEST', image(), wanted([1, 1])],
      ['INVALID_REQUEST', image(), wanted([2])],
      ['INELIGIBLE_REPLICA', image({}, [3]), wanted([1, 2, 3])],
    ]
  for (const [expected, of, one, by] of rows) assert.equal(ask(of, one, by), expected)
})

test('a replica of another incarnation than the leader knows does not join (KIP-903)', () => {
  const stale = wanted([1, 2, 3], { isr: [1, 2, 3].map((id) => ({ id, brokerEpoch: id === 3 ? 5 : 10 + id })) })
  assert.equal(ask(image(), stale), 'INELIGIBLE_REPLICA')
  const unknown = wanted([1, 2, 3], { isr: [1, 2, 3].map((id) => ({ id, brokerEpoch: -1 })) })
  assert.deepEqual(ask(image(), unknown), [[1, 2, 3], 4, 8, 1])
})

test('requests about one shard are written as one, and a partition is changed once', () => {
  const requests = [
    { brokerId: 1, brokerEpoch: 11, partitions: [wanted([1, 2, 3]), wanted([1], { index: 1 })] },
    { brokerId: 1, brokerEpoch: 11, partitions: [wanted([1])] },
  ]
  const plan = planAlterPartitions(image(), requests, CONFIG)
  assert.equal(plan.sets.length, 1)
  const [first, second] = plan.success
  assert.ok(Array.isArray(first) && Array.isArray(second))
  assert.equal(second[0], 'INVALID_UPDATE_VERSION')
})
