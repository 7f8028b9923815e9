/**
 * Deletes what topics no longer keep, over all logs of the broker: what goes is log/retention.ts's decision.
 *
 * A check looks at the logs in slices, one in a turn of the event loop. Then the new starts of all of them become durable
 * by one write of each log directory's checkpoint, and only then do segments lose their names, a few in a turn: the
 * removals may come through a crash in any order, but never one of them before the start that no longer needs it. An
 * active segment that goes is sealed, and what follows it durable, before its offsets are given up.
 *
 * A log that is offline, closed or being truncated is left out until the next check.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { Counter } from '@ottla/base/counters.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { DiskError } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { CorruptLogError, LogOfflineError } from '../log/errors.ts'
import type { Log } from '../log/log.ts'
import { type Breach, decideRetention, type RetentionReason, type RetentionRules } from '../log/retention.ts'
import type { LogDirectory } from './log-directories.ts'
import type { Partition } from './partition.ts'

/** Logs that are looked at in one turn. */
const LOGS_PER_TURN_MAX = 100
/** Active segments that are sealed at one time: what follows each is made durable by several syncs, some of them blocking. */
const ROLLING_MAX = 4
/** Segments that lose their names in one turn: each costs up to four renames. */
const SEGMENTS_PER_TURN_MAX = 25
/** Lines that one check writes; what they do not tell is summed up. */
const LINES_PER_CHECK_MAX = 100

const ONLY_BELOW_START: RetentionRules = { deletes: false, retentionMs: -1, retentionBytes: -1 }

const MESSAGES: Readonly<Record<RetentionReason, string>> = {
  'start offset': 'Deleted segments below the log start offset',
  size: 'Deleted segments that retention.bytes does not keep',
  time: 'Deleted segments that retention.ms does not keep',
}

export interface RetainedPartition {
  readonly partition: Partition
  readonly directory: LogDirectory
}

export interface LogRetentionOptions {
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly held: () => Iterable<RetainedPartition>
}

/** A log to look at; by the topic's rules, as they are then, where it brings none. */
interface Check extends RetainedPartition {
  readonly rules: RetentionRules | null
}

/** What goes of one log. */
interface Decision extends RetainedPartition {
  readonly logStartOffset: number
  readonly deletions: readonly Deletion[]
  /** Settles when what follows a sealed active segment is durable; null where that stays. */
  readonly rolled: Promise<void> | null
}

interface Deletion {
  readonly reason: RetentionReason
  readonly segments: number
  readonly bytes: number
  /** Base offset of the first one. */
  readonly firstOffset: number
}

