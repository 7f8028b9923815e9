/**
 * Owns what a client knows of a cluster: its brokers, and the leaders of the partitions of the topics that somebody
 * here uses. It is asked again on errors, when it has grown old, and for topics that are new; questions that come
 * together share one request.
 *
 * Knowledge never goes back: a broker that lags behind may still name an older leader epoch, which is then ignored
 * unless the topic is another one of the same name (KIP-320, KIP-516).
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { Metadata as MetadataApi } from '@ottla/protocol/apis/03-metadata.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { type Broker, type Connections, SILENT_MS, unlessAborted } from './connections.ts'
import { OverloadError } from './errors.ts'

export interface PartitionMetadata {
  readonly partition: number
  /** −1 where the partition has no leader at the moment. */
  readonly leaderId: number
  /** −1 where the broker does not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export interface TopicMetadata {
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  /** NONE, or why the topic cannot be used. */
  readonly error: ErrorName
  /** By number, without gaps. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionPlace {
  readonly topic: string
  /** That the broker was asked about; the zero uuid where it was asked by name. */
  readonly topicId: string
  readonly partition: number
}

export interface ToldLeader {
  /** The broker that told it. */
  readonly by: number
  readonly leader: { readonly leaderId: number; readonly leaderEpoch: number }
  readonly endpoints: readonly Broker[]
}

export interface MetadataOptions {
  readonly connections: Connections
  readonly clock: Clock
  readonly timers: Timers
  /** Older knowledge is refreshed in the background, in ms. 300,000 when left out. */
  readonly ageMsMax?: number
}

const AGE_MS_MAX = 300_000
/** Between two refreshes, in ms, so that many errors at once do not ask many times. */
const REFRESH_INTERVAL_MS = 100
/** Between two looks for a topic that is being created, in ms. */
const TOPIC_POLL_MS = 100
/** Topics that one client keeps track of. */
const TOPICS_MAX = 100_000

type MetadataResponse = ResponseOf<typeof MetadataApi>

export class Metadata {
  readonly #connections: Connections
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #ageMsMax: number
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #disposing = new AbortController()
  #refreshing: Promise<void> | null = null
  #refreshedMs = Number.NEGATIVE_INFINITY
  #clusterId: string | null = null
  #controllerId = -1

  constructor(options: MetadataOptions) {
    this.#connections = options.connections
    this.#clock = options.clock
    this.#timers = options.timers
    this.#ageMsMax = options.ageMsMax ?? AGE_MS_MAX
  }

  /** How old knowledge may grow, in ms. */
  get ageMsMax(): number {
    return this.#ageMsMax
  }

  /** Null until the first answer, and from brokers that have none. */
  get clusterId(): string | null {
    return this.#clusterId
  }

  /** A broker that takes requests for the controller; −1 when unknown. */
  get controllerId(): number {
    return this.#controllerId
  }

  /** What is known of a topic, without asking. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** The leader, if it is known and alive, without asking. */
  leader(topic: string, partition: number): PartitionMetadata | undefined {
    const known = this.#topics.get(topic)?.partitions[partition]
    return known === undefined || known.leaderId < 0 || !this.#connections.brokers.has(known.leaderId)
      ? undefined
      : known
  }

