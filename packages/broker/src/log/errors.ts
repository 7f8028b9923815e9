/** Owns the errors by which a log refuses: both are for its owner, which turns them into Kafka's codes. */

/** A write or sync failed, now or before: the log takes nothing and answers nothing from memory until it is reopened. */
export class LogOfflineError extends Error {
  override readonly name = 'LogOfflineError'
}

/** Bytes that were durable are not what was written: the disk or someone else changed them. */
export class CorruptLogError extends Error {
  override readonly name = 'CorruptLogError'
}
