/** What the replica fetcher asks of a partition whose leader is elsewhere. Implemented by `Partition`. */
import type { Uuid } from '../metadata/image.ts'
import type { ThrottledPartition } from './throttled-replicas.ts'

export interface FollowedPartition extends ThrottledPartition {
  readonly topicId: Uuid
  readonly topicName: string
  readonly index: number
  /** Of the leader that is followed; changes with each `update`. */
  readonly leaderEpoch: number
  /** As this replica knows it. */
  readonly highWatermark: number
  /** Whether the log's end is as safe here as a fetch from it claims: only then may it be fetched from. */
  readonly isSettled: boolean
  /** Resolves once it is, as far as the log goes now. Rejects with LogOfflineError. */
  settled(): Promise<void>
  /** Where to go on, as of everything that this replica has synced. */
  readonly fetchPosition: FetchPosition
  /**
   * Takes over what the leader has sent, whole batches behind the log's end. Resolves once they are as safe here as the
   * next fetch will claim. Rejects with LogOfflineError, CorruptMessageError.
   */
  appendFetched(records: readonly Buffer[], leader: LeaderMarks): Promise<void>
  /** Takes note of the leader's marks where it had nothing to send. */
  observeLeader(leader: LeaderMarks): void
  /** Cuts what the leader does not have: its history and ours share at most this epoch up to this offset (KIP-595). */
  truncateToShared(end: { readonly epoch: number; readonly endOffset: number }): Promise<void>
  /** Cuts to the leader's end, or begins anew at its start: this replica's offsets are outside of the leader's log. */
  resetTo(leader: { readonly startOffset: number; readonly endOffset: number }): Promise<void>
}

export interface FetchPosition {
  readonly fetchOffset: number
  /** −1: nothing is known of the epoch of the last record. */
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
}

export interface LeaderMarks {
  readonly highWatermark: number
  readonly logStartOffset: number
}
