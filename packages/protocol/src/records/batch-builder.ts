/**
 * Owns building batches: records are encoded one by one, behind the room for their header, into one buffer that grows
 * by doubling; closing compresses them if asked and writes the header. Formats are batch.ts's and record.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import { BATCH_OVERHEAD, CONTROL_FLAG, LOG_APPEND_TIME_FLAG, TRANSACTIONAL_FLAG, writeBatchHeader } from './batch.ts'
import { type Codec, compress, compressionNumber } from './compression.ts'
import { endTransactionKey, endTransactionValue } from './control.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

/** Bytes of a key or value; a string stands for its UTF-8. */
export type RecordBytes = Uint8Array | string

export interface NewRecordHeader {
  readonly key: string
  readonly value: RecordBytes | null
}

export interface NewRecord {
  readonly timestampMs: number
  readonly key: RecordBytes | null
  readonly value: RecordBytes | null
  readonly headers?: readonly NewRecordHeader[]
}

export interface BatchBuilderOptions {
  /** What the batch may have before compression; only its first record may be larger. 1 MiB when left out. */
  readonly bytesMax?: number
  readonly codec?: Codec
  /** See compress. */
  readonly level?: number
}

/** What a finished batch says of itself; what is left out is what a plain producer sends. */
export interface BatchFields {
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
  /** The broker's clock: every record's timestamp becomes this. */
  readonly logAppendTimeMs?: number
}

const BYTES_MAX = 1024 * 1024
const BUFFER_BYTES_START = 1024
/** Below this a loop in JavaScript copies faster than a call. */
const LOOP_COPY_BYTES_MAX = 12
/** attributes */
const RECORD_FIXED_BYTES = 1
const NO_HEADERS: readonly NewRecordHeader[] = Object.freeze([])

