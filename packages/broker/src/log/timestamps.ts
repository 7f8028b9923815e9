/** Owns looking for records by time: which segment, which batch by the indexes, and which record inside the batch. */
import { batchBaseOffset, batchLastOffset, batchMaxTimestamp, nextBatchAt } from '@ottla/protocol/records/batch.ts'
import { recordsOf } from '@ottla/protocol/records/record.ts'
import { LOOKUP_BYTES, scanBatches } from './scan.ts'
import type { Segment } from './segment.ts'

export interface TimestampOffset {
  readonly offset: number
  readonly timestamp: number
}

/** The first record of the pinned segment, at or beyond `startOffset`, with this timestamp or a larger one. */
export async function findTimestamp(
  segment: Segment,
  target: { readonly timestamp: number; readonly startOffset: number },
): Promise<TimestampOffset | null> {
  const startOffset = Math.max(target.startOffset, segment.timeIndex.lookup(target.timestamp))
  const from = segment.offsetIndex.lookup(startOffset)
  let found: TimestampOffset | null = null
  const range = { from, to: segment.writtenBytes, depth: 'whole', firstBytes: LOOKUP_BYTES } as const
  await scanBatches(segment.file, range, (buffer, at) => {
    const isCandidate = batchMaxTimestamp(buffer, at) >= target.timestamp
    if (isCandidate && batchLastOffset(buffer, at) >= target.startOffset) found = findInBatch(buffer, at, target)
    return found === null
  })
  return found
}

/** The largest timestamp of the pinned segment's records at or beyond `startOffset`; −1 for none. */
export async function largestTimestampFrom(segment: Segment, startOffset: number): Promise<number> {
  if (startOffset <= segment.baseOffset) return segment.largestTimestamp!
  const to = segment.writtenBytes
  let largest = -1
  // The batch that the log's start lies in may have its largest timestamp before it.
  const start = segment.offsetIndex.lookup(startOffset)
  const near = { from: start, to, depth: 'whole', firstBytes: LOOKUP_BYTES } as const
  const from = await scanBatches(segment.file, near, (buffer, at) => {
    if (batchBaseOffset(buffer, at) >= startOffset) return false
    if (batchLastOffset(buffer, at) >= startOffset) largest = largestInBatch(buffer, at, startOffset)
    return true
  })
  await scanBatches(segment.file, { from, to, depth: 'headers' }, (buffer, at) => {
    largest = Math.max(largest, batchMaxTimestamp(buffer, at))
    return true
  })
  return largest
}

function largestInBatch(buffer: Buffer, at: number, startOffset: number): number {
  let largest = -1
  for (const { offset, timestamp } of recordsOf(buffer.subarray(at, nextBatchAt(buffer, at)))) {
    if (offset >= startOffset) largest = Math.max(largest, timestamp)
  }
  return largest
}

/** Decompression is bounded by recordsOf: what a batch may unpack to has been checked when it was appended. */
function findInBatch(
  buffer: Buffer,
  at: number,
  target: { readonly timestamp: number; readonly startOffset: number },
): TimestampOffset | null {
  for (const { offset, timestamp } of recordsOf(buffer.subarray(at, nextBatchAt(buffer, at)))) {
    if (timestamp >= target.timestamp && offset >= target.startOffset) return { offset, timestamp }
  }
  return null
}
