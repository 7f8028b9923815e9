/**
 * Buffers for frames that did not arrive in one read, used again and again: a fresh megabyte costs more in page faults
 * than the copy into it. Sizes are powers of two; what would exceed the pool's bound is left to the garbage collector.
 */
const SMALLEST_LOG2 = 12
const POOLED_LOG2_MAX = 22

export class FramePool {
  readonly #bytesMax: number
  readonly #free: Buffer[][] = []
  #pooledBytes = 0

  constructor(options: { bytesMax: number }) {
    this.#bytesMax = options.bytesMax
  }

  get pooledBytes(): number {
    return this.#pooledBytes
  }

  /** The length of the buffer that `take(size)` gives. */
  capacityOf(size: number): number {
    const log2 = classOf(size)
    return log2 > POOLED_LOG2_MAX ? size : 1 << log2
  }

  /** A buffer of at least `size` bytes with arbitrary content. */
  take(size: number): Buffer {
    const log2 = classOf(size)
    if (log2 > POOLED_LOG2_MAX) return Buffer.allocUnsafeSlow(size)
    const buffer = this.#free[log2]?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(1 << log2)
    this.#pooledBytes -= buffer.length
    return buffer
  }

  /** Takes back a buffer that `take` gave; nobody may use it any more. */
  give(buffer: Buffer): void {
    const log2 = classOf(buffer.length)
    if (log2 > POOLED_LOG2_MAX || buffer.length !== 1 << log2) return
    if (this.#pooledBytes + buffer.length > this.#bytesMax) return
    this.#pooledBytes += buffer.length
    this.#free[log2] ??= []
    this.#free[log2].push(buffer)
  }
}

function classOf(size: number): number {
  return Math.max(SMALLEST_LOG2, 32 - Math.clz32(Math.max(size, 1) - 1))
}
