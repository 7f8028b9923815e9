/** Partitions that move between brokers while they are written and read, whatever happens to the brokers meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import {
  alterPartitionReassignments,
  createTopics,
  describeTopics,
  listPartitionReassignments,
} from '@ottla/client/admin.ts'
import { checkConsumed, checkProduced } from './checkers/history.ts'
import { difference, recordsIn, replicaLog } from './checkers/replica-logs.ts'
import { DATA_DIRECTORY, SimulatedCluster } from './cluster.ts'
import { ProduceAndRead } from './workloads/produce-and-read.ts'
import type { Place } from './workloads/workload.ts'

const TOPIC = 't'
const PLACES: readonly Place[] = [0, 1].map((partition) => ({ topic: TOPIC, partition }))
const LOAD_MS = 3_000
const DELETE_DELAY_MS = 1_000
const SETTINGS = {
  'broker.session.timeout.ms': '3000',
  'replica.lag.time.max.ms': '4000',
  'log.segment.delete.delay.ms': String(DELETE_DELAY_MS),
  // Moves take several fetches.
  'replica.fetch.max.bytes': '1000',
  'replica.fetch.response.max.bytes': '2000',
}

class World implements AsyncDisposable {
  readonly cluster: SimulatedCluster
  readonly #workload: ProduceAndRead
  readonly #stack = new AsyncDisposableStack()

  private constructor(cluster: SimulatedCluster, seed: string) {
    this.cluster = cluster
    this.#workload = new ProduceAndRead({ time: cluster.time, random: seededRandom(`workload of ${seed}`) })
  }

  /** Four brokers, two partitions on the first three, a producer and a reader of both that do not rest. */
  static async start(seed: string): Promise<World> {
    const w = new World(await SimulatedCluster.start({ seed, brokers: 4, settings: SETTINGS }), seed)
    const assignments = [
      [1, 2, 3],
      [2, 3, 1],
    ]
    const configs = { 'min.insync.replicas': '2' }
    const [created] = await w.ask((admin) => createTopics(admin, [{ name: TOPIC, assignments, configs }]))
    assert.equal(created?.error, null)
    w.#workload.produce(await w.#client(), { name: 'producer', acks: 'all', places: PLACES })
    w.#workload.read(await w.#client(), { name: 'reader', places: PLACES })
    await w.cluster.time.run(LOAD_MS)
    return w
  }

  async #client() {
    const client = await this.cluster.client()
    this.#stack.defer(() => this.cluster.until(client[Symbol.asyncDispose]()))
    return client
  }

  /** By somebody who connects to brokers that are there. */
  async ask<T>(question: (client: Awaited<ReturnType<SimulatedCluster['client']>>) => Promise<T>): Promise<T> {
    const client = await this.cluster.client()
    const answer = await this.cluster.until(question(client))
    await this.cluster.until(client[Symbol.asyncDispose]())
    return answer
  }

  async reassign(...replicas: readonly (readonly number[] | null)[]): Promise<void> {
    const wanted = replicas.map((one, partition) => ({ topic: TOPIC, partition, replicas: one }))
    const outcomes = await this.ask((admin) => alterPartitionReassignments(admin, wanted))
    for (const { error } of outcomes) assert.equal(error, null)
  }

  running() {
    return this.ask((admin) => listPartitionReassignments(admin))
  }

  partition(index = 0) {
    return this.cluster.image.topicsByName.get(TOPIC)!.partitions[index]!
  }

  get controller(): number {
    return this.cluster.image.controllerId
  }

  /** Until the replicas are these and all of them in sync, whoever else has been one meanwhile. */
  async untilOn(...replicas: readonly (readonly number[])[]): Promise<void> {
    await this.cluster.untilTrue(() =>
      replicas.every((wanted, index) => {
        const { replicas: found, isr } = this.partition(index)
        return `${found.toSorted()}` === `${wanted.toSorted()}` && `${isr.toSorted()}` === `${wanted.toSorted()}`
      }),
    )
  }

  /** Everything that was acknowledged is on all replicas, once and in order, was read, and is on nobody else's disk. */
  async check(): Promise<void> {
    await this.cluster.time.run(LOAD_MS)
    this.#workload.endProducing()
    await this.cluster.untilTrue(() => this.#workload.unsettled === 0 && PLACES.every((place) => this.#isRead(place)))
    await this.cluster.time.run(DELETE_DELAY_MS)
    for (const place of PLACES) this.#checkPlace(place)
  }

  #isRead(place: Place): boolean {
    const { replicas } = this.partition(place.partition)
    const ends = replicas.map((id) => this.#held(id, place)?.logEndOffset)
    return ends.every((end) => end === this.#workload.readTo(place))
  }

  #held(id: number, { partition }: Place) {
    return [...this.cluster.broker(id).partitions()].find((one) => one.topicName === TOPIC && one.index === partition)
  }

  #checkPlace(place: Place): void {
    const { replicas } = this.partition(place.partition)
    const logs = replicas.map((id) => replicaLog(this.cluster.disk(id), id, place))
    for (const other of logs.slice(1)) assert.equal(difference(logs[0]!, other), null)
    const { records, wrong } = recordsIn(logs[0]!, place)
    assert.equal(wrong, null)
    assert.ok(records.length > 0)
    const log = { ...place, records }
    assert.deepEqual(checkProduced(log, this.#workload.sent), [])
    for (const reading of this.#workload.readings.filter(({ partition }) => partition === place.partition)) {
      assert.deepEqual(checkConsumed(log, reading), [])
    }
    const others = this.cluster.ids.filter((id) => !replicas.includes(id))
    const name = `${TOPIC}-${place.partition}`
    for (const id of others) {
      const left = this.cluster
        .disk(id)
        .list(DATA_DIRECTORY)
        .filter((entry) => entry.name.startsWith(name))
      // Who was down when its replica went has put it aside.
      assert.deepEqual(
        left.filter((entry) => !entry.name.endsWith('-stray')),
        [],
        `of ${name} on broker ${id}`,
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.until(this.#workload[Symbol.asyncDispose]())
    await this.#stack.disposeAsync()
    await this.cluster[Symbol.asyncDispose]()
  }
}

test('partitions move to other brokers under load, leaders too, and lose nothing', async () => {
  await using w = await World.start('moves')
  const before = w.partition()
  await w.reassign([4, 2, 3], [3, 4])
  const running = await w.running()
  if (running.length > 0) assert.deepEqual(running[0]!.adding, [4])
  await w.untilOn([4, 2, 3], [3, 4])
  assert.deepEqual(await w.running(), [])
  assert.deepEqual(
    [w.partition(0).replicas, w.partition(1).replicas],
    [
      [4, 2, 3],
      [3, 4],
    ],
    'in order of preference',
  )
  assert.equal(w.partition().leader, 4, 'its leader has gone')
  assert.ok(w.partition().leaderEpoch > before.leaderEpoch)
  const [described] = await w.ask((admin) => describeTopics(admin, [TOPIC]))
  assert.deepEqual(
    described!.partitions.map(({ replicas }) => replicas),
    [
      [4, 2, 3],
      [3, 4],
    ],
  )
  await w.reassign([1, 2, 3], [2, 3, 1])
  await w.untilOn([1, 2, 3], [2, 3, 1])
  await w.check()
})

test('a move goes on whoever dies in its middle: who gives, who gets, who decides', async () => {
  for (const who of ['source', 'target', 'controller'] as const) {
    await using w = await World.start(`dies: ${who}`)
    w.cluster.slowSyncs(4, 200)
    await w.reassign([4, 2, 3], [4, 3, 1])
    assert.notDeepEqual(await w.running(), [], 'it has not ended yet')
    const id = who === 'source' ? w.partition().leader : who === 'target' ? 4 : w.controller
    w.cluster.crashBroker(id, { power: true })
    await w.cluster.time.run(LOAD_MS)
    await w.cluster.startBroker(id)
    await w.untilOn([4, 2, 3], [4, 3, 1])
    await w.check()
  }
})

test('a move to a broker that is away waits for it, and can be taken back', async () => {
  await using w = await World.start('taken back')
  w.cluster.crashBroker(4, { power: false })
  await w.cluster.untilTrue(() => w.cluster.image.brokers.get(4)!.fenced)
  await w.reassign([4, 2, 3], [4, 3, 1])
  await w.cluster.time.run(LOAD_MS)
  assert.equal((await w.running()).length, 2)
  await w.reassign(null)
  await w.untilOn([1, 2, 3])
  assert.deepEqual(
    (await w.running()).map(({ partition }) => partition),
    [1],
  )
  await w.cluster.startBroker(4)
  await w.untilOn([1, 2, 3], [4, 3, 1])
  await w.check()
})

test('a move that is taken back in its middle leaves nothing at who was to get it', async () => {
  await using w = await World.start('taken back in the middle')
  w.cluster.slowSyncs(4, 200)
  await w.reassign([4, 2, 3], [4, 3, 1])
  await w.cluster.time.run(300)
  assert.equal((await w.running()).length, 2)
  await w.reassign(null, null)
  await w.untilOn([1, 2, 3], [2, 3, 1])
  await w.check()
})
