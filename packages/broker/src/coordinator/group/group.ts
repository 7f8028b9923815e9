/**
 * What a shard asks of a group, of whichever protocol. Owns types only: `classic/` and `consumer/` implement them,
 * `group-shard.ts` owns the groups, creates, replaces and removes them.
 *
 * State that is in the log changes in `apply` alone, live and in replay. Of which kind a group is tells its `kind`.
 */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { CoordinatorRecord, RecordOrigin, Step, TimerStart } from '../machine.ts'
import type { GroupRecord } from './group-records.ts'

export type GroupKind = 'classic' | 'consumer'

export interface CommitRequest {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationOrEpoch: number
  /** Of OffsetCommit, or of TxnOffsetCommit. */
  readonly apiVersion: number
  readonly isTransactional: boolean
}

export interface CommitCheck {
  /** Of all partitions; null: the offsets may be committed. */
  readonly error: ErrorName | null
  /** A commit may keep the member's session alive. */
  readonly timers: readonly TimerStart[]
}

export interface FetchRequest {
  /** Null, and an epoch below 0, for clients that are no members. */
  readonly memberId: string | null
  readonly memberEpoch: number
}

/**
 * How committed offsets age once no live member subscribes to their topic: not at all, each from its own commit on, or
 * all from a time on (wall clock), which is when the group became empty.
 */
export type OffsetAging = 'kept' | 'from commit' | { readonly fromMs: number }

export interface Group {
  readonly groupId: string
  readonly kind: GroupKind
  /** Null, or empty, for a group that only has offsets. */
  readonly protocolType: string | null
  /** Kafka's name of the state, as ListGroups and the describing APIs show it. */
  state(): string
  memberCount(): number
  isEmpty(): boolean
  checkCommit(request: CommitRequest, nowMs: number): CommitCheck
  /** The error of the whole group. */
  checkFetch(request: FetchRequest): ErrorName | null
  /** The topics to which a live member subscribes; null: it cannot be told. */
  subscribedTopics(): ReadonlySet<string> | null
  offsetAging(): OffsetAging
  /** A record of one of this group's own types; never the tombstone of the group itself, which the shard obeys. */
  apply(record: GroupRecord, origin: RecordOrigin): void
  /** What removes the group from the log, its offsets aside. */
  tombstones(): CoordinatorRecord[]
  /** The replay has ended: sessions start anew. */
  loaded(nowMs: number): Step
  /** This broker does not coordinate the group any more, or the group gives way: who waits is answered. */
  unloaded(): Step
}
