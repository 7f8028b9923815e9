/**
 * Owns what is left of one batch: which of its records stay, and the batch made of them. Whatever stays keeps its offset,
 * timestamp, producer id, epoch and sequence, so that a reader sees gaps and nothing else.
 *
 * Tombstones and the markers of transactions without records get a delete horizon when they are met first (KIP-534):
 * attribute bit 6, and the time until which they stay as base timestamp, against which the records' deltas count then.
 */
import { assert } from '@ottla/base/assert.ts'
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchRecordCount,
  compressionOf,
  DELETE_HORIZON_FLAG,
  hasDeleteHorizon,
  isControl,
  isLogAppendTime,
  type NewBatchHeader,
  readBatchHeader,
  writeBatchHeader,
} from '@ottla/protocol/records/batch.ts'
import { codecOf, compress, decompress, Scratch } from '@ottla/protocol/records/compression.ts'
import { RecordCursor, RecordFormatError } from '@ottla/protocol/records/record-cursor.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '@ottla/protocol/records/varint.ts'
import { CorruptLogError } from '../errors.ts'
import type { CompactionStats } from './compaction-job.ts'
import type { OffsetMap } from './offset-map.ts'

const COMPRESSION_BITS = 0x07
const NO_TIMESTAMP = -1
/** A varint, and the longest varlong in place of a timestamp delta of one byte. */
const RECORD_GROWTH_BYTES_MAX = 5 + 10

export interface RetentionOptions {
  readonly map: OffsetMap
  /** Up to here, inclusive, the map knows every key. */
  readonly mappedOffset: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly decompressedBytesMax: number
  readonly stats: CompactionStats
}

/** What is known of a batch before its records are looked at. */
export interface BatchFate {
  /** All its records go. */
  readonly discards: boolean
  /** It stays even without records: it tells of its producer, or of the end of its segment. */
  readonly keepsEmpty: boolean
  /** A control batch that ends nothing any more: it goes once its horizon has passed. */
  readonly isSpentMarker: boolean
}

export class BatchRetention {
  readonly #options: RetentionOptions
  readonly #scratch = new Scratch()
  readonly #kept = new KeptRecords()

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** The batch itself where it stays as it is; null where nothing of it stays. Valid until the next call. */
  retained(batch: Buffer, fate: BatchFate): Buffer | null {
    const { stats } = this.#options
    const count = batchRecordCount(batch, 0)
    stats.recordsRead += count
    const kept = this.#kept
    kept.clear()
    if (!fate.discards) this.#selectRecords(batch, kept)
    stats.recordsKept += kept.count
    if (kept.count === 0) return fate.keepsEmpty ? emptied(batch) : null
    const needsHorizon = (kept.hasTombstone || fate.isSpentMarker) && !hasDeleteHorizon(batchAttributes(batch, 0))
    if (kept.count === count && !needsHorizon) return batch
    return needsHorizon ? this.#withHorizon(batch, kept) : rebuilt(batch, kept)
  }

  #selectRecords(batch: Buffer, kept: KeptRecords): void {
    const section = recordsOf(batch, this.#options.decompressedBytesMax, this.#scratch)
    const cursor = new RecordCursor(section, 0, section.length)
    const attributes = batchAttributes(batch, 0)
    const isDue = hasDeleteHorizon(attributes) && batchBaseTimestamp(batch, 0) <= this.#options.nowMs
    const baseOffset = batchBaseOffset(batch, 0)
    const count = batchRecordCount(batch, 0)
    for (let index = 0; index < count; index++) {
      if (!cursor.next()) throw RecordFormatError.at(index, cursor.fault ?? 'records-missing')
      if (isControl(attributes) || this.#staysRecord(cursor, baseOffset + cursor.offsetDelta, isDue)) kept.add(cursor)
    }
    if (cursor.position !== section.length) throw RecordFormatError.at(count, 'bytes-left')
  }

  #staysRecord(record: RecordCursor, offset: number, isDue: boolean): boolean {
    const { map, mappedOffset, stats } = this.#options
    if (offset > mappedOffset) return true
    const key = record.key()
    if (key === null) {
      stats.recordsWithoutKey++
      return false
    }
    if (record.valueLength < 0 && isDue) return false
    return offset >= map.get(key)
  }

  #withHorizon(batch: Buffer, kept: KeptRecords): Buffer {
    const { nowMs, deleteRetentionMs } = this.#options
    const horizonMs = Math.min(nowMs + deleteRetentionMs, Number.MAX_SAFE_INTEGER)
    const attributes = batchAttributes(batch, 0)
    const fixedMs = isLogAppendTime(attributes) ? readBatchHeader(batch, 0).maxTimestampMs : undefined
    const shiftMs = batchBaseTimestamp(batch, 0) - horizonMs
    const records = kept.rewritten((delta) => (fixedMs === undefined ? delta + shiftMs : fixedMs - horizonMs))
    return assemble(batch, records, {
      ...keptHeader(batch, kept),
      baseTimestampMs: horizonMs,
      attributes: attributes | DELETE_HORIZON_FLAG,
    })
  }
}

