/**
 * Owns fetching ahead of a reader: one fetch is under way to each broker, on connections of its own; the next one leaves
 * as soon as an answer is in and the reader has not fallen behind by more than `bufferBytesMax`. It follows leaders that
 * move, and goes to the replica of its own rack that a leader sends it to. Which partitions are read, and from where, is
 * its owner's: positions come and go while it runs.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timer } from '@ottla/base/timers.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { type Lane, unlessAborted } from '../connections.ts'
import { DisposedError } from '../errors.ts'
import { type Isolation, listOffsets } from '../offsets.ts'
import { backoffMs, isRetriable } from '../retry.ts'
import { type FetchedPartition, fetchFrom } from './fetch.ts'
import type { FetchedBatch } from './fetched-batch.ts'
import type { PartitionPosition } from './partition-position.ts'

export interface FetchOptions {
  /** `read_uncommitted` when left out, as in Kafka. */
  readonly isolation?: Isolation
  /**
   * Where this program runs, as the brokers' `broker.rack` names it: partitions are read from a replica there, where the
   * brokers say so (KIP-392). Nowhere in particular when left out.
   */
  readonly rack?: string
  /** What to do where the log no longer (or not yet) has the offset: fail (the default), or go on elsewhere. */
  readonly onOutOfRange?: 'error' | 'beginning' | 'end'
  /** How long a broker may wait for `fetchBytesMin`, in ms. 500 when left out. */
  readonly fetchWaitMs?: number
  /** 1 when left out: whatever there is. */
  readonly fetchBytesMin?: number
  /** Of one answer, in bytes. 16 MiB when left out; a larger batch comes all the same. */
  readonly fetchBytesMax?: number
  /** Of one partition in an answer. 4 MiB when left out; a larger batch comes all the same. */
  readonly partitionBytesMax?: number
  /** Of what was fetched and not read yet. 32 MiB when left out, plus one answer a broker. */
  readonly bufferBytesMax?: number
  /** How long a topic may be missing before reading fails, in ms. 30,000 when left out. */
  readonly topicTimeoutMs?: number
}

type Settings = Required<FetchOptions>

const DEFAULTS: Settings = {
  isolation: 'read_uncommitted',
  rack: '',
  onOutOfRange: 'error',
  fetchWaitMs: 500,
  fetchBytesMin: 1,
  fetchBytesMax: 16 * 1024 * 1024,
  partitionBytesMax: 4 * 1024 * 1024,
  bufferBytesMax: 32 * 1024 * 1024,
  topicTimeoutMs: 30_000,
}

export class Fetcher {
  readonly #client: Client
  readonly #settings: Settings
  readonly #lane: Lane
  /** Fetched in this order; who got data goes to the end, so that all have their turn within fetchBytesMax. */
  #positions: PartitionPosition[] = []
  readonly #fetching = new Set<number>()
  readonly #disposing = new AbortController()
  #queue: FetchedBatch[] = []
  #queueAt = 0
  #bufferedBytes = 0
  #news: Deferred<void> | null = null
  #error: Error | null = null
  #timer: Timer | null = null
  #isRefreshing = false

  /** A lane of its own keeps another reader's wait for records from holding up this one's. */
  constructor(client: Client, options: FetchOptions & { lane?: Lane } = {}) {
    const { lane = 'fetch', ...settings } = options
    this.#client = client
    this.#lane = lane
    this.#settings = { ...DEFAULTS, ...settings }
  }

  get positions(): readonly PartitionPosition[] {
    return this.#positions
  }

