/**
 * Cuts the bytes of one connection into frames: an int32 size, then that many bytes.
 *
 * A frame that lies whole in what was read is handed over in place. One that does not is admitted to the byte share
 * before its body is read, then assembled in a pooled buffer; until it is admitted, and while the owner cannot take
 * the next frame, the assembler stalls: it keeps what was read already (at most one read) and the owner pauses the
 * socket. Frames are views, valid during the call.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ByteShare } from '@ottla/base/byte-share.ts'
import type { FramePool } from './frame-pool.ts'

const SIZE_BYTES = 4

export interface FrameAssemblerOptions {
  readonly frameBytesMax: number
  readonly share: ByteShare
  readonly pool: FramePool
  /** Takes one frame, [start, end) of the buffer; answers whether it can take another at once. */
  readonly frame: (buffer: Buffer, start: number, end: number) => boolean
  /** The socket has to rest (true) or may go on (false). */
  readonly stalled: (stalled: boolean) => void
  /** The peer broke the framing; nothing more will be read. */
  readonly refused: (reason: string) => void
}

export class FrameAssembler {
  readonly #options: FrameAssemblerOptions
  /** Read but not yet cut, kept while stalled; charged to the share. */
  #kept: Buffer | null = null
  /** The size prefix of the next frame, as far as it has arrived. */
  readonly #prefix = Buffer.alloc(SIZE_BYTES)
  #prefixFilled = 0
  /** The frame under assembly, its size and how much of it is there; charged to the share. */
  #body: Buffer | null = null
  #bodySize = 0
  #bodyCharge = 0
  #bodyFilled = 0
  /** Set while a frame waits for its bytes of the share. */
  #withdraw: (() => void) | null = null
  /** It begins so: the owner says when it is ready for the first frame. */
  #ownerBusy = true
  #closed = false

  constructor(options: FrameAssemblerOptions) {
    this.#options = options
  }

  /** Whether a part of a frame has arrived and the rest has not. */
  get hasPartialFrame(): boolean {
    return this.#prefixFilled > 0 || this.#body !== null || this.#kept !== null
  }

  push(bytes: Buffer): void {
    if (this.#closed) return
    if (!this.#isStalled()) return this.#cut(bytes)
    this.#keep(bytes, 0)
    this.#options.stalled(true)
  }

  /** The owner takes no frame until it is ready again. */
  rest(): void {
    this.#ownerBusy = true
  }

  /** The owner can take frames again. */
  ready(): void {
    if (!this.#ownerBusy || this.#closed) return
    this.#ownerBusy = false
    this.#goOn()
  }

  /** Gives back everything that is held. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#withdraw?.()
    this.#withdraw = null
    this.#dropBody()
    if (this.#kept) this.#options.share.remove(this.#kept.length)
    this.#kept = null
  }

  #isStalled(): boolean {
    return this.#ownerBusy || this.#withdraw !== null
  }

  #goOn(): void {
    const kept = this.#kept
    this.#kept = null
    if (kept) {
      this.#options.share.remove(kept.length)
      this.#cut(kept)
    }
    if (!this.#isStalled() && !this.#closed) this.#options.stalled(false)
  }

  #cut(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.#closed) {
      if (this.#isStalled()) return this.#keep(bytes, at)
      at = this.#body !== null || this.#prefixFilled > 0 ? this.#assemble(bytes, at) : this.#takeWhole(bytes, at)
    }
  }

  /** The common case: the frame lies whole in what was read. Otherwise begins to assemble it. */
  #takeWhole(bytes: Buffer, at: number): number {
    const bodyAt = at + SIZE_BYTES
    if (bodyAt > bytes.length) return this.#assemble(bytes, at)
    const size = bytes.readInt32BE(at)
    if (!this.#accepts(size)) return bytes.length
    if (bodyAt + size > bytes.length) return this.#assemble(bytes, at)
    this.#hand(bytes, bodyAt, bodyAt + size)
    return bodyAt + size
  }

  #assemble(bytes: Buffer, from: number): number {
    let at = from
    if (this.#body === null) {
      const copied = bytes.copy(this.#prefix, this.#prefixFilled, at, at + SIZE_BYTES - this.#prefixFilled)
      this.#prefixFilled += copied
      at += copied
      if (this.#prefixFilled < SIZE_BYTES) return at
      const size = this.#prefix.readInt32BE(0)
      if (!this.#accepts(size)) return bytes.length
      if (!this.#admit(size)) return at
    }
    return this.#fillBody(bytes, at)
  }

  #accepts(size: number): boolean {
    if (size > 0 && size <= this.#options.frameBytesMax) return true
    this.#closed = true
    this.#options.refused(
      `a frame of ${size} bytes; the size must be between 1 and socket.request.max.bytes=${this.#options.frameBytesMax}`,
    )
    return false
  }

  #admit(size: number): boolean {
    this.#bodySize = size
    this.#bodyCharge = this.#options.pool.capacityOf(size)
    this.#withdraw = this.#options.share.take(this.#bodyCharge, () => {
      this.#withdraw = null
      this.#beginBody()
      if (!this.#ownerBusy) this.#goOn()
    })
    if (this.#withdraw === null) {
      this.#beginBody()
      return true
    }
    this.#options.stalled(true)
    return false
  }

  #beginBody(): void {
    this.#prefixFilled = 0
    this.#bodyFilled = 0
    this.#body = this.#options.pool.take(this.#bodySize)
  }

  #fillBody(bytes: Buffer, at: number): number {
    const body = this.#body
    assert(body !== null, 'A frame body is filled after it was admitted')
    const copied = bytes.copy(body, this.#bodyFilled, at, at + this.#bodySize - this.#bodyFilled)
    this.#bodyFilled += copied
    if (this.#bodyFilled === this.#bodySize) {
      this.#hand(body, 0, this.#bodySize)
      this.#dropBody()
    }
    return at + copied
  }

  #dropBody(): void {
    if (this.#body === null) return
    this.#options.pool.give(this.#body)
    this.#options.share.give(this.#bodyCharge)
    this.#body = null
  }

  #hand(buffer: Buffer, start: number, end: number): void {
    if (this.#options.frame(buffer, start, end) || this.#closed) return
    this.#ownerBusy = true
    this.#options.stalled(true)
  }

  #keep(bytes: Buffer, at: number): void {
    const rest = bytes.subarray(at)
    this.#options.share.add(rest.length)
    this.#kept = this.#kept ? Buffer.concat([this.#kept, rest]) : Buffer.from(rest)
  }
}
