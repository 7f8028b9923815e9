import { byReferenceBytesMin, EncodeError, stringBytesMax, type Uuid, ZERO_UUID } from './wire.ts'

const slabBytes = 16 * 1024
const shortTextLength = 24

/**
 * Writes messages. A message lies in one growing buffer, interrupted by large byte fields that are kept by reference:
 * `parts()` is the list for writev. The caller leaves referenced bytes alone until they are sent.
 */
export class Writer {
  #buffer: Buffer
  #at = 0
  /** Where the stretch begins that is not yet in `#parts`. */
  #start = 0
  #parts: Buffer[] = []
  #partsBytes = 0
  /** Inside a sized section nothing is kept by reference, since the section may still be moved. */
  #sizedDepth = 0

  constructor(bytes: number = slabBytes) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  /** Starts the next message behind the last one: parts handed out before stay as they are. */
  reset(): void {
    this.#start = this.#at
    this.#parts = []
    this.#partsBytes = 0
    this.#sizedDepth = 0
  }

  /** Bytes written since `reset`, referenced ones included. */
  get bytes(): number {
    return this.#partsBytes + this.#at - this.#start
  }

  /** The message so far, as a list to send. Empty when nothing was written. */
  parts(): Buffer[] {
    this.#cut()
    return this.#parts
  }

  /** The message so far in one piece; copies only when something was kept by reference. */
  toBuffer(): Buffer {
    const parts = this.parts()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') failValue('bool', value)
    const at = this.#reserve(1)
    this.#buffer[at] = value ? 1 : 0
  }

  int8(value: number): void {
    if (value !== (value << 24) >> 24) failValue('int8', value)
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    if (value !== (value << 16) >> 16) failValue('int16', value)
    this.#twoBytes(value)
  }

  uint16(value: number): void {
    if (value !== (value & 0xffff)) failValue('uint16', value)
    this.#twoBytes(value)
  }

  int32(value: number): void {
    if (value !== (value | 0)) failValue('int32', value)
    this.#fourBytes(value)
  }

