/**
 * Owns the memory of an index: entries of one fixed size, back to back, and how many of them the file already has.
 * What an entry means is offset-index.ts's and time-index.ts's.
 *
 * An index at rest holds no entries in memory, only their count; what is added then is held, and `restore` puts the
 * file's part before it. An index can always be rebuilt from its segment, so it is written lazily and never waited for.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'

const EMPTY = Buffer.alloc(0)
const FIRST_CAPACITY_ENTRIES = 64

/** What opens an index's file. */
export type IndexFiles = Pick<Disk, 'open'>

export class IndexEntries {
  readonly entryBytes: number
  #buffer: Buffer
  #count: number
  /** Entries below this are in the file as they are here. */
  #flushed: number
  /** Entries below this are in the file alone. */
  #heldFrom = 0

  /** Takes over the first `count` entries of `bytes`, which the file holds already. */
  constructor(entryBytes: number, bytes: Buffer = EMPTY, count = 0) {
    assert(count * entryBytes <= bytes.length, 'The entries are in the buffer')
    this.entryBytes = entryBytes
    this.#buffer = bytes
    this.#count = count
    this.#flushed = count
  }

  /** Entries of which the file holds `count` and the memory none. */
  static resting(entryBytes: number, count: number): IndexEntries {
    const entries = new IndexEntries(entryBytes)
    entries.#count = count
    entries.#flushed = count
    entries.#heldFrom = count
    return entries
  }

  get buffer(): Buffer {
    return this.#buffer
  }
  get count(): number {
    return this.#count
  }
  get heldFrom(): number {
    return this.#heldFrom
  }
  get memoryBytes(): number {
    return this.#buffer.length
  }
  get unflushedBytes(): number {
    return (this.#count - this.#flushed) * this.entryBytes
  }

  /** Where in the buffer an entry is. */
  at(index: number): number {
    assert(index >= this.#heldFrom && index < this.#count, 'The entry is in memory')
    return (index - this.#heldFrom) * this.entryBytes
  }

  /** The position in the buffer at which the caller writes one more entry. */
  add(): number {
    const at = (this.#count - this.#heldFrom) * this.entryBytes
    if (at + this.entryBytes > this.#buffer.length) this.#grow(at)
    this.#count++
    return at
  }

  truncate(count: number): void {
    assert(this.#heldFrom === 0, 'What is truncated is in memory')
    assert(count <= this.#count, 'Truncation never adds entries')
    this.#count = count
    this.#flushed = Math.min(this.#flushed, count)
  }

  /** Gives up the memory of all entries; the file has them. */
  rest(): void {
    assert(this.#flushed === this.#count, 'What is given up is in the file')
    this.#heldFrom = this.#count
    this.#buffer = EMPTY
  }

  /** Puts the file's entries, those below `heldFrom`, before the ones in memory. */
  restore(bytes: Buffer): void {
    const fileBytes = this.#heldFrom * this.entryBytes
    assert(bytes.length >= fileBytes, 'The file has what is not in memory')
    const held = this.#buffer.subarray(0, (this.#count - this.#heldFrom) * this.entryBytes)
    this.#buffer =
      held.length === 0 ? bytes.subarray(0, fileBytes) : Buffer.concat([bytes.subarray(0, fileBytes), held])
    this.#heldFrom = 0
  }

  /** Writes what the file lacks and cuts it to size; the caller syncs and closes the file. */
  flush(files: IndexFiles, path: string): DiskFile {
    const file = files.open(path, { create: true })
    try {
      this.#writeUnflushed(file)
    } catch (error) {
      file.close()
      throw error
    }
    this.#flushed = this.#count
    return file
  }

  #writeUnflushed(file: DiskFile): void {
    const from = this.#flushed * this.entryBytes
    const to = this.#count * this.entryBytes
    const before = this.#heldFrom * this.entryBytes
    if (to > from) file.write(this.#buffer.subarray(from - before, to - before), from)
    file.truncate(to)
  }

  #grow(usedBytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, FIRST_CAPACITY_ENTRIES * this.entryBytes))
    this.#buffer.copy(larger, 0, 0, usedBytes)
    this.#buffer = larger
  }
}

/** True when nothing but zeros follows: what a preallocated index holds behind its last entry. */
export function isZeroFrom(bytes: Buffer, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
