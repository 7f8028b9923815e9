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
import type { DiskFile } from '@ottla/base/disk.ts'
import { readInt64, writeInt64 } from '@ottla/protocol/records/int64.ts'
import { IndexEntries, type IndexFiles, isZeroFrom } from './index-entries.ts'
import type { SegmentHome } from './segment-home.ts'

export const TIME_ENTRY_BYTES = 12

/** What an append has to know of an index that is not in memory; −1 without entries. */
export interface TimeIndexEnd {
  readonly count: number
  readonly lastTimestamp: number
  readonly lastOffset: number
}

export class TimeIndex {
  readonly #baseOffset: number
  readonly #entries: IndexEntries
  #lastTimestamp = -1
  #lastOffset = -1

  constructor(baseOffset: number, entries = new IndexEntries(TIME_ENTRY_BYTES)) {
    this.#baseOffset = baseOffset
    this.#entries = entries
    this.#readLast()
  }

  /** The index that a file's bytes hold, or null when they break a rule. */
  static parse(bytes: Buffer, baseOffset: number): TimeIndex | null {
    const count = countEntries(bytes)
    return count === null ? null : new TimeIndex(baseOffset, new IndexEntries(TIME_ENTRY_BYTES, bytes, count))
  }

  /** An index of which only the file holds the entries. */
  static resting(baseOffset: number, end: TimeIndexEnd): TimeIndex {
    const index = new TimeIndex(baseOffset, IndexEntries.resting(TIME_ENTRY_BYTES, end.count))
    index.#lastTimestamp = end.lastTimestamp
    index.#lastOffset = end.lastOffset
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
  /** −1 without entries. */
  get lastTimestamp(): number {
    return this.#lastTimestamp
  }
  /** −1 without entries. */
  get lastOffset(): number {
    return this.#lastOffset
  }
  get end(): TimeIndexEnd {
    return { count: this.count, lastTimestamp: this.#lastTimestamp, lastOffset: this.#lastOffset }
  }

  /** Adds an entry when the timestamp is larger than the last one's, else nothing. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.#lastTimestamp) return
    assert(offset >= this.#baseOffset && offset >= this.#lastOffset, 'Offsets of the time index do not decrease')
    const at = this.#entries.add()
    writeInt64(this.#entries.buffer, timestamp, at)
    this.#entries.buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
    this.#lastTimestamp = timestamp
    this.#lastOffset = offset
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
    this.#readLast()
  }

  /** Gives up the memory of the entries, which are in the file. */
  rest(): void {
    this.#entries.rest()
  }

  /** Takes what is not in memory from the file's bytes. False, and nothing changed, when they are not it. */
  restore(bytes: Buffer): boolean {
    const count = this.#entries.heldFrom
    const own = bytes.subarray(0, count * TIME_ENTRY_BYTES)
    if (countEntries(own) !== count) return false
    this.#entries.restore(own)
    return true
  }

  /** Adds the entries that another index of the same segment holds in memory and that its own do not cover. */
  addHeldOf(other: TimeIndex): void {
    for (let i = other.#entries.heldFrom; i < other.count; i++) this.maybeAppend(other.#timestamp(i), other.#offset(i))
  }

  flush(files: IndexFiles, path: string): DiskFile {
    return this.#entries.flush(files, path)
  }

  verify(): void {
    for (let i = this.#entries.heldFrom + 1; i < this.count; i++) {
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

  #readLast(): void {
    const isHeld = this.count > this.#entries.heldFrom
    this.#lastTimestamp = isHeld ? this.#timestamp(this.count - 1) : -1
    this.#lastOffset = isHeld ? this.#offset(this.count - 1) : -1
  }

  #timestamp(index: number): number {
    return readInt64(this.#entries.buffer, this.#entries.at(index))
  }

  #offset(index: number): number {
    return this.#entries.buffer.readInt32BE(this.#entries.at(index) + 8) + this.#baseOffset
  }
}

/** How many entries the bytes hold, or null when they break a rule. */
function countEntries(bytes: Buffer): number | null {
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
  return isZeroFrom(bytes, count * TIME_ENTRY_BYTES) ? count : null
}

/** The last timestamp of an index that a sealed segment has left in its file; null where only reading all of it tells. */
export async function readLastTimestamp(home: SegmentHome, path: string): Promise<number | null> {
  if (!home.disk.exists(path)) return null
  const file = home.open(path, { readOnly: true })
  try {
    const bytes = file.size()
    if (bytes === 0 || bytes % TIME_ENTRY_BYTES !== 0) return null
    const entry = Buffer.allocUnsafe(TIME_ENTRY_BYTES)
    const read = await file.read(entry, bytes - TIME_ENTRY_BYTES)
    const timestamp = readInt64(entry, 0)
    // Zeros may follow the last entry.
    return read === TIME_ENTRY_BYTES && timestamp > 0 ? timestamp : null
  } finally {
    file.close()
  }
}
