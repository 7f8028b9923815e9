import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics, deleteRecords, describeTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { SimulatedCluster } from './cluster.ts'
import { contents } from './contents.ts'

const TOPIC = 't'

interface World extends AsyncDisposable {
  readonly cluster: SimulatedCluster
  readonly client: Client
  readonly producer: Producer
  produce(...values: readonly string[]): Promise<void>
  state(): Promise<{ leader: number; isr: number[]; leaderEpoch: number }>
  contents(): Promise<string[]>
}

/** Three brokers and a topic of one partition on all of them, led by broker 1. */
async function world(options: { seed: string; configs?: { [key: string]: string } }): Promise<World> {
  const cluster = await SimulatedCluster.start({ seed: options.seed })
  const client = await cluster.client()
  const configs = { 'min.insync.replicas': '2', ...options.configs }
  const [created] = await cluster.until(createTopics(client, [{ name: TOPIC, assignments: [[1, 2, 3]], configs }]))
  assert.equal(created?.error, null)
  const producer = new Producer(client)
  return {
    ...{ cluster, client, producer },
    async produce(...values) {
      for (const value of values) await cluster.until(producer.send(TOPIC, { partition: 0, value }))
    },
    async state() {
      const [topic] = await cluster.until(describeTopics(client, [TOPIC]))
      const { leader, isr, leaderEpoch } = topic!.partitions[0]!
      return { leader, isr: [...isr], leaderEpoch }
    },
    contents: () => cluster.until(contents(client, TOPIC)),
    async [Symbol.asyncDispose]() {
      await cluster.until(producer[Symbol.asyncDispose]())
      await cluster.until(client[Symbol.asyncDispose]())
      await cluster[Symbol.asyncDispose]()
    },
  }
}

test('what is acknowledged by all is on each of them, whoever leads', async () => {
  await using w = await world({ seed: 'whoever leads', configs: { 'min.insync.replicas': '1' } })
  await w.produce('a', 'b')
  assert.deepEqual(await w.state(), { leader: 1, isr: [1, 2, 3], leaderEpoch: 0 })
  await w.cluster.stopBroker(1)
  await w.produce('c')
  await w.cluster.stopBroker(2)
  assert.deepEqual(await w.contents(), ['a', 'b', 'c'])
})

test('a leader that loses its power is followed by one in sync; nothing acknowledged is lost, and it comes back', async () => {
  await using w = await world({ seed: 'power' })
  await w.produce('a', 'b')
  w.cluster.crashBroker(1, { power: true })
  await w.produce('c')
  const after = await w.state()
  assert.notEqual(after.leader, 1)
  assert.deepEqual(after.isr.toSorted(), [2, 3])
  await w.cluster.startBroker(1)
  await w.cluster.untilTrue(() => isrOf(w).length === 3)
  await w.produce('d')
  for (const id of [2, 3]) w.cluster.crashBroker(id, { power: true })
  await w.cluster.startBroker(2)
  assert.deepEqual(await w.contents(), ['a', 'b', 'c', 'd'])
})

test('producers go on within three seconds of a kill, also where the leader was the controller too', async () => {
  await using w = await world({ seed: 'quick' })
  await w.produce('a')
  const startMs = w.cluster.time.monotonicMs()
  w.cluster.crashBroker(1, { power: false })
  await w.produce('b')
  assert.ok(w.cluster.time.monotonicMs() - startMs <= 3000, `${w.cluster.time.monotonicMs() - startMs} ms`)
})

test('what a leader alone had is cut when it comes back to another history', async () => {
  await using w = await world({ seed: 'divergence' })
  await w.produce('a')
  w.cluster.network.cut('broker-1', 'broker-2')
  w.cluster.network.cut('broker-1', 'broker-3')
  const early = new Producer(w.client, { acks: 1 })
  await w.cluster.until(early.send(TOPIC, { partition: 0, value: 'lost 1' }))
  await w.cluster.until(early.send(TOPIC, { partition: 0, value: 'lost 2' }))
  w.cluster.crashBroker(1, { power: false })
  w.cluster.network.heal('broker-1', 'broker-2')
  w.cluster.network.heal('broker-1', 'broker-3')
  await w.produce('b', 'c')
  await w.cluster.startBroker(1)
  await w.cluster.untilTrue(() => isrOf(w).length === 3)
  await w.produce('d')
  for (const id of [2, 3]) await w.cluster.stopBroker(id)
  await w.cluster.untilTrue(() => isrOf(w).length === 1)
  await w.cluster.startBroker(2)
  await w.cluster.untilTrue(() => isrOf(w).length === 2)
  assert.deepEqual(await w.contents(), ['a', 'b', 'c', 'd'])
  await w.cluster.until(early[Symbol.asyncDispose]())
})

test('a follower that is cut off leaves the in-sync set, and acks=all goes on with the others', async () => {
  await using w = await world({ seed: 'late' })
  await w.produce('a')
  w.cluster.network.cut('broker-3', 'broker-1')
  await w.produce('b')
  assert.deepEqual((await w.state()).isr.toSorted(), [1, 2])
  w.cluster.network.heal('broker-3', 'broker-1')
  await w.cluster.untilTrue(() => isrOf(w).length === 3)
  assert.deepEqual(await w.contents(), ['a', 'b'])
})

/** As the store has it at this moment. */
function isrOf({ cluster }: World): readonly number[] {
  return cluster.image.topicsByName.get(TOPIC)!.partitions[0]!.isr
}

test('records that are deleted at the leader go at a follower that has nothing else to fetch', async () => {
  await using w = await world({ seed: 'deleted' })
  await w.produce('a', 'b', 'c')
  const starts = () =>
    w.cluster.ids.map(
      (id) => [...w.cluster.broker(id).partitions()].find((one) => one.topicName === TOPIC)!.logStartOffset,
    )
  await w.cluster.until(deleteRecords(w.client, [{ topic: TOPIC, partition: 0, beforeOffset: 2 }]))
  await w.cluster.time.run(2000)
  assert.deepEqual(starts(), [2, 2, 2])
})
