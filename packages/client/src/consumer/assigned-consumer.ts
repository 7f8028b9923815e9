/**
 * Owns reading of given partitions, without a group: where to begin, fetching ahead of the reader, following leaders,
 * where to stop. One fetch is under way to each leader, on connections of its own; the next one leaves as soon as an
 * answer is in and the reader has not fallen behind by more than `bufferBytesMax`.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timer } from '@ottla/base/timers.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { unlessAborted } from '../connections.ts'
import { DisposedError } from '../errors.ts'
import { type Isolation, listOffsets, type OffsetSpec } from '../offsets.ts'
import { backoffMs, isRetriable } from '../retry.ts'
import { type FetchedPartition, fetchFrom } from './fetch.ts'
import type { ConsumerRecord, FetchedBatch } from './fetched-batch.ts'
import { PartitionPosition } from './partition-position.ts'

export interface Assignment {
  readonly topic: string
  readonly partition: number
  /** The first record to read. By time: the first one as new, or the end where there is none. */
  readonly from: number | 'beginning' | 'end' | { readonly timestampMs: number }
  /** The first record not to read; for ever when left out. `end` and times are looked up once, at the start. */
  readonly until?: number | 'end' | { readonly timestampMs: number }
}

export interface AssignedConsumerOptions {
  readonly assignments: readonly Assignment[]
  /** `read_uncommitted` when left out, as in Kafka. */
  readonly isolation?: Isolation
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

type Settings = Required<Omit<AssignedConsumerOptions, 'assignments'>>

const DEFAULTS: Settings = {
  isolation: 'read_uncommitted',
  onOutOfRange: 'error',
  fetchWaitMs: 500,
  fetchBytesMin: 1,
  fetchBytesMax: 16 * 1024 * 1024,
  partitionBytesMax: 4 * 1024 * 1024,
  bufferBytesMax: 32 * 1024 * 1024,
  topicTimeoutMs: 30_000,
}

export class AssignedConsumer {
  readonly #client: Client
  readonly #settings: Settings
  /** Fetched in this order; who got data goes to the end, so that all have their turn within fetchBytesMax. */
  #positions: PartitionPosition[]
  readonly #fetching = new Set<number>()
  readonly #disposing = new AbortController()
  #queue: FetchedBatch[] = []
  #queueAt = 0
  #bufferedBytes = 0
  #news: Deferred<void> | null = null
  #error: Error | null = null
  #timer: Timer | null = null
  #isRefreshing = false
  #isIterated = false

  /** Looks up where to begin and to stop. Rejects with ProtocolError, RangeError, or when brokers stay out of reach. */
  static async open(
    client: Client,
    options: AssignedConsumerOptions,
    abort: { signal?: AbortSignal } = {},
  ): Promise<AssignedConsumer> {
    const { assignments, ...settings } = options
    const positions = await resolvePositions(client, assignments, {
      isolation: options.isolation ?? DEFAULTS.isolation,
      ...abort,
    })
    return new AssignedConsumer(client, positions, { ...DEFAULTS, ...settings })
  }

  private constructor(client: Client, positions: PartitionPosition[], settings: Settings) {
    this.#client = client
    this.#positions = positions
    this.#settings = settings
  }

  /** Where each partition is being fetched, with its marks as of the last answer (−1 before the first). */
  get positions(): readonly Readonly<
    Pick<PartitionPosition, 'topic' | 'partition' | 'offset' | 'highWatermark' | 'logStartOffset'>
  >[] {
    return this.#positions
  }

