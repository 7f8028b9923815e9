import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import type { CreateTopic } from '../metadata/controller-client.ts'
import { oneBroker } from '../metadata/one-broker.ts'
import { InternalTopic } from './internal-topic.ts'

async function offsetsTopic(settings: { readonly [name: string]: string } = {}) {
  const broker = await oneBroker({ settings })
  const logger = new MemoryLogger()
  const commands: CreateTopic[] = []
  const controller: typeof broker.client = {
    ...broker.client,
    createTopics: (asked, options) => {
      commands.push(...asked)
      return broker.client.createTopics(asked, options)
    },
  }
  const { config, image } = broker
  const topic = new InternalTopic({ name: '__consumer_offsets', controller, config, image, logger })
  return { broker, topic, commands, logger }
}

test('the topic is made once for all who need it at the same time, with the settings of Kafka', async () => {
  const { broker, topic, commands } = await offsetsTopic({ 'offsets.topic.segment.bytes': '1048576' })
  await using _ = broker
  assert.equal(topic.image, undefined)
  const made = await Promise.all([topic.made(), topic.made(), topic.made()])
  assert.equal(commands.length, 1)
  assert.ok(made.every((each) => each !== undefined && each === topic.image))
  const { partitions, configs, internal } = topic.image!
  assert.deepEqual([partitions.length, partitions[0]!.replicas.length, internal], [50, 1, true])
  assert.deepEqual(Object.fromEntries(configs), {
    ...{ 'cleanup.policy': 'compact', 'compression.type': 'producer', 'segment.bytes': '1048576' },
  })
  await topic.made()
  assert.equal(commands.length, 1)
})

test('a replication factor that somebody asks for is not lowered: the topic cannot be made, and the log says why', async () => {
  const { broker, topic, commands, logger } = await offsetsTopic({ 'offsets.topic.replication.factor': '2' })
  await using _ = broker
  assert.equal(await topic.made(), undefined)
  assert.equal(await topic.made(), undefined)
  assert.equal(commands.length, 2)
  assert.match(logger.lines.map(({ message }) => message).join('\n'), /Cannot create __consumer_offsets/)
})

test('a topic that another has made meanwhile is as good', async () => {
  const { broker, topic } = await offsetsTopic()
  await using _ = broker
  const making = topic.made()
  await broker.client.createTopics(
    [{ name: '__consumer_offsets', partitionCount: 3, replicationFactor: 1, assignments: [], configs: [] }],
    { validateOnly: false },
  )
  assert.ok((await making) !== undefined)
})
