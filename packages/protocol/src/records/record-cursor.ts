/**
 * Owns the walk over the bytes of an uncompressed records section (record.ts has the table): one object, moved from
 * record to record, that says where each field lies. It trusts nothing: whatever the bytes are, it stays inside its
 * bounds, moves forward or stops with a fault, and never throws.
 */

/** Why bytes are not a record, or not the records that their batch promises. */
export type RecordFault = keyof typeof FAULTS

const FAULTS = {
  'records-missing': 'the section ends before the last record',
  'bytes-left': 'bytes follow the last record',
  'varint-overflow': 'a variable-length integer is too long or cut off',
  'record-length': 'its length is impossible or reaches past the section',
  'length-mismatch': 'its fields do not fill its length exactly',
  'offset-delta': 'its offset does not follow the one before',
  'key-length': 'its key length is impossible',
  'value-length': 'its value length is impossible',
  'header-count': 'its header count is impossible',
  'header-key-length': 'a header key is null or its length impossible',
  'header-value-length': 'a header value length is impossible',
} as const

/** Bytes that should be records and are not. */
export class RecordFormatError extends Error {
  override readonly name = 'RecordFormatError'

  static at(index: number, fault: RecordFault): RecordFormatError {
    return new RecordFormatError(`Cannot read record ${index}: ${FAULTS[fault]}`)
  }
}

/** A whole sentence's tail for error messages to clients. */
export function faultText(fault: RecordFault): string {
  return FAULTS[fault]
}

/** attributes, timestampDelta, offsetDelta, keyLength, valueLength, headerCount: a byte each at least. */
const RECORD_BODY_BYTES_MIN = 6
/** keyLength and valueLength: a byte each at least. */
const HEADER_BYTES_MIN = 2

export class RecordCursor {
  readonly buffer: Buffer
  /** Where the current record starts, its length field included. */
  startAt = 0
  timestampDelta = 0
  offsetDelta = 0
  keyAt = 0
  /** −1: null; so is valueLength. */
  keyLength = -1
  valueAt = 0
  valueLength = -1
  headerCount = 0
  headersAt = 0
  /** Set once, by the first thing that is wrong; the walk is over then. */
  fault: RecordFault | undefined = undefined

  /** The end of the section. */
  readonly end: number
  #at: number
  /** No field may be read past it: the end of the current record, or of the section between records. */
  #limit: number

