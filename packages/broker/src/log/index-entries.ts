/**
 * Owns the memory of an index: entries of one fixed size, back to back, and how many of them the file already has.
 * What an entry means is offset-index.ts's and time-index.ts's.
 *
 * An index can always be rebuilt from its segment, so it is written lazily and never waited for.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'

const EMPTY = Buffer.alloc(0)
const FIRST_CAPACITY_ENTRIES = 64

export class IndexEntries {
  readonly entryBytes: number
  #buffer: Buffer
  #count: number
  /** Entries below this are in the file as they are here. */
  #flushed: number

  /** Takes over the first `count` entries of `bytes`, which the file holds already. */
  constructor(entryBytes: number, bytes: Buffer = EMPTY, count = 0) {
    assert(count * entryBytes <= bytes.length, 'The entries are in the buffer')
    this.entryBytes = entryBytes
    this.#buffer = bytes
    this.#count = count
    this.#flushed = count
  }

  get buffer(): Buffer {
    return this.#buffer
  }
  get count(): number {
    return this.#count
  }
  get memoryBytes(): number {
    return this.#buffer.length
  }
  get unflushedBytes(): number {
    return (this.#count - this.#flushed) * this.entryBytes
  }

  /** The position at which the caller writes one more entry. */
  add(): number {
    const at = this.#count * this.entryBytes
    if (at + this.entryBytes > this.#buffer.length) this.#grow()
    this.#count++
    return at
  }

  truncate(count: number): void {
    assert(count <= this.#count, 'Truncation never adds entries')
    this.#count = count
    this.#flushed = Math.min(this.#flushed, count)
  }

  /** Forgets that the file has anything: the next flush writes it anew. */
  markUnflushed(): void {
    this.#flushed = 0
  }

  /** Writes what the file lacks and cuts it to size; the caller syncs and closes the file. */
  flush(disk: Disk, path: string): DiskFile {
    const file = disk.open(path, { create: true })
    const from = this.#flushed * this.entryBytes
    const to = this.#count * this.entryBytes
    if (to > from) file.write(this.#buffer.subarray(from, to), from)
    file.truncate(to)
    this.#flushed = this.#count
    return file
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, FIRST_CAPACITY_ENTRIES * this.entryBytes))
    this.#buffer.copy(larger, 0, 0, this.#count * this.entryBytes)
    this.#buffer = larger
  }
}

/** True when nothing but zeros follows: what a preallocated index holds behind its last entry. */
export function isZeroFrom(bytes: Buffer, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
