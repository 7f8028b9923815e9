/** Owns many whole brokers of one process on one real etcd, and what can happen to them; see scale.ts. */
import assert from 'node:assert/strict'
import { type Clock, systemClock } from '@ottla/base/clock.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { NodeLogger } from '@ottla/base/node-logger.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { Broker } from '@ottla/broker/broker.ts'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import { MetadataFollower } from '@ottla/broker/metadata/follower.ts'
import { isEligible, type MetadataImage, NO_LEADER, type PartitionImage } from '@ottla/broker/metadata/image.ts'
import type { MetadataStore } from '@ottla/broker/metadata/store.ts'
import { MortalDisk } from '@ottla/broker/testing/mortal-disk.ts'
import { MortalTimers } from '@ottla/broker/testing/mortal-timers.ts'
import { createTopics, type NewTopic } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { EtcdMember } from './etcd-process.ts'
import { openStore } from './store-of.ts'
import { type CommitSample, WatchedStore } from './watched-store.ts'

const REPLICAS = 3
const PARTITIONS_PER_TOPIC = 100
const TOPICS_PER_REQUEST = 10
const PREFIX = '/scale'
const STEP_MS_MAX = 300_000
const LOOK_MS = 5

/** What ends with one process of a broker. */
interface Life {
  readonly timers: MortalTimers
  readonly disk: MortalDisk
  store: WatchedStore | null
  broker: Broker | null
}

const REAL_TIME: Timers & Clock = {
  after: (delayMs, callback) => systemTimers.after(delayMs, callback),
  endOfTurn: (callback) => systemTimers.endOfTurn(callback),
  soon: (callback) => systemTimers.soon(callback),
  sleep: (delayMs, options) => systemTimers.sleep(delayMs, options),
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs(),
}

export class ScaleCluster implements AsyncDisposable {
  readonly etcd: EtcdMember
  readonly #disks = new Map<number, MemoryDisk>()
  /** Of the brokers that run. */
  readonly #lives = new Map<number, Life>()
  readonly #observer: MetadataStore
  readonly #follower: MetadataFollower
  readonly #logger = new NodeLogger({ clock: systemClock, level: 'error', format: 'human' })

  /** No broker runs yet. */
  static async start(brokers: number): Promise<ScaleCluster> {
    const etcd = await EtcdMember.start()
    const observer = await openStore({ addresses: [etcd.address], prefix: PREFIX })
    const onFailure = (error: unknown): void => void process.stderr.write(`The observer has failed: ${error}\n`)
    const follower = await MetadataFollower.open({ store: observer, onImage: () => {}, onFailure })
    return new ScaleCluster(brokers, { etcd, observer, follower })
  }

  private constructor(
    brokers: number,
    parts: { etcd: EtcdMember; observer: MetadataStore; follower: MetadataFollower },
  ) {
    this.etcd = parts.etcd
    this.#observer = parts.observer
    this.#follower = parts.follower
    for (let id = 1; id <= brokers; id++) this.#disks.set(id, new MemoryDisk())
  }

