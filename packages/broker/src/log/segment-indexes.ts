/**
 * Owns the two indexes of one segment and what decides about their next entries: the bytes since the last one, and the
 * largest timestamp so far. The files' forms are offset-index.ts's and time-index.ts's.
 *
 * Those of a sealed segment are in memory as a whole or not at all. Those of an active one may be at rest: an append
 * needs their ends only, which are a few numbers, and a lookup restores the rest from the files.
 */
import type { DiskFile } from '@ottla/base/disk.ts'
import { batchLastOffset, batchMaxTimestamp, batchSize } from '@ottla/protocol/records/batch.ts'
import type { IndexFiles } from './index-entries.ts'
import { OffsetIndex, type OffsetIndexEnd } from './offset-index.ts'
import { TimeIndex, type TimeIndexEnd } from './time-index.ts'

/** What an append asks of a segment. */
export interface BatchPlace {
  readonly bytes: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

export interface SegmentTimestamps {
  /** Of the first batch, the largest; −1: it has none. */
  readonly firstMs: number
  readonly largestMs: number
}

/** All that an append needs: the indexes of a segment at rest, in numbers. */
export interface IndexesEnd {
  readonly offset: OffsetIndexEnd
  readonly time: TimeIndexEnd
  readonly bytesSinceEntry: number
  readonly maxTimestamp: number
  readonly maxTimestampOffset: number
}

export interface IndexPaths {
  readonly offset: string
  readonly time: string
}

export class SegmentIndexes {
  readonly offset: OffsetIndex
  readonly time: TimeIndex
  #bytesSinceEntry = 0
  #maxTimestamp = -1
  #maxTimestampOffset = -1

  constructor(offset: OffsetIndex, time: TimeIndex) {
    this.offset = offset
    this.time = time
  }

  static empty(baseOffset: number): SegmentIndexes {
    return new SegmentIndexes(new OffsetIndex(baseOffset), new TimeIndex(baseOffset))
  }

  static resting(baseOffset: number, end: IndexesEnd): SegmentIndexes {
    const indexes = new SegmentIndexes(
      OffsetIndex.resting(baseOffset, end.offset),
      TimeIndex.resting(baseOffset, end.time),
    )
    indexes.#bytesSinceEntry = end.bytesSinceEntry
    indexes.#maxTimestamp = end.maxTimestamp
    indexes.#maxTimestampOffset = end.maxTimestampOffset
    return indexes
  }

  get end(): IndexesEnd {
    return {
      offset: this.offset.end,
      time: this.time.end,
      bytesSinceEntry: this.#bytesSinceEntry,
      maxTimestamp: this.#maxTimestamp,
      maxTimestampOffset: this.#maxTimestampOffset,
    }
  }
  /** Whether all entries are in memory: only then the indexes can be asked. */
  get areWhole(): boolean {
    return this.offset.isWhole && this.time.isWhole
  }
  get memoryBytes(): number {
    return this.offset.memoryBytes + this.time.memoryBytes
  }
  get unflushedBytes(): number {
    return this.offset.unflushedBytes + this.time.unflushedBytes
  }
  /** −1 without any. */
  get maxTimestamp(): number {
    return Math.max(this.#maxTimestamp, this.time.lastTimestamp)
  }

  /** Takes note of a batch that starts at `position`, behind all others. */
  add(batch: BatchPlace, position: number, intervalBytes: number): void {
    this.noteTimestamp(batch.maxTimestamp, batch.lastOffset)
    if (this.#bytesSinceEntry > intervalBytes) {
      this.offset.append(batch.lastOffset, position)
      this.time.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.bytes
  }

  noteTimestamp(timestamp: number, lastOffset: number): void {
    if (timestamp <= this.#maxTimestamp) return
    this.#maxTimestamp = timestamp
    this.#maxTimestampOffset = lastOffset
  }

  /** What is not stored, taken from the entries: the caller tells of the batches behind the last one. */
  beginEnd(): void {
    this.#maxTimestamp = this.time.lastTimestamp
    this.#maxTimestampOffset = this.time.lastOffset
  }

  endAt(position: number): void {
    this.#bytesSinceEntry = position - this.offset.lastPosition
  }

  /** The last entry of the time index: it tells the segment's largest timestamp. */
  seal(): void {
    this.time.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
  }

  truncateTo(offset: number): void {
    this.offset.truncateTo(offset)
    this.time.truncateTo(offset)
  }

  /** Takes from the files' bytes what is not in memory. False when one of them breaks a rule. */
  restore(files: { offset: Buffer; time: Buffer }, segmentBytes: number): boolean {
    const isOffsetWhole = this.offset.isWhole || this.offset.restore(files.offset, segmentBytes)
    return isOffsetWhole && (this.time.isWhole || this.time.restore(files.time))
  }

  /** Goes on where others of the same segment are, of which the entries that are not in memory are worth nothing. */
  continueWith(others: SegmentIndexes): void {
    this.offset.addHeldOf(others.offset)
    this.time.addHeldOf(others.time)
    this.#bytesSinceEntry = others.#bytesSinceEntry
    this.#maxTimestamp = others.#maxTimestamp
    this.#maxTimestampOffset = others.#maxTimestampOffset
  }

  /** Writes both to their files; the caller syncs and closes those. */
  flush(files: IndexFiles, paths: IndexPaths): DiskFile[] {
    const offset = this.offset.flush(files, paths.offset)
    try {
      return [offset, this.time.flush(files, paths.time)]
    } catch (error) {
      offset.close()
      throw error
    }
  }

  /** Gives up the memory of all entries, which are in the files. */
  rest(): void {
    this.offset.rest()
    this.time.rest()
  }

  verify(segmentBytes: number): void {
    this.offset.verify(segmentBytes)
    this.time.verify()
  }
}

export function placeOf(buffer: Buffer, at: number): BatchPlace {
  return {
    bytes: batchSize(buffer, at),
    lastOffset: batchLastOffset(buffer, at),
    maxTimestamp: batchMaxTimestamp(buffer, at),
  }
}
