/**
 * What the state of a partition's replicas means for its leader: pure. One replica, the leader itself, is all that
 * there is yet; followers join with replication.
 *
 * Acknowledged means durable (ARCHITECTURE.md, decision 5): a batch counts for the high watermark once it is synced.
 * On the leader a batch that is written but not synced counts too if it came with acks 0 or 1, or the topic has
 * `write.caching=true`, and no unsynced `acks=all` batch precedes it.
 */
export interface LeaderProgress {
  /** End of what the file holds. */
  readonly writtenOffset: number
  /** End of what is known to survive a power failure. */
  readonly syncedOffset: number
  /** Base offset of the first `acks=all` batch beyond `syncedOffset`; Infinity when there is none. */
  readonly unsyncedAllFrom: number
}

/** The offset below which records are visible to consumers and acknowledged to `acks=all` producers. */
export function highWatermark(progress: LeaderProgress): number {
  const { writtenOffset, syncedOffset, unsyncedAllFrom } = progress
  return Math.max(syncedOffset, Math.min(writtenOffset, unsyncedAllFrom))
}

/** Whether `acks=all` is refused: Kafka caps `min.insync.replicas` at the number of replicas. */
export function isUnderMinIsr(options: { isr: number; replicas: number; minInSyncReplicas: number }): boolean {
  return options.isr < Math.min(options.minInSyncReplicas, options.replicas)
}
