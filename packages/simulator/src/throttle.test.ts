import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics, deleteTopics, incrementalAlterConfigs } from '@ottla/client/admin.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { SimulatedCluster } from './cluster.ts'

const TOPIC = 't'
const PARTITIONS = 3
const RECORD_BYTES = 40_000
const RECORDS = 120
/** A fifth of a second for a record, and so far below what a fetch brings. */
const RATE = 200_000
const STEP_MS = 100

type Entries = Readonly<Record<string, string>>
type Resource = Parameters<typeof incrementalAlterConfigs>[1][number]['resource']

async function alter(cluster: SimulatedCluster, resource: Resource, entries: Entries): Promise<void> {
  const client = await cluster.client()
  const changes = Object.entries(entries).map(([name, value]) => ({ name, operation: 'set', value }) as const)
  const [outcome] = await cluster.until(incrementalAlterConfigs(client, [{ resource, changes }]))
  assert.equal(outcome!.error, null)
  await cluster.until(client[Symbol.asyncDispose]())
}

async function remove(cluster: SimulatedCluster, topic: string): Promise<void> {
  const client = await cluster.client()
  const [outcome] = await cluster.until(deleteTopics(client, [topic]))
  assert.equal(outcome!.error, null)
  await cluster.until(client[Symbol.asyncDispose]())
}

async function createAll(cluster: SimulatedCluster): Promise<void> {
  const client = await cluster.client()
  const assignments = Array.from({ length: PARTITIONS }, () => [1, 2])
  const topics = [
    { name: TOPIC, assignments },
    { name: 'other', assignments: [[1, 2]] },
  ]
  await cluster.until(createTopics(client, topics))
  await cluster.until(client[Symbol.asyncDispose]())
}

/** Two brokers; the second is away while the first takes some megabytes. */
async function world(
  seed: string,
  configs: { readonly broker: number; readonly entries: Entries; readonly topic: Entries },
) {
  const cluster = await SimulatedCluster.start({ seed, brokers: 2 })
  await createAll(cluster)
  await alter(cluster, { type: 'broker', name: String(configs.broker) }, configs.entries)
  await alter(cluster, { type: 'topic', name: TOPIC }, configs.topic)
  cluster.crashBroker(2, { power: false })
  const client = await cluster.client()
  const producer = new Producer(client)
  const value = Buffer.alloc(RECORD_BYTES, 'x')
  for (let i = 0; i < RECORDS; i++) await cluster.until(producer.send(TOPIC, { partition: i % PARTITIONS, value }))
  await cluster.startBroker(2)
  return {
    ...{ cluster, producer, value },
    isInSync: (name: string) => cluster.image.topicsByName.get(name)!.partitions.every(({ isr }) => isr.length === 2),
    async [Symbol.asyncDispose]() {
      for (const part of [producer, client]) await cluster.until(part[Symbol.asyncDispose]())
      await cluster[Symbol.asyncDispose]()
    },
  }
}

type World = Awaited<ReturnType<typeof world>>

/** In ms of the simulated time. */
async function untilInSync({ cluster, isInSync }: World): Promise<number> {
  const startMs = cluster.time.monotonicMs()
  while (!isInSync(TOPIC) && cluster.time.monotonicMs() - startMs < 120_000) await cluster.time.run(STEP_MS)
  return cluster.time.monotonicMs() - startMs
}

function assertHeld(tookMs: number): void {
  const rate = (RECORDS * RECORD_BYTES) / (tookMs / 1000)
  assert.ok(rate > RATE * 0.9 && rate < RATE * 1.1, `${Math.round(rate)} bytes a second in ${tookMs} ms`)
}

test('a follower that catches up gets what its leader’s throttle allows, within a tenth', async () => {
  await using w = await world('leader', {
    ...{ broker: 1, entries: { 'leader.replication.throttled.rate': String(RATE) } },
    topic: { 'leader.replication.throttled.replicas': '*' },
  })
  assertHeld(await untilInSync(w))
})

test('a follower’s own throttle holds within a tenth, and does not slow it down once it is in sync', async () => {
  await using w = await world('follower', {
    ...{ broker: 2, entries: { 'follower.replication.throttled.rate': String(RATE) } },
    topic: { 'follower.replication.throttled.replicas': '0:2,1:2,2:2' },
  })
  assertHeld(await untilInSync(w))
  // All at once, and acknowledged by both: many times the rate.
  const startMs = w.cluster.time.monotonicMs()
  const { producer, value } = w
  const sends = Array.from({ length: 60 }, (_, i) => producer.send(TOPIC, { partition: i % PARTITIONS, value }))
  await w.cluster.until(Promise.all(sends))
  assert.ok(w.cluster.time.monotonicMs() - startMs < 2000)
})

test('who is not throttled is not held up by those who are, and a higher rate lets these go', async () => {
  await using w = await world('others', {
    ...{ broker: 1, entries: { 'leader.replication.throttled.rate': '100' } },
    topic: { 'leader.replication.throttled.replicas': '0:1,1:1,2:1' },
  })
  await w.cluster.time.run(10_000)
  assert.deepEqual([w.isInSync('other'), w.isInSync(TOPIC)], [true, false])
  const startMs = w.cluster.time.monotonicMs()
  await w.cluster.until(w.producer.send('other', { partition: 0, value: w.value }))
  assert.ok(w.cluster.time.monotonicMs() - startMs < 1000)
  await alter(w.cluster, { type: 'broker', name: '1' }, { 'leader.replication.throttled.rate': '100000000' })
  assert.ok((await untilInSync(w)) < 5000)
})

test('who follows nobody but under a throttle still asks often enough to see whether its leader is there', async () => {
  await using w = await world('asks', {
    ...{ broker: 2, entries: { 'follower.replication.throttled.rate': '100' } },
    topic: { 'follower.replication.throttled.replicas': '*' },
  })
  // It would be in sync, and so be asked for whatever the throttle says.
  await remove(w.cluster, 'other')
  for (let i = 0; i < 30; i++) {
    await w.cluster.time.run(1000)
    assert.equal(w.cluster.image.silent.size, 0)
  }
  assert.equal(w.isInSync(TOPIC), false)
})