export class LogRetention implements AsyncDisposable {
  readonly #options: LogRetentionOptions
  readonly deletedSegments: Readonly<Record<RetentionReason, Counter>> = {
    'start offset': new Counter(),
    size: new Counter(),
    time: new Counter(),
  }
  readonly deletedBytes = new Counter()
  #timer: Timer | null = null
  /** One check after the other: the next begins when this has settled. */
  #checking: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: LogRetentionOptions) {
    this.#options = options
  }

  /** Checks all logs after the initial delay, and again each interval after a check has ended. */
  start(schedule: { initialDelayMs: number; intervalMs: number }): void {
    const { initialDelayMs, intervalMs } = schedule
    this.#timer = this.#options.timers.after(initialDelayMs, async () => {
      await this.check(this.#options.held())
      if (!this.#isStopped) this.start({ initialDelayMs: intervalMs, intervalMs })
    })
  }

  /** Nothing below `offset` is read any more, durably when it returns; the segments follow. Throws DiskError, LogOfflineError. */
  deleteBelow(held: RetainedPartition, offset: number): void {
    const { partition, directory } = held
    const { logStarts } = directory.checkpoints
    logStarts.set(partition.topicName, partition.index, offset)
    logStarts.flush()
    partition.log.advanceLogStartOffset(offset)
    // What is old or too much waits for its check, as ever.
    void this.#enqueue([{ ...held, rules: ONLY_BELOW_START }])
  }

  /** Deletes what these logs no longer keep; never rejects. */
  check(held: Iterable<RetainedPartition>): Promise<void> {
    return this.#enqueue(Array.from(held, (one) => ({ ...one, rules: null })))
  }

  /** Resolves when nothing is deleted any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#checking
  }

  #enqueue(checks: readonly Check[]): Promise<void> {
    this.#checking = this.#checking.then(() => this.#check(checks)).catch((error) => this.#failed(error))
    return this.#checking
  }

  async #check(checks: readonly Check[]): Promise<void> {
    const decisions: Decision[] = []
    for (let at = 0; at < checks.length && !this.#isStopped; at += LOGS_PER_TURN_MAX) {
      if (at > 0) await this.#turn()
      decisions.push(...(await this.#decideSlice(checks.slice(at, at + LOGS_PER_TURN_MAX))))
    }
    const lines = new BoundedLines(this.#options.logger)
    for (const decision of await this.#remove(this.#advance(decisions))) this.#count(decision, lines)
    lines.end()
  }

  async #decideSlice(slice: readonly Check[]): Promise<Decision[]> {
    const decisions: Decision[] = []
    let rolling: Promise<void>[] = []
    for (const one of slice) {
      const decision = await this.#unlessDiskFails(one, () => this.#decide(one))
      if (decision === null) continue
      decisions.push(decision)
      if (decision.rolled !== null) rolling.push(decision.rolled)
      if (rolling.length < ROLLING_MAX) continue
      await Promise.allSettled(rolling)
      rolling = []
    }
    // Failures are the logs' own: such a log is not usable any more.
    await Promise.allSettled(rolling)
    return decisions
  }

  /** Null: nothing goes. An active segment that goes is sealed here. */
  async #decide({ rules, ...held }: Check): Promise<Decision | null> {
    const { partition } = held
    const { log } = partition
    for (let asked = -1; log.isUsable; ) {
      const segments = log.retainedSegments
      const { logStartOffset, logEndOffset, highWatermark } = partition
      const now = { segments, logStartOffset, logEndOffset, highWatermark }
      const verdict = decideRetention(now, rules ?? partition.rules.retention, this.#options.clock.wallMs())
      if (verdict.kind === 'decided') {
        if (verdict.breaches.length === 0) return null
        const deletions = verdict.breaches.map((breach) => deletionOf(breach, segments))
        const rolled = verdict.breaches.at(-1)!.to === segments.length ? rollDurably(log) : null
        return { ...held, logStartOffset: verdict.logStartOffset, deletions, rolled }
      }
      // It was written to while its time was read.
      if (verdict.segment === asked) return null
      asked = verdict.segment
      await log.learnRetentionTime(asked)
    }
    return null
  }

  /** Moves the logs' starts, durably, without letting time pass between; answers those whose segments may go. */
  #advance(decisions: readonly Decision[]): Decision[] {
    const usable = decisions.filter(isStillRight)
    const failed = new Set<LogDirectory>()
    for (const { directory, partition, logStartOffset } of usable) {
      directory.checkpoints.logStarts.set(partition.topicName, partition.index, logStartOffset)
    }
    for (const directory of new Set(usable.map(({ directory }) => directory))) {
      if (!this.#flushStarts(directory)) failed.add(directory)
    }
    const durable = usable.filter(({ directory }) => !failed.has(directory))
    for (const { partition, logStartOffset } of durable) partition.log.advanceLogStartOffset(logStartOffset)
    return durable
  }

  #flushStarts(directory: LogDirectory): boolean {
    try {
      directory.checkpoints.logStarts.flush()
      return true
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      const fields = { directory: directory.path, error }
      this.#options.logger.warn('Cannot write the log start offsets: nothing is deleted', fields)
      return false
    }
  }

  async #remove(decisions: readonly Decision[]): Promise<Decision[]> {
    const removed: Decision[] = []
    let left = SEGMENTS_PER_TURN_MAX
    for (const decision of decisions) {
      const { log } = decision.partition
      await this.#unlessDiskFails(decision, async () => {
        while (log.isUsable) {
          left -= log.removeBelowStart(left)
          if (left > 0) break
          await this.#turn()
          left = SEGMENTS_PER_TURN_MAX
        }
        removed.push(decision)
      })
    }
    return removed
  }

  #count({ partition, deletions, logStartOffset }: Decision, lines: BoundedLines): void {
    const { topicName: topic, index } = partition
    for (const { reason, ...deletion } of deletions) {
      this.deletedSegments[reason].add(deletion.segments)
      this.deletedBytes.add(deletion.bytes)
      lines.info(MESSAGES[reason], { topic, partition: index, ...deletion, logStartOffset })
    }
  }

  /** What is wrong with one log's files keeps no other log from its retention. */
  async #unlessDiskFails<T>({ partition }: RetainedPartition, run: () => Promise<T>): Promise<T | null> {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof Error) || !isDiskFailure(error)) throw error
      const fields = { topic: partition.topicName, partition: partition.index, error }
      this.#options.logger.warn('Cannot delete segments of a log', fields)
      return null
    }
  }

  #failed(error: unknown): void {
    this.#options.logger.error('A check of what logs keep failed', { error })
  }

  #turn(): Promise<void> {
    const turn = deferred<void>()
    this.#options.timers.endOfTurn(turn.resolve)
    return turn.promise
  }
}

function rollDurably(log: Log): Promise<void> {
  log.roll()
  return log.synced()
}

/** Time has passed since the decision: the log may have gone, failed, or lost its end. */
function isStillRight({ partition, logStartOffset }: Decision): boolean {
  return (
    partition.log.isUsable &&
    logStartOffset >= partition.logStartOffset &&
    logStartOffset <= Math.max(partition.logStartOffset, partition.highWatermark)
  )
}

function deletionOf(breach: Breach, segments: readonly { baseOffset: number; bytes: number }[]): Deletion {
  const gone = segments.slice(breach.from, breach.to)
  return {
    reason: breach.reason,
    segments: gone.length,
    bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
    firstOffset: gone[0]!.baseOffset,
  }
}

function isDiskFailure(error: Error): boolean {
  return error instanceof DiskError || error instanceof LogOfflineError || error instanceof CorruptLogError
}

/** The lines of one check. */
class BoundedLines {
  readonly #logger: Logger
  #count = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  info(message: string, fields: { readonly [name: string]: unknown }): void {
    this.#count++
    if (this.#count <= LINES_PER_CHECK_MAX) this.#logger.info(message, fields)
  }

  end(): void {
    const untold = this.#count - LINES_PER_CHECK_MAX
    if (untold > 0) this.#logger.info('Deleted segments of more logs', { lines: untold })
  }
}
