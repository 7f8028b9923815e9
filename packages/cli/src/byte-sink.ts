/**
 * Owns the gathering of small writes into few large ones: a command that writes a million short records calls the
 * system some hundred times. Bytes are copied in, so the source may be used again at once.
 */

/** A block is handed over once it holds this many bytes. */
const BLOCK_BYTES = 256 * 1024

export class ByteSink {
  #block = Buffer.allocUnsafe(BLOCK_BYTES)
  #at = 0

  /** Bytes that wait for `take`. */
  get size(): number {
    return this.#at
  }

  /** True once there is enough for a write of its own. */
  get isFull(): boolean {
    return this.#at >= BLOCK_BYTES / 2
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#block.set(bytes, this.#at)
    this.#at += bytes.length
  }

  text(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(text.length * 3)
    this.#at += this.#block.write(text, this.#at)
  }

  /** All bytes so far, which now belong to the caller. */
  take(): Buffer {
    const taken = this.#block.subarray(0, this.#at)
    this.#block = Buffer.allocUnsafe(BLOCK_BYTES)
    this.#at = 0
    return taken
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#block.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#block.length * 2, this.#at + size))
    this.#block.copy(larger, 0, 0, this.#at)
    this.#block = larger
  }
}
