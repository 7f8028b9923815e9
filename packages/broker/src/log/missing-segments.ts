/**
 * Owns noticing, when a log is opened, that a segment in its middle is gone. Nothing says how many segments a log has,
 * and a gap in the offsets is also what Kafka's compaction leaves. So it goes by what a lost file leaves behind: its
 * indexes and its producer snapshot. Where such a name belongs to no segment the end of the one before it is read, and
 * only a gap right there is told of: a removal that a crash has interrupted leaves names too, and so does an orderly
 * stop in the middle of a segment. Where all files of a segment are gone nothing is noticed here; `ottla log verify` does.
 */
import { batchLastOffset } from '@ottla/protocol/records/batch.ts'
import {
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetInName,
  SNAPSHOT_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './file-names.ts'
import type { Segment } from './segment.ts'
import type { SegmentHome } from './segment-home.ts'

const TRACES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX, SNAPSHOT_SUFFIX]

export interface MissingSegment {
  readonly baseOffset: number
  /** The segment before it ends here. */
  readonly from: number
  /** The one behind it begins here. */
  readonly to: number
}

/** The offsets that files in the directory are named after and no segment. Of names before leftovers are settled. */
export function tracesIn(names: readonly string[]): number[] {
  const segments = new Set(names.map((name) => offsetInName(name, LOG_SUFFIX)))
  const offsets = names.flatMap((name) => TRACES.map((suffix) => offsetInName(name, suffix)))
  return [...new Set(offsets)].filter((offset) => offset !== null).filter((offset) => !segments.has(offset))
}

/** Reads nothing where no trace lies between two segments. Rejects with DiskError, CorruptLogError. */
export async function findMissing(
  segments: readonly Segment[],
  traces: readonly number[],
  options: { readonly home: SegmentHome; readonly indexIntervalBytes: number },
): Promise<MissingSegment[]> {
  const missing: MissingSegment[] = []
  for (const [index, segment] of segments.entries()) {
    const to = segments[index + 1]?.baseOffset ?? segment.baseOffset
    const own = traces.filter((offset) => offset > segment.baseOffset && offset < to)
    if (own.length === 0) continue
    const from = await endOffsetOf(segment, options)
    const gone = own.filter((offset) => offset >= from)
    if (gone.length > 0) missing.push({ baseOffset: Math.min(...gone), from, to })
  }
  return missing
}

async function endOffsetOf(
  segment: Segment,
  { home, indexIntervalBytes }: { home: SegmentHome; indexIntervalBytes: number },
): Promise<number> {
  await home.openSegments.acquire(segment, indexIntervalBytes)
  try {
    let endOffset = segment.baseOffset
    const range = { from: segment.offsetIndex.lastPosition, to: segment.bytes, depth: 'headers' } as const
    await segment.scan(range, (buffer, at) => {
      endOffset = batchLastOffset(buffer, at) + 1
      return true
    })
    return endOffset
  } finally {
    home.openSegments.release(segment)
  }
}
