/**
 * A whole run from one seed: a cluster of three brokers, two clients, a minute of faults, then a time without any in
 * which all must come to rest, then the checkers. The same seed gives the same transcript.
 */
import { seededRandom } from '@ottla/base/random.ts'
import type { Partition } from '@ottla/broker/partition/partition.ts'
import type { Lie } from '@ottla/broker/testing/mortal-disk.ts'
import { createTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { Events } from './checkers/events.ts'
import { checkConsumed, checkProduced, checkSeen } from './checkers/history.ts'
import { difference, recordsIn, replicaLog } from './checkers/replica-logs.ts'
import { ClusterWatch } from './checkers/watch.ts'
import { SimulatedCluster } from './cluster.ts'
import { Faults } from './faults/faults.ts'
import { Groups } from './workloads/groups.ts'
import { ProduceAndRead } from './workloads/produce-and-read.ts'
import { type FinalLog, isAt, type Place, type Workload } from './workloads/workload.ts'

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
/** Every record has acks=all: readers see exactly what is left. */
const STRICT = 'strict'
/** Records with acks=1 among others: what a leader alone had may go, and be read before. */
const MIXED = 'mixed'
const STRICT_PLACES: readonly Place[] = [0, 1].map((partition) => ({ topic: STRICT, partition }))
const MIXED_PLACES: readonly Place[] = [{ topic: MIXED, partition: 0 }]
const PLACES: readonly Place[] = [...STRICT_PLACES, ...MIXED_PLACES]

const RACKS = ['a', 'b', 'c'] as const

const SETTINGS = {
  'min.insync.replicas': '2',
  'offsets.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '100',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.session.timeout.ms': '6000',
  'group.consumer.heartbeat.interval.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '1000',
  'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
  'broker.session.timeout.ms': '3000',
  'replica.lag.time.max.ms': '4000',
  'log.flush.offset.checkpoint.interval.ms': '5000',
}

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
  #faults!: Faults
  #watch!: ClusterWatch

  constructor(options: SeedRunOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { seed, lie } = this.#options
    const brokerSettings = RACKS.map((rack) => ({ 'broker.rack': rack }))
    const settings = { settings: SETTINGS, brokerSettings }
    this.#cluster = await SimulatedCluster.start({ seed, ...settings, ...(lie === undefined ? {} : { lie }) })
    const clients = [await this.#cluster.client(), await this.#cluster.client()] as const
    await this.#begin(clients)
    await this.#suffer()
    await this.#rest()
    this.anomalies.push(...this.#watch.anomalies)
    const ends: readonly AsyncDisposable[] = [this.#workload, ...this.#workloads, ...clients]
    for (const end of ends) await this.#cluster.until(end[Symbol.asyncDispose]() as Promise<void>)
    await this.#cluster[Symbol.asyncDispose]()
    for (const place of PLACES) this.#check(place)
    for (const workload of this.#workloads) this.anomalies.push(...workload.check((place) => this.#finalLog(place)))
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
    const configs = { 'min.insync.replicas': '2', ...this.#options.topicConfigs }
    const assignments = [
      [1, 2, 3],
      [2, 3, 1],
    ]
    const topics = [
      { name: STRICT, configs, assignments },
      { name: MIXED, configs, assignments: assignments.slice(1) },
    ]
    await cluster.until(createTopics(first, topics))
    const random = (of: string) => seededRandom(`${of} of ${this.#options.seed}`)
    const tell = (line: string): void => this.#tell(line)
    this.#workload = new ProduceAndRead({ time: cluster.time, random: random('workload') })
    this.#workload.produce(first, { name: 'first', acks: 'all', places: PLACES })
    this.#workload.produce(second, { name: 'second', acks: 'all', places: STRICT_PLACES })
    this.#workload.produce(second, { name: 'hasty', acks: 1, places: MIXED_PLACES })
    this.#workload.read(first, { name: 'reader', places: STRICT_PLACES, leavesOff: true })
    this.#workload.read(second, { name: 'near reader', places: STRICT_PLACES, rack: RACKS[2] })
    this.#workload.read(first, { name: 'mixed reader', places: MIXED_PLACES })
    const { time, clients } = cluster
    const highWatermark = (place: Place): number => this.#leading(place)?.highWatermark ?? Number.POSITIVE_INFINITY
    const common = { time, seed: this.#options.seed, clients, events: this.#events, tell, client: first, highWatermark }
    this.#workloads = [new Groups({ ...common, places: STRICT_PLACES })]
    this.#faults = new Faults({ cluster, random: random('faults'), events: this.#events, tell })
    this.#watch = new ClusterWatch(cluster, { events: this.#events, tell, strictTopics: [STRICT] })
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

  async #rest(): Promise<void> {
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

  /** What is not yet as it should be in the end; null at rest. */
  #unrest(): string | null {
    const cluster = this.#cluster
    const absent = cluster.ids.find((id) => cluster.serving(id) === null)
    if (absent !== undefined) return `broker ${absent} does not serve`
    if (this.#workload.unsettled > 0) return `${this.#workload.unsettled} records have no outcome`
    const { topicsByName } = cluster.image
    for (const place of PLACES) {
      const { leader, isr } = topicsByName.get(place.topic)!.partitions[place.partition]!
      const name = `${place.topic}-${place.partition}`
      if (leader < 0 || isr.length < cluster.ids.length) return `${name} is led by ${leader} with isr ${isr}`
      const unrest = this.#unrestOf(place, leader)
      if (unrest !== null) return `${name} ${unrest}`
    }
    for (const workload of this.#workloads) {
      const unrest = workload.unrest()
      if (unrest !== null) return unrest
    }
    return null
  }

  /** At the broker that the cluster says leads it. */
  #leading(place: Place): Partition | undefined {
    const leader = this.#cluster.image.topicsByName.get(place.topic)?.partitions[place.partition]?.leader ?? -1
    const broker = this.#cluster.ids.includes(leader) ? this.#cluster.serving(leader) : null
    return [...(broker?.partitions() ?? [])].find(({ topicName: topic, index: partition }) =>
      isAt(place)({ topic, partition }),
    )
  }

  #finalLog(place: Place): FinalLog {
    const [id] = this.#cluster.ids
    return { ...place, records: recordsIn(replicaLog(this.#cluster.disk(id!), id!, place), place).records }
  }

  #unrestOf(place: Place, leader: number): string | null {
    const { topic, partition } = place
    const ends = this.#cluster.ids.map((id) => {
      const held = [...this.#cluster.broker(id).partitions()]
      return held.find(({ topicName, index }) => topicName === topic && index === partition)
    })
    const led = ends[this.#cluster.ids.indexOf(leader)]
    if (led?.isLeader !== true) return `has a leader that does not know it`
    if (led.highWatermark < led.logEndOffset)
      return `has its high watermark at ${led.highWatermark} of ${led.logEndOffset}`
    if (ends.some((one) => one?.logEndOffset !== led.logEndOffset)) {
      return `ends at ${ends.map((one) => one?.logEndOffset)} on its replicas`
    }
    const readTo = this.#workload.readTo(place)
    if (readTo < led.highWatermark && !this.#hasReadingEnded(place))
      return `is read up to ${readTo} of ${led.highWatermark}`
    return null
  }

  #hasReadingEnded({ topic, partition }: Place): boolean {
    return this.#workload.readings.some(
      (one) => one.topic === topic && one.partition === partition && one.error !== null,
    )
  }

  #check(place: Place): void {
    const logs = this.#cluster.ids.map((id) => replicaLog(this.#cluster.disk(id), id, place))
    const name = `${place.topic}-${place.partition}`
    for (const other of logs.slice(1)) {
      const different = difference(logs[0]!, other)
      if (different !== null) this.anomalies.push(`diverged: ${name}: ${different}`)
    }
    const { records, wrong } = recordsIn(logs[0]!, place)
    if (wrong !== null) this.anomalies.push(`damaged: ${name}: ${wrong}`)
    const log = { ...place, records }
    this.anomalies.push(...checkProduced(log, this.#workload.sent))
    for (const reading of this.#workload.readings) {
      if (reading.topic !== place.topic || reading.partition !== place.partition) continue
      const check = place.topic === STRICT ? checkConsumed : checkSeen
      this.anomalies.push(...check(log, reading, this.#workload.sent))
    }
  }

  #tell(line: string): void {
    this.#transcript.push(`${(this.#cluster.time.monotonicMs() / 1000).toFixed(3).padStart(8)} ${line}`)
  }
}