  /**
   * Asks again for the brokers and for all topics in use. One request serves all who ask meanwhile, and requests keep a
   * distance. Rejects when no broker answers.
   */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null
    })
    await unlessAborted(this.#refreshing, options.signal)
  }

  /**
   * What a broker told with a refusal: who leads the partition, and where that broker is (KIP-951). True where another
   * broker than the one that refused is known to lead by now: the request may be sent there at once.
   */
  learnLeader(place: PartitionPlace, told: ToldLeader): boolean {
    const { leaderId, leaderEpoch } = told.leader
    const topic = this.#topics.get(place.topic)
    const known = topic?.partitions[place.partition]
    if (topic === undefined || known === undefined || leaderId < 0) return false
    if (place.topicId !== ZERO_UUID && place.topicId !== topic.topicId) return false
    if (leaderEpoch <= known.leaderEpoch) return leaderEpoch === known.leaderEpoch && known.leaderId !== told.by
    const named = told.endpoints.find(({ nodeId }) => nodeId === leaderId)
    const { brokers } = this.#connections
    if (named !== undefined) this.#connections.setBrokers(new Map([...brokers, [leaderId, named]]))
    else if (!brokers.has(leaderId)) return false
    const partitions = topic.partitions.with(place.partition, { ...known, leaderId, leaderEpoch })
    this.#topics.set(place.topic, { ...topic, partitions })
    return leaderId !== told.by
  }

  /** Starts a refresh in the background where knowledge has grown old. A failure shows when somebody needs it. */
  refreshIfOld(): void {
    if (this.#clock.monotonicMs() - this.#refreshedMs <= this.#ageMsMax || this.#refreshing !== null) return
    this.refresh().catch(() => {})
  }

  /**
   * What is known of a topic, asked for where it is not known yet, and kept fresh from then on. A topic that does not
   * exist is looked for until `timeoutMs` has passed, because creation takes a moment to reach all brokers: rejects with
   * ProtocolError then.
   */
  async find(
    name: string,
    options: { timeoutMs: number; autoCreate: boolean; signal?: AbortSignal },
  ): Promise<TopicMetadata> {
    const deadlineMs = this.#clock.monotonicMs() + options.timeoutMs
    for (;;) {
      const known = this.#topics.get(name)
      if (known !== undefined && known.error === 'NONE' && known.partitions.length > 0) return known
      const answer = await this.#ask([name], options)
      this.#learn(answer)
      const found = this.#topics.get(name)
      if (found?.error === 'NONE' && found.partitions.length > 0) continue
      const error = topicError(name, found?.error ?? 'UNKNOWN_TOPIC_OR_PARTITION')
      const leftMs = deadlineMs - this.#clock.monotonicMs()
      if (!error.retriable || leftMs <= 0) throw error
      const signal = options.signal ?? this.#disposing.signal
      await this.#timers.sleep(Math.min(TOPIC_POLL_MS, leftMs), { signal })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.abort(new Error('The client was disposed'))
  }

  async #refresh(): Promise<void> {
    const waitMs = this.#refreshedMs + REFRESH_INTERVAL_MS - this.#clock.monotonicMs()
    if (waitMs > 0) await this.#timers.sleep(waitMs, { signal: this.#disposing.signal })
    try {
      this.#learn(await this.#ask([...this.#topics.keys()], { autoCreate: false, signal: this.#disposing.signal }))
    } finally {
      this.#refreshedMs = this.#clock.monotonicMs()
    }
  }

  /** A broker that is silent is left for the next one; the last of as many as there are has all its time. */
  async #ask(
    names: readonly string[],
    options: { autoCreate: boolean; signal?: AbortSignal },
  ): Promise<MetadataResponse> {
    for (let left = this.#connections.brokers.size; left > 1; left--) {
      const patience = new AbortController()
      const timer = this.#timers.after(SILENT_MS, () => patience.abort())
      const signals = options.signal === undefined ? [patience.signal] : [options.signal, patience.signal]
      try {
        return await this.#askOne(names, { ...options, signal: AbortSignal.any(signals) })
      } catch (error) {
        if (options.signal?.aborted === true || !patience.signal.aborted) throw error
      } finally {
        timer.cancel()
      }
    }
    return await this.#askOne(names, options)
  }

  async #askOne(
    names: readonly string[],
    options: { autoCreate: boolean; signal?: AbortSignal },
  ): Promise<MetadataResponse> {
    const abort = options.signal === undefined ? {} : { signal: options.signal }
    const connection = await this.#connections.any(abort)
    const request = { topics: names.map((name) => ({ name })), allowAutoTopicCreation: options.autoCreate }
    // In version 0 an empty list means all topics, before version 4 creation cannot be declined.
    const versionMin = names.length === 0 ? 1 : 0
    return await connection.request(MetadataApi, request, { versionMin, ...abort })
  }

  #learn(answer: MetadataResponse): void {
    if (answer.errorCode !== 0) throw new ProtocolError(errorName(answer.errorCode))
    this.#clusterId = answer.clusterId
    this.#controllerId = answer.controllerId
    this.#connections.setBrokers(new Map(answer.brokers.map((broker) => [broker.nodeId, broker satisfies Broker])))
    for (const topic of answer.topics) {
      if (topic.name !== null) this.#learnTopic(topic.name, toTopic(topic.name, topic))
    }
  }

  #learnTopic(name: string, next: TopicMetadata): void {
    const known = this.#topics.get(name)
    if (known === undefined && this.#topics.size >= TOPICS_MAX) {
      throw new OverloadError(`Cannot use topic "${name}": this client uses ${TOPICS_MAX} topics already`)
    }
    const isSame = known !== undefined && known.topicId === next.topicId
    this.#topics.set(name, isSame ? { ...next, partitions: newerOf(known.partitions, next.partitions) } : next)
  }
}

/** For an error that names its topic and says what to do. */
export function topicError(name: string, error: ErrorName): ProtocolError {
  if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') return new ProtocolError(error, `Cannot use topic "${name}": ${error}`)
  return new ProtocolError(error, `Topic "${name}" does not exist: create it, or check its name`)
}

function toTopic(name: string, topic: MetadataResponse['topics'][number]): TopicMetadata {
  const partitions: PartitionMetadata[] = topic.partitions
    .map((row) => ({
      partition: row.partitionIndex,
      leaderId: row.leaderId,
      leaderEpoch: row.leaderEpoch,
      replicas: row.replicaNodes,
      isr: row.isrNodes,
      offlineReplicas: row.offlineReplicas,
    }))
    .sort((a, b) => a.partition - b.partition)
  const isWhole = partitions.every((row, index) => row.partition === index)
  const error = isWhole ? errorName(topic.errorCode) : 'LEADER_NOT_AVAILABLE'
  return { name, topicId: topic.topicId, isInternal: topic.isInternal, error, partitions: isWhole ? partitions : [] }
}

function newerOf(known: readonly PartitionMetadata[], next: readonly PartitionMetadata[]): PartitionMetadata[] {
  return next.map((row, index) => {
    const before = known[index]
    if (before === undefined || row.leaderEpoch < 0 || row.leaderEpoch >= before.leaderEpoch) return row
    assert(before.partition === row.partition, 'Partitions are in order')
    return before
  })
}