/** The records of one batch that stay, as ranges of its uncompressed section. */
class KeptRecords {
  #section: Buffer = Buffer.alloc(0)
  /** Start and end of each run of neighbours. */
  readonly #runs: number[] = []
  readonly #starts: number[] = []
  #maxDeltaMs = Number.NEGATIVE_INFINITY
  count = 0
  hasTombstone = false

  /** Against the batch's base timestamp. */
  get maxDeltaMs(): number {
    return this.#maxDeltaMs
  }

  clear(): void {
    this.#runs.length = 0
    this.#starts.length = 0
    this.#maxDeltaMs = Number.NEGATIVE_INFINITY
    this.count = 0
    this.hasTombstone = false
  }

  add(record: RecordCursor): void {
    this.#section = record.buffer
    if (this.#runs.at(-1) === record.startAt) this.#runs[this.#runs.length - 1] = record.position
    else this.#runs.push(record.startAt, record.position)
    this.#starts.push(record.startAt)
    this.#maxDeltaMs = Math.max(this.#maxDeltaMs, record.timestampDelta)
    if (record.valueLength < 0) this.hasTombstone = true
    this.count++
  }

  /** Their bytes, back to back. */
  joined(): Buffer {
    const parts: Buffer[] = []
    for (let run = 0; run < this.#runs.length; run += 2) {
      parts.push(this.#section.subarray(this.#runs[run]!, this.#runs[run + 1]!))
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  /** Their bytes with other timestamp deltas. */
  rewritten(deltaMs: (delta: number) => number): Buffer {
    const bytesMax = this.#section.length + this.count * RECORD_GROWTH_BYTES_MAX
    const into = Buffer.allocUnsafe(bytesMax)
    const cursor = new RecordCursor(this.#section, 0, this.#section.length)
    let at = 0
    for (const start of this.#starts) {
      cursor.moveTo(start)
      const isRecord = cursor.next()
      assert(isRecord, 'A record that was read once is read again')
      at = writeRecord(into, at, { cursor, delta: deltaMs(cursor.timestampDelta) })
    }
    return into.subarray(0, at)
  }
}

/** The cursor's record with another timestamp delta; answers the position behind it. */
function writeRecord(into: Buffer, start: number, record: { cursor: RecordCursor; delta: number }): number {
  const { cursor, delta } = record
  const { buffer, position } = cursor
  const attributesAt = behindVarint(buffer, cursor.startAt)
  const restAt = behindVarint(buffer, attributesAt + 1)
  const bodyBytes = 1 + varlongBytes(delta) + (position - restAt)
  let at = writeVarint(into, bodyBytes, start)
  assert(at === start + varintBytes(bodyBytes), 'A varint has the size that it was measured to have')
  into[at++] = buffer[attributesAt]!
  at = writeVarlong(into, delta, at)
  buffer.copy(into, at, restAt, position)
  return at + (position - restAt)
}

function behindVarint(buffer: Buffer, start: number): number {
  let at = start
  while (buffer[at]! >= 0x80) at++
  return at + 1
}

function rebuilt(batch: Buffer, kept: KeptRecords): Buffer {
  return assemble(batch, kept.joined(), keptHeader(batch, kept))
}

/** The batch's header for what is kept of its records; the deltas stay against the same base. */
function keptHeader(batch: Buffer, kept: KeptRecords): NewBatchHeader {
  const header = readBatchHeader(batch, 0)
  const newestMs = header.baseTimestampMs + kept.maxDeltaMs
  const maxTimestampMs = isLogAppendTime(header.attributes) ? header.maxTimestampMs : newestMs
  return { ...header, recordCount: kept.count, maxTimestampMs }
}

function assemble(batch: Buffer, records: Buffer, header: NewBatchHeader): Buffer {
  const codec = codecOf(compressionOf(batchAttributes(batch, 0)))
  assert(codec !== undefined, 'A batch that was read has a codec')
  const section = compress(codec, records)
  const built = Buffer.allocUnsafe(BATCH_OVERHEAD + section.length)
  section.copy(built, BATCH_OVERHEAD)
  writeBatchHeader(built, 0, { ...header, sizeBytes: built.length })
  return built
}

/** The header alone, as Kafka writes it: it keeps the offsets, and the producer's epoch and sequence. */
function emptied(batch: Buffer): Buffer {
  const header = readBatchHeader(batch, 0)
  const built = Buffer.allocUnsafe(BATCH_OVERHEAD)
  writeBatchHeader(built, 0, {
    ...header,
    sizeBytes: BATCH_OVERHEAD,
    attributes: header.attributes & ~(COMPRESSION_BITS | DELETE_HORIZON_FLAG),
    baseTimestampMs: NO_TIMESTAMP,
    recordCount: 0,
  })
  return built
}

/** The uncompressed section; lasts until the scratch's next use. */
export function recordsOf(batch: Buffer, maxBytes: number, scratch: Scratch): Buffer {
  const codec = codecOf(compressionOf(batchAttributes(batch, 0)))
  if (codec === undefined) throw new CorruptLogError(`Cannot compact batch ${batchBaseOffset(batch, 0)}: unknown codec`)
  // A batch that was emptied has no blob.
  if (batch.length === BATCH_OVERHEAD) return batch.subarray(BATCH_OVERHEAD)
  return decompress(codec, batch.subarray(BATCH_OVERHEAD), { maxBytes, scratch })
}
