/**
 * Owns what has to be known of a log that was closed whole, so that the next start need not look at its files: a few
 * numbers, and by which signs it is known that nobody has touched the files since.
 *
 * Whoever changes a log changes the names in its directory (segments, snapshots and checkpoints come and go) or the
 * active segment's file. So the time of the last change of both, and the file's size, are compared; a copy whose times
 * are kept is the same log, one whose times are not is opened the long way.
 */
import type { Disk } from '@ottla/base/disk.ts'
import { fileName, LOG_SUFFIX } from './file-names.ts'
import type { IndexesEnd } from './segment-indexes.ts'

export interface SegmentSummary {
  readonly baseOffset: number
  readonly bytes: number
  readonly createdMs: number
  /** Null: it has to be read. */
  readonly firstTimestamp: number | null
  readonly largestTimestamp: number | null
}

export interface LogSummary {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly leaderEpochs: {
    readonly entries: readonly { readonly epoch: number; readonly startOffset: number }[]
    /** Whether the file lacks some of them: of an epoch in which nothing was written. */
    readonly isDirty: boolean
  }
  /** Whether there is a snapshot of producers as of the log's end; without one it knows none. */
  readonly hasProducers: boolean
  /** At least one; the last is the active one. */
  readonly segments: readonly SegmentSummary[]
  readonly activeIndexes: IndexesEnd
}

/** When the files were changed last, in nanoseconds as text: more digits than a number holds. */
export interface LogStamp {
  readonly directoryNs: string
  readonly activeNs: string
}

/** The stamp of a log as it lies on the disk, or null where its files are not those of the summary. */
export function stampOf(disk: Disk, directory: string, { segments }: LogSummary): LogStamp | null {
  const active = segments.at(-1)!
  const file = disk.stat(`${directory}/${fileName(active.baseOffset, LOG_SUFFIX)}`)
  if (file === null || file.size !== active.bytes) return null
  const names = disk.stat(directory)
  return names && { directoryNs: String(names.modifiedNs), activeNs: String(file.modifiedNs) }
}

export function isSameStamp(left: LogStamp | null, right: LogStamp): boolean {
  return left?.directoryNs === right.directoryNs && left.activeNs === right.activeNs
}
