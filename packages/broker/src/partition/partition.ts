/**
 * One partition on this broker: the shell around its log that knows who leads it, what is committed, and who waits.
 *
 * `append` is check-then-act without an `await`: leadership, sequence and offset are decided in one go, the bytes reach
 * the file at the end of the turn, one sync then serves everybody who asked for it. The high watermark moves in
 * `#advance` alone, and wakes producers and parked fetches.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { DiskError } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { batchLastOffsetDelta } from '@ottla/protocol/records/batch.ts'
import type { Scratch } from '@ottla/protocol/records/compression.ts'
import { Log, LogOfflineError, type LogOptions, type ReadLease } from '../log/log.ts'
import type { SequenceCheck } from '../log/producer-state.ts'
import type { RetentionRules } from '../log/retention.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { type AppendRules, type RecordError, validateBatch } from './batch-validation.ts'
import type { CompactionRules } from './cleanable-log.ts'
import { countedEnd, isUnderMinIsr } from './replicas.ts'
import { OffsetWaiters } from './waiters.ts'

/** At least so far apart are two lines about failed reads of one partition. */
const READ_FAILURE_INTERVAL_MS = 60_000

export interface PartitionOptions {
  readonly topicId: string
  readonly topicName: string
  readonly image: PartitionImage
  readonly rules: PartitionRules
  readonly localBrokerId: number
  readonly clock: Clock
  readonly timers: Timers
  /** Shared with the broker's other partitions. */
  readonly scratch: Scratch
  /** A write or sync has failed: the partition refuses everything from now on. Called once at most. */
  readonly onOffline?: (partition: Partition) => void
  readonly log: Omit<LogOptions, 'observer'>
}

/** The topic's settings that a partition obeys; replaced as a whole when they change. */
export interface PartitionRules extends AppendRules {
  readonly minInSyncReplicas: number
  readonly compaction: CompactionRules
  /** Whether DeleteRecords is allowed: not where the cleanup policy is exactly compact. */
  readonly deletable: boolean
  /** What the log keeps. */
  readonly retention: RetentionRules
}

export interface AppendRequest {
  readonly buffer: Buffer
  readonly at: number
  readonly end: number
  readonly acks: -1 | 0 | 1
  readonly timeoutMs: number
}

export type AppendResult =
  | {
      readonly kind: 'appended'
      readonly baseOffset: number
      /** −1 where the topic keeps the producer's timestamps. */
      readonly logAppendTimeMs: number
      /** Settles when the batch is as safe as its acks ask for; null: it is already. */
      readonly done: Promise<void> | null
    }
  | Refusal

export interface Refusal {
  readonly kind: 'refused'
  readonly error: ErrorName
  readonly message: string | null
  readonly recordErrors: readonly RecordError[]
}

export interface ReadRequest {
  readonly offset: number
  readonly maxBytes: number
  readonly minOneBatch: boolean
}

/** A parked fetch: told, at most, that there may be more to read. */
export interface FetchWaiter {
  wake(): void
}

export class Partition {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  readonly #localBrokerId: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #scratch: Scratch
  readonly #producers: OffsetWaiters
  readonly #fetches = new Set<FetchWaiter>()
  readonly #onOffline: (partition: Partition) => void
  #image: PartitionImage
  #rules: PartitionRules
  #log: Log
  #highWatermark: number
  /** Base offset of the first acks=all batch of each turn that is not synced yet, rising. */
  readonly #unsyncedAll: number[] = []
  /** Of the newest batch of this life. */
  #lastBaseOffset = -1
  /** The promise of the turn's write that `#advance` was hung on. */
  #watchedWrite: Promise<void> | null = null
  #gone = false
  #offline = false
  /** When the log last told of a read that failed, in ms of the monotonic clock. */
  #readFailureToldMs = Number.NEGATIVE_INFINITY

  static async open(options: PartitionOptions): Promise<Partition> {
    let opened: Partition | null = null
    const observer = {
      synced: () => {
        if (opened) opened.#syncMoved()
      },
      failed: (error: Error) => {
        if (opened) opened.#logFailed(error)
      },
    }
    const log = await Log.open({ ...options.log, observer })
    opened = new Partition(options, log)
    return opened
  }

  private constructor(options: PartitionOptions, log: Log) {
    this.topicId = options.topicId
    this.topicName = options.topicName
    this.index = options.image.index
    this.#localBrokerId = options.localBrokerId
    this.#clock = options.clock
    this.#logger = options.log.logger
    this.#scratch = options.scratch
    this.#producers = new OffsetWaiters(options)
    this.#onOffline = options.onOffline ?? (() => {})
    this.#image = options.image
    this.#rules = options.rules
    this.#log = log
    // Recovery ended with a sync, and this replica is all there is: everything that is here is committed.
    this.#highWatermark = log.logEndOffset
    if (this.isLeader) log.leaderEpochs.assign(options.image.leaderEpoch, log.logEndOffset)
  }

