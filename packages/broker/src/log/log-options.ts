/** Owns what a log is made from: its broker's ports and shared memory, its owner, and what is known of its past. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { DelayedRemovals } from './delayed-removals.ts'
import type { LogSummary } from './log-summary.ts'
import type { LogObserver } from './log-writer.ts'
import type { OpenSegments } from './open-segments.ts'
import type { LogSettings } from './settings.ts'
import type { TailBudget } from './tail-budget.ts'

export interface LogOptions {
  readonly disk: Disk
  readonly directory: string
  readonly clock: Clock
  readonly timers: Timers
  readonly syncs: SyncQueue
  readonly tail: TailBudget
  readonly openSegments: OpenSegments
  readonly removals: DelayedRemovals
  readonly logger: Logger
  readonly observer: LogObserver
  readonly settings: LogSettings
  /** What is known of the log, when nobody has touched its files since it was closed whole; nothing is read then. */
  readonly remembered?: LogSummary | null
  /** Makes the names in the log's parent directory durable: an owner of many logs does it for several at once. */
  readonly syncParent?: () => Promise<void>
  /** Told of the bytes that the recovery has looked at. */
  readonly onChecked?: (bytes: number) => void
  /** False: everything behind the recovery point is scanned. */
  readonly cleanShutdown: boolean
  /** Durable before this: `LogDirectoryCheckpoints` says what the owner keeps to. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Set where a write or sync of an earlier log in this process failed: what was durable then; see rewrite.ts. */
  readonly rewriteBehind?: number | null
  readonly producerIdExpirationMs: number
}