  uint32(value: number): void {
    if (value !== value >>> 0) failValue('uint32', value)
    this.#fourBytes(value)
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) failValue('int64', value)
    this.#fourBytes(Math.floor(value / 0x1_0000_0000))
    this.#fourBytes(value)
  }

  /** Written as it is: saturation is for reading only. */
  int64Saturating(value: number): void {
    this.int64(value)
  }

  bigint64(value: bigint): void {
    if (typeof value !== 'bigint' || value !== BigInt.asIntN(64, value)) failValue('bigint64', value)
    const at = this.#reserve(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  float64(value: number): void {
    if (typeof value !== 'number') failValue('float64', value)
    const at = this.#reserve(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  uvarint(value: number): void {
    if (value !== value >>> 0) failValue('uvarint', value)
    let rest = value
    while (rest > 0x7f) {
      this.#byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#byte(rest)
  }

  /** Zigzag, 32 bits. */
  varint(value: number): void {
    if (value !== (value | 0)) failValue('varint', value)
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zigzag, 64 bits. */
  varlong(value: number | bigint): void {
    if (typeof value === 'number' && value === (value | 0)) this.varint(value)
    else this.#longVarlong(value)
  }

  uuid(value: Uuid): void {
    if (typeof value !== 'string' || value.length !== ZERO_UUID.length) failValue('uuid', value)
    const at = this.#reserve(16)
    if (value === ZERO_UUID) this.#buffer.fill(0, at, at + 16)
    else if (this.#buffer.base64urlWrite(value, at, 16) !== 16) failValue('uuid', value)
  }

  /** Text without a length; `size` is its length in UTF-8. */
  utf8(value: string, size: number): void {
    const at = this.#reserve(size)
    if (size === value.length && size <= shortTextLength) {
      for (let index = 0; index < size; index++) this.#buffer[at + index] = value.charCodeAt(index)
    } else this.#buffer.utf8Write(value, at, size)
  }

  /** Bytes without a length. Large ones are kept by reference, so they must not change until they are sent. */
  raw(value: Uint8Array): void {
    if (value.length >= byReferenceBytesMin && this.#sizedDepth === 0) this.#keep(value)
    else {
      const at = this.#reserve(value.length)
      this.#buffer.set(value, at)
    }
  }

  classicString(value: string): void {
    const size = textSize(value)
    this.#twoBytes(size)
    this.utf8(value, size)
  }

  classicNullableString(value: string | null): void {
    if (value === null) this.#twoBytes(-1)
    else this.classicString(value)
  }

  compactString(value: string): void {
    const size = textSize(value)
    this.uvarint(size + 1)
    this.utf8(value, size)
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.#byte(0)
    else this.compactString(value)
  }

  /** One run of bytes, or a list of runs that are one value on the wire (records gathered from several places). */
  classicBytes(value: Buffer | readonly Buffer[]): void {
    this.int32(runsSize(value))
    this.#runs(value)
  }

  classicNullableBytes(value: Buffer | readonly Buffer[] | null): void {
    if (value === null) this.#fourBytes(-1)
    else this.classicBytes(value)
  }

  compactBytes(value: Buffer | readonly Buffer[]): void {
    this.uvarint(runsSize(value) + 1)
    this.#runs(value)
  }

  compactNullableBytes(value: Buffer | readonly Buffer[] | null): void {
    if (value === null) this.#byte(0)
    else this.compactBytes(value)
  }

  /** -1 is null. */
  classicCount(count: number): void {
    this.int32(count)
  }

  /** -1 is null. */
  compactCount(count: number): void {
    this.uvarint(count + 1)
  }

  /** Opens a section that `endSized` puts its size in front of, as an unsigned varint. */
  beginSized(): number {
    this.#sizedDepth++
    return this.bytes
  }

  endSized(begin: number): void {
    const size = this.bytes - begin
    const width = uvarintBytes(size)
    this.#reserve(width)
    const from = this.#start + begin - this.#partsBytes
    this.#buffer.copyWithin(from + width, from, from + size)
    this.#at = from
    this.uvarint(size)
    this.#at = from + width + size
    this.#sizedDepth--
  }

  /** Replaces the int32 at `position`, counted from the message's start: for a length that is known only later. */
  patchInt32(position: number, value: number): void {
    let from = position
    for (const part of this.#parts) {
      if (from < part.length) {
        part.writeInt32BE(value, from)
        return
      }
      from -= part.length
    }
    this.#buffer.writeInt32BE(value, this.#start + from)
  }

  #longVarlong(value: number | bigint): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) failValue('varlong', value)
    const long = BigInt(value)
    if (long !== BigInt.asIntN(64, long)) failValue('varlong', value)
    let rest = BigInt.asUintN(64, (long << 1n) ^ (long >> 63n))
    while (rest > 0x7fn) {
      this.#byte(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.#byte(Number(rest))
  }

  #byte(value: number): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  #twoBytes(value: number): void {
    const at = this.#reserve(2)
    const buffer = this.#buffer
    buffer[at] = value >> 8
    buffer[at + 1] = value
  }

  #fourBytes(value: number): void {
    const at = this.#reserve(4)
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  #runs(value: Buffer | readonly Buffer[]): void {
    if (isList(value)) for (const run of value) this.raw(run)
    else this.raw(value)
  }

  #reserve(size: number): number {
    const at = this.#at
    if (size > this.#buffer.length - at) return this.#grow(size)
    this.#at = at + size
    return at
  }

  /** Moves the open stretch alone: what was cut off before stays in the old buffer. */
  #grow(size: number): number {
    const open = this.#at - this.#start
    const larger = Buffer.allocUnsafeSlow(Math.max(slabBytes, 2 * (open + size)))
    this.#buffer.copy(larger, 0, this.#start, this.#at)
    this.#buffer = larger
    this.#start = 0
    this.#at = open + size
    return open
  }

  #keep(value: Uint8Array): void {
    this.#cut()
    this.#parts.push(value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.length))
    this.#partsBytes += value.length
  }

  #cut(): void {
    if (this.#at === this.#start) return
    this.#parts.push(this.#buffer.subarray(this.#start, this.#at))
    this.#partsBytes += this.#at - this.#start
    this.#start = this.#at
  }
}

function failValue(type: string, value: unknown): never {
  throw new EncodeError(`Cannot write ${String(value)} as ${type}`)
}

function textSize(value: string): number {
  if (typeof value !== 'string') failValue('string', value)
  const size = isShortAscii(value) ? value.length : Buffer.byteLength(value)
  if (size > stringBytesMax)
    throw new EncodeError(`Cannot write string of ${size} bytes: ${stringBytesMax} is the most`)
  return size
}

function isShortAscii(value: string): boolean {
  if (value.length > shortTextLength) return false
  for (let index = 0; index < value.length; index++) if (value.charCodeAt(index) > 0x7f) return false
  return true
}

function runsSize(value: Buffer | readonly Buffer[]): number {
  if (!isList(value)) {
    if (!(value instanceof Uint8Array)) failValue('bytes', value)
    return value.length
  }
  let size = 0
  for (const run of value) size += run.length
  return size
}

function isList(value: Buffer | readonly Buffer[]): value is readonly Buffer[] {
  return Array.isArray(value)
}

function uvarintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes++
  return bytes
}
