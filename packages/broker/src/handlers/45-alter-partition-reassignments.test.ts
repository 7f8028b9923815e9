import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { alterPartitionReassignments } from './45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from './46-list-partition-reassignments.ts'
import { call, type Denied } from './admin-harness.ts'

/** Topics `a` of two partitions and `b` of one, all on broker 1; 2 and 3 are registered. */
async function cluster(): Promise<OneBroker> {
  const broker = await oneBroker({ others: [plaintext(2), plaintext(3)] })
  const rest = { partitionCount: -1, replicationFactor: -1, configs: [] }
  const on1 = (index: number) => ({ index, replicas: [1] })
  const commands = [
    { name: 'a', assignments: [on1(0), on1(1)], ...rest },
    { name: 'b', assignments: [on1(0)], ...rest },
  ]
  await broker.client.createTopics(commands, { validateOnly: false })
  return broker
}

type Wanted = readonly [topic: string, ...rows: (readonly [index: number, replicas: number[] | null])[]]

async function alter(
  broker: OneBroker,
  wanted: readonly Wanted[],
  options: { version?: number; denied?: Denied; factor?: boolean } = {},
) {
  const { version = 1, denied = [], factor } = options
  const topics = wanted.map(([name, ...rows]) => {
    return { name, partitions: rows.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })) }
  })
  const request = { topics, ...(factor === undefined ? {} : { allowReplicationFactorChange: factor }) }
  const handler = alterPartitionReassignments({ controller: broker.client })
  const reply = await call(AlterPartitionReassignments, handler, { version, request, denied })
  const rows = reply.responses.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode }) => `${name}-${partitionIndex} ${errorName(errorCode)}`),
  )
  return [errorName(reply.errorCode), ...rows]
}

async function list(broker: OneBroker, topics: { name: string; partitionIndexes: number[] }[] | null, denied?: Denied) {
  const handler = listPartitionReassignments({ controller: broker.client })
  const options = { version: 0, request: { topics }, ...(denied && { denied }) }
  const reply = await call(ListPartitionReassignments, handler, options)
  const rows = reply.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => {
      return `${name}-${partitionIndex}: ${replicas}, +${addingReplicas}, -${removingReplicas}`
    }),
  )
  return [errorName(reply.errorCode), ...rows.toSorted()]
}

for (const version of [0, 1]) {
  test(`version ${version} begins and takes back reassignments, and answers each partition in order`, async () => {
    await using broker = await cluster()
    const wanted = [
      ['b', [0, [2, 3]]],
      ['a', [1, [2, 1]], [7, [1]], [0, null]],
      ['c', [0, [1]]],
    ] as const satisfies Wanted[]
    assert.deepEqual(await alter(broker, wanted, { version }), [
      ...['NONE', 'b-0 NONE', 'a-1 NONE', 'a-7 UNKNOWN_TOPIC_OR_PARTITION', 'a-0 NO_REASSIGNMENT_IN_PROGRESS'],
      'c-0 UNKNOWN_TOPIC_OR_PARTITION',
    ])
    assert.deepEqual(await list(broker, null), ['NONE', 'a-1: 2,1, +2, -', 'b-0: 2,3,1, +2,3, -1'])
    assert.deepEqual(await alter(broker, [['b', [0, null]]], { version }), ['NONE', 'b-0 NONE'])
    assert.deepEqual(await list(broker, null), ['NONE', 'a-1: 2,1, +2, -'])
  })
}

test('a partition that is named twice gets what was said last', async () => {
  await using broker = await cluster()
  assert.deepEqual(await alter(broker, [['a', [0, [2]], [0, [3]]]]), ['NONE', 'a-0 NONE', 'a-0 NONE'])
  assert.deepEqual(await list(broker, null), ['NONE', 'a-0: 3,1, +3, -1'])
})

test('those that were asked for are listed, and neither what stays nor what does not exist', async () => {
  await using broker = await cluster()
  await alter(broker, [
    ['a', [0, [2]]],
    ['b', [0, [2]]],
  ])
  const asked = [
    { name: 'a', partitionIndexes: [1, 0, 5] },
    { name: 'c', partitionIndexes: [0] },
  ]
  assert.deepEqual(await list(broker, asked), ['NONE', 'a-0: 2,1, +2, -1'])
  assert.deepEqual(await list(broker, []), ['NONE'])
})

test('a request may forbid another replication factor', async () => {
  await using broker = await cluster()
  const wanted: Wanted[] = [['a', [0, [2, 3]], [1, [3]]]]
  assert.deepEqual(await alter(broker, wanted, { factor: false }), [
    ...['NONE', 'a-0 INVALID_REPLICATION_FACTOR', 'a-1 NONE'],
  ])
})

test('who may not alter the cluster changes nothing, who may not describe it sees nothing', async () => {
  await using broker = await cluster()
  const wanted: Wanted[] = [['a', [0, [2]]]]
  const denied = (operation: 'alter' | 'describe'): Denied => [[operation, 'cluster', 'kafka-cluster']]
  assert.deepEqual(await alter(broker, wanted, { denied: denied('alter') }), [
    ...['CLUSTER_AUTHORIZATION_FAILED', 'a-0 CLUSTER_AUTHORIZATION_FAILED'],
  ])
  assert.deepEqual(await list(broker, null), ['NONE'])
  await alter(broker, wanted)
  assert.deepEqual(await list(broker, null, denied('describe')), ['CLUSTER_AUTHORIZATION_FAILED'])
})
