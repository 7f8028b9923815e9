/**
 * The follower's side of replication with one leader: a loop that fetches all partitions which this broker follows
 * there, by one session, and appends what comes.
 *
 * A follower's fetch offset says what it has synced, so a partition is asked for again once its append is safe. One
 * whose sync takes long is left out of the session meanwhile, so that one slow log holds up no other. So are throttled
 * ones while the quota is used up. At most one fetch is under way.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { type Network, NetworkError } from '@ottla/base/network.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { BrokerConnection } from '@ottla/client/connection.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { FollowedPartition } from './followed-partition.ts'
import { keyOf, ReplicaSession, type SessionEntry } from './replica-session.ts'
import type { ReplicationQuota } from './replication-quota.ts'
import { isFetchingThrottled } from './throttled-replicas.ts'

export interface ReplicaFetcherOptions {
  readonly localBrokerId: number
  /** Of this incarnation: the leader counts only what the newest one says (KIP-903). */
  readonly localBrokerEpoch: () => number
  readonly leaderId: number
  /** Where the leader is reached by other brokers; undefined while it is not known. */
  readonly address: () => { readonly host: string; readonly port: number } | undefined
  readonly settings: () => ReplicaFetchSettings
  /** The leader's address has refused a connection twice in a row: nothing listens there. */
  readonly onRefused: (leaderId: number) => void
  /** Of all that this broker fetches for throttled replicas. */
  readonly quota: ReplicationQuota
  readonly network: Network
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

export interface ReplicaFetchSettings {
  /** `replica.fetch.wait.max.ms`, and so on. */
  readonly waitMaxMs: number
  readonly minBytes: number
  readonly partitionBytesMax: number
  /** Whether an operator chose it. */
  readonly isPartitionBytesMaxGiven: boolean
  readonly responseBytesMax: number
  readonly backoffMs: number
  readonly socketTimeoutMs: number
}

type FetchAnswer = ResponseOf<typeof Fetch>
type PartitionAnswer = FetchAnswer['responses'][number]['partitions'][number]

/** Topics by id, the broker's epoch, and the follower's high watermark: no version below has them. */
const FETCH_VERSION_MIN = 17
/** How long a fetch waits for appends of the one before it: a slower log is left out. */
const SYNC_PATIENCE_MS = 10
/** How long the leader may hold a fetch that leaves somebody out, who will want to be asked for again. */
const INCOMPLETE_WAIT_MS = 5
/** For a connection: packets that are dropped are sent again ever more rarely, a new attempt begins at once. */
const CONNECT_MS_MAX = 5_000
const RECONNECT_FIRST_MS = 50
const RECONNECT_MAX_MS = 1000
/** A quota is looked at anew at least so often: it may have been raised. */
const QUOTA_WAIT_MAX_MS = 1000
const EARLIEST = -2
const LATEST = -1

interface Followed {
  readonly partition: FollowedPartition
  /** `working`: an append or a truncation runs, and is done soon; `resting`: it waits after an error. */
  state: 'ready' | 'working' | 'resting'
}

/** Two attempts, tens of milliseconds apart: a broker that is being started listens before it leads anything. */
const REFUSALS_SUSPICIOUS = 2

function isRefused(error: unknown): boolean {
  return error instanceof NetworkError && error.code === 'ECONNREFUSED'
}

function isAsAsked({ leaderEpoch, fetchPosition }: FollowedPartition, asked: SessionEntry | undefined): boolean {
  return asked?.currentLeaderEpoch === leaderEpoch && asked.fetchOffset === fetchPosition.fetchOffset
}

/** The leader has refused the partition's fetch; the log says why. */
class RefusedError extends Error {}

export class ReplicaFetcher implements AsyncDisposable {
  readonly #options: ReplicaFetcherOptions
  readonly #followed = new Map<string, Followed>()
  readonly #session = new ReplicaSession()
  readonly #stop = new AbortController()
  #connection: BrokerConnection | null = null
  #failures = 0
  #refusals = 0
  /** Answers that have come from the leader. */
  answers = 0
  /** Whether somebody waits for the quota alone. */
  #isHeldBack = false
  /** Resolves when there may be something to fetch again. */
  #news: Deferred<void> = deferred()
  readonly #running: Promise<void>

