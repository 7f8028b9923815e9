/**
 * Owns when which compacted log is cleaned: every `log.cleaner.backoff.ms` the filthiest that is due, and then the next
 * one, one at a time. The work is compact-log.ts's, in a thread; where it ended is in `cleaner-offset-checkpoint`.
 *
 * A log whose cleaning has failed is left alone until the next start, as in Kafka, unless the disk was only full. A log
 * that is deleted or truncated meanwhile wins over its cleaning.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { Counter, Gauge } from '@ottla/base/counters.ts'
import { DiskError } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { JobError, type Threads } from '@ottla/base/threads.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { DECOMPRESSED_BYTES_MAX } from '@ottla/protocol/records/record.ts'
import type { BrokerConfig } from '../config.ts'
import type { OffsetCheckpoint } from '../log/checkpoint-file.ts'
import { type CompactionOutcome, compactLog } from '../log/compaction/compact-log.ts'
import type { CompactionLimits } from '../log/compaction/compaction-job.ts'
import { LogOfflineError } from '../log/errors.ts'
import { type CleanableLog, cleanableLog, isDue, mustRoll } from './cleanable-log.ts'
import type { Partition } from './partition.ts'

/** What one step reads: less would be all overhead. */
const READ_BYTES_MIN = 16 * 1024
/** There may be room again later. */
const PASSING_CODES = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM'])

export interface LogCleanerOptions {
  readonly partitions: {
    all(): Iterable<Partition>
    cleanerOffsetsOf(partition: Partition): OffsetCheckpoint
  }
  readonly threads: Threads
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly config: () => BrokerConfig
}

interface Candidate {
  readonly partition: Partition
  readonly cleanable: CleanableLog
}

interface Cleaning {
  readonly partition: Partition
  readonly stop: AbortController
}

