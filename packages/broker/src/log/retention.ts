/**
 * Decides which segments a log no longer keeps, by Kafka's rules: pure.
 *
 * Segments go from the oldest on, without a gap, and only while they end at or below the high watermark; an active
 * segment without batches stays. Three rules, one after the other, each over what the one before has left:
 *
 * 1. start offset, for every cleanup policy: the segment ends at or below the log's start, so nobody can read it.
 * 2. size, where the policy contains delete: without the segment the log still has `retention.bytes` or more.
 * 3. time, where the policy contains delete: the segment's largest timestamp is older than `retention.ms`; its file's
 *    last change counts where no record has a timestamp.
 *
 * The active segment may go too: it is sealed then, and the log goes on empty at its end.
 */
import { assert } from '@ottla/base/assert.ts'

export interface RetainedSegment {
  readonly baseOffset: number
  readonly bytes: number
  /** The largest timestamp, or the file's last change where there is none; null while it has not been read. */
  readonly retentionTimeMs: number | null
}

export interface RetainedLog {
  /** Ascending, the last is active. */
  readonly segments: readonly RetainedSegment[]
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
}

export interface RetentionRules {
  /** Whether `cleanup.policy` contains delete. */
  readonly deletes: boolean
  /** −1: for ever. */
  readonly retentionMs: number
  /** Negative: without limit. */
  readonly retentionBytes: number
}

export const RETENTION_REASONS = ['start offset', 'size', 'time'] as const
export type RetentionReason = (typeof RETENTION_REASONS)[number]

/** The segments [from, to) go for this reason. */
export interface Breach {
  readonly reason: RetentionReason
  readonly from: number
  readonly to: number
}

export type RetentionVerdict =
  | {
      readonly kind: 'decided'
      readonly breaches: readonly Breach[]
      /** Where the log starts without the segments that go. */
      readonly logStartOffset: number
    }
  /** The retention time of this segment has to be read first. */
  | { readonly kind: 'unknown time'; readonly segment: number }

export function decideRetention(log: RetainedLog, rules: RetentionRules, nowMs: number): RetentionVerdict {
  assert(log.segments.length > 0, 'A log has an active segment')
  const belowStart = startOffsetBreach(log)
  if (!rules.deletes) return decided(log, [belowStart])
  const oversize = sizeBreach(log, rules, belowStart.to)
  const expired = timeBreach(log, oversize.to, rules.retentionMs < 0 ? Infinity : nowMs - rules.retentionMs)
  if (expired.unknown) return { kind: 'unknown time', segment: expired.to }
  return decided(log, [belowStart, oversize, expired])
}

function startOffsetBreach(log: RetainedLog): Breach {
  const { segments, logStartOffset } = log
  let to = 0
  while (to < segments.length - 1 && mayGo(log, to) && endOffsetOf(log, to) <= logStartOffset) to++
  return { reason: 'start offset', from: 0, to }
}

function sizeBreach(log: RetainedLog, { retentionBytes }: RetentionRules, from: number): Breach {
  let to = from
  if (retentionBytes >= 0) {
    let excessBytes = -retentionBytes
    for (let i = from; i < log.segments.length; i++) excessBytes += log.segments[i]!.bytes
    while (mayGo(log, to) && excessBytes - log.segments[to]!.bytes >= 0) excessBytes -= log.segments[to++]!.bytes
  }
  return { reason: 'size', from, to }
}

/** Segments whose records are all older than `keptFromMs` go; Infinity keeps all. */
function timeBreach(log: RetainedLog, from: number, keptFromMs: number): Breach & { readonly unknown: boolean } {
  let to = from
  let unknown = false
  while (keptFromMs !== Infinity && mayGo(log, to)) {
    const timeMs = log.segments[to]!.retentionTimeMs
    unknown = timeMs === null
    if (timeMs === null || timeMs >= keptFromMs) break
    to++
  }
  return { reason: 'time', from, to, unknown }
}

/** What ends beyond the high watermark is not committed, and a log never starts there. */
function mayGo(log: RetainedLog, index: number): boolean {
  const segment = log.segments[index]
  if (segment === undefined || endOffsetOf(log, index) > log.highWatermark) return false
  return segment.bytes > 0 || index < log.segments.length - 1
}

function endOffsetOf({ segments, logEndOffset }: RetainedLog, index: number): number {
  return segments[index + 1]?.baseOffset ?? logEndOffset
}

function decided(log: RetainedLog, found: readonly Breach[]): RetentionVerdict {
  const breaches = found.filter(({ from, to }) => to > from)
  const goneCount = breaches.at(-1)?.to ?? 0
  const logStartOffset =
    goneCount === 0 ? log.logStartOffset : Math.max(log.logStartOffset, endOffsetOf(log, goneCount - 1))
  assert(
    logStartOffset <= Math.max(log.logStartOffset, log.highWatermark),
    'A log starts at its high watermark at most',
  )
  return { kind: 'decided', breaches, logStartOffset }
}