  constructor(options: ReplicaFetcherOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  get count(): number {
    return this.#followed.size
  }

  /** Follows the partition from its position on; one that is followed already is asked for again at once. */
  add(partition: FollowedPartition): void {
    this.#followed.set(keyOf(partition), { partition, state: 'ready' })
    this.#news.resolve()
  }

  remove(partition: FollowedPartition): void {
    if (this.#followed.get(keyOf(partition))?.partition === partition) this.#followed.delete(keyOf(partition))
  }

  /** The leader is silent: a connection anew may go another way, or find that nobody is there. */
  reconnect(): void {
    this.#connection?.giveUp('the leader is silent')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The broker is stopping'))
    this.#news.resolve()
    await this.#connection?.[Symbol.asyncDispose]()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const ready = this.#ready()
      if (ready.length === 0 && !(await this.#somethingNew())) continue
      try {
        await this.#fetch(ready)
        this.#failures = 0
        this.#refusals = 0
      } catch (error) {
        await this.#failed(error)
      }
    }
  }

  /**
   * Those who can be asked for now. A log may end in what this replica wrote as the leader, or in what an earlier leader
   * sent, and be on its way to the disk: it is fetched from its end, once that is safe, so that the leader sees all of it.
   */
  #ready(): Followed[] {
    const ready = [...this.#followed.values()].filter(({ state }) => state === 'ready')
    for (const followed of ready) {
      if (followed.partition.isSettled) continue
      followed.state = 'working'
      void this.#finish(followed, followed.partition.settled())
    }
    return this.#withinQuota(ready.filter(({ state }) => state === 'ready'))
  }

  /** All that are not throttled, and of the others as many as the quota has bytes for if each brings what it may. */
  #withinQuota(ready: readonly Followed[]): Followed[] {
    const { quota, clock, localBrokerId, settings } = this.#options
    this.#isHeldBack = false
    let bytesLeft: number | null = null
    return ready.filter(({ partition }) => {
      if (!isFetchingThrottled(partition, localBrokerId)) return true
      bytesLeft ??= quota.availableBytes(clock.monotonicMs())
      if (bytesLeft <= 0) this.#isHeldBack = true
      const isWithin = bytesLeft > 0
      bytesLeft -= settings().partitionBytesMax
      return isWithin
    })
  }

  /**
   * True: a fetch is due all the same, though it names nobody. A leader that is not asked for long would be taken for one
   * that does not answer.
   */
  async #somethingNew(): Promise<boolean> {
    const { quota, clock, timers } = this.#options
    const waitMs = this.#isHeldBack ? Math.min(quota.waitMs(clock.monotonicMs()), QUOTA_WAIT_MAX_MS) : null
    const timer = waitMs === null ? null : timers.after(waitMs, this.#news.resolve)
    await this.#news.promise
    timer?.cancel()
    this.#news = deferred()
    return waitMs === QUOTA_WAIT_MAX_MS && !this.#stop.signal.aborted
  }

  async #fetch(ready: readonly Followed[]): Promise<void> {
    const connection = await this.#connected()
    // Connecting takes time: who has another leader by now, or leads itself, is not this leader's to send any more.
    const left = ready.filter((one) => this.#followed.get(keyOf(one.partition)) === one)
    // Nobody was ready: this fetch is for the sake of the answer (`#somethingNew`).
    if (left.length === 0 && ready.length > 0) return
    const { waitMaxMs, minBytes, responseBytesMax, socketTimeoutMs } = this.#options.settings()
    const isIncomplete = [...this.#followed.values()].some(({ state }) => state === 'working')
    const asked = new Map(left.map(({ partition }) => [keyOf(partition), this.#entryOf(partition)]))
    const answer = await connection.request(
      Fetch,
      {
        ...this.#session.next([...asked.values()]),
        replicaState: { replicaId: this.#options.localBrokerId, replicaEpoch: this.#options.localBrokerEpoch() },
        ...{ maxWaitMs: isIncomplete ? INCOMPLETE_WAIT_MS : waitMaxMs, minBytes, maxBytes: responseBytesMax },
      },
      { versionMin: FETCH_VERSION_MIN, timeoutMs: socketTimeoutMs, signal: this.#stop.signal },
    )
    this.answers++
    if (answer.errorCode !== 0) {
      // The leader's side has forgotten the session, or never had it: everything is named again at once.
      this.#session.reset()
      return
    }
    this.#session.answered(answer.sessionId)
    await this.#takeOver(answer, asked)
  }

  #entryOf(partition: FollowedPartition): SessionEntry {
    const { topicId, index, leaderEpoch, fetchPosition } = partition
    const bytesMax = this.#bytesMaxOf(partition)
    return {
      topicId,
      index,
      currentLeaderEpoch: leaderEpoch,
      highWatermark: partition.highWatermark,
      bytesMax,
      ...fetchPosition,
    }
  }

  /**
   * A follower asks for a partition again once it has synced what it got, so what one answer brings is what one sync is
   * paid for. Where no operator has said how much that is, a few partitions share all that an answer may hold.
   */
  #bytesMaxOf(partition: FollowedPartition): number {
    const { partitionBytesMax, isPartitionBytesMaxGiven, responseBytesMax } = this.#options.settings()
    if (isPartitionBytesMaxGiven || isFetchingThrottled(partition, this.#options.localBrokerId))
      return partitionBytesMax
    return Math.max(partitionBytesMax, Math.floor(responseBytesMax / this.#followed.size))
  }

  /** Waits a little for what was appended to be synced; what takes longer is ready later. */
  async #takeOver(answer: FetchAnswer, asked: ReadonlyMap<string, SessionEntry>): Promise<void> {
    const working: Promise<void>[] = []
    for (const { topicId, partitions } of answer.responses) {
      for (const one of partitions) {
        const key = keyOf({ topicId, index: one.partitionIndex })
        const followed = this.#followed.get(key)
        // It has another leader, another epoch of this one, or another end since it was asked for.
        if (followed === undefined || !isAsAsked(followed.partition, asked.get(key))) continue
        const work = this.#takeOverOne(followed.partition, one)
        if (work === null) continue
        followed.state = 'working'
        working.push(this.#finish(followed, work))
      }
    }
    if (working.length > 0) await this.#patiently(Promise.all(working))
  }

  /** Null: there is nothing to wait for. */
  #takeOverOne(partition: FollowedPartition, answer: PartitionAnswer): Promise<void> | null {
    const { divergingEpoch, highWatermark, logStartOffset } = answer
    if (answer.errorCode !== 0) return this.#refused(partition, answer)
    if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0) return partition.truncateToShared(divergingEpoch)
    if (answer.records !== null && answer.records.length > 0) {
      this.#countThrottled(partition, answer.records.length)
      return partition.appendFetched([answer.records], { highWatermark, logStartOffset })
    }
    // DeleteRecords moves the leader's start also where it has nothing new to send.
    if (logStartOffset > partition.fetchPosition.logStartOffset) {
      return partition.appendFetched([], { highWatermark, logStartOffset })
    }
    partition.observeLeader({ highWatermark, logStartOffset })
    return null
  }

  /** It goes behind the others, so that each has its turn when the quota is too small for all. */
  #countThrottled(partition: FollowedPartition, bytes: number): void {
    const { quota, clock, localBrokerId } = this.#options
    if (!isFetchingThrottled(partition, localBrokerId)) return
    quota.record(bytes, clock.monotonicMs())
    const key = keyOf(partition)
    const followed = this.#followed.get(key)!
    this.#followed.delete(key)
    this.#followed.set(key, followed)
  }

  async #refused(partition: FollowedPartition, { errorCode }: PartitionAnswer): Promise<void> {
    const name = errorName(errorCode)
    const { topicName: topic, index, leaderEpoch } = partition
    const fields = { topic, partition: index, leaderEpoch, leader: this.#options.leaderId, error: name }
    if (name === 'OFFSET_OUT_OF_RANGE') {
      this.#options.logger.warn('The leader does not have the offsets that this replica would go on from', fields)
      return this.#resetToLeader(partition)
    }
    this.#options.logger.debug('The leader refuses a fetch: trying again later', fields)
    throw new RefusedError()
  }

  async #resetToLeader(partition: FollowedPartition): Promise<void> {
    const startOffset = await this.#listOffset(partition, EARLIEST)
    const endOffset = await this.#listOffset(partition, LATEST)
    await partition.resetTo({ startOffset, endOffset })
  }

  async #listOffset(partition: FollowedPartition, timestamp: number): Promise<number> {
    const connection = await this.#connected()
    const { topicName: name, index: partitionIndex, leaderEpoch: currentLeaderEpoch } = partition
    const answer = await connection.request(ListOffsets, {
      replicaId: this.#options.localBrokerId,
      isolationLevel: 0,
      topics: [{ name, partitions: [{ partitionIndex, currentLeaderEpoch, timestamp }] }],
    })
    const found = answer.topics[0]!.partitions[0]!
    if (found.errorCode !== 0) throw new Error(`The leader does not tell its offsets: ${errorName(found.errorCode)}`)
    return found.offset
  }

  async #finish(followed: Followed, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      followed.state = 'resting'
      this.#explain(followed.partition, error)
      await this.#sleep(this.#options.settings().backoffMs)
    } finally {
      followed.state = 'ready'
      this.#news.resolve()
    }
  }

  /** A refusal is part of every change of leaders, and was told as such. */
  #explain({ topicName: topic, index }: FollowedPartition, error: unknown): void {
    if (this.#stop.signal.aborted || error instanceof RefusedError) return
    const fields = { topic, partition: index, leader: this.#options.leaderId, error }
    this.#options.logger.warn('Cannot take over what the leader has sent: trying again later', fields)
  }

  async #patiently(all: Promise<unknown>): Promise<void> {
    const enough = deferred<void>()
    const timer = this.#options.timers.after(SYNC_PATIENCE_MS, enough.resolve)
    await Promise.race([all, enough.promise])
    timer.cancel()
  }

  async #connected(): Promise<BrokerConnection> {
    if (this.#connection !== null && !this.#connection.isClosed) return this.#connection
    const address = this.#options.address()
    if (address === undefined) throw new Error(`Broker ${this.#options.leaderId} has no address for other brokers`)
    const { network, clock, timers, localBrokerId, leaderId } = this.#options
    this.#session.reset()
    this.#connection = await BrokerConnection.open({
      ...{ ...address, network, clock, timers, signal: this.#stop.signal },
      clientId: `broker-${localBrokerId}-fetcher-${leaderId}`,
      connectTimeoutMs: Math.min(CONNECT_MS_MAX, this.#options.settings().socketTimeoutMs),
    })
    return this.#connection
  }

  /** The connection is given up: whatever was under way on it is asked for again by the next. */
  async #failed(error: unknown): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]()
    this.#connection = null
    this.#session.reset()
    if (this.#stop.signal.aborted) return
    this.#failures++
    this.#refusals = isRefused(error) ? this.#refusals + 1 : 0
    if (this.#refusals === REFUSALS_SUSPICIOUS) this.#options.onRefused(this.#options.leaderId)
    const { leaderId: leader, random, logger } = this.#options
    if (this.#failures === 1) logger.info('Lost the connection to a leader: trying again', { leader, error })
    const waitMs = Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** Math.min(10, this.#failures - 1))
    // Half of it by chance: brokers that lost one leader do not come back together.
    await this.#sleep((waitMs * (1 + random.float())) / 2)
  }

  async #sleep(delayMs: number): Promise<void> {
    await this.#options.timers.sleep(delayMs, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
