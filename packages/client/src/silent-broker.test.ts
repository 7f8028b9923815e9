/** What a client does about a broker that takes requests and answers nothing: one that stands still, or is cut off. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { openClient } from './client.ts'
import { FakeBroker, FakeLog, fakeCluster, metadataAnswer, settled, TOPIC_ID } from './fake-broker.ts'
import { Producer } from './producer/producer.ts'

const REQUEST_MS = 30_000
/** A look every second at who has been silent for two, and the way of what was under way. */
const NOTICED_MS = 5_000

/** Two brokers with one log, as if replicated; `state` is what both say of the cluster. */
async function world(bootstrap: string) {
  const { time, network, broker: first, ports } = await fakeCluster()
  const second = await FakeBroker.start(network.join('second'), 9092)
  const log = new FakeLog()
  const state = { leaderId: 1, listed: [1, 2] }
  const hosts = new Map([
    [1, 'broker'],
    [2, 'second'],
  ])
  for (const broker of [first, second]) {
    broker.on(InitProducerId, () => ({ errorCode: 0, producerId: 7, producerEpoch: 0 }))
    broker.on(Metadata, () => answerOf(state, hosts))
    broker.on(Produce, (request) => {
      const { error, baseOffset } = log.append(request.topicData[0]!.partitionData[0]!.records!)
      const partitionResponses = [{ index: 0, errorCode: errorCode(error), baseOffset }]
      return { responses: [{ name: 't', topicId: TOPIC_ID, partitionResponses }] }
    })
  }
  const client = await settled(time, openClient({ bootstrap, ports }))
  return { time, first, second, log, state, client, producer: new Producer(client) }
}

function answerOf({ leaderId, listed }: { leaderId: number; listed: readonly number[] }, hosts: Map<number, string>) {
  const answer = metadataAnswer({ names: ['t'], partitions: 1 })
  return {
    ...answer,
    brokers: listed.map((nodeId) => ({ nodeId, host: hosts.get(nodeId)!, port: 9092 })),
    topics: answer.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((row) => ({ ...row, leaderId, leaderEpoch: leaderId })),
    })),
  }
}

for (const bootstrap of ['second:9092', 'broker:9092,second:9092', 'broker:9092']) {
  test(`a batch at a leader that stands still goes to the next one once the cluster has it (bootstrap ${bootstrap})`, async () => {
    const { time, first, log, state, producer } = await world(bootstrap)
    await settled(time, producer.send('t', { value: 'before' }))
    first.standStill()
    const sending = producer.send('t', { value: 'under way' })
    await time.run(2 * NOTICED_MS)
    assert.deepEqual(log.values, ['before', 'under way'], 'it had taken the batch')
    Object.assign(state, { leaderId: 2, listed: [2] })
    await settled(time, sending, NOTICED_MS)
    await settled(time, producer.send('t', { value: 'after' }))
    assert.deepEqual(log.values, ['before', 'under way', 'after'])
  })
}

test('a connection attempt that nobody answers is given up with its broker', async () => {
  const { time, first, log, state, producer } = await world('second:9092')
  first.standStill()
  const sending = producer.send('t', { value: 'x' })
  await time.run(NOTICED_MS)
  Object.assign(state, { leaderId: 2, listed: [2] })
  await settled(time, sending, NOTICED_MS)
  assert.deepEqual(log.values, ['x'])
})

test('a broker that is slow, and still of the cluster, is waited for', async () => {
  const { time, first, log, producer } = await world('second:9092')
  await settled(time, producer.send('t', { value: 'before' }))
  const answers = first.count(Produce)
  const release = Promise.withResolvers<void>()
  first.on(Produce, async (request) => {
    const { baseOffset } = log.append(request.topicData[0]!.partitionData[0]!.records!)
    await release.promise
    return {
      responses: [{ name: 't', topicId: TOPIC_ID, partitionResponses: [{ index: 0, errorCode: 0, baseOffset }] }],
    }
  })
  const sending = producer.send('t', { value: 'slow' })
  await time.run(REQUEST_MS / 2)
  release.resolve()
  await settled(time, sending)
  assert.equal(first.count(Produce) - answers, 1)
})

test('metadata is asked of another broker where the first one does not answer', async () => {
  const { time, first, second, client } = await world('broker:9092')
  await settled(time, client.metadata.refresh(), 1_000)
  first.standStill()
  const before = second.count(Metadata)
  await settled(time, client.metadata.refresh(), NOTICED_MS)
  assert.ok(second.count(Metadata) > before)
})

test('where every broker is silent nobody is asked again and again', async () => {
  const { time, first, second, producer } = await world('broker:9092,second:9092')
  await settled(time, producer.send('t', { value: 'before' }))
  first.standStill()
  second.standStill()
  producer.send('t', { value: 'lost' }).catch(() => undefined)
  await time.run(REQUEST_MS / 2)
  const asked = first.count(Metadata) + second.count(Metadata)
  await time.run(REQUEST_MS / 3)
  assert.ok(first.count(Metadata) + second.count(Metadata) - asked <= 2)
})
