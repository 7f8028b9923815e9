/**
 * Owns the newest batches of one log in memory: what was appended last, written to its file or not yet. Consumers and
 * followers that keep up are served from here without a copy.
 *
 * The chunks hold one unbroken run of batches, [startOffset, end of the log). A tail without chunks costs nothing but
 * itself; the first is small and each one is twice its predecessor.
 */
import { assert } from '@ottla/base/assert.ts'
import { batchLastOffset } from '@ottla/protocol/records/batch.ts'
import { EMPTY_LEASE, type ReadLease } from './lease.ts'
import { type BudgetedTail, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, type TailBudget, type TailChunk } from './tail-budget.ts'

export interface ReadRequest {
  readonly offset: number
  /** No batch that starts here or beyond. */
  readonly maxOffset: number
  readonly maxBytes: number
  /** The first batch is read even when it is larger than `maxBytes`. */
  readonly minOneBatch: boolean
}

export class Tail implements BudgetedTail {
  older: BudgetedTail | null = null
  newer: BudgetedTail | null = null
  recent = false
  readonly #budget: TailBudget
  #chunks: TailChunk[] = []
  #nextChunkBytes = CHUNK_BYTES_MIN

  constructor(budget: TailBudget) {
    this.#budget = budget
  }

  /** The first offset that is in memory; Infinity when nothing is. */
  get startOffset(): number {
    const first = this.#chunks[0]
    return first === undefined || first.batchCount === 0 ? Number.POSITIVE_INFINITY : first.baseOffsets[0]!
  }

  /** The chunk to put a batch of `bytes` into, at its `usedBytes`; the caller publishes it there. */
  chunkFor(bytes: number): TailChunk {
    this.recent = true
    const last = this.#chunks.at(-1)
    if (last !== undefined && last.buffer.length - last.usedBytes >= bytes) return last
    this.#budget.touch(this)
    const chunk = this.#budget.take(Math.max(bytes, this.#nextChunkBytes))
    // Making room may have taken its last chunk.
    this.#budget.touch(this)
    this.#nextChunkBytes = Math.min(this.#nextChunkBytes * 2, CHUNK_BYTES_MAX)
    this.#chunks.push(chunk)
    return chunk
  }