  /**
   * Batches as they come, each partition's in order; ends when every partition has reached its `until`. Rejects with
   * what cannot be overcome, or the signal's reason. The fast way to read: one promise a wait, not one a record.
   */
  async *batches(options: { signal?: AbortSignal } = {}): AsyncGenerator<FetchedBatch, void, void> {
    assert(!this.#isIterated, 'A consumer has one reader at a time')
    this.#isIterated = true
    try {
      for (;;) {
        options.signal?.throwIfAborted()
        const batch = this.#shift()
        if (batch !== undefined) {
          yield batch
          continue
        }
        if (this.#error !== null) throw this.#error
        if (this.#positions.every((position) => position.isFinished)) return
        this.#news = deferred<void>()
        this.#fetch()
        await unlessAborted(this.#news.promise, options.signal)
      }
    } finally {
      this.#isIterated = false
    }
  }

  /** As `batches`, record by record. */
  async *records(options: { signal?: AbortSignal } = {}): AsyncGenerator<ConsumerRecord, void, void> {
    for await (const batch of this.batches(options)) yield* batch.records()
  }

  /** Stops fetching; the reader, if there is one, gets DisposedError. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.abort(new DisposedError('consumer'))
    this.#timer?.cancel()
    this.#queue = []
    this.#queueAt = 0
    this.#fail(new DisposedError('consumer'))
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

  #fail(error: Error): void {
    this.#error ??= error
    this.#wakeReader()
  }

  #wakeReader(): void {
    this.#news?.resolve()
    this.#news = null
  }

  /** Starts a fetch at each leader that has none under way and something to be asked for. */
  #fetch(): void {
    if (this.#error !== null || this.#bufferedBytes >= this.#settings.bufferBytesMax) return
    if (this.#fetching.size > 0 && this.#fetching.size >= this.#client.connections.brokers.size) return
    this.#client.metadata.refreshIfOld()
    const nowMs = this.#client.ports.clock.monotonicMs()
    const byLeader = new Map<number, PartitionPosition[]>()
    let wakeMs = Number.POSITIVE_INFINITY
    for (const position of this.#positions) {
      if (position.isFinished || position.isFetching) continue
      if (position.notBeforeMs > nowMs) {
        wakeMs = Math.min(wakeMs, position.notBeforeMs)
        continue
      }
      const leader = this.#client.metadata.leader(position.topic, position.partition)
      if (leader === undefined) this.#setBack(position, new ProtocolError('LEADER_NOT_AVAILABLE'))
      else if (!this.#fetching.has(leader.leaderId))
        byLeader.set(leader.leaderId, [...(byLeader.get(leader.leaderId) ?? []), position])
    }
    for (const [leaderId, positions] of byLeader) void this.#fetchFrom(leaderId, positions)
    if (wakeMs !== Number.POSITIVE_INFINITY) this.#wakeAt(wakeMs)
  }

  async #fetchFrom(leaderId: number, positions: readonly PartitionPosition[]): Promise<void> {
    this.#fetching.add(leaderId)
    for (const position of positions) position.isFetching = true
    const { signal } = this.#disposing
    try {
      const fetched = await fetchFrom(this.#client, { leaderId, positions, settings: this.#settings, signal })
      for (const part of fetched) await this.#take(part)
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      if (!isRetriable(error)) this.#fail(reason)
      else for (const position of positions) this.#setBack(position, reason)
    } finally {
      this.#fetching.delete(leaderId)
      for (const position of positions) position.isFetching = false
      if (!signal.aborted) this.#afterAnswer()
    }
  }

  #afterAnswer(): void {
    const isFinished = this.#positions.every((position) => position.isFinished)
    if (this.#queueAt < this.#queue.length || isFinished) this.#wakeReader()
    this.#fetch()
  }

  async #take({ position, answer, leaderEpoch }: FetchedPartition): Promise<void> {
    const error = errorName(answer.errorCode)
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

  #onError(position: PartitionPosition, name: ReturnType<typeof errorName>): void {
    const { topic, partition, offset } = position
    const error = new ProtocolError(name, `Cannot read "${topic}-${partition}" at offset ${offset}: ${name}`)
    if (error.retriable) this.#setBack(position, error)
    else this.#fail(error)
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
    const { topic, partition, offset } = position
    const { onOutOfRange, isolation } = this.#settings
    if (onOutOfRange === 'error') {
      const advice =
        'records were deleted, or the offset was never written; read from beginning, end, or another offset'
      return this.#fail(
        new ProtocolError(
          'OFFSET_OUT_OF_RANGE',
          `Cannot read "${topic}-${partition}" at offset ${offset}: ${reason}; ${advice}`,
        ),
      )
    }
    const query = { topic, partition, at: onOutOfRange }
    const [found] = await listOffsets(this.#client, [query], { isolation, signal: this.#disposing.signal })
    assert(found !== undefined, 'There are as many answers as questions')
    position.offset = found.offset
    position.lastEpoch = -1
  }

  /** Tries again later, with newer metadata. A topic that stays away is gone. */
  #setBack(position: PartitionPosition, error: Error): void {
    const { clock, random } = this.#client.ports
    const nowMs = clock.monotonicMs()
    if (position.failures === 0) position.failingSinceMs = nowMs
    position.failures++
    const isGone = this.#client.metadata.topic(position.topic)?.error === 'UNKNOWN_TOPIC_OR_PARTITION'
    if (isGone && nowMs - position.failingSinceMs >= this.#settings.topicTimeoutMs) {
      const text = `Topic "${position.topic}" does not exist any more`
      this.#fail(new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION', text, { cause: error }))
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

/** Asks once for all beginnings and ends that are not plain offsets. */
async function resolvePositions(
  client: Client,
  assignments: readonly Assignment[],
  options: { isolation: Isolation; signal?: AbortSignal },
): Promise<PartitionPosition[]> {
  const names = new Set(assignments.map((assignment) => assignment.topic))
  for (const name of names) await client.metadata.find(name, { timeoutMs: 0, autoCreate: false, ...abortOf(options) })
  const resolve = async (at: (assignment: Assignment) => OffsetSpec | number | undefined): Promise<number[]> => {
    const wanted = assignments.map(at)
    const queries = assignments.flatMap(({ topic, partition }, index) => {
      const spec = wanted[index]
      return spec === undefined || typeof spec === 'number' ? [] : [{ topic, partition, at: spec }]
    })
    const found = await listOffsets(client, queries, options)
    return wanted.map((spec) =>
      spec === undefined ? Number.POSITIVE_INFINITY : typeof spec === 'number' ? spec : found.shift()!.offset,
    )
  }
  const ends = await resolve(() => 'end')
  const from = await resolve((assignment) => assignment.from)
  const until = await resolve((assignment) => assignment.until)
  // No record as new as the time that was asked for: that is the end, as it was just before.
  const orEnd = (offset: number, index: number): number => (offset < 0 ? ends[index]! : offset)
  return assignments.map(({ topic, partition }, index) => {
    return new PartitionPosition({
      topic,
      partition,
      offset: orEnd(from[index]!, index),
      untilOffset: orEnd(until[index]!, index),
    })
  })
}

function abortOf(options: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal }
}
