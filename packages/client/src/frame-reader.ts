/**
 * Owns the cutting of a byte stream into frames: int32 size, then that many bytes. Each frame is copied once, into
 * memory of its own, because what a socket hands over is used again at once; decoded values are views of that memory.
 * A frame's memory is reserved as its bytes come, so a size that is a lie costs nothing.
 */

const SIZE_BYTES = 4
/** A frame of more than this is not reserved whole before its bytes are there. */
const RESERVE_BYTES_MAX = 8 * 1024 * 1024

/** The size in front of a frame is negative or above the maximum: this is no Kafka peer, or not ours. */
export class FrameSizeError extends Error {
  constructor(size: number, sizeMax: number) {
    super(`Cannot read a frame of ${size} bytes: at most ${sizeMax} are allowed (is this a Kafka broker's port?)`)
    this.name = 'FrameSizeError'
  }
}

export class FrameReader {
  readonly #bytesMax: number
  readonly #onFrame: (frame: Buffer) => void
  readonly #head = Buffer.alloc(SIZE_BYTES)
  #headBytes = 0
  /** Of the frame that is being read; −1 between frames. */
  #size = -1
  #frame: Buffer = this.#head
  #have = 0

  /** `bytesMax` bounds a frame without its size field. */
  constructor(options: { bytesMax: number; onFrame: (frame: Buffer) => void }) {
    this.#bytesMax = options.bytesMax
    this.#onFrame = options.onFrame
  }

  /** Takes the next bytes of the stream, which are free again afterwards. Throws FrameSizeError. */
  push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) at = this.#size < 0 ? this.#readSize(bytes, at) : this.#readBody(bytes, at)
  }

  #readSize(bytes: Buffer, at: number): number {
    const count = Math.min(SIZE_BYTES - this.#headBytes, bytes.length - at)
    bytes.copy(this.#head, this.#headBytes, at, at + count)
    this.#headBytes += count
    if (this.#headBytes === SIZE_BYTES) this.#begin(this.#head.readInt32BE(0))
    return at + count
  }

  #begin(size: number): void {
    if (size < 0 || size > this.#bytesMax) throw new FrameSizeError(size, this.#bytesMax)
    this.#headBytes = 0
    this.#size = size
    this.#have = 0
    this.#frame = Buffer.allocUnsafe(Math.min(size, RESERVE_BYTES_MAX))
    if (size === 0) this.#finish()
  }

  #readBody(bytes: Buffer, at: number): number {
    const count = Math.min(this.#size - this.#have, bytes.length - at)
    if (this.#have + count > this.#frame.length) this.#grow(this.#have + count)
    bytes.copy(this.#frame, this.#have, at, at + count)
    this.#have += count
    if (this.#have === this.#size) this.#finish()
    return at + count
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#size, Math.max(needed, this.#frame.length * 2)))
    this.#frame.copy(larger, 0, 0, this.#have)
    this.#frame = larger
  }

  #finish(): void {
    const frame = this.#frame
    this.#size = -1
    this.#frame = this.#head
    this.#onFrame(frame)
  }
}
