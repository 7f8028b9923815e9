import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '@ottla/client/admin.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { SimulatedCluster } from './cluster.ts'

const TOPIC = 't'
const SELECTOR = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }
const RACKS = ['a', 'b', 'c']

/** Three brokers in three racks, a topic that the first leads, and a reader in the third one's rack on a host of its own. */
async function world(seed: string) {
  const cluster = await SimulatedCluster.start({
    ...{ seed, settings: SELECTOR, brokerSettings: RACKS.map((rack) => ({ 'broker.rack': rack })) },
  })
  const [writing, reading] = [await cluster.client(), await cluster.client()]
  const configs = { 'min.insync.replicas': '2' }
  await cluster.until(createTopics(writing, [{ name: TOPIC, assignments: [[1, 2, 3]], configs }]))
  const producer = new Producer(writing)
  const assignments = [{ topic: TOPIC, partition: 0, from: 'beginning' } as const]
  const consumer = await cluster.until(AssignedConsumer.open(reading, { assignments, rack: 'c' }))
  const records = consumer.records()
  return {
    cluster,
    readingHost: 'client-2',
    send: (value: string) => cluster.until(producer.send(TOPIC, { partition: 0, value })),
    next: async () => String((await cluster.until(records.next())).value!.value),
    async [Symbol.asyncDispose]() {
      for (const part of [consumer, producer, writing, reading]) await cluster.until(part[Symbol.asyncDispose]())
      await cluster[Symbol.asyncDispose]()
    },
  }
}

test('a consumer reads in its own rack: it goes on while the leader is out of its reach', async () => {
  await using w = await world('own rack')
  await w.send('a')
  assert.equal(await w.next(), 'a')
  w.cluster.network.cut(w.readingHost, 'broker-1')
  await w.send('b')
  assert.equal(await w.next(), 'b')
})

test('what is acknowledged is read at a follower a few round trips later, not at the end of a wait', async () => {
  await using w = await world('prompt')
  await w.send('first')
  await w.next()
  for (let i = 0; i < 5; i++) {
    await w.send(`v${i}`)
    const acknowledgedMs = w.cluster.time.monotonicMs()
    assert.equal(await w.next(), `v${i}`)
    const tookMs = w.cluster.time.monotonicMs() - acknowledgedMs
    assert.ok(tookMs <= 50, `${tookMs} ms`)
    // Between two records everybody waits: the follower at the leader, the consumer at the follower.
    await w.cluster.time.run(100)
  }
})

test('a consumer whose replica dies reads on at the leader, and misses nothing', async () => {
  await using w = await world('dies')
  await w.send('a')
  assert.equal(await w.next(), 'a')
  w.cluster.crashBroker(3, { power: false })
  await w.send('b')
  assert.equal(await w.next(), 'b')
  await w.cluster.startBroker(3)
  await w.send('c')
  assert.equal(await w.next(), 'c')
})

test('a consumer at a follower whose leader dies reads on, in order, with the next leader', async () => {
  await using w = await world('leader dies')
  for (const value of ['a', 'b']) await w.send(value)
  assert.deepEqual([await w.next(), await w.next()], ['a', 'b'])
  w.cluster.crashBroker(1, { power: true })
  for (const value of ['c', 'd']) await w.send(value)
  assert.deepEqual([await w.next(), await w.next()], ['c', 'd'])
})
