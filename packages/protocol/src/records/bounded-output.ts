/**
 * Owns the buffer that decompressed blocks of unknown size are gathered in: it doubles as it fills and never passes
 * its bound. While it grows, the old and the new buffer are both there: at most one and a half times the bound.
 */
import { refuseOver } from './decompression-error.ts'

/** What a scratch keeps for the next use; the largest batch that brokers take by default decompresses to about this. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024

/**
 * Memory for decompressed bytes that are looked at and forgotten, as a broker's validation does: fresh memory of this
 * size costs more than the decompression. Whatever was decompressed into it is overwritten by the next use.
 */
export class Scratch {
  #buffer: Buffer = Buffer.alloc(0)

  /** The kept memory; it may have fewer bytes than wanted. */
  get buffer(): Buffer {
    return this.#buffer
  }

  keep(buffer: Buffer): void {
    if (buffer.length <= KEPT_BYTES_MAX && buffer.length > this.#buffer.length) this.#buffer = buffer
  }
}

export class BoundedOutput {
  readonly #codec: string
  readonly #maxBytes: number
  readonly #scratch: Scratch | undefined
  #buffer: Buffer
  #bytes = 0

  constructor(codec: string, options: { expectedBytes: number; maxBytes: number; scratch?: Scratch | undefined }) {
    const { expectedBytes, maxBytes, scratch } = options
    this.#codec = codec
    this.#maxBytes = maxBytes
    this.#scratch = scratch
    const kept = scratch?.buffer
    this.#buffer = kept && kept.length > 0 ? kept : Buffer.allocUnsafe(Math.min(expectedBytes, maxBytes))
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
    this.#scratch?.keep(this.#buffer)
    return this.#buffer.subarray(0, this.#bytes)
  }

  #grow(neededBytes: number): void {
    const bytes = Math.min(Math.max(neededBytes, this.#buffer.length * 2), this.#maxBytes)
    const grown = Buffer.allocUnsafe(bytes)
    this.#buffer.copy(grown, 0, 0, this.#bytes)
    this.#buffer = grown
  }
}