  get log(): Log {
    return this.#log
  }
  get image(): PartitionImage {
    return this.#image
  }
  get rules(): PartitionRules {
    return this.#rules
  }
  get isLeader(): boolean {
    return this.#image.leader === this.#localBrokerId && !this.#gone
  }
  get leaderEpoch(): number {
    return this.#image.leaderEpoch
  }
  /** Records below it are visible to consumers. */
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** Records below it are visible to consumers that read committed; there are no transactions yet to hold it back. */
  get lastStableOffset(): number {
    return this.#highWatermark
  }
  get logStartOffset(): number {
    return this.#log.logStartOffset
  }
  get logEndOffset(): number {
    return this.#log.logEndOffset
  }
  /** A write or sync failed: the log refuses everything. Its owner opens another one in its place. */
  get isOffline(): boolean {
    return this.#offline
  }
  get producersWaiting(): number {
    return this.#producers.count
  }

  /** The state that the controller published. */
  update(image: PartitionImage): void {
    assert(image.index === this.index, 'A partition keeps its index')
    const newEpoch = image.leaderEpoch !== this.#image.leaderEpoch
    this.#image = image
    if (newEpoch && this.isLeader) this.#log.leaderEpochs.assign(image.leaderEpoch, this.#log.logEndOffset)
    if (newEpoch) this.#wakeFetches()
  }

  configure(rules: PartitionRules, settings: LogOptions['settings']): void {
    this.#rules = rules
    this.#log.configure(settings)
  }

