import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { createTopics } from './19-create-topics.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

const topic = (name: string, options: object = {}) => ({
  ...{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] },
  ...options,
})

function ask(
  broker: OneBroker,
  version: number,
  topics: ReturnType<typeof topic>[],
  options: { validateOnly?: boolean; denied?: Denied } = {},
) {
  const { denied = [], validateOnly = false } = options
  const handler = createTopics({ controller: broker.client, config: broker.config })
  return call(CreateTopics, handler, { version, request: { topics, timeoutMs: 1000, validateOnly }, denied })
}

for (const version of [2, 3, 4, 5, 6, 7]) {
  test(`version ${version} creates a topic and tells what it is`, async () => {
    await using broker = await oneBroker()
    const { topics } = await ask(broker, version, [topic('a', { configs: [{ name: 'retention.ms', value: '7' }] })])
    assert.deepEqual([errorsOf(topics), topics[0]!.errorMessage], [['NONE'], null])
    const image = broker.image().topicsByName.get('a')!
    if (version >= 7) assert.equal(topics[0]!.topicId, image.id)
    if (version < 5) return
    assert.deepEqual([topics[0]!.numPartitions, topics[0]!.replicationFactor], [2, 1])
    const configs = topics[0]!.configs!
    assert.deepEqual(
      configs.map(({ name }) => name),
      configs.map(({ name }) => name).toSorted(),
    )
    assert.deepEqual(
      configs.find(({ name }) => name === 'retention.ms'),
      { name: 'retention.ms', value: '7', readOnly: false, configSource: 1, isSensitive: false },
    )
    assert.equal(configs.find(({ name }) => name === 'flush.ms')!.configSource, 5)
  })
}

test('each topic has its own error, a repeated one is refused once', async () => {
  await using broker = await oneBroker()
  await ask(broker, 7, [topic('there')])
  const { topics } = await ask(broker, 7, [
    topic('a'),
    topic('a'),
    topic('there'),
    topic('b'),
    topic('__cluster_metadata'),
    topic('c c'),
  ])
  const errors = errorsOf(topics)
  assert.deepEqual(
    topics.map(({ name }, i) => [name, errors[i]]),
    [
      ['a', 'INVALID_REQUEST'],
      ['there', 'TOPIC_ALREADY_EXISTS'],
      ['b', 'NONE'],
      ['__cluster_metadata', 'INVALID_REQUEST'],
      ['c c', 'INVALID_TOPIC_EXCEPTION'],
    ],
  )
  assert.notEqual(topics[1]!.errorMessage, null)
})

test('settings are hidden from who may not describe them', async () => {
  await using broker = await oneBroker()
  const { topics } = await ask(broker, 7, [topic('a')], { denied: [['describeConfigs', 'topic', 'a']] })
  assert.deepEqual([topics[0]!.topicConfigErrorCode, topics[0]!.numPartitions, topics[0]!.configs], [29, -1, []])
})

test('creation needs a permission on the cluster or on the topic', async () => {
  await using broker = await oneBroker()
  const denied: Denied = [
    ['create', 'cluster', 'kafka-cluster'],
    ['create', 'topic', 'a'],
  ]
  assert.deepEqual(errorsOf((await ask(broker, 7, [topic('a'), topic('b')], { denied })).topics), [
    'TOPIC_AUTHORIZATION_FAILED',
    'NONE',
  ])
})

test('validation answers as creation would, and creates nothing', async () => {
  await using broker = await oneBroker()
  const { topics } = await ask(broker, 7, [topic('a')], { validateOnly: true })
  assert.deepEqual([errorsOf(topics), topics[0]!.numPartitions, broker.image().topicsByName.size], [['NONE'], 2, 0])
})
