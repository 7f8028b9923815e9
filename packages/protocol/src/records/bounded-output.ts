/**
 * Owns the buffer that decompressed blocks of unknown size are gathered in: it doubles as it fills and never passes
 * its bound. While it grows, the old and the new buffer are both there: at most one and a half times the bound.
 */
import { refuseOver } from './decompression-error.ts'

export class BoundedOutput {
  readonly #codec: string
  readonly #maxBytes: number
  #buffer: Buffer
  #bytes = 0

  constructor(codec: string, options: { readonly expectedBytes: number; readonly maxBytes: number }) {
    this.#codec = codec
    this.#maxBytes = options.maxBytes
    this.#buffer = Buffer.allocUnsafe(Math.min(options.expectedBytes, options.maxBytes))
  }

  /** What may still be appended. */
  get room(): number {
    return this.#maxBytes - this.#bytes
  }

  /** Copies the block, so that whatever memory stands behind it is free again at once. */
  append(block: Buffer): void {
    const after = this.#bytes + block.length
    refuseOver(this.#codec, after, this.#maxBytes)
    if (after > this.#buffer.length) this.#grow(after)
    block.copy(this.#buffer, this.#bytes)
    this.#bytes = after
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#bytes)
  }

  #grow(neededBytes: number): void {
    const bytes = Math.min(Math.max(neededBytes, this.#buffer.length * 2), this.#maxBytes)
    const grown = Buffer.allocUnsafe(bytes)
    this.#buffer.copy(grown, 0, 0, this.#bytes)
    this.#buffer = grown
  }
}
