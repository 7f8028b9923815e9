/**
 * Owns `<base offset>.timeindex`: at which offset to begin looking for a timestamp.
 *
 * | offset | bytes | field                                                                              |
 * | ------ | ----- | ---------------------------------------------------------------------------------- |
 * | 0      | 8     | the largest timestamp so far in the segment, in ms                                 |
 * | 8      | 4     | last offset of the batch that holds it − base offset of the segment                |
 *
 * Big-endian, entries back to back, timestamps strictly increasing and offsets never decreasing, zeros allowed behind
 * the last entry. Written beside each entry of the offset index when the timestamp has grown, and once more when the
 * segment ends, so that the last entry of a sealed segment tells its largest timestamp. Crash rule: offset-index.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import { readInt64, writeInt64 } from '@ottla/protocol/records/int64.ts'
import { IndexEntries, isZeroFrom } from './index-entries.ts'

export const TIME_ENTRY_BYTES = 12

export class TimeIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries

  constructor(baseOffset: number, entries = new IndexEntries(TIME_ENTRY_BYTES)) {
    this.#baseOffset = baseOffset
    this.#entries = entries
  }

  /** The index that a file's bytes hold, or null when they break a rule. */
  static parse(bytes: Buffer, baseOffset: number): TimeIndex | null {
    const entries = Math.floor(bytes.length / TIME_ENTRY_BYTES)
    let count = 0
    let lastTimestamp = -1
    let lastOffset = 0
    for (; count < entries; count++) {
      const at = count * TIME_ENTRY_BYTES
      const timestamp = readInt64(bytes, at)
      const offset = bytes.readInt32BE(at + 8)
      if (timestamp <= lastTimestamp || offset < lastOffset || (timestamp === 0 && offset === 0)) break
      lastTimestamp = timestamp
      lastOffset = offset
    }
    if (!isZeroFrom(bytes, count * TIME_ENTRY_BYTES)) return null
    return new TimeIndex(baseOffset, new IndexEntries(TIME_ENTRY_BYTES, bytes, count))
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
  /** −1 without entries. */
  get lastTimestamp(): number {
    return this.count === 0 ? -1 : this.#timestamp(this.count - 1)
  }
  /** −1 without entries. */
  get lastOffset(): number {
    return this.count === 0 ? -1 : this.#offset(this.count - 1)
  }

  /** Adds an entry when the timestamp is larger than the last one's, else nothing. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp) return
    assert(offset >= this.#baseOffset && offset >= this.lastOffset, 'Offsets of the time index do not decrease')
    const at = this.#entries.add()
    writeInt64(this.#entries.buffer, timestamp, at)
    this.#entries.buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
  }

  /** An offset before which no record of the segment has this timestamp or a larger one. */
  lookup(timestamp: number): number {
    const found = this.#lastBelow(timestamp)
    return found < 0 ? this.#baseOffset : this.#offset(found)
  }

  /** Drops the entries of batches that end at or beyond `offset`. */
  truncateTo(offset: number): void {
    let count = this.count
    while (count > 0 && this.#offset(count - 1) >= offset) count--
    this.#entries.truncate(count)
  }

  markUnflushed(): void {
    this.#entries.markUnflushed()
  }

  flush(disk: Disk, path: string): DiskFile {
    return this.#entries.flush(disk, path)
  }

  verify(): void {
    for (let i = 1; i < this.count; i++) {
      assert(this.#timestamp(i) > this.#timestamp(i - 1), 'Indexed timestamps increase')
      assert(this.#offset(i) >= this.#offset(i - 1), 'Offsets of the time index do not decrease')
    }
  }

  #lastBelow(timestamp: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timestamp(middle) < timestamp) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #timestamp(index: number): number {
    return readInt64(this.#entries.buffer, index * TIME_ENTRY_BYTES)
  }

  #offset(index: number): number {
    return this.#entries.buffer.readInt32BE(index * TIME_ENTRY_BYTES + 8) + this.#baseOffset
  }
}