  /** Since somebody asked. */
  takeCommits(): CommitSample[] {
    return Array.from(this.#lives.values(), ({ store }) => store?.commits.splice(0) ?? []).flat()
  }

  ledBy(id: number): number {
    return count(this.#follower.image, ({ leader }) => leader === id)
  }

  async startAll(): Promise<string> {
    await Promise.all([...this.#disks.keys()].map((id) => this.#start(id)))
    return ''
  }

  async rest(ms: number): Promise<string> {
    await systemTimers.sleep(ms)
    return ''
  }

  /** So many of them are led by one broker; all others lie where the controller puts them. */
  async createPartitions(wanted: { partitions: number; heavy: { id: number; partitions: number } }): Promise<string> {
    const { partitions, heavy } = wanted
    const ids = [...this.#disks.keys()]
    const others = ids.filter((id) => id !== heavy.id)
    const assigned = (i: number): number[] => [heavy.id, ...[i, i + 1].map((n) => others[n % others.length]!)]
    const topics: NewTopic[] = []
    for (let i = 0; i < partitions; i += PARTITIONS_PER_TOPIC) {
      const size = Math.min(PARTITIONS_PER_TOPIC, partitions - i)
      const name = `topic-${topics.length}`
      const assignments = Array.from({ length: size }, (_, n) => assigned(i + n))
      topics.push(
        i < heavy.partitions ? { name, assignments } : { name, partitions: size, replicationFactor: REPLICAS },
      )
    }
    await using client = await openClient({ bootstrap: [...this.#lives.values()][0]!.broker!.bootstrap })
    for (let i = 0; i < topics.length; i += TOPICS_PER_REQUEST) {
      const created = await createTopics(client, topics.slice(i, i + TOPICS_PER_REQUEST), { timeoutMs: STEP_MS_MAX })
      for (const { error } of created) assert.equal(error, null)
    }
    return await this.#publishedEverywhere()
  }

  /** As of the end of its session, whoever finds that out; until no partition is without a leader, and all know. */
  async failOver(id: number): Promise<string> {
    const startMs = systemClock.monotonicMs()
    await this.#kill(id)
    await this.#follower.until((image) => !leadsOrIsInSync(image, id))
    const electedMs = systemClock.monotonicMs() - startMs
    const published = await this.#publishedEverywhere(startMs)
    return `last new leader after ${electedMs.toFixed(0)} ms, ${published}`
  }

  async comeBack(id: number): Promise<string> {
    await this.#start(id)
    await this.#follower.until((image) => count(image, ({ isr, replicas }) => isr.length < replicas.length) === 0)
    return await this.#publishedEverywhere()
  }

  async failOverController(): Promise<string> {
    const { controllerId, controllerEpoch } = this.#follower.image
    const startMs = systemClock.monotonicMs()
    await this.#kill(controllerId)
    const isOther = (image: MetadataImage): boolean =>
      image.controllerEpoch !== controllerEpoch && image.controllerEpoch !== 0
    await this.#follower.until(isOther)
    const electedMs = systemClock.monotonicMs() - startMs
    await this.#follower.until((image) => !leadsOrIsInSync(image, controllerId))
    const published = await this.#publishedEverywhere(startMs)
    return `elected after ${electedMs.toFixed(0)} ms, ${published}`
  }

  async restartAll(): Promise<string> {
    const startMs = systemClock.monotonicMs()
    await Promise.all([...this.#lives.keys()].map(async (id) => await this.#stop(id)))
    const stoppedMs = systemClock.monotonicMs() - startMs
    await this.startAll()
    const startedMs = systemClock.monotonicMs() - startMs - stoppedMs
    await this.#follower.until((image) => count(image, ({ leader }) => leader === NO_LEADER) === 0)
    const published = await this.#publishedEverywhere(startMs)
    return `stopped in ${stoppedMs.toFixed(0)} ms, served in ${startedMs.toFixed(0)} ms more, ${published}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#lives.keys()].map(async (id) => await this.#stop(id)))
    await this.#follower[Symbol.asyncDispose]()
    await this.#observer[Symbol.asyncDispose]()
    await this.etcd[Symbol.asyncDispose]()
  }

  async #start(id: number): Promise<void> {
    const disk = new MortalDisk(this.#disks.get(id)!)
    const timers = new MortalTimers(REAL_TIME)
    const life: Life = { disk, timers, store: null, broker: null }
    this.#lives.set(id, life)
    life.broker = await Broker.start({
      ...{ storage: 'memory', port: 0 },
      settings: { 'node.id': String(id) },
      ports: {
        ...{ disk, timers, clock: timers, logger: this.#logger },
        openStore: async () => {
          life.store = new WatchedStore(await openStore({ addresses: [this.etcd.address], prefix: PREFIX }))
          return life.store
        },
      },
    })
  }

  async #stop(id: number): Promise<void> {
    const { broker, disk } = this.#lives.get(id)!
    await broker![Symbol.asyncDispose]()
    disk.end()
    this.#lives.delete(id)
  }

  /** As far as all others can tell. */
  async #kill(id: number): Promise<void> {
    const { store, disk, timers } = this.#lives.get(id)!
    this.#lives.delete(id)
    timers.end()
    disk.end()
    await store!.die()
  }

  /** What the store holds now is what each broker goes by. */
  async #publishedEverywhere(startMs = systemClock.monotonicMs()): Promise<string> {
    const { revision } = imageOf(await this.#observer.read('controller'))
    const stores = Array.from(this.#lives.values(), ({ store }) => store!)
    const endMs = systemClock.monotonicMs() + STEP_MS_MAX
    while (stores.some(({ publishedRevision }) => publishedRevision < revision)) {
      assert.ok(systemClock.monotonicMs() < endMs, 'Every broker publishes')
      await systemTimers.sleep(LOOK_MS)
    }
    return `published by all after ${(systemClock.monotonicMs() - startMs).toFixed(0)} ms`
  }
}

function count(image: MetadataImage, isMeant: (partition: PartitionImage) => boolean): number {
  let found = 0
  for (const { partitions } of image.topicsById.values()) for (const one of partitions) if (isMeant(one)) found++
  return found
}

function leadsOrIsInSync(image: MetadataImage, id: number): boolean {
  return isEligible(image, id) || count(image, ({ leader, isr }) => leader === id || isr.includes(id)) > 0
}