export class LogCleaner implements AsyncDisposable {
  readonly runs = new Counter()
  readonly failures = new Counter()
  readonly bytesRead = new Counter()
  readonly bytesWritten = new Counter()
  readonly recordsRead = new Counter()
  readonly recordsKept = new Counter()
  /** Of the filthiest log, when it was looked at last. */
  readonly dirtyRatioMax = new Gauge()
  readonly #options: LogCleanerOptions
  readonly #uncleanable = new Set<Partition>()
  #cleaning: Cleaning | null = null
  #timer: Timer | null = null
  #round: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: LogCleanerOptions) {
    this.#options = options
  }

  get uncleanableCount(): number {
    return this.#uncleanable.size
  }

  /** From now on, until disposed; nothing happens where the configuration says so. */
  start(): void {
    const config = this.#options.config()
    if (config.boolean('log.cleaner.enable') && config.int('log.cleaner.threads') > 0) this.#rest()
  }

  /** The partition is not this broker's any more. */
  forget(partition: Partition): void {
    this.#uncleanable.delete(partition)
    if (this.#cleaning?.partition === partition) this.#cleaning.stop.abort()
  }

  /** Cleans all that is due, now. Resolves when that is done; never rejects. */
  clean(): Promise<void> {
    this.#round = this.#round.then(() => this.#cleanDue())
    return this.#round
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#cleaning?.stop.abort()
    await this.#round
  }

  #rest(): void {
    this.#timer = this.#options.timers.after(this.#options.config().int('log.cleaner.backoff.ms'), () => {
      void this.clean().then(() => {
        if (!this.#isStopped) this.#rest()
      })
    })
  }

  async #cleanDue(): Promise<void> {
    // A log that gets nowhere waits for the next round.
    const tried = new Set<Partition>()
    while (!this.#isStopped) {
      const candidate = await this.#filthiest(tried)
      if (candidate === null || this.#isStopped) return
      if (!(await this.#clean(candidate))) tried.add(candidate.partition)
    }
  }

  async #filthiest(tried: ReadonlySet<Partition>): Promise<Candidate | null> {
    let filthiest: Candidate | null = null
    let dirtyRatioMax = 0
    for (const partition of this.#options.partitions.all()) {
      if (!partition.rules.compacted || tried.has(partition) || this.#uncleanable.has(partition)) continue
      const cleanable = await this.#lookAt(partition)
      if (cleanable === null) continue
      dirtyRatioMax = Math.max(dirtyRatioMax, cleanable.dirtyRatio)
      const isFilthier = filthiest === null || cleanable.dirtyRatio > filthiest.cleanable.dirtyRatio
      if (isFilthier && isDue(cleanable, partition.rules.compaction)) filthiest = { partition, cleanable }
    }
    this.dirtyRatioMax.set(dirtyRatioMax)
    return filthiest
  }

  async #lookAt(partition: Partition): Promise<CleanableLog | null> {
    const { log, rules, lastStableOffset } = partition
    const nowMs = this.#options.clock.wallMs()
    try {
      if (!isUsable(partition)) return null
      if (await mustRoll(log, rules.compaction, nowMs)) log.roll()
      if (log.segmentCount < 2 || !isUsable(partition)) return null
      const checkpoint = this.#checkpointOf(partition)
      return await cleanableLog(log, { rules: rules.compaction, checkpoint, lastStableOffset, nowMs })
    } catch (error) {
      // Closed or offline since: there is nothing to clean.
      if (isUsable(partition) && !(error instanceof LogOfflineError)) this.#failed(partition, error)
      return null
    }
  }

  /** Whether the log is cleaner than before. */
  async #clean({ partition, cleanable }: Candidate): Promise<boolean> {
    const { threads, config, clock } = this.#options
    if (!isUsable(partition)) return false
    const stop = new AbortController()
    this.#cleaning = { partition, stop }
    try {
      const outcome = await compactLog(partition.log, {
        ...{ threads, limits: limitsOf(partition, config()), nowMs: clock.wallMs(), signal: stop.signal },
        ...cleanable,
        bytesPerSecondMax: Number(config().text('log.cleaner.io.max.bytes.per.second')),
      })
      return this.#ended(partition, outcome)
    } catch (error) {
      if (!(error instanceof LogOfflineError)) this.#failed(partition, error)
      return false
    } finally {
      this.#cleaning = null
    }
  }

  #ended(partition: Partition, outcome: CompactionOutcome): boolean {
    if (outcome.kind !== 'compacted') return false
    const { stats, nextDirtyOffset } = outcome
    this.runs.add()
    this.bytesRead.add(stats.bytesRead)
    this.bytesWritten.add(stats.bytesWritten)
    this.recordsRead.add(stats.recordsRead)
    this.recordsKept.add(stats.recordsKept)
    const { topicName: topic, index } = partition
    this.#options.logger.info('Compacted a log', { topic, partition: index, nextDirtyOffset, ...stats })
    const offsets = this.#options.partitions.cleanerOffsetsOf(partition)
    offsets.set(topic, index, nextDirtyOffset)
    // What is lost of it costs one more compaction.
    offsets.flush()
    return true
  }

  #failed(partition: Partition, error: unknown): void {
    const { topicName: topic, index } = partition
    this.failures.add()
    const fields = { topic, partition: index, error }
    const code = error instanceof JobError || error instanceof DiskError ? error.code : null
    if (code !== null && PASSING_CODES.has(code)) {
      this.#options.logger.warn('Cannot compact a log now; trying again later', fields)
      return
    }
    this.#uncleanable.add(partition)
    this.#options.logger.error('Cannot compact a log; leaving it as it is until the next start', fields)
  }

  #checkpointOf(partition: Partition): number | undefined {
    return this.#options.partitions.cleanerOffsetsOf(partition).get(partition.topicName, partition.index)
  }
}

function isUsable({ isOffline, log }: Partition): boolean {
  return !isOffline && log.isUsable
}

function limitsOf({ rules, log }: Partition, config: BrokerConfig): CompactionLimits {
  const threads = Math.max(1, config.int('log.cleaner.threads'))
  const { segmentBytes, segmentIndexBytes, indexIntervalBytes } = log.settings
  return {
    ...{ segmentBytes, segmentIndexBytes, indexIntervalBytes },
    deleteRetentionMs: rules.compaction.deleteRetentionMs,
    mapBytesMax: Math.floor(config.int('log.cleaner.dedupe.buffer.size') / threads),
    mapLoadFactor: Number(config.text('log.cleaner.io.buffer.load.factor')),
    readBytes: Math.max(READ_BYTES_MIN, Math.floor(config.int('log.cleaner.io.buffer.size') / threads / 2)),
    decompressedBytesMax: DECOMPRESSED_BYTES_MAX,
  }
}
