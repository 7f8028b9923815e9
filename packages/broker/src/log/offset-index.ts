/**
 * Owns `<base offset>.index`: where in a segment to begin looking for an offset.
 *
 * | offset | bytes | field                                                     |
 * | ------ | ----- | --------------------------------------------------------- |
 * | 0      | 4     | last offset of a batch − base offset of the segment       |
 * | 4      | 4     | position in the segment's file at which that batch starts |
 *
 * Big-endian, entries back to back, both fields strictly increasing, zeros allowed behind the last entry (Kafka
 * preallocates). The first batch never gets an entry, so that no entry is all zeros. An index that breaks a rule, or
 * points outside its segment, is rebuilt. Crash rule: an index is only believed for a segment that lies wholly below
 * the recovery point or after a clean shutdown; all others are rebuilt from the batches.
 */
import { assert } from '@ottla/base/assert.ts'
import type { DiskFile } from '@ottla/base/disk.ts'
import { IndexEntries, type IndexFiles, isZeroFrom } from './index-entries.ts'

export const OFFSET_ENTRY_BYTES = 8

/** What an append has to know of an index that is not in memory. */
export interface OffsetIndexEnd {
  readonly count: number
  readonly lastOffset: number
  readonly lastPosition: number
}

export class OffsetIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries
  /** Of the last entry, relative to the base offset; 0 without entries. */
  #lastRelative = 0
  #lastPosition = 0

  constructor(baseOffset: number, entries = new IndexEntries(OFFSET_ENTRY_BYTES)) {
    this.#baseOffset = baseOffset
    this.#entries = entries
    this.#readLast()
  }

  /** The index that a file's bytes hold, or null when they are not the index of a segment of this size. */
  static parse(bytes: Buffer, baseOffset: number, segmentBytes: number): OffsetIndex | null {
    const count = countEntries(bytes, segmentBytes)
    return count === null ? null : new OffsetIndex(baseOffset, new IndexEntries(OFFSET_ENTRY_BYTES, bytes, count))
  }

  /** An index of which only the file holds the entries. */
  static resting(baseOffset: number, end: OffsetIndexEnd): OffsetIndex {
    const index = new OffsetIndex(baseOffset, IndexEntries.resting(OFFSET_ENTRY_BYTES, end.count))
    if (end.count > 0) index.#lastRelative = end.lastOffset - baseOffset
    index.#lastPosition = end.lastPosition
    return index
  }

  get count(): number {
    return this.#entries.count
  }
  get memoryBytes(): number {
    return this.#entries.memoryBytes
  }
  get unflushedBytes(): number {
    return this.#entries.unflushedBytes
  }
  /** Whether all entries are in memory: only then it can be asked. */
  get isWhole(): boolean {
    return this.#entries.heldFrom === 0
  }
  /** Where the last indexed batch starts; 0 without entries. */
  get lastPosition(): number {
    return this.#lastPosition
  }
  get end(): OffsetIndexEnd {
    return { count: this.count, lastOffset: this.#baseOffset + this.#lastRelative, lastPosition: this.#lastPosition }
  }

  append(lastOffset: number, position: number): void {
    const relative = lastOffset - this.#baseOffset
    assert(relative > this.#lastRelative && relative <= 0x7fff_ffff, 'Indexed offsets increase, inside the segment')
    assert(position > this.#lastPosition && position <= 0x7fff_ffff, 'Indexed positions increase')
    const at = this.#entries.add()
    this.#entries.buffer.writeInt32BE(relative, at)
    this.#entries.buffer.writeInt32BE(position, at + 4)
    this.#lastRelative = relative
    this.#lastPosition = position
  }

  /** The start of a batch at or before the one that holds `offset`. */
  lookup(offset: number): number {
    const found = this.#lastAtOrBelow(offset - this.#baseOffset)
    return found < 0 ? 0 : this.#position(found)
  }

  /** Drops the entries of batches that end at or beyond `offset`. */
  truncateTo(offset: number): void {
    this.#entries.truncate(this.#lastAtOrBelow(offset - this.#baseOffset - 1) + 1)
    this.#readLast()
  }

  /** Gives up the memory of the entries, which are in the file. */
  rest(): void {
    this.#entries.rest()
  }

  /** Takes what is not in memory from the file's bytes. False, and nothing changed, when they are not it. */
  restore(bytes: Buffer, segmentBytes: number): boolean {
    const count = this.#entries.heldFrom
    const own = bytes.subarray(0, count * OFFSET_ENTRY_BYTES)
    if (countEntries(own, segmentBytes) !== count) return false
    this.#entries.restore(own)
    return true
  }

  /** Adds the entries that another index of the same segment holds in memory and that lie behind its own. */
  addHeldOf(other: OffsetIndex): void {
    for (let i = other.#entries.heldFrom; i < other.count; i++) {
      if (other.#position(i) > this.#lastPosition)
        this.append(other.#baseOffset + other.#relative(i), other.#position(i))
    }
  }

  flush(files: IndexFiles, path: string): DiskFile {
    return this.#entries.flush(files, path)
  }

  verify(segmentBytes: number): void {
    for (let i = this.#entries.heldFrom; i < this.count; i++) {
      const isFirst = i === this.#entries.heldFrom
      assert(isFirst || this.#relative(i) > this.#relative(i - 1), 'Indexed offsets increase')
      assert(isFirst || this.#position(i) > this.#position(i - 1), 'Indexed positions increase')
      assert(this.#position(i) < segmentBytes, 'Indexed positions are inside the segment')
    }
  }

  #lastAtOrBelow(relative: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#relative(middle) <= relative) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #readLast(): void {
    const isHeld = this.count > this.#entries.heldFrom
    this.#lastRelative = isHeld ? this.#relative(this.count - 1) : 0
    this.#lastPosition = isHeld ? this.#position(this.count - 1) : 0
  }

  #relative(index: number): number {
    return this.#entries.buffer.readInt32BE(this.#entries.at(index))
  }

  #position(index: number): number {
    return this.#entries.buffer.readInt32BE(this.#entries.at(index) + 4)
  }
}

/** How many entries the bytes hold, or null when they are not the index of a segment of this size. */
function countEntries(bytes: Buffer, segmentBytes: number): number | null {
  const entries = Math.floor(bytes.length / OFFSET_ENTRY_BYTES)
  let count = 0
  let lastOffset = 0
  let lastPosition = 0
  for (; count < entries; count++) {
    const offset = bytes.readInt32BE(count * OFFSET_ENTRY_BYTES)
    const position = bytes.readInt32BE(count * OFFSET_ENTRY_BYTES + 4)
    if (offset <= lastOffset || position <= lastPosition || position >= segmentBytes) break
    lastOffset = offset
    lastPosition = position
  }
  return isZeroFrom(bytes, count * OFFSET_ENTRY_BYTES) ? count : null
}
