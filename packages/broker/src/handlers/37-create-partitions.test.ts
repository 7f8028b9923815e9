import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { createPartitions } from './37-create-partitions.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

interface Growth {
  readonly name: string
  readonly count: number
  readonly assignments: { brokerIds: number[] }[] | null
}

async function withTopic(): Promise<OneBroker> {
  const broker = await oneBroker()
  const command = { name: 'a', partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] }
  await broker.client.createTopics([command], { validateOnly: false })
  return broker
}

function ask(
  broker: OneBroker,
  version: number,
  topics: Growth[],
  options: { validateOnly?: boolean; denied?: Denied } = {},
) {
  const { denied = [], validateOnly = false } = options
  const handler = createPartitions({ controller: broker.client })
  return call(CreatePartitions, handler, { version, request: { topics, timeoutMs: 1000, validateOnly }, denied })
}

const grown = (broker: OneBroker) => broker.image().topicsByName.get('a')!.partitions.length

for (const version of [0, 1, 2, 3]) {
  test(`version ${version} grows a topic before it answers`, async () => {
    await using broker = await withTopic()
    const { results } = await ask(broker, version, [
      { name: 'a', count: 3, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] },
    ])
    assert.deepEqual([errorsOf(results), results[0]!.errorMessage, grown(broker)], [['NONE'], null, 3])
  })
}

test('each topic has its own error, a repeated one is refused once', async () => {
  await using broker = await withTopic()
  const same = { name: 'b', count: 2, assignments: null }
  const { results } = await ask(broker, 3, [same, same, { ...same, name: 'c' }, { ...same, name: 'a', count: 1 }])
  assert.deepEqual(errorsOf(results), ['INVALID_REQUEST', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_PARTITIONS'])
})

test('validation grows nothing, and growth needs a permission', async () => {
  await using broker = await withTopic()
  const growth = { name: 'a', count: 2, assignments: null }
  assert.deepEqual(errorsOf((await ask(broker, 3, [growth], { validateOnly: true })).results), ['NONE'])
  assert.deepEqual(errorsOf((await ask(broker, 3, [growth], { denied: [['alter', 'topic', 'a']] })).results), [
    'TOPIC_AUTHORIZATION_FAILED',
  ])
  assert.equal(grown(broker), 1)
})
