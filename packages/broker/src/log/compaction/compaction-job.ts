/** Owns what a compaction is told and what it answers: plain data, for it runs in another thread. */

/** What a compaction does for a log is decided once, from the topic's and the broker's configuration. */
export interface CompactionLimits {
  /** `segment.bytes`: what one cleaned segment is made of has no more bytes than this. */
  readonly segmentBytes: number
  /** `segment.index.bytes`, likewise. */
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** `delete.retention.ms` */
  readonly deleteRetentionMs: number
  /** `log.cleaner.dedupe.buffer.size`, for one thread. */
  readonly mapBytesMax: number
  /** `log.cleaner.io.buffer.load.factor` */
  readonly mapLoadFactor: number
  /** Half of `log.cleaner.io.buffer.size`: what one step reads, and as much is written at once. */
  readonly readBytes: number
  /** The most that the records of one batch may have once decompressed. */
  readonly decompressedBytesMax: number
}

export interface SourceSegment {
  readonly baseOffset: number
  readonly bytes: number
}

/** The newest of what the log knows of a producer: the batch that tells of it is kept, even empty. */
export interface LastOfProducer {
  /** −1: only a transaction marker is known. */
  readonly lastDataOffset: number
  readonly epoch: number
}

export interface CompactionInput extends CompactionLimits {
  readonly directory: string
  /** The log's segments up to `endOffset`, all sealed, in order. */
  readonly sources: readonly SourceSegment[]
  /** Everything below was compacted before. */
  readonly firstDirtyOffset: number
  /** Where the last source ends: at or below the last stable offset. */
  readonly endOffset: number
  readonly nowMs: number
  readonly lastOfProducers: ReadonlyMap<number, LastOfProducer>
}

/**
 * The files of a cleaned segment are whole and durable under their names with `.cleaned` behind; they stand for all of
 * the sources together. They are put into place in the order in which they are reported, or not at all: a tombstone may
 * only go when what it deletes is gone.
 */
export interface CleanedSegment {
  readonly baseOffset: number
  readonly sources: readonly SourceSegment[]
  readonly bytes: number
}

export interface CompactionStats {
  bytesRead: number
  bytesWritten: number
  recordsRead: number
  recordsKept: number
  /** Records without a key, which a compacted log cannot keep. */
  recordsWithoutKey: number
  keys: number
}

export interface CompactionResult {
  /** Everything below is compacted now: less than asked for when the keys did not fit into memory. */
  readonly nextDirtyOffset: number
  readonly stats: CompactionStats
}
