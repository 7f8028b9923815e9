/** Which neighbours become one cleaned segment: as many as fit, so that a log does not end as a row of small ones. Pure. */
import type { SourceSegment } from './compaction-job.ts'

/** The largest distance of an offset from its segment's base that the indexes can hold. */
const RELATIVE_OFFSET_MAX = 0x7fff_ffff

export interface SizedSegment extends SourceSegment {
  readonly offsetIndexBytes: number
  readonly timeIndexBytes: number
}

export interface GroupLimits {
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  /** Where the last segment ends. */
  readonly endOffset: number
}

export function groupSegments(segments: readonly SizedSegment[], limits: GroupLimits): SizedSegment[][] {
  const groups: SizedSegment[][] = []
  let sums = { bytes: 0, offsetIndexBytes: 0, timeIndexBytes: 0 }
  for (const [index, segment] of segments.entries()) {
    const lastOffset = (segments[index + 1]?.baseOffset ?? limits.endOffset) - 1
    const group = groups.at(-1)
    const joined = {
      bytes: sums.bytes + segment.bytes,
      offsetIndexBytes: sums.offsetIndexBytes + segment.offsetIndexBytes,
      timeIndexBytes: sums.timeIndexBytes + segment.timeIndexBytes,
    }
    const fits =
      joined.bytes <= limits.segmentBytes &&
      joined.offsetIndexBytes <= limits.segmentIndexBytes &&
      joined.timeIndexBytes <= limits.segmentIndexBytes
    if (group !== undefined && fits && lastOffset - group[0]!.baseOffset <= RELATIVE_OFFSET_MAX) {
      group.push(segment)
      sums = joined
    } else {
      groups.push([segment])
      sums = { ...segment }
    }
  }
  return groups
}
