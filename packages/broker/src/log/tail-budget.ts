/**
 * Owns the memory that all logs' tails share: how much of it there may be, which tail gives some back when another
 * needs it, and the chunks that wait to be used again.
 *
 * The least recently used tail loses its oldest chunk first. A chunk that somebody reads, or that holds bytes which
 * its file does not have yet, stays. What is unwritten is bounded by each log's writer and what is read by the budget
 * of replies, so going over the limit by those is bounded too.
 */
import { assert } from '@ottla/base/assert.ts'

/** Small enough that ten thousand logs which were written to a little all have their newest batches here. */
export const CHUNK_BYTES_MIN = 4 * 1024
export const CHUNK_BYTES_MAX = 1024 * 1024
/** For so many bytes of a new chunk there is room to note one batch. */
const BYTES_PER_BATCH = 512
/** So many tails that have nothing to give now are asked for one chunk: what cannot be had is not searched for. */
const REFUSALS_MAX = 64
/** The share of the limit that unused chunks may hold. */
const POOLED_SHARE = 1 / 8

assert(CHUNK_BYTES_MAX % CHUNK_BYTES_MIN === 0, 'Chunk sizes double from the smallest to the largest')

/** Batches back to back. What lies below `usedBytes` never changes while anybody can see it. */
export class TailChunk {
  readonly buffer: Buffer
  usedBytes = 0
  /** How much of `usedBytes` the segment's file has. */
  writtenBytes = 0
  batchCount = 0
  /** Base offset and position of each batch; only the first `batchCount` mean anything. */
  baseOffsets: Float64Array
  positions: Int32Array
  leases = 0
  /** Given up by its tail: the last reader gives it back. */
  retired = false

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes)
    const batches = Math.ceil(bytes / BYTES_PER_BATCH)
    this.baseOffsets = new Float64Array(batches)
    this.positions = new Int32Array(batches)
  }

  /** Makes the `bytes` that the caller put behind the used ones a batch of this chunk. */
  publish(baseOffset: number, bytes: number): void {
    assert(this.usedBytes + bytes <= this.buffer.length, 'A batch fits into its chunk')
    if (this.batchCount === this.positions.length) this.#grow()
    this.baseOffsets[this.batchCount] = baseOffset
    this.positions[this.batchCount] = this.usedBytes
    this.batchCount++
    this.usedBytes += bytes
  }

  /** Where the batch after this one starts, which is where this one ends. */
  endOf(batch: number): number {
    return batch + 1 < this.batchCount ? this.positions[batch + 1]! : this.usedBytes
  }

  reset(): void {
    assert(this.leases === 0, 'Nobody reads a chunk that is used again')
    this.usedBytes = 0
    this.writtenBytes = 0
    this.batchCount = 0
    this.retired = false
  }

  #grow(): void {
    const baseOffsets = new Float64Array(this.batchCount * 2)
    baseOffsets.set(this.baseOffsets)
    this.baseOffsets = baseOffsets
    const positions = new Int32Array(this.batchCount * 2)
    positions.set(this.positions)
    this.positions = positions
  }
}

/** What the budget asks of a tail. The links are the budget's. */
export interface BudgetedTail {
  older: BudgetedTail | null
  newer: BudgetedTail | null
  /** Used since it was last looked at. */
  recent: boolean
  /** Gives one chunk back if it can; with its last one it leaves the budget. */
  evictOldest(): boolean
}

export class TailBudget {
  readonly #bytesMax: number
  #liveBytes = 0
  #pooledBytes = 0
  readonly #pool = new Map<number, TailChunk[]>()
  #oldest: BudgetedTail | null = null
  #newest: BudgetedTail | null = null

  constructor(bytesMax: number) {
    assert(bytesMax >= CHUNK_BYTES_MIN, 'There is room for a chunk')
    this.#bytesMax = bytesMax
  }

  /** Held by tails and readers. */
  get liveBytes(): number {
    return this.#liveBytes
  }
  get pooledBytes(): number {
    return this.#pooledBytes
  }

  /** A chunk with room for at least `bytes`; makes room by evicting others' oldest chunks. */
  take(bytes: number): TailChunk {
    const size = bytes > CHUNK_BYTES_MAX ? bytes : Math.max(CHUNK_BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)))
    this.#makeRoom(size)
    this.#liveBytes += size
    const pooled = this.#pool.get(size)?.pop()
    if (pooled === undefined) return new TailChunk(size)
    this.#pooledBytes -= size
    return pooled
  }

  /** Takes back a chunk that neither a tail nor a reader holds. */
  give(chunk: TailChunk): void {
    chunk.reset()
    const size = chunk.buffer.length
    this.#liveBytes -= size
    assert(this.#liveBytes >= 0, 'Chunks are given back once')
    if (size > CHUNK_BYTES_MAX || this.#pooledBytes + size > this.#bytesMax * POOLED_SHARE) return
    this.#pooledBytes += size
    const chunks = this.#pool.get(size)
    if (chunks === undefined) this.#pool.set(size, [chunk])
    else chunks.push(chunk)
  }

  /** Marks a tail as the most recently used one, and adds it if it is new. */
  touch(tail: BudgetedTail): void {
    if (this.#newest === tail) return
    this.remove(tail)
    tail.older = this.#newest
    if (this.#newest !== null) this.#newest.newer = tail
    this.#newest = tail
    this.#oldest ??= tail
  }

  /** Forgets a tail; no error when it is not there. */
  remove(tail: BudgetedTail): void {
    if (tail.older !== null) tail.older.newer = tail.newer
    else if (this.#oldest === tail) this.#oldest = tail.newer
    if (tail.newer !== null) tail.newer.older = tail.older
    else if (this.#newest === tail) this.#newest = tail.older
    tail.older = null
    tail.newer = null
  }

  /** Takes back what tails hold that were not used since the last call; called now and then. */
  giveBackIdle(): void {
    for (let tail = this.#oldest; tail !== null; ) {
      // One that gives all is not in the list any more.
      const { newer }: BudgetedTail = tail
      if (tail.recent) tail.recent = false
      else emptyTail(tail)
      tail = newer
    }
  }

  /** `bytes` is the size of a chunk. Only tails that hold something are in the list: the oldest gives, as a rule. */
  #makeRoom(bytes: number): void {
    for (let refusals = 0; refusals < REFUSALS_MAX && this.#isOver(bytes); ) {
      // One of the right size is used again, which adds nothing: fresh memory would cost its page faults.
      if (this.#hasPooled(bytes)) return
      const oldest = this.#oldest
      if (this.#pooledBytes > 0) this.#dropPool()
      else if (oldest === null) return
      else if (!oldest.evictOldest()) {
        // It is read or about to be written: not what gives way next time either.
        this.touch(oldest)
        refusals++
      }
    }
  }

  #isOver(bytes: number): boolean {
    return this.#liveBytes + this.#pooledBytes + bytes > this.#bytesMax
  }

  #hasPooled(bytes: number): boolean {
    return (this.#pool.get(bytes)?.length ?? 0) > 0
  }

  #dropPool(): void {
    this.#pool.clear()
    this.#pooledBytes = 0
  }
}

function emptyTail(tail: BudgetedTail): void {
  let hasGiven = true
  while (hasGiven) hasGiven = tail.evictOldest()
}
