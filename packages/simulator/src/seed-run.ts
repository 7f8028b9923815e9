/**
 * A whole run from one seed: a cluster of three brokers, those who produce, read, share partitions and operate it, a minute
 * of faults, then a time without any in which all must come to rest, then the checkers. The same seed gives the same
 * transcript.
 */
import { seededRandom } from '@ottla/base/random.ts'
import type { Lie } from '@ottla/broker/testing/mortal-disk.ts'
import { createTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { Events } from './checkers/events.ts'
import { ClusterWatch } from './checkers/watch.ts'
import { SimulatedCluster } from './cluster.ts'
import { Faults } from './faults/faults.ts'
import { finalChecks, finalLog } from './final-checks.ts'
import { Rest } from './rest.ts'
import {
  BOUNDED,
  BOUNDED_PLACE,
  COMPACTED,
  COMPACTED_PLACE,
  MIXED_PLACE,
  newTopics,
  PLACES,
  RACKS,
  SETTINGS,
  STRICT,
  STRICT_PLACES,
} from './topics.ts'
import { Churn } from './workloads/churn.ts'
import { Groups } from './workloads/groups.ts'
import { ProduceAndRead } from './workloads/produce-and-read.ts'
import { RecreatedTopic } from './workloads/recreated-topic.ts'
import type { Place, Workload } from './workloads/workload.ts'

export interface SeedRunOptions {
  readonly seed: number | string
  /** A minute when left out. */
  readonly faultsMs?: number
  readonly lie?: Lie
  /** On top of the topics' own: to plant a bug by. */
  readonly topicConfigs?: { readonly [name: string]: string }
}

export interface SeedRun {
  readonly seed: number | string
  /** In words; empty where all was kept. */
  readonly anomalies: readonly string[]
  readonly transcript: readonly string[]
  readonly events: Events
  readonly sent: number
  readonly acknowledged: number
  readonly read: number
}

const FAULTS_MS = 60_000
/** Sessions end, producers give up and followers catch up well within it. */
const REST_MS_MAX = 60_000
const LOOK_MS = 20
const FAULT_PAUSE_MS_MAX = 3_000
/** Of the compacted topic. */
const KEYS = 5

/** Never rejects: whatever breaks is an anomaly. */
export async function seedRun(options: SeedRunOptions): Promise<SeedRun> {
  const run = new Run(options)
  try {
    await run.run()
  } catch (error) {
    run.anomalies.push(`broken: ${(error as Error).stack}`)
  }
  return run.result()
}

class Run {
  readonly anomalies: string[] = []
  readonly #options: SeedRunOptions
  readonly #transcript: string[] = []
  readonly #events = new Events()
  #cluster!: SimulatedCluster
  #workload!: ProduceAndRead
  #workloads: readonly Workload[] = []
  #churn!: Churn
  #rest!: Rest
  #faults!: Faults
  #watch!: ClusterWatch

  constructor(options: SeedRunOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { seed, lie } = this.#options
    const brokerSettings = RACKS.map((rack) => ({ 'broker.rack': rack }))
    const settings = { settings: SETTINGS, brokerSettings }
    const cluster = await SimulatedCluster.start({ seed, ...settings, ...(lie === undefined ? {} : { lie }) })
    this.#cluster = cluster
    const clients = [await this.#cluster.client(), await this.#cluster.client()] as const
    await this.#begin(clients)
    await this.#suffer()
    await this.#comeToRest()
    const startOffsets = new Map(
      cluster.ids.map((id) => [id, this.#rest.replica(id, BOUNDED_PLACE)?.logStartOffset ?? 0]),
    )
    this.anomalies.push(...this.#watch.anomalies)
    const ends: readonly AsyncDisposable[] = [this.#workload, ...this.#workloads, ...clients]
    for (const end of ends) await this.#cluster.until(end[Symbol.asyncDispose]() as Promise<void>)
    await this.#cluster[Symbol.asyncDispose]()
    const { deletedTo } = this.#churn
    this.anomalies.push(...finalChecks(cluster, { workload: this.#workload, startOffsets, deletedTo }))
    for (const workload of this.#workloads) this.anomalies.push(...workload.check((place) => finalLog(cluster, place)))
  }

  result(): SeedRun {
    const { seed } = this.#options
    const sent = this.#workload?.sent ?? []
    const failed = sent.filter(({ error }) => error !== null).length
    this.#events.count('delivery failed', failed)
    return {
      ...{ seed, anomalies: this.anomalies, transcript: this.#transcript, events: this.#events, sent: sent.length },
      acknowledged: sent.filter(({ offset }) => offset !== null).length,
      read: (this.#workload?.readings ?? []).reduce((sum, { records }) => sum + records.length, 0),
    }
  }

  async #begin([first, second]: readonly [Client, Client]): Promise<void> {
    const cluster = this.#cluster
    await cluster.until(createTopics(first, newTopics(this.#options.topicConfigs ?? {})))
    const random = (of: string) => seededRandom(`${of} of ${this.#options.seed}`)
    const tell = (line: string): void => this.#tell(line)
    const { time } = cluster
    this.#workload = new ProduceAndRead({ time, random: random('workload') })
    this.#produceAndRead(first, second)
    this.#rest = new Rest(cluster, this.#workload, PLACES)
    const common = { time, seed: this.#options.seed, events: this.#events, tell, client: first, brokers: cluster.ids }
    const highWatermark = (place: Place): number => this.#rest.leading(place)?.highWatermark ?? Number.POSITIVE_INFINITY
    const replicas = (place: Place) => this.#rest.replicas(place)
    const churned = { bounded: BOUNDED_PLACE, compactedTopic: COMPACTED, moved: [STRICT_PLACES[0]!, COMPACTED_PLACE] }
    const startEverywhere = (place: Place): number =>
      Math.min(...cluster.ids.map((id) => this.#rest.replica(id, place)?.logStartOffset ?? 0))
    this.#churn = new Churn({ ...common, ...churned, highWatermark, startEverywhere, replicas })
    this.#workloads = [
      new Groups({ ...common, clients: cluster.clients, places: STRICT_PLACES, highWatermark }),
      new RecreatedTopic({ ...common, writer: second }),
      this.#churn,
    ]
    this.#faults = new Faults({ cluster, random: random('faults'), events: this.#events, tell })
    this.#watch = new ClusterWatch(cluster, { events: this.#events, tell, strictTopics: [STRICT, COMPACTED, BOUNDED] })
  }

  #produceAndRead(first: Client, second: Client): void {
    const workload = this.#workload
    workload.produce(first, { name: 'first', acks: 'all', places: [...STRICT_PLACES, MIXED_PLACE, BOUNDED_PLACE] })
    workload.produce(second, { name: 'second', acks: 'all', places: [...STRICT_PLACES, BOUNDED_PLACE] })
    workload.produce(second, { name: 'hasty', acks: 1, places: [MIXED_PLACE] })
    workload.produce(first, { name: 'keyed', acks: 'all', places: [COMPACTED_PLACE], keys: KEYS })
    workload.read(first, { name: 'reader', places: STRICT_PLACES, leavesOff: true })
    workload.read(second, { name: 'near reader', places: [...STRICT_PLACES, COMPACTED_PLACE], rack: RACKS[2] })
    workload.read(first, { name: 'mixed reader', places: [MIXED_PLACE] })
    workload.read(second, { name: 'late reader', places: [BOUNDED_PLACE], skipsWhatIsGone: true })
  }

  async #suffer(): Promise<void> {
    const random = seededRandom(`times of ${this.#options.seed}`)
    const { time } = this.#cluster
    const endMs = time.monotonicMs() + (this.#options.faultsMs ?? FAULTS_MS)
    let nextMs = time.monotonicMs() + random.below(FAULT_PAUSE_MS_MAX)
    while (time.monotonicMs() < endMs) {
      await this.#step()
      if (time.monotonicMs() < nextMs) continue
      this.#faults.begin()
      nextMs = time.monotonicMs() + random.below(FAULT_PAUSE_MS_MAX)
    }
    this.#tell('everything heals')
    this.#faults.heal()
    this.#workload.endProducing()
    for (const workload of this.#workloads) workload.calmDown()
  }

  async #comeToRest(): Promise<void> {
    const { time } = this.#cluster
    const endMs = time.monotonicMs() + REST_MS_MAX
    while (this.#unrest() !== null && time.monotonicMs() < endMs) await this.#step()
    const unrest = this.#unrest()
    if (unrest !== null) this.anomalies.push(`stuck: ${unrest}, ${REST_MS_MAX} ms after everything has healed`)
    else this.#tell('at rest')
  }

  async #step(): Promise<void> {
    await this.#cluster.time.run(LOOK_MS)
    this.#faults.elapse()
    this.#watch.look()
  }

  #unrest(): string | null {
    for (const part of [this.#rest, ...this.#workloads]) {
      const unrest = part.unrest()
      if (unrest !== null) return unrest
    }
    return null
  }

  #tell(line: string): void {
    this.#transcript.push(`${(this.#cluster.time.monotonicMs() / 1000).toFixed(3).padStart(8)} ${line}`)
  }
}
