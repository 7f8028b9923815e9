import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ElectLeaders } from '@ottla/protocol/apis/43-elect-leaders.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { encodeShard, shardKey } from '../metadata/documents.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { electLeaders } from './43-elect-leaders.ts'
import { call, type Denied } from './admin-harness.ts'

type Partitions = readonly { readonly topic: string; readonly partitions: number[] }[] | null

const NOW = { validateOnly: false }

/** Topic `a` has two partitions that prefer broker 1; the first is led by broker 2. */
async function moved(settings: { [key: string]: string } = {}): Promise<OneBroker> {
  const broker = await oneBroker({ others: [plaintext(2)], settings })
  const replicas = { replicas: [1, 2] }
  const assignments = [0, 1].map((index) => ({ index, ...replicas }))
  await broker.client.createTopics(
    [{ name: 'a', partitionCount: -1, replicationFactor: -1, assignments, configs: [] }],
    NOW,
  )
  const { id, partitions } = broker.image().topicsByName.get('a')!
  const [first, second] = partitions
  const value = encodeShard([{ ...first!, leader: 2, leaderEpoch: 1, partitionEpoch: 1 }, second!])
  const puts = [{ key: shardKey(id, 0), value }]
  const outcome = await broker.store.commit({ ifRevision: [], puts, deletes: [] })
  assert.ok(outcome.type === 'committed')
  await broker.follower.reached(outcome.revision)
  return broker
}

async function ask(
  broker: OneBroker,
  topicPartitions: Partitions,
  { version = 2, electionType = 0, denied = [] }: { version?: number; electionType?: number; denied?: Denied } = {},
) {
  const request = {
    ...(version === 0 ? {} : { electionType }),
    topicPartitions: topicPartitions === null ? null : [...topicPartitions],
  }
  const parts = { controller: broker.client, image: broker.image }
  const reply = await call(ElectLeaders, electLeaders(parts), { version, request, denied })
  const results = reply.replicaElectionResults.map(({ topic, partitionResult }) => [
    topic,
    ...partitionResult.map(({ partitionId, errorCode }) => [partitionId, errorName(errorCode)]),
  ])
  return [errorName(reply.errorCode), ...results]
}

const leaders = (broker: OneBroker) =>
  broker
    .image()
    .topicsByName.get('a')!
    .partitions.map(({ leader }) => leader)

for (const version of [0, 1, 2]) {
  test(`version ${version} gives a partition its preferred leader back before it answers`, async () => {
    await using broker = await moved()
    const asked = [
      { topic: 'a', partitions: [1, 0, 7] },
      { topic: 'b', partitions: [0] },
    ]
    assert.deepEqual(await ask(broker, asked, { version }), [
      'NONE',
      ['a', [1, 'ELECTION_NOT_NEEDED'], [0, 'NONE'], [7, 'UNKNOWN_TOPIC_OR_PARTITION']],
      ['b', [0, 'UNKNOWN_TOPIC_OR_PARTITION']],
    ])
    assert.deepEqual(leaders(broker), [1, 1])
  })
}

test('of all partitions those are told that were elected; of none, none', async () => {
  await using broker = await moved()
  assert.deepEqual(await ask(broker, []), ['NONE'])
  assert.deepEqual(await ask(broker, null), ['NONE', ['a', [0, 'NONE']]])
  assert.deepEqual(await ask(broker, null), ['NONE', ['a']])
})

test('an election of an unknown type and one that is not allowed change nothing', async () => {
  await using broker = await moved()
  const asked = [{ topic: 'a', partitions: [0] }]
  const denied: Denied = [['alter', 'cluster', 'kafka-cluster']]
  for (const [options, error] of [
    [{ electionType: 2 }, 'INVALID_REQUEST'],
    [{ denied }, 'CLUSTER_AUTHORIZATION_FAILED'],
  ] as const) {
    assert.deepEqual(await ask(broker, asked, options), [error, ['a', [0, error]]])
  }
  assert.deepEqual(leaders(broker), [2, 1])
})

test('a partition that has a leader gets no unclean one', async () => {
  await using broker = await moved()
  const asked = [{ topic: 'a', partitions: [0] }]
  assert.deepEqual(await ask(broker, asked, { electionType: 1 }), ['NONE', ['a', [0, 'ELECTION_NOT_NEEDED']]])
})