  /** Starts to fetch them; a partition has one position at a time. */
  add(positions: readonly PartitionPosition[]): void {
    for (const position of positions) {
      const isNew = !this.#positions.some((other) => isSamePlace(position, other))
      assert(isNew, 'A partition is fetched once at a time')
    }
    this.#positions = [...this.#positions, ...positions]
    if (this.#news !== null) this.#fetch()
  }

  /** Stops to fetch them and drops what was fetched: nothing of them is handed out from now on. */
  remove(positions: readonly PartitionPosition[]): void {
    const gone = new Set(positions)
    for (const position of gone) position.isRemoved = true
    this.#positions = this.#positions.filter((position) => !gone.has(position))
    this.#dropFetched(positions)
    if (this.#news !== null) this.#fetch()
  }

  #dropFetched(positions: readonly PartitionPosition[]): void {
    this.#queue = this.#queue.slice(this.#queueAt).filter((batch) => !positions.some((one) => isSamePlace(one, batch)))
    this.#queueAt = 0
    this.#bufferedBytes = this.#queue.reduce((bytes, batch) => bytes + batch.bytes.length, 0)
  }

  /**
   * The next batch, each partition's in order; waits for one. Undefined when `ends` is asked for and every position has
   * reached its end. Rejects with what cannot be overcome, or the signal's reason.
   */
  async next(options: { ends: boolean; signal?: AbortSignal }): Promise<FetchedBatch | undefined> {
    for (;;) {
      options.signal?.throwIfAborted()
      const batch = this.#shift()
      if (batch !== undefined) return batch
      if (this.#error !== null) throw this.#error
      if (options.ends && this.#positions.every((position) => position.isFinished)) return undefined
      this.#news ??= deferred<void>()
      const news = this.#news.promise
      this.#fetch()
      await unlessAborted(news, options.signal)
    }
  }

  /** The reader gets this error once it has read what is there. The first one counts. */
  fail(error: Error): void {
    this.#error ??= error
    this.#wakeReader()
  }

  /** Stops fetching; the reader, if there is one, gets DisposedError. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.abort(new DisposedError('consumer'))
    this.#timer?.cancel()
    this.#queue = []
    this.#queueAt = 0
    this.fail(new DisposedError('consumer'))
  }

  #shift(): FetchedBatch | undefined {
    const batch = this.#queue[this.#queueAt]
    if (batch === undefined) return undefined
    this.#queueAt++
    this.#bufferedBytes -= batch.bytes.length
    if (this.#queueAt === this.#queue.length) {
      this.#queue = []
      this.#queueAt = 0
    }
    this.#fetch()
    return batch
  }

  #push(batches: readonly FetchedBatch[]): void {
    for (const batch of batches) {
      this.#queue.push(batch)
      this.#bufferedBytes += batch.bytes.length
    }
  }

  #wakeReader(): void {
    this.#news?.resolve()
    this.#news = null
  }

  /** Starts a fetch at each broker that has none under way and something to be asked for. */
  #fetch(): void {
    if (this.#error !== null || this.#bufferedBytes >= this.#settings.bufferBytesMax) return
    if (this.#fetching.size > 0 && this.#fetching.size >= this.#client.connections.brokers.size) return
    this.#client.metadata.refreshIfOld()
    const nowMs = this.#client.ports.clock.monotonicMs()
    const byBroker = new Map<number, PartitionPosition[]>()
    let wakeMs = Number.POSITIVE_INFINITY
    for (const position of this.#positions) {
      if (position.isFinished || position.isFetching) continue
      if (position.notBeforeMs > nowMs) {
        wakeMs = Math.min(wakeMs, position.notBeforeMs)
        continue
      }
      const topicId = this.#client.metadata.topic(position.topic)?.topicId
      if (topicId !== undefined && position.isOfAnother(topicId)) {
        void this.#beginAnew(position, topicId)
        continue
      }
      const brokerId = this.#brokerFor(position, nowMs)
      if (brokerId === null) this.#setBack(position, new ProtocolError('LEADER_NOT_AVAILABLE'))
      else if (!this.#fetching.has(brokerId)) byBroker.set(brokerId, [...(byBroker.get(brokerId) ?? []), position])
    }
    for (const [brokerId, positions] of byBroker) void this.#fetchFrom(brokerId, positions)
    if (wakeMs !== Number.POSITIVE_INFINITY) this.#wakeAt(wakeMs)
  }

  /** The replica that the leader has named, as long as the cluster has it; else the leader, if there is one. */
  #brokerFor(position: PartitionPosition, nowMs: number): number | null {
    const { metadata, connections } = this.#client
    const nearest = position.nearest(nowMs)
    if (nearest !== null && connections.brokers.has(nearest)) return nearest
    position.readFromLeader()
    return metadata.leader(position.topic, position.partition)?.leaderId ?? null
  }

  async #fetchFrom(brokerId: number, positions: readonly PartitionPosition[]): Promise<void> {
    this.#fetching.add(brokerId)
    for (const position of positions) position.isFetching = true
    const { signal } = this.#disposing
    try {
      const call = { brokerId, positions, settings: this.#settings, lane: this.#lane, signal }
      for (const part of await fetchFrom(this.#client, call)) await this.#take(part)
    } catch (error) {
      this.#failed(positions, error)
    } finally {
      this.#fetching.delete(brokerId)
      for (const position of positions) position.isFetching = false
      if (!signal.aborted) this.#afterAnswer()
    }
  }

  #failed(positions: readonly PartitionPosition[], error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error))
    if (!isRetriable(error)) this.fail(reason)
    else for (const position of positions) this.#setBack(position, reason)
  }

  /**
   * The topic was deleted, and another was made under its name: its offsets mean something else. Where to go on is what
   * `onOutOfRange` says; what was fetched of the old one and not handed out is dropped with it.
   */
  async #beginAnew(position: PartitionPosition, topicId: string): Promise<void> {
    position.isFetching = true
    try {
      const offset = await this.#offsetByPolicy(position, 'the topic was deleted, and made anew under its name')
      if (offset === null || position.isRemoved) return
      this.#dropFetched([position])
      position.beginAnew(topicId, offset)
    } catch (error) {
      this.#failed([position], error)
    } finally {
      position.isFetching = false
      if (!this.#disposing.signal.aborted) this.#afterAnswer()
    }
  }

  #afterAnswer(): void {
    const isFinished = this.#positions.every((position) => position.isFinished)
    if (this.#queueAt < this.#queue.length || isFinished) this.#wakeReader()
    this.#fetch()
  }

  async #take({ position, answer, leaderEpoch, namesLeader }: FetchedPartition): Promise<void> {
    if (position.isRemoved) return
    const error = errorName(answer.errorCode)
    if (error === 'NONE' && answer.preferredReadReplica >= 0) return this.#sendTo(position, answer.preferredReadReplica)
    // A follower may lag, or know another leader than we do: what the leader says counts.
    if (error !== 'NONE' && position.readFromLeader()) return this.#setBack(position, new ProtocolError(error))
    // At once: it is known to lead by now. What else has changed is asked for meanwhile.
    if (namesLeader) return this.#refresh()
    if (error === 'OFFSET_OUT_OF_RANGE') return await this.#onOutOfRange(position, `it is not in the log`)
    if (error !== 'NONE') return this.#onError(position, error)
    if (answer.divergingEpoch.endOffset >= 0) return await this.#onTruncated(position, answer.divergingEpoch.endOffset)
    const batches = position.take(answer)
    position.failures = 0
    position.leaderEpoch = leaderEpoch
    this.#push(batches)
    if (batches.length === 0) return
    this.#positions = [...this.#positions.filter((other) => other !== position), position]
  }

  /** For as long as metadata counts as fresh: then the leader is asked again. */
  #sendTo(position: PartitionPosition, brokerId: number): void {
    const { metadata, ports, connections } = this.#client
    if (!connections.brokers.has(brokerId)) return this.#setBack(position, new ProtocolError('REPLICA_NOT_AVAILABLE'))
    position.readFrom(brokerId, ports.clock.monotonicMs() + metadata.ageMsMax)
  }

  #onError(position: PartitionPosition, name: ReturnType<typeof errorName>): void {
    const { topic, partition, offset } = position
    const error = new ProtocolError(name, `Cannot read "${topic}-${partition}" at offset ${offset}: ${name}`)
    if (error.retriable) this.#setBack(position, error)
    else this.fail(error)
  }

  /** The partition's log ends before what we have read of it: a leader without those records was elected (KIP-320). */
  async #onTruncated(position: PartitionPosition, endOffset: number): Promise<void> {
    if (endOffset >= position.offset) {
      // Nothing that we read is gone. Asked without an epoch, it will answer with records.
      position.lastEpoch = -1
      this.#setBack(position, new ProtocolError('UNKNOWN_LEADER_EPOCH'))
      return
    }
    if (this.#settings.onOutOfRange === 'error')
      return await this.#onOutOfRange(position, `the log was cut back to ${endOffset}`)
    position.offset = endOffset
    position.lastEpoch = -1
  }

  async #onOutOfRange(position: PartitionPosition, reason: string): Promise<void> {
    const offset = await this.#offsetByPolicy(position, reason)
    if (offset === null) return
    position.offset = offset
    position.lastEpoch = -1
  }

  /** Null: reading ends with an error. */
  async #offsetByPolicy({ topic, partition, offset }: PartitionPosition, reason: string): Promise<number | null> {
    const { onOutOfRange, isolation } = this.#settings
    if (onOutOfRange === 'error') {
      const advice =
        'records were deleted, or the offset was never written; read from beginning, end, or another offset'
      const text = `Cannot read "${topic}-${partition}" at offset ${offset}: ${reason}; ${advice}`
      this.fail(new ProtocolError('OFFSET_OUT_OF_RANGE', text))
      return null
    }
    const query = { topic, partition, at: onOutOfRange }
    const [found] = await listOffsets(this.#client, [query], { isolation, signal: this.#disposing.signal })
    assert(found !== undefined, 'There are as many answers as questions')
    return found.offset
  }

  /** Tries again later, with newer metadata. A topic that stays away is gone. */
  #setBack(position: PartitionPosition, error: Error): void {
    if (position.isRemoved) return
    // Whatever does not work there, the leader knows better.
    position.readFromLeader()
    const { clock, random } = this.#client.ports
    const nowMs = clock.monotonicMs()
    if (position.failures === 0) position.failingSinceMs = nowMs
    position.failures++
    const isGone = this.#client.metadata.topic(position.topic)?.error === 'UNKNOWN_TOPIC_OR_PARTITION'
    if (isGone && nowMs - position.failingSinceMs >= this.#settings.topicTimeoutMs) {
      const text = `Topic "${position.topic}" does not exist any more`
      this.fail(new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION', text, { cause: error }))
      return
    }
    position.notBeforeMs = nowMs + backoffMs(position.failures, { backoff: this.#client.backoff, random })
    this.#refresh()
    this.#wakeAt(position.notBeforeMs)
  }

  #refresh(): void {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    const done = (): void => {
      this.#isRefreshing = false
    }
    this.#client.metadata.refresh({ signal: this.#disposing.signal }).then(done, done)
  }

  #wakeAt(atMs: number): void {
    if (this.#timer !== null || this.#disposing.signal.aborted) return
    const delayMs = Math.max(0, atMs - this.#client.ports.clock.monotonicMs())
    this.#timer = this.#client.ports.timers.after(delayMs, () => {
      this.#timer = null
      this.#fetch()
    })
  }
}

function isSamePlace(a: { topic: string; partition: number }, b: { topic: string; partition: number }): boolean {
  return a.partition === b.partition && a.topic === b.topic
}
