/**
 * Owns what of a compacted log can be cleaned now, and how much it needs it. Of the log only that is read which its
 * settings ask about.
 *
 * Never the active segment, nothing at or beyond the last stable offset, nothing younger than `min.compaction.lag.ms`.
 * It is due when the dirty part is more than `min.cleanable.dirty.ratio` of all, or when a dirty record has waited longer
 * than `max.compaction.lag.ms`.
 */
import type { CompactionSources, Log } from '../log/log.ts'

/** A topic's settings of compaction. */
export interface CompactionRules {
  readonly minDirtyRatio: number
  readonly minLagMs: number
  readonly maxLagMs: number
  readonly deleteRetentionMs: number
}

export interface CleanableLog {
  readonly firstDirtyOffset: number
  /** Nothing at or beyond it is touched. */
  readonly belowOffset: number
  /** Of all that a compaction would read, the share that was never compacted. */
  readonly dirtyRatio: number
  /** A record has waited too long. */
  readonly isOverdue: boolean
}

export interface CleanableRequest {
  readonly rules: CompactionRules
  /** Where the last compaction ended; undefined: there was none. */
  readonly checkpoint: number | undefined
  readonly lastStableOffset: number
  readonly nowMs: number
}

export function isDue(cleanable: CleanableLog, { minDirtyRatio }: CompactionRules): boolean {
  return cleanable.isOverdue || cleanable.dirtyRatio > minDirtyRatio
}

/** Null: there is nothing to clean. The log is in use. */
export async function cleanableLog(log: Log, request: CleanableRequest): Promise<CleanableLog | null> {
  const { rules, nowMs } = request
  const firstDirtyOffset = firstDirty(log, request.checkpoint)
  const parts = partsOf(log.compactableBelow(request.lastStableOffset))
  const dirty = parts.filter(({ endOffset }) => endOffset > firstDirtyOffset)
  // Without a lag, records of the future count as well.
  const ripe = rules.minLagMs === 0 ? dirty : await ripeAmong(log, dirty, nowMs - rules.minLagMs)
  const dirtyBytes = bytesOf(ripe)
  if (dirtyBytes === 0) return null
  const cleanBytes = bytesOf(parts.filter(({ baseOffset }) => baseOffset < firstDirtyOffset))
  return {
    firstDirtyOffset,
    belowOffset: ripe.at(-1)!.endOffset,
    dirtyRatio: dirtyBytes / (cleanBytes + dirtyBytes),
    isOverdue: await isAnyOlder(log, ripe, nowMs - rules.maxLagMs),
  }
}

/** Whether the log's newest segment has to end now, so that its first record is compacted in time. */
export async function mustRoll(log: Log, { maxLagMs }: CompactionRules, nowMs: number): Promise<boolean> {
  if (maxLagMs >= nowMs) return false
  const { firstMs } = await log.segmentTimestamps(log.activeBaseOffset)
  return firstMs >= 0 && firstMs < nowMs - maxLagMs
}

interface Part {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: number
}

function partsOf({ sources, endOffset }: CompactionSources): Part[] {
  return sources.map((source, index) => ({ ...source, endOffset: sources[index + 1]?.baseOffset ?? endOffset }))
}

/** A checkpoint outside the log is another log's, or records were deleted since: everything counts as dirty then. */
function firstDirty(log: Log, checkpoint = log.logStartOffset): number {
  const isInside = checkpoint >= log.logStartOffset && checkpoint <= log.logEndOffset
  return isInside ? checkpoint : log.logStartOffset
}

/** Those before the first that has a record of this time or a newer one. */
async function ripeAmong(log: Log, dirty: readonly Part[], beforeMs: number): Promise<readonly Part[]> {
  for (const [index, { baseOffset, bytes }] of dirty.entries()) {
    if (bytes === 0) continue
    if ((await log.segmentTimestamps(baseOffset)).largestMs > beforeMs) return dirty.slice(0, index)
  }
  return dirty
}

async function isAnyOlder(log: Log, parts: readonly Part[], thanMs: number): Promise<boolean> {
  if (thanMs <= 0) return false
  for (const { baseOffset } of parts) {
    const { firstMs } = await log.segmentTimestamps(baseOffset)
    if (firstMs > 0 && firstMs < thanMs) return true
  }
  return false
}

function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0)
}
