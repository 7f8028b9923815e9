/** Owns the settings of one log: what the partition's owner read from the topic's configuration, in plain units. */
export interface LogSettings {
  /** `segment.bytes`: a batch that would make the active segment larger than this starts the next one. */
  readonly segmentBytes: number
  /** `segment.ms`: how much record time one segment covers. */
  readonly segmentMs: number
  /** What is taken off `segmentMs`, drawn once per log in [0, segment.jitter.ms), so that logs do not roll together. */
  readonly segmentJitterMs: number
  /** `segment.index.bytes`: the size at which an index is full, and a full index ends its segment. */
  readonly segmentIndexBytes: number
  /** `index.interval.bytes`: about how many bytes of batches share one index entry. */
  readonly indexIntervalBytes: number
  /** `flush.messages`: how many unsynced offsets make the log sync before it calls them written. */
  readonly flushMessages: number
  /** `flush.ms`: how long written bytes may stay unsynced. */
  readonly flushMs: number
  /** `file.delete.delay.ms`: how long the files of a removed segment stay, under another name. */
  readonly fileDeleteDelayMs: number
  /** `write.caching`: whether written bytes count as replicated before they are synced. Read by the log's owner. */
  readonly writeCaching: boolean
}

/** Kafka's defaults. */
export const DEFAULT_LOG_SETTINGS: LogSettings = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10_485_760,
  indexIntervalBytes: 4096,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  fileDeleteDelayMs: 60_000,
  writeCaching: false,
}