  /** FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH where a client's epoch differs from ours; −1 claims none. */
  checkLeaderEpoch(claimed: number): ErrorName | null {
    if (claimed < 0 || claimed === this.#image.leaderEpoch) return null
    return claimed < this.#image.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
  }

  append(request: AppendRequest): AppendResult {
    const { acks, buffer, at } = request
    if (!this.isLeader) return refused('NOT_LEADER_OR_FOLLOWER')
    if (this.#offline) return refused('KAFKA_STORAGE_ERROR')
    if (acks === -1 && this.#isUnderMinIsr()) return refused('NOT_ENOUGH_REPLICAS')
    const nowMs = this.#clock.wallMs()
    const verdict = validateBatch({ buffer, at, end: request.end, nowMs, scratch: this.#scratch }, this.#rules)
    if (verdict.kind === 'refused') return verdict
    const sequence = this.#log.producers.check(verdict.buffer, verdict.at, nowMs)
    if (sequence.kind === 'error') return refused(sequence.error)
    if (sequence.kind === 'duplicate') return this.#alreadyAppended(request, sequence)
    const baseOffset = this.#appendToLog(verdict, nowMs)
    if (baseOffset === null) return refused('KAFKA_STORAGE_ERROR')
    this.#lastBaseOffset = baseOffset
    const endOffset = baseOffset + batchLastOffsetDelta(verdict.buffer, verdict.at) + 1
    const done = this.#afterAppend(request, baseOffset, endOffset)
    return { kind: 'appended', baseOffset, logAppendTimeMs: verdict.logAppendTimeMs, done }
  }

  /** Null: the disk has failed. A full segment or a long turn makes the log use it at once. */
  #appendToLog({ buffer, at }: { buffer: Buffer; at: number }, appendTimeMs: number): number | null {
    try {
      const baseOffset = this.#log.append(buffer, at, { leaderEpoch: this.#image.leaderEpoch, appendTimeMs })
      return this.#offline ? null : baseOffset
    } catch (error) {
      if (error instanceof LogOfflineError || error instanceof DiskError) return null
      throw error
    }
  }

  #isUnderMinIsr(): boolean {
    const { isr, replicas } = this.#image
    const { minInSyncReplicas } = this.#rules
    return isUnderMinIsr({ isr: isr.length, replicas: replicas.length, minInSyncReplicas })
  }

  /** A producer's retry of a batch that is here: nothing is written, the first answer is given again. */
  #alreadyAppended(request: AppendRequest, batch: Extract<SequenceCheck, { kind: 'duplicate' }>): AppendResult {
    return {
      kind: 'appended',
      baseOffset: batch.baseOffset,
      logAppendTimeMs: this.#rules.timestampType === 'LogAppendTime' ? batch.appendTimeMs : -1,
      done: request.acks === -1 ? this.#whenDurable(batch.lastOffset, request.timeoutMs) : null,
    }
  }

  /** The first copy may have come with other acks, and so be visible before it is durable. Null: it is durable. */
  #whenDurable(lastOffset: number, timeoutMs: number): Promise<void> | null {
    const { syncedOffset, logEndOffset, settings } = this.#log
    if (lastOffset < (settings.writeCaching ? this.#highWatermark : syncedOffset)) return null
    if (!settings.writeCaching) {
      // Nobody tells of an offset that the high watermark has passed already.
      if (this.#highWatermark >= logEndOffset) return this.#log.synced()
      this.#askSync(this.#lastBaseOffset)
    }
    // The end of the log is waited for, not the batch's own: waiters come in rising order of offsets.
    return this.#producers.wait(logEndOffset, timeoutMs)
  }

  #afterAppend(request: AppendRequest, baseOffset: number, endOffset: number): Promise<void> | null {
    const written = this.#log.written()
    if (this.#watchedWrite !== written) {
      this.#watchedWrite = written
      // Hung on before the producer's own reaction: who has the answer finds the record.
      written.then(this.#advance, ignoreFailedWrite)
    }
    if (request.acks !== -1) return request.acks === 1 ? written : null
    if (!this.#log.settings.writeCaching) this.#askSync(baseOffset)
    return this.#producers.wait(endOffset, request.timeoutMs)
  }

  #askSync(baseOffset: number): void {
    const last = this.#unsyncedAll.at(-1)
    // A batch of this turn has asked already: they are written, and so synced, together.
    if (last !== undefined && last >= this.#log.writtenOffset) return
    this.#unsyncedAll.push(baseOffset)
    this.#log.synced().catch(ignoreFailedWrite)
  }

  #syncMoved(): void {
    const { syncedOffset } = this.#log
    while (this.#unsyncedAll.length > 0 && this.#unsyncedAll[0]! < syncedOffset) this.#unsyncedAll.shift()
    this.#advance()
  }

  readonly #advance = (): void => {
    const { writtenOffset, syncedOffset } = this.#log
    const unsyncedAllFrom = this.#unsyncedAll[0] ?? Infinity
    const next = countedEnd({ writtenOffset, syncedOffset, unsyncedAllFrom })
    assert(next <= this.#log.logEndOffset, 'The high watermark stays within the log')
    if (next <= this.#highWatermark) return
    this.#highWatermark = next
    this.#producers.passed(next)
    this.#wakeFetches()
  }

  #wakeFetches(): void {
    for (const fetch of this.#fetches) fetch.wake()
  }

  /** Told at every move of the high watermark until it is removed. */
  addFetchWaiter(waiter: FetchWaiter): void {
    this.#fetches.add(waiter)
  }

  removeFetchWaiter(waiter: FetchWaiter): void {
    this.#fetches.delete(waiter)
  }

  /** Whole batches below the high watermark. The caller has checked that the offset is within the log. */
  read(request: ReadRequest): ReadLease | Promise<ReadLease> {
    return this.#log.read({ ...request, maxOffset: this.#highWatermark })
  }

  /** A read of history met damage or a failing disk. Told to the operator, but a client that asks on fills no log. */
  readFailed(error: Error): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#readFailureToldMs < READ_FAILURE_INTERVAL_MS) return
    this.#readFailureToldMs = nowMs
    this.#logger.error('Cannot read from a log', { topic: this.topicName, partition: this.index, error })
  }

  /**
   * Up to where DeleteRecords may delete: `offset`, or the high watermark for −1. Throws ProtocolError
   * OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER or KAFKA_STORAGE_ERROR.
   */
  deletionTarget(offset: number): number {
    if (!this.isLeader) throw new ProtocolError('NOT_LEADER_OR_FOLLOWER')
    if (this.isOffline) throw new ProtocolError('KAFKA_STORAGE_ERROR')
    const target = offset === -1 ? this.#highWatermark : offset
    if (target < 0 || target > this.#highWatermark) throw new ProtocolError('OFFSET_OUT_OF_RANGE')
    return target
  }

  #logFailed(error: Error): void {
    this.#offline = true
    this.#logger.error('A partition is offline: its log failed. It is opened again when the disk works', {
      topic: this.topicName,
      partition: this.index,
      error,
    })
    this.#producers.fail(new ProtocolError('KAFKA_STORAGE_ERROR', error.message))
    this.#wakeFetches()
    this.#onOffline(this)
  }

  /** Lets go of the files of a log that has failed, so that it can be opened anew. Who asks is still told of it. */
  async closeFailedLog(): Promise<void> {
    assert(this.#offline, 'Only a log that has failed is closed below its partition')
    await this.#log[Symbol.asyncDispose]()
  }

  /** This broker does not hold the partition any more: everybody who waits looks for it elsewhere. */
  resign(): void {
    this.#gone = true
    this.#producers.fail(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))
    this.#wakeFetches()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) this.resign()
    await this.#log[Symbol.asyncDispose]()
  }
}

function refused(error: ErrorName): Refusal {
  return { kind: 'refused', error, message: null, recordErrors: [] }
}

/** A failed write was told to the partition by its log; the producers' promises were rejected with it. */
function ignoreFailedWrite(): void {}
