/** Three brokers in processes of their own on one real etcd, as a user runs them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { needs } from '../debian.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { BrokerCluster, stateOf, untilIsr } from './broker-cluster.ts'
import { EtcdMember } from './etcd-process.ts'
import { openStore } from './store-of.ts'

const options = { ...(await needs('etcd-server')), timeout: 60_000 }
const TOPIC = 'kept'
const ALL = [1, 2, 3]

/** Produces one record after the other, each acknowledged by all in-sync replicas, until it is stopped. */
class Load implements AsyncDisposable {
  readonly acknowledged: string[] = []
  /** The longest time between two acknowledgements since somebody asked. */
  #longestGapMs = 0
  readonly #producer: Producer
  readonly #running: Promise<void>
  #isOver = false

  constructor(client: Client) {
    this.#producer = new Producer(client, { acks: 'all' })
    this.#running = this.#run()
    // Whoever stops it is told of a failure.
    this.#running.catch(() => {})
  }

  /** Resolves once this many more are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count
    await waitUntil(`${wanted} acknowledgements`, async () => {
      const have = this.acknowledged.length
      return have >= wanted ? { found: have } : { missing: `there are ${have}` }
    })
  }

  takeLongestGapMs(): number {
    const gapMs = this.#longestGapMs
    this.#longestGapMs = 0
    return Math.round(gapMs)
  }

  /** Rejects when a record was refused. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {})
    await this.#producer[Symbol.asyncDispose]()
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const sentMs = systemClock.monotonicMs()
      await this.#producer.send(TOPIC, { partition: 0, value: `${i}` })
      this.acknowledged.push(`${i}`)
      this.#longestGapMs = Math.max(this.#longestGapMs, systemClock.monotonicMs() - sentMs)
    }
  }
}

async function contents(client: Client): Promise<string[]> {
  const assignments = [{ topic: TOPIC, partition: 0, from: 'beginning', until: 'end' } as const]
  await using consumer = await AssignedConsumer.open(client, { assignments })
  const values: string[] = []
  for await (const batch of consumer.batches()) for (const { value } of batch.records()) values.push(String(value))
  return values
}

/** Kills the leader; resolves once records are acknowledged again, and the killed one is back and in sync. */
async function replaceLeader(t: TestContext, cluster: BrokerCluster, client: Client, load: Load): Promise<void> {
  const { leader, leaderEpoch } = await stateOf(client, TOPIC)
  load.takeLongestGapMs()
  await cluster.broker(leader).kill()
  await load.more(20)
  t.diagnostic(`broker ${leader} was killed: no acknowledgement for ${load.takeLongestGapMs()} ms`)
  const after = await stateOf(client, TOPIC)
  assert.notEqual(after.leader, leader)
  assert.ok(after.leaderEpoch > leaderEpoch)
  await cluster.restart(leader)
  const whole = await untilIsr(client, TOPIC, ALL)
  assert.equal(whole.leader, after.leader, 'who comes back does not lead at once')
  await load.more(20)
}

test(
  'what three brokers acknowledged survives kill -9 of one leader after the other, and producing goes on',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await using cluster = await BrokerCluster.start({ store: `etcd://${etcd.address}/three`, brokers: 3 })
    try {
      await using client = await openClient({ bootstrap: cluster.bootstrap })
      const controller = await controllerOf(etcd.address)
      const replicas = [controller, ...ALL.filter((id) => id !== controller)]
      const configs = { 'min.insync.replicas': '2' }
      const [created] = await createTopics(client, [{ name: TOPIC, assignments: [replicas], configs }])
      assert.equal(created?.error, null)
      await using load = new Load(client)
      await load.more(20)
      // The first leader is the controller too.
      for (let round = 0; round < 3; round++) await replaceLeader(t, cluster, client, load)
      await load.stop()
      assert.deepEqual(await contents(client), load.acknowledged)
    } catch (error) {
      throw new Error(`The brokers' logs are\n${cluster.logs}`, { cause: error })
    }
  },
)

async function controllerOf(address: string): Promise<number> {
  await using store = await openStore({ addresses: [address], prefix: '/three' })
  return imageOf(await store.read('')).controllerId
}