  /** Walks over the bytes from start up to, not including, end. */
  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.#at = start
    this.end = Math.min(end, buffer.length)
    this.#limit = this.end
  }

  /** Just behind the current record: where the next one would start. */
  get position(): number {
    return this.#at
  }

  /** Makes the record that starts there the next one. */
  moveTo(at: number): void {
    this.#at = at
  }

  /** Moves to the next record. False at the end of the section, or with `fault` set where it is malformed. */
  next(): boolean {
    if (this.#at >= this.end || this.fault !== undefined) return false
    this.startAt = this.#at
    this.#limit = this.end
    const length = this.#varint()
    if (length < RECORD_BODY_BYTES_MIN || length > this.end - this.#at) return this.#fail('record-length')
    this.#limit = this.#at + length
    this.#at++
    this.timestampDelta = this.#varlong()
    this.offsetDelta = this.#varint()
    return this.#key() && this.#value() && this.#headers()
  }

  key(): Buffer | null {
    return this.#view(this.keyAt, this.keyLength)
  }

  value(): Buffer | null {
    return this.#view(this.valueAt, this.valueLength)
  }

  /** The current record's headers as objects: the only thing here that allocates. */
  headers(): { key: string; value: Buffer | null }[] {
    const headers = []
    const after = this.#at
    this.#at = this.headersAt
    for (let i = 0; i < this.headerCount; i++) headers.push(this.#header())
    this.#at = after
    return headers
  }

  #key(): boolean {
    this.keyLength = this.#varint()
    this.keyAt = this.#at
    return this.#skip(this.keyLength) || this.#fail('key-length')
  }

  #value(): boolean {
    this.valueLength = this.#varint()
    this.valueAt = this.#at
    return this.#skip(this.valueLength) || this.#fail('value-length')
  }

  #headers(): boolean {
    const count = this.#varint()
    this.headerCount = count
    this.headersAt = this.#at
    if (count !== 0 && !this.#skipHeaders(count)) return false
    if (this.fault !== undefined) return false
    return this.#at === this.#limit || this.#fail('length-mismatch')
  }

  #skipHeaders(count: number): boolean {
    // Checked before the loop, so that a huge count on few bytes costs nothing.
    if (count < 0 || count > (this.#limit - this.#at) / HEADER_BYTES_MIN) return this.#fail('header-count')
    for (let i = 0; i < count; i++) {
      const keyLength = this.#varint()
      if (keyLength < 0 || !this.#skip(keyLength)) return this.#fail('header-key-length')
      if (!this.#skip(this.#varint())) return this.#fail('header-value-length')
    }
    return true
  }

  #header() {
    const keyLength = this.#varint()
    const key = this.buffer.toString('utf8', this.#at, this.#at + keyLength)
    this.#at += keyLength
    const valueLength = this.#varint()
    const value = this.#view(this.#at, valueLength)
    this.#skip(valueLength)
    return { key, value }
  }

  #view(at: number, length: number): Buffer | null {
    return length < 0 ? null : this.buffer.subarray(at, at + length)
  }

  /** Steps over that many bytes, none for −1 (null). False where the length is impossible. */
  #skip(length: number): boolean {
    if (length > this.#limit - this.#at || length < -1 || this.fault !== undefined) return false
    if (length > 0) this.#at += length
    return true
  }

  /** A second fault is only the first one's echo. */
  #fail(fault: RecordFault): false {
    this.fault ??= fault
    return false
  }

  /** Nearly all varints of a record have one byte or two; a faulty one reads as 0, and `fault` is set. */
  #varint(): number {
    const at = this.#at
    if (at >= this.#limit) return this.#longVarint()
    const low = this.buffer[at]!
    if (low < 0x80) {
      this.#at = at + 1
      return (low >>> 1) ^ -(low & 1)
    }
    if (at + 1 >= this.#limit) return this.#longVarint()
    const high = this.buffer[at + 1]!
    if (high >= 0x80) return this.#longVarint()
    this.#at = at + 2
    const raw = (low & 0x7f) | (high << 7)
    return (raw >>> 1) ^ -(raw & 1)
  }

  #longVarint(): number {
    let raw = 0
    for (let shift = 0; shift < 35 && this.#at < this.#limit; shift += 7) {
      const byte = this.buffer[this.#at++]!
      // The fifth byte has room for four bits: more would not be an int32.
      if (shift === 28 && byte > 0x0f) break
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    this.#fail('varint-overflow')
    return 0
  }

  #varlong(): number {
    const at = this.#at
    if (at < this.#limit) {
      const byte = this.buffer[at]!
      if (byte < 0x80) {
        this.#at = at + 1
        return (byte >>> 1) ^ -(byte & 1)
      }
    }
    return this.#longVarlong()
  }

  /**
   * Ten bytes hold 64 bits, more than a number does: they are gathered as half the zigzag value, which is the
   * magnitude, and saturated to the safe integers (int64.ts says why).
   */
  #longVarlong(): number {
    let half = 0
    let scale = 0.5
    let odd = false
    for (let i = 0; i < 10 && this.#at < this.#limit; i++) {
      const byte = this.buffer[this.#at++]!
      // The tenth byte has room for one bit.
      if (i === 9 && byte > 1) break
      odd ||= i === 0 && (byte & 1) === 1
      half += (i === 0 ? byte & 0x7e : byte & 0x7f) * scale
      scale *= 0x80
      if (byte < 0x80)
        return odd ? -Math.min(half + 1, Number.MAX_SAFE_INTEGER) : Math.min(half, Number.MAX_SAFE_INTEGER)
    }
    this.#fail('varint-overflow')
    return 0
  }
}