/** Builds one batch after another: append, build, reset. */
export class BatchBuilder {
  readonly #bytesMax: number
  readonly #codec: Codec
  readonly #level: number | undefined
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_START)
  #at = BATCH_OVERHEAD
  #count = 0
  #baseTimestampMs = 0
  #maxDeltaMs = 0

  constructor(options: BatchBuilderOptions = {}) {
    this.#bytesMax = options.bytesMax ?? BYTES_MAX
    this.#codec = options.codec ?? 'none'
    this.#level = options.level
  }

  get recordCount(): number {
    return this.#count
  }

  /** The batch as it would be without compression: exact for the codec none, nearly always an upper bound else. */
  get sizeBytes(): number {
    return this.#at
  }

  /**
   * Adds a record behind the others. False, and nothing changed, where the batch would pass bytesMax; the first record
   * always fits, so that one larger than any batch is refused by the broker, which names the limit, and not here.
   */
  append({ timestampMs, key, value, headers = NO_HEADERS }: NewRecord): boolean {
    const baseMs = this.#count === 0 ? timestampMs : this.#baseTimestampMs
    const delta = timestampMs - baseMs
    const keyBytes = lengthOf(key)
    const valueBytes = lengthOf(value)
    const bodyBytes =
      RECORD_FIXED_BYTES +
      varlongBytes(delta) +
      varintBytes(this.#count) +
      fieldSize(keyBytes) +
      fieldSize(valueBytes) +
      headersSize(headers)
    const start = this.#at
    const after = start + varintBytes(bodyBytes) + bodyBytes
    if (after > this.#bytesMax && this.#count > 0) return false
    if (after > this.#buffer.length) this.#grow(after)
    const buffer = this.#buffer
    let at = writeVarint(buffer, bodyBytes, start)
    buffer[at++] = 0
    at = writeVarlong(buffer, delta, at)
    at = writeVarint(buffer, this.#count, at)
    at = writeBytes(buffer, at, key, keyBytes)
    at = writeBytes(buffer, at, value, valueBytes)
    at = writeHeaders(buffer, at, headers)
    assert(at === after, 'A record has the size that it was measured to have')
    this.#at = after
    this.#count++
    if (this.#count === 1) this.#baseTimestampMs = timestampMs
    if (this.#count === 1 || delta > this.#maxDeltaMs) this.#maxDeltaMs = delta
    return true
  }

  /**
   * The finished batch. Without compression it is a view of the builder's own memory: it must be sent, or copied,
   * before reset. May be called again with other fields.
   */
  build(fields: BatchFields = {}): Buffer {
    assert(this.#count > 0, 'A batch that is built has records')
    const batch = this.#place()
    writeBatchHeader(batch, 0, {
      baseOffset: fields.baseOffset ?? 0,
      sizeBytes: batch.length,
      leaderEpoch: fields.leaderEpoch ?? -1,
      attributes: compressionNumber(this.#codec) | flagsOf(fields),
      lastOffsetDelta: this.#count - 1,
      baseTimestampMs: this.#baseTimestampMs,
      maxTimestampMs: fields.logAppendTimeMs ?? this.#baseTimestampMs + this.#maxDeltaMs,
      producerId: fields.producerId ?? -1,
      producerEpoch: fields.producerEpoch ?? -1,
      baseSequence: fields.baseSequence ?? -1,
      recordCount: this.#count,
    })
    return batch
  }

  /** Starts the next batch in the same memory, unless one record beyond bytesMax had stretched it. */
  reset(): void {
    if (this.#buffer.length > Math.max(this.#bytesMax, BUFFER_BYTES_START)) {
      this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_START)
    }
    this.#at = BATCH_OVERHEAD
    this.#count = 0
  }

  /** The batch's bytes, its header still to be written. */
  #place(): Buffer {
    if (this.#codec === 'none') return this.#buffer.subarray(0, this.#at)
    const blob = compress(this.#codec, this.#buffer.subarray(BATCH_OVERHEAD, this.#at), this.#level)
    const batch = Buffer.allocUnsafe(BATCH_OVERHEAD + blob.length)
    blob.copy(batch, BATCH_OVERHEAD)
    return batch
  }

  /** Doubling stops at bytesMax, so that a full batch wastes nothing. */
  #grow(neededBytes: number): void {
    const doubled = Math.min(this.#buffer.length * 2, this.#bytesMax)
    const grown = Buffer.allocUnsafeSlow(Math.max(neededBytes, doubled))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}

/** The control batch that ends a transaction on one partition. */
export interface EndTransaction {
  readonly commit: boolean
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly timestampMs: number
  readonly baseOffset?: number
  readonly leaderEpoch?: number
}

export function buildEndTransactionBatch(marker: EndTransaction): Buffer {
  const { commit, producerId, producerEpoch, coordinatorEpoch, timestampMs } = marker
  const builder = new BatchBuilder()
  builder.append({ timestampMs, key: endTransactionKey(commit), value: endTransactionValue(coordinatorEpoch) })
  const { baseOffset = 0, leaderEpoch = -1 } = marker
  return builder.build({ baseOffset, leaderEpoch, producerId, producerEpoch, transactional: true, control: true })
}

function flagsOf(fields: BatchFields): number {
  const transactional = fields.transactional === true ? TRANSACTIONAL_FLAG : 0
  const control = fields.control === true ? CONTROL_FLAG : 0
  return transactional | control | (fields.logAppendTimeMs === undefined ? 0 : LOG_APPEND_TIME_FLAG)
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly NewRecordHeader[]): number {
  let at = writeVarint(buffer, headers.length, start)
  for (const { key, value } of headers) {
    at = writeBytes(buffer, at, key, lengthOf(key))
    at = writeBytes(buffer, at, value, lengthOf(value))
  }
  return at
}

/** Writes the length and the bytes, and returns the position behind them. */
function writeBytes(buffer: Buffer, start: number, bytes: RecordBytes | null, length: number): number {
  const at = writeVarint(buffer, length, start)
  if (bytes === null || length === 0) return at
  if (typeof bytes === 'string') buffer.write(bytes, at, length, 'utf8')
  else if (length > LOOP_COPY_BYTES_MAX) buffer.set(bytes, at)
  else for (let i = 0; i < length; i++) buffer[at + i] = bytes[i]!
  return at + length
}

/** In bytes; −1, as it is written, for null. */
function lengthOf(bytes: RecordBytes | null): number {
  if (bytes === null) return -1
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}

function headersSize(headers: readonly NewRecordHeader[]): number {
  let size = varintBytes(headers.length)
  if (headers.length === 0) return size
  for (const { key, value } of headers) size += fieldSize(lengthOf(key)) + fieldSize(lengthOf(value))
  return size
}

function fieldSize(length: number): number {
  return varintBytes(length) + Math.max(length, 0)
}
