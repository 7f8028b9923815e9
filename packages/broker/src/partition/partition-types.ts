/** What a partition is made of and what it is asked and answers: types alone, for partition.ts and those who use it. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { Scratch } from '@ottla/protocol/records/compression.ts'
import type { LogOptions } from '../log/log.ts'
import type { RetentionRules } from '../log/retention.ts'
import type { PartitionImage } from '../metadata/image.ts'
import type { AppendRules, RecordError } from './batch-validation.ts'
import type { CompactionRules } from './cleanable-log.ts'
import type { ProposedIsr } from './isr-changes.ts'
import type { Partition } from './partition.ts'
import type { KnownBrokers } from './replicas.ts'
import type { ThrottleRules } from './throttled-replicas.ts'

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
  /** The high watermark of this replica's last life; not known: the log's start. */
  readonly highWatermark?: number
  readonly cluster: PartitionCluster
  /** The leader epoch in which the log failed that this one is opened in place of; NEVER_FAILED where none did. */
  readonly failedEpoch?: number
  /** A write or sync has failed: the partition refuses everything from now on. Called once at most. */
  readonly onOffline?: (partition: Partition) => void
  readonly log: Omit<LogOptions, 'observer'>
}

/** What a partition asks of the rest of the cluster, by its broker. */
export interface PartitionCluster {
  /** Of this incarnation of the broker. */
  readonly brokerEpoch: () => number
  /** Whether the cluster can have heard of this broker within the session: who is not heard of commits nothing alone. */
  readonly isHeard: () => boolean
  /** Whether it has not been heard of for so long that others may lead in its place by now. */
  readonly mayBeReplaced: () => boolean
  readonly brokers: KnownBrokers
  readonly propose: (proposed: ProposedIsr) => void
  /** Durable when it returns: recovery takes nothing of the partition from `offset` on for synced. */
  readonly lowerRecoveryPoint: (partition: Partition, offset: number) => void
  readonly advanceLogStart: (partition: Partition, offset: number) => Promise<void>
}

/** The topic's settings that a partition obeys; replaced as a whole when they change. */
export interface PartitionRules extends AppendRules {
  readonly minInSyncReplicas: number
  readonly compaction: CompactionRules
  /** Whether DeleteRecords is allowed: not where the cleanup policy is exactly compact. */
  readonly deletable: boolean
  /** What the log keeps. */
  readonly retention: RetentionRules
  readonly throttle: ThrottleRules
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
  /** A follower reads what is not committed yet, too: it is woken by appends. */
  readonly isFollower?: boolean
  wake(): void
}

/** What a follower's fetch tells its leader. */
export interface FollowerProgress {
  readonly replicaId: number
  readonly brokerEpoch: number
  readonly fetchOffset: number
  readonly logStartOffset: number
}
