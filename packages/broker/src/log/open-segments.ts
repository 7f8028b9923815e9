/**
 * Owns what all logs of a broker share for reading history: which sealed segments are kept open with their indexes in
 * memory, and the blocks that history is read into.
 *
 * Active segments are open anyway and not counted. A segment in use is pinned: it stays open however full it is here.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Segment } from './segment.ts'

/** The two sizes of blocks that are kept for another read. */
export const SMALL_BLOCK_BYTES = 64 * 1024
export const LARGE_BLOCK_BYTES = 1024 * 1024

const DEFAULT_LIMITS: OpenSegmentsLimits = {
  filesMax: 512,
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
  /** The least recently used first. */
  readonly #open = new Set<Segment>()
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

  /** Opens and pins a segment; `release` unpins it. */
  async acquire(segment: Segment, indexIntervalBytes: number): Promise<void> {
    segment.pins++
    try {
      await segment.load(indexIntervalBytes)
    } catch (error) {
      segment.unpin()
      throw error
    }
  }

  release(segment: Segment): void {
    segment.unpin()
  }

  /** Marks a sealed segment as the most recently used one, and makes room if there are too many. */
  touch(segment: Segment): void {
    if (!segment.isOpen || segment.isRetired) return
    this.#open.delete(segment)
    this.#open.add(segment)
    this.#evict()
  }

  /** Forgets a segment that is removed, closed or active again. */
  remove(segment: Segment): void {
    this.#open.delete(segment)
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

  #evict(): void {
    let indexBytes = 0
    for (const segment of this.#open) indexBytes += segment.indexMemoryBytes
    for (const segment of this.#open) {
      if (this.#open.size <= this.#limits.filesMax && indexBytes <= this.#limits.indexBytesMax) return
      if (segment.pins > 0) continue
      indexBytes -= segment.indexMemoryBytes
      this.#open.delete(segment)
      segment.unload()
    }
  }
}
