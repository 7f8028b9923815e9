/**
 * Owns what all logs of a broker share for their files: which segments are kept open, with their indexes in memory, and
 * the blocks that history is read into.
 *
 * Beyond the limits, and after a while without use, the segments that were used least lately are put to rest: a second
 * chance for each, so that a use costs no more than a mark. A segment in use is pinned: it stays open however full it
 * is here. What rests wakes by itself: see segment.ts.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Disk, DiskError, type DiskFile } from '@ottla/base/disk.ts'
import type { Segment } from './segment.ts'

/** The two sizes of blocks that are kept for another read. */
export const SMALL_BLOCK_BYTES = 64 * 1024
export const LARGE_BLOCK_BYTES = 1024 * 1024

/**
 * Segments that are kept open where the process may open at least twice as many files. Above 10,000, so that a broker
 * of that many busy partitions opens no file for a write.
 */
export const OPEN_SEGMENTS_MAX = 12_000
/** What is closed at once when the process may open no more files: some for the caller, some for everybody else. */
const CLOSED_WHEN_SHORT = 64

const DEFAULT_LIMITS: OpenSegmentsLimits = {
  filesMax: 1000,
  indexBytesMax: 64 * 1024 * 1024,
  freeBlockBytesMax: 16 * 1024 * 1024,
}

export interface OpenSegmentsLimits {
  readonly filesMax: number
  readonly indexBytesMax: number
  /** What is kept for the next reads; blocks in readers' hands are bounded by the budget of replies. */
  readonly freeBlockBytesMax: number
}

export class OpenSegments {
  readonly #limits: OpenSegmentsLimits
  /** The least recently used first, as far as `recent` does not say otherwise. */
  readonly #open = new Set<Segment>()
  #indexBytes = 0
  readonly #freeSmall: Buffer[] = []
  readonly #freeLarge: Buffer[] = []
  #freeBytes = 0

  constructor(limits: Partial<OpenSegmentsLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    assert(this.#limits.filesMax >= 1, 'At least one segment can be open')
  }

  get fileCount(): number {
    return this.#open.size
  }
  /** Of the open segments, as of their last use. */
  get indexBytes(): number {
    return this.#indexBytes
  }

  /** Opens and pins a segment; `release` unpins it. */
  async acquire(segment: Segment, indexIntervalBytes: number): Promise<void> {
    segment.pin()
    try {
      await segment.load(indexIntervalBytes)
      this.#countIndexes(segment)
      this.#makeRoom(segment)
    } catch (error) {
      segment.unpin()
      throw error
    }
  }

  release(segment: Segment): void {
    segment.unpin()
    this.#makeRoom(null)
  }

  /** As `Disk.open`; where the process may open no more files, some of the least used are closed and it is tried again. */
  openFile(disk: Disk, path: string, options?: { create?: boolean; readOnly?: boolean }): DiskFile {
    return this.whenShort(() => disk.open(path, options))
  }

  /** Of anything that opens files. */
  whenShort<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      if (!isShortOfFiles(error) || !this.#closeSome()) throw error
      return run()
    }
  }

  /** Told by a segment that has opened its file. */
  opened(segment: Segment): void {
    this.#open.add(segment)
    this.#countIndexes(segment)
    this.#makeRoom(segment)
  }

  /** Told by a segment that has closed its file. */
  closed(segment: Segment): void {
    this.#open.delete(segment)
    this.#indexBytes -= segment.countedIndexBytes
    segment.countedIndexBytes = 0
  }

  /** Puts to rest what nobody has used since the last call; called now and then. */
  restIdle(): void {
    for (const segment of this.#open) {
      this.#countIndexes(segment)
      if (segment.recent) segment.recent = false
      else if (!segment.isBusy) segment.rest()
    }
  }

  /** A block of at least `bytes`. */
  takeBlock(bytes: number): Buffer {
    if (bytes > LARGE_BLOCK_BYTES) return Buffer.allocUnsafeSlow(bytes)
    const size = bytes <= SMALL_BLOCK_BYTES ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES
    const block = this.#freeBlocks(size).pop()
    if (block === undefined) return Buffer.allocUnsafeSlow(size)
    this.#freeBytes -= size
    return block
  }

  giveBlock(block: Buffer): void {
    if (block.length > LARGE_BLOCK_BYTES) return
    if (this.#freeBytes + block.length > this.#limits.freeBlockBytesMax) return
    this.#freeBytes += block.length
    this.#freeBlocks(block.length).push(block)
  }

  #freeBlocks(size: number): Buffer[] {
    return size === SMALL_BLOCK_BYTES ? this.#freeSmall : this.#freeLarge
  }

  #countIndexes(segment: Segment): void {
    const bytes = segment.indexMemoryBytes
    this.#indexBytes += bytes - segment.countedIndexBytes
    segment.countedIndexBytes = bytes
  }

  /** Each is looked at twice at most: once to lose its mark, once to go. */
  #makeRoom(kept: Segment | null): void {
    let looksLeft = this.#open.size * 2
    for (const segment of this.#open) {
      if (!this.#isFull() || looksLeft-- === 0) return
      this.#giveChance(segment, kept)
    }
  }

  #isFull(): boolean {
    return this.#open.size > this.#limits.filesMax || this.#indexBytes > this.#limits.indexBytesMax
  }

  #giveChance(segment: Segment, kept: Segment | null): void {
    if (segment !== kept && !segment.recent && !segment.isBusy) {
      segment.rest()
      return
    }
    segment.recent = false
    this.#open.delete(segment)
    this.#open.add(segment)
  }

  /** Whether any could be closed. */
  #closeSome(): boolean {
    let closed = 0
    for (const segment of this.#open) {
      if (closed === CLOSED_WHEN_SHORT) break
      if (segment.isBusy) continue
      segment.rest()
      closed++
    }
    return closed > 0
  }
}

function isShortOfFiles(error: unknown): boolean {
  return error instanceof DiskError && (error.code === 'EMFILE' || error.code === 'ENFILE')
}
