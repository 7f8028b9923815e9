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
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import { IndexEntries, isZeroFrom } from './index-entries.ts'

export const OFFSET_ENTRY_BYTES = 8

export class OffsetIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  constructor(baseOffset: number, entries = new IndexEntries(OFFSET_ENTRY_BYTES)) {
    this.#baseOffset = baseOffset
    this.#entries = entries
  }

  /** The index that a file's bytes hold, or null when they are not the index of a segment of this size. */
  static parse(bytes: Buffer, baseOffset: number, segmentBytes: number): OffsetIndex | null {
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
    if (!isZeroFrom(bytes, count * OFFSET_ENTRY_BYTES)) return null
    return new OffsetIndex(baseOffset, new IndexEntries(OFFSET_ENTRY_BYTES, bytes, count))
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
  /** Where the last indexed batch starts; 0 without entries. */
  get lastPosition(): number {
    return this.count === 0 ? 0 : this.#position(this.count - 1)
  }

  append(lastOffset: number, position: number): void {
    const relative = lastOffset - this.#baseOffset
    assert(relative > 0 && relative <= 0x7fff_ffff, 'An index entry is inside its segment')
    assert(position > this.lastPosition && position <= 0x7fff_ffff, 'Indexed positions increase')
    assert(this.count === 0 || relative > this.#relative(this.count - 1), 'Indexed offsets increase')
    const at = this.#entries.add()
    this.#entries.buffer.writeInt32BE(relative, at)
    this.#entries.buffer.writeInt32BE(position, at + 4)
  }

  /** The start of a batch at or before the one that holds `offset`. */
  lookup(offset: number): number {
    const found = this.#lastAtOrBelow(offset - this.#baseOffset)
    return found < 0 ? 0 : this.#position(found)
  }

  /** Drops the entries of batches that end at or beyond `offset`. */
  truncateTo(offset: number): void {
    this.#entries.truncate(this.#lastAtOrBelow(offset - this.#baseOffset - 1) + 1)
  }

  markUnflushed(): void {
    this.#entries.markUnflushed()
  }

  flush(disk: Disk, path: string): DiskFile {
    return this.#entries.flush(disk, path)
  }

  verify(segmentBytes: number): void {
    for (let i = 0; i < this.count; i++) {
      assert(i === 0 || this.#relative(i) > this.#relative(i - 1), 'Indexed offsets increase')
      assert(i === 0 || this.#position(i) > this.#position(i - 1), 'Indexed positions increase')
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

  #relative(index: number): number {
    return this.#entries.buffer.readInt32BE(index * OFFSET_ENTRY_BYTES)
  }

  #position(index: number): number {
    return this.#entries.buffer.readInt32BE(index * OFFSET_ENTRY_BYTES + 4)
  }
}
