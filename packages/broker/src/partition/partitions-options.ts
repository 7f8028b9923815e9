/** Owns what all partitions of a broker are made from: its ports, what its logs share, and who is told of them. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Random } from '@ottla/base/random.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { OpenSegments } from '../log/open-segments.ts'
import type { TailBudget } from '../log/tail-budget.ts'
import type { LogDirectory } from './log-directories.ts'
import type { Partition } from './partition.ts'
import type { ClusterPorts } from './replication.ts'

export interface PartitionsOptions {
  readonly brokerId: number
  readonly disk: Disk
  readonly directories: readonly LogDirectory[]
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly syncs: SyncQueue
  readonly tail: TailBudget
  readonly openSegments: OpenSegments
  readonly cluster: ClusterPorts
  /** Every log directory has failed, and not in a way that passes. */
  readonly onFailure: (error: unknown) => void
  /** A partition's log is open, and `find` finds it: told in the turn in which that becomes true. */
  readonly onOpened?: (partition: Partition) => void
  /** A partition is about to be removed. */
  readonly onGone?: (partition: Partition) => void
}