  /** Whole batches from the one that holds `request.offset`, which is not before `startOffset`. */
  read(request: ReadRequest): ReadLease {
    const { offset, maxOffset, maxBytes } = request
    assert(offset >= this.startOffset, 'The tail holds the offset')
    this.recent = true
    this.#budget.touch(this)
    let index = this.#chunkOf(offset)
    let batch = batchHolding(this.#chunks[index]!, offset)
    if (batch === this.#chunks[index]!.batchCount) {
      index++
      batch = 0
    }
    const lease = new TailLease(this.#budget)
    let bytesLeft = maxBytes
    for (; index < this.#chunks.length; index++, batch = 0) {
      const chunk = this.#chunks[index]!
      const from = chunk.positions[batch]!
      let end = endOfBatches(chunk, { from: batch, maxOffset, maxBytes: bytesLeft })
      if (end === from && lease.bytes === 0 && request.minOneBatch && chunk.baseOffsets[batch]! < maxOffset) {
        end = chunk.endOf(batch)
      }
      if (end > from) lease.add(chunk, from, end)
      bytesLeft -= end - from
      if (end < chunk.usedBytes) break
    }
    return lease.bytes === 0 ? EMPTY_LEASE : lease
  }

  evictOldest(): boolean {
    const first = this.#chunks[0]
    if (first === undefined || first.leases > 0 || first.writtenBytes < first.usedBytes) return false
    // The chunk that a batch is being put into right now has nothing to give: its owner is filling it.
    if (first.batchCount === 0) return false
    this.#chunks.shift()
    this.#budget.give(first)
    if (this.#chunks.length === 0) {
      this.#nextChunkBytes = CHUNK_BYTES_MIN
      this.#budget.remove(this)
    }
    return true
  }

  /** Gives up all that is in memory. What readers hold stays theirs, unchanged, until they release it. */
  clear(): void {
    for (const chunk of this.#chunks) {
      if (chunk.leases === 0) this.#budget.give(chunk)
      else chunk.retired = true
    }
    this.#chunks = []
    this.#nextChunkBytes = CHUNK_BYTES_MIN
    this.#budget.remove(this)
  }

  /** Asserts that the chunks hold one unbroken run of batches that ends before `logEndOffset`. */
  verify(logEndOffset: number): void {
    let lastOffset = -1
    for (const chunk of this.#chunks) {
      assert(chunk.writtenBytes <= chunk.usedBytes, 'Only published bytes are written')
      for (let batch = 0; batch < chunk.batchCount; batch++) {
        const at = chunk.positions[batch]!
        assert(chunk.buffer.readInt32BE(at + 8) + 12 === chunk.endOf(batch) - at, 'Batches are back to back')
        assert(chunk.baseOffsets[batch]! > lastOffset, 'Offsets in the tail increase')
        lastOffset = batchLastOffset(chunk.buffer, at)
      }
    }
    assert(lastOffset === -1 || lastOffset + 1 === logEndOffset, 'The tail ends where the log ends')
  }

  /** The last chunk that starts at or before the offset. */
  #chunkOf(offset: number): number {
    let index = this.#chunks.length - 1
    while (this.#chunks[index]!.baseOffsets[0]! > offset) index--
    return index
  }
}

class TailLease implements ReadLease {
  readonly parts: Buffer[] = []
  bytes = 0
  readonly #budget: TailBudget
  readonly #chunks: TailChunk[] = []
  #released = false

  constructor(budget: TailBudget) {
    this.#budget = budget
  }

  add(chunk: TailChunk, from: number, to: number): void {
    this.parts.push(chunk.buffer.subarray(from, to))
    this.bytes += to - from
    this.#chunks.push(chunk)
    chunk.leases++
  }

  release(): void {
    assert(!this.#released, 'A lease is released once')
    this.#released = true
    for (const chunk of this.#chunks) {
      chunk.leases--
      assert(chunk.leases >= 0, 'Leases are counted')
      if (chunk.retired && chunk.leases === 0) this.#budget.give(chunk)
    }
  }
}

/** The batch that holds the offset, or the first one after it; the number of batches when all end before it. */
function batchHolding(chunk: TailChunk, offset: number): number {
  const batch = countBelow(chunk, offset + 1) - 1
  assert(batch >= 0, 'The chunk starts at or before the offset')
  // Between two batches lies a gap only where compaction at the leader has left one.
  return batchLastOffset(chunk.buffer, chunk.positions[batch]!) < offset ? batch + 1 : batch
}

/** The end of the last batch, from batch `from` on, that starts before `maxOffset` and ends within `maxBytes`. */
function endOfBatches(chunk: TailChunk, limit: { from: number; maxOffset: number; maxBytes: number }): number {
  const start = chunk.positions[limit.from]!
  const last = countBelow(chunk, limit.maxOffset) - 1
  if (last < limit.from) return start
  const endMax = start + limit.maxBytes
  if (chunk.endOf(last) <= endMax) return chunk.endOf(last)
  // The batch that starts last at or before the limit is where to stop: it ends beyond it, or it is cut there.
  let low = limit.from
  let high = last
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (chunk.positions[middle]! <= endMax) low = middle
    else high = middle - 1
  }
  return chunk.positions[low]!
}

/** How many batches of the chunk start before the offset. */
function countBelow(chunk: TailChunk, offset: number): number {
  let low = 0
  let high = chunk.batchCount
  if (high > 0 && chunk.baseOffsets[high - 1]! < offset) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if (chunk.baseOffsets[middle]! < offset) low = middle + 1
    else high = middle
  }
  return low
}
