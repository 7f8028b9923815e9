import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '@ottla/client/admin.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { difference, recordsIn, replicaLog } from './checkers/replica-logs.ts'
import { SimulatedCluster } from './cluster.ts'

const TOPIC = 't'
const PLACE = { topic: TOPIC, partition: 0 }
const LOG_PATH = '/data/t-0/00000000000000000000.log'
const IDS = [1, 2, 3]

async function world(seed: string, configs: { [name: string]: string } = {}) {
  const cluster = await SimulatedCluster.start({ seed })
  const client = await cluster.client()
  const topic = { name: TOPIC, assignments: [IDS], configs: { 'min.insync.replicas': '2', ...configs } }
  await cluster.until(createTopics(client, [topic]))
  const producer = new Producer(client)
  return {
    cluster,
    send: (value: string) => cluster.until(producer.send(TOPIC, { partition: 0, value })),
    state: () => cluster.image.topicsByName.get(TOPIC)!.partitions[0]!,
    failSync: (id: number) => cluster.disk(id).failNext({ operation: 'sync', path: LOG_PATH, code: 'EIO' }),
    /** Every broker stopped: what each has, which must be the same. */
    async contents() {
      for (const id of IDS) if (cluster.isRunning(id)) await cluster.stopBroker(id)
      const logs = IDS.map((id) => replicaLog(cluster.disk(id), id, PLACE))
      for (const log of logs) assert.equal(difference(logs[0]!, log), null)
      return recordsIn(logs[0]!, PLACE).records.map(({ value }) => value)
    },
    async [Symbol.asyncDispose]() {
      await cluster.until(Promise.resolve(producer[Symbol.asyncDispose]()))
      await cluster.until(Promise.resolve(client[Symbol.asyncDispose]()))
      await cluster[Symbol.asyncDispose]()
    },
  }
}

test('a leader whose sync fails hands over: producers go on within two seconds, and it follows when its log is back', async () => {
  await using w = await world('leader')
  await w.send('a')
  w.failSync(1)
  const startMs = w.cluster.time.monotonicMs()
  await w.send('b')
  const tookMs = w.cluster.time.monotonicMs() - startMs
  assert.ok(tookMs <= 2000, `${tookMs} ms`)
  assert.notEqual(w.state().leader, 1)
  await w.cluster.untilTrue(() => w.state().isr.length === 3)
  await w.send('c')
  assert.deepEqual(await w.contents(), ['a', 'b', 'c'])
})

test('a follower whose sync fails holds up acks=all for no longer than its leader needs to hear of it', async () => {
  await using w = await world('follower')
  await w.send('a')
  w.failSync(3)
  const startMs = w.cluster.time.monotonicMs()
  await w.send('b')
  const tookMs = w.cluster.time.monotonicMs() - startMs
  assert.ok(tookMs <= 500, `${tookMs} ms`)
  assert.deepEqual(w.state().isr.toSorted(), [1, 2])
  assert.equal(w.state().leader, 1)
  await w.cluster.untilTrue(() => w.state().isr.length === 3)
  assert.deepEqual(await w.contents(), ['a', 'b'])
})

test('a leader that nobody can follow leads on in a new epoch, once its log is back', async () => {
  await using w = await world('alone', { 'min.insync.replicas': '1' })
  await w.send('a')
  for (const id of [2, 3]) w.cluster.crashBroker(id, { power: false })
  await w.cluster.untilTrue(() => w.state().isr.length === 1)
  const { leaderEpoch } = w.state()
  w.failSync(1)
  await w.send('b')
  assert.deepEqual([w.state().leader, w.state().leaderEpoch], [1, leaderEpoch + 1])
  for (const id of [2, 3]) await w.cluster.startBroker(id)
  await w.cluster.untilTrue(() => w.state().isr.length === 3)
  await w.send('c')
  assert.deepEqual(await w.contents(), ['a', 'b', 'c'])
})

test('a disk that fails for good takes its broker’s leaderships away, and no more', async () => {
  await using w = await world('for good')
  await w.send('a')
  w.failSync(1)
  // Whatever it tries, its log does not open again.
  for (let i = 0; i < 50; i++)
    w.cluster.disk(1).failNext({ operation: 'create', path: '/data/.ottla-probe', code: 'ENOSPC' })
  for (const value of ['b', 'c', 'd']) {
    await w.send(value)
    await w.cluster.time.run(3000)
  }
  const { leader, isr, leaderEpoch } = w.state()
  assert.notEqual(leader, 1)
  assert.deepEqual([isr.toSorted(), leaderEpoch], [[2, 3], 1])
})
