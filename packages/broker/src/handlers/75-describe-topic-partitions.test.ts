import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { describeTopicPartitions } from './75-describe-topic-partitions.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

async function withTopics(): Promise<OneBroker> {
  const broker = await oneBroker()
  const commands = ['c', 'a', 'b'].map((name) => ({
    name,
    partitionCount: 3,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  await broker.client.createTopics(commands, { validateOnly: false })
  return broker
}

const ask = (broker: OneBroker, request: object, denied: Denied = []) =>
  call(
    DescribeTopicPartitions,
    describeTopicPartitions({ ...broker, partitions: { find: () => undefined, isOffline: () => false } }),
    {
      version: 0,
      request: { topics: [], ...request },
      denied,
    },
  )
const names = (...all: string[]) => all.map((name) => ({ name }))

test('an empty list is all topics, in the order of their names', async () => {
  await using broker = await withTopics()
  const { topics, nextCursor } = await ask(broker, {})
  assert.deepEqual(
    [topics.map(({ name, partitions }) => [name, partitions.length]), nextCursor],
    [
      [
        ['a', 3],
        ['b', 3],
        ['c', 3],
      ],
      null,
    ],
  )
})

test('pages, one after the other, tell every partition once', async () => {
  await using broker = await withTopics()
  for (const responsePartitionLimit of [1, 2, 3, 4, 9]) {
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    do {
      const reply: Awaited<ReturnType<typeof ask>> = await ask(broker, { responsePartitionLimit, cursor })
      const told = reply.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`),
      )
      assert.ok(told.length <= responsePartitionLimit)
      seen.push(...told)
      cursor = reply.nextCursor
    } while (cursor !== null)
    assert.deepEqual(seen, ['a-0', 'a-1', 'a-2', 'b-0', 'b-1', 'b-2', 'c-0', 'c-1', 'c-2'])
  }
})

test('a limit below one is one', async () => {
  await using broker = await withTopics()
  const { topics } = await ask(broker, { responsePartitionLimit: -5 })
  assert.deepEqual(
    topics.map(({ partitions }) => partitions.length),
    [1],
  )
})

test('unknown, illegal and hidden topics have their errors', async () => {
  await using broker = await withTopics()
  const { topics } = await ask(broker, { topics: names('a', 'z', 'a a', 'b', 'b') }, [['describe', 'topic', 'b']])
  const errors = errorsOf(topics)
  assert.deepEqual(
    topics.map(({ name }, i) => [name, errors[i]]),
    [
      ['a', 'NONE'],
      ['a a', 'INVALID_TOPIC_EXCEPTION'],
      ['z', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['b', 'TOPIC_AUTHORIZATION_FAILED'],
    ],
  )
})

test('a cursor outside of the list, or with a negative partition, is an invalid request', async () => {
  await using broker = await withTopics()
  const invalid = [
    { topicName: 'b', partitionIndex: 0 },
    { topicName: 'a', partitionIndex: -1 },
  ]
  for (const cursor of invalid) {
    assert.deepEqual(errorsOf((await ask(broker, { topics: names('a', 'c'), cursor })).topics), [
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ])
  }
})

test('a topic that was deleted between two pages of all topics does not stop them', async () => {
  await using broker = await withTopics()
  const { topics } = await ask(broker, { cursor: { topicName: 'aa', partitionIndex: 2 } })
  assert.deepEqual(
    topics.map(({ name, partitions }) => [name, partitions.length]),
    [
      ['b', 3],
      ['c', 3],
    ],
  )
})

test('a missing topic is told to be internal where its name says so', async () => {
  await using broker = await withTopics()
  const { topics } = await ask(broker, { topics: names('__consumer_offset', '__consumer_offsets') })
  assert.deepEqual(
    topics.map(({ isInternal }) => isInternal),
    [false, true],
  )
})
