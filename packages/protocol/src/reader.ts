import { assert } from '@ottla/base/assert.ts'
import { DecodeError, elementsMax, stringBytesMax, type Uuid, ZERO_UUID } from './wire.ts'

const emptyBuffer = Buffer.alloc(0)

/** Reads one message from `buffer[at, end)`. Views that it hands out share the buffer's memory. */
export class Reader {
  buffer: Buffer
  at: number
  end: number
  #elements = 0

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer
    this.at = start
    this.end = end
    checkRange(buffer, start, end)
  }

  /** Starts on another message, with a fresh element budget. */
  reset(buffer: Buffer, start = 0, end = buffer.length): void {
    checkRange(buffer, start, end)
    this.buffer = buffer
    this.at = start
    this.end = end
    this.#elements = 0
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Array elements admitted so far in this message. */
  get elements(): number {
    return this.#elements
  }

  /** Moves over `size` bytes and answers where they start. */
  take(size: number): number {
    const at = this.at
    if (size > this.end - at) failShort(this, size)
    this.at = at + size
    return at
  }

  skip(size: number): void {
    if (size < 0) throw new DecodeError(`Cannot skip ${size} bytes`)
    this.take(size)
  }

  /** Any byte but 0 is true. */
  bool(): boolean {
    return this.buffer[this.take(1)] !== 0
  }

  int8(): number {
    return (this.buffer[this.take(1)]! << 24) >> 24
  }

  uint8(): number {
    return this.buffer[this.take(1)]!
  }

  int16(): number {
    const at = this.take(2)
    return (((this.buffer[at]! << 8) | this.buffer[at + 1]!) << 16) >> 16
  }

  uint16(): number {
    const at = this.take(2)
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  int32(): number {
    const at = this.take(4)
    const buffer = this.buffer
    return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** Fails where the number is not a safe integer; fields that may hold such values are `bigint64` or saturate. */
  int64(): number {
    const high = this.int32()
    const value = high * 0x1_0000_0000 + this.uint32()
    if (!Number.isSafeInteger(value)) throw new DecodeError(`Cannot read int64 at ${this.at - 8}: it exceeds 2^53`)
    return value
  }

  /** Long.MAX and its like become the nearest safe integer: what they mean ("for ever", "the end") stays. */
  int64Saturating(): number {
    const high = this.int32()
    const value = high * 0x1_0000_0000 + this.uint32()
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
  }

  bigint64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8))
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8))
  }

  /** 0 to 2^32 - 1 in at most 5 bytes. */
  uvarint(): number {
    const first = this.uint8()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.uint8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.uint8()
    if (last > 0x0f) throw new DecodeError(`Cannot read varint at ${this.at - 5}: it exceeds 32 bits`)
    return (value | (last << 28)) >>> 0
  }

  /** Zigzag, 32 bits. */
  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag, 64 bits; fails where the number is not a safe integer. */
  varlong(): number {
    const start = this.at
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1)
    }
    this.at = start
    const value = Number(this.bigvarlong())
    if (!Number.isSafeInteger(value)) throw new DecodeError(`Cannot read varlong at ${start}: it exceeds 2^53`)
    return value
  }

  /** Zigzag, 64 bits, at most 10 bytes. */
  bigvarlong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.uint8()
      if (shift === 63n && byte > 1) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n)
    }
    throw new DecodeError(`Cannot read varlong before ${this.at}: it exceeds 64 bits`)
  }

  uuid(): Uuid {
    const at = this.take(16)
    const buffer = this.buffer
    // Most identifiers on the wire are absent ones; four words are compared faster than text is made.
    if (buffer[at] === 0 && buffer[at + 15] === 0 && isZero(buffer, at, 16)) return ZERO_UUID
    return buffer.base64urlSlice(at, at + 16)
  }

  /** `size` bytes of UTF-8; malformed sequences become U+FFFD, as in Java. */
  utf8(size: number): string {
    if (size === 0) return ''
    const at = this.take(size)
    return this.buffer.utf8Slice(at, at + size)
  }

  /** A view of `size` bytes, no copy. */
  bytes(size: number): Buffer {
    if (size === 0) return emptyBuffer
    const at = this.take(size)
    return this.buffer.subarray(at, at + size)
  }

  classicString(): string {
    return this.utf8(notNull(this.int16()))
  }

  classicNullableString(): string | null {
    const size = this.int16()
    return size < 0 ? null : this.utf8(size)
  }

  compactString(): string {
    return this.utf8(stringSize(notNull(this.uvarint() - 1)))
  }

  compactNullableString(): string | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.utf8(stringSize(size))
  }

  classicBytes(): Buffer {
    return this.bytes(notNull(this.int32()))
  }

  classicNullableBytes(): Buffer | null {
    const size = this.int32()
    return size < 0 ? null : this.bytes(size)
  }

  compactBytes(): Buffer {
    return this.bytes(notNull(this.uvarint() - 1))
  }

  compactNullableBytes(): Buffer | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.bytes(size)
  }

  /**
   * The count of an array whose elements take at least `elementBytesMin` (1 or more) bytes. Checked against the bytes
   * that are left and against the element budget before the caller allocates anything.
   */
  classicCount(elementBytesMin: number): number {
    return this.#admit(notNull(this.int32()), elementBytesMin)
  }

  /** -1 for null. */
  classicNullableCount(elementBytesMin: number): number {
    const count = this.int32()
    return count < 0 ? -1 : this.#admit(count, elementBytesMin)
  }

  compactCount(elementBytesMin: number): number {
    return this.#admit(notNull(this.uvarint() - 1), elementBytesMin)
  }

  /** -1 for null. */
  compactNullableCount(elementBytesMin: number): number {
    const count = this.uvarint() - 1
    return count < 0 ? -1 : this.#admit(count, elementBytesMin)
  }

  /** Skips a tagged section of which no tag is known. */
  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.take(this.uvarint())
    }
  }

  /** Reads the size of a tag's payload and answers where the payload ends. */
  tagEnd(): number {
    const size = this.uvarint()
    if (size > this.end - this.at) failShort(this, size)
    return this.at + size
  }

  /** A tag's payload has to be consumed exactly, else what follows would be read from the wrong place. */
  endTag(end: number): void {
    if (this.at !== end) throw new DecodeError(`Cannot read tagged field: it ends at ${this.at}, its size says ${end}`)
  }

  /** Fails when bytes are left over. */
  finish(): void {
    if (this.at !== this.end) throw new DecodeError(`Cannot read message: ${this.remaining} bytes are left over`)
  }

  #admit(count: number, elementBytesMin: number): number {
    if (count * elementBytesMin > this.end - this.at) failShort(this, count * elementBytesMin)
    this.#elements += count
    if (this.#elements > elementsMax) throw new DecodeError(`Cannot read more than ${elementsMax} array elements`)
    return count
  }
}

function checkRange(buffer: Buffer, start: number, end: number): void {
  assert(start >= 0, 'a range starts inside its buffer')
  assert(start <= end, 'a range does not end before it starts')
  assert(end <= buffer.length, 'a range ends inside its buffer')
}

function failShort(reader: Reader, size: number): never {
  throw new DecodeError(`Cannot read ${size} bytes at ${reader.at}: the message ends at ${reader.end}`)
}

function notNull(size: number): number {
  if (size < 0) throw new DecodeError('Cannot read null into a field that is not nullable')
  return size
}

function stringSize(size: number): number {
  if (size > stringBytesMax) throw new DecodeError(`Cannot read string of ${size} bytes: ${stringBytesMax} is the most`)
  return size
}

function isZero(buffer: Buffer, at: number, size: number): boolean {
  for (let index = at; index < at + size; index++) if (buffer[index] !== 0) return false
  return true
}
