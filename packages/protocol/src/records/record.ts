/**
 * Owns the records inside a batch: walking them, validating them, and reading them as objects. Building them is
 * batch-builder.ts's, the header around them batch.ts's.
 *
 * | field          | form                                                                                  |
 * | -------------- | ------------------------------------------------------------------------------------- |
 * | length         | varint: the bytes behind it, which the fields below must fill exactly                 |
 * | attributes     | int8, unused                                                                          |
 * | timestampDelta | varlong, against the batch's baseTimestamp                                            |
 * | offsetDelta    | varint, against the batch's baseOffset; 0, 1, 2 … until compaction makes gaps         |
 * | key            | varint length (−1: null), bytes                                                       |
 * | value          | varint length (−1: null), bytes                                                       |
 * | headers        | varint count (≥ 0), each: varint key length (≥ 0), UTF-8 key, varint value length     |
 * |                | (−1: null), value                                                                     |
 *
 * varint and varlong are zigzag, then LEB128, of at most 5 and 10 bytes. Records fill their section exactly.
 */
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchMaxTimestamp,
  batchRecordCount,
  compressionOf,
  isLogAppendTime,
  nextBatchAt,
} from './batch.ts'
import { codecOf, DecompressionError, decompress } from './compression.ts'
import { passPlainRecords, type ScanState } from './plain-records.ts'
import { RecordCursor, type RecordFault, RecordFormatError } from './record-cursor.ts'

/** What scanRecords found. Every record was well formed, or `index` is the first that was not. */
export type ScanVerdict =
  | {
      readonly ok: true
      /** In ms, like the largest; Infinity and -Infinity where there is no record. */
      readonly minTimestampDelta: number
      readonly maxTimestampDelta: number
      /** The first record that has the largest timestamp. */
      readonly maxTimestampIndex: number
      /** The first record without a key, or −1. */
      readonly nullKeyIndex: number
    }
  | { readonly ok: false; readonly index: number; readonly reason: RecordFault }

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** A record as clients and tools see it. Keys and values are views of the batch, or of its decompressed records. */
export interface LogRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export interface ReadRecordsOptions {
  /** The most bytes that the batch's records may have once decompressed. */
  readonly decompressedBytesMax?: number
}

/** The largest request that a broker takes by default, many times over: what a client decompresses unless told. */
export const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/**
 * Validates an uncompressed records section of `count` records as a producer must send it, offset deltas 0 to
 * count − 1, and calls the visitor on each. The visitor is handed one cursor, moved from record to record. O(bytes of
 * framing): keys and values are skipped, and nothing is allocated per record.
 */
export function scanRecords(
  buffer: Buffer,
  start: number,
  end: number,
  count: number,
  visitor?: (record: RecordCursor) => void,
): ScanVerdict {
  const state = scanFrom(start)
  const cursor = new RecordCursor(buffer, start, end)
  while (state.index < count) {
    if (visitor === undefined) passPlainRecords(buffer, cursor.end, count, state)
    if (state.index >= count) break
    cursor.moveTo(state.at)
    if (!cursor.next()) return { ok: false, index: state.index, reason: cursor.fault ?? 'records-missing' }
    if (cursor.offsetDelta !== state.index) return { ok: false, index: state.index, reason: 'offset-delta' }
    if (visitor !== undefined) visitor(cursor)
    observe(state, cursor)
  }
  if (state.at !== end) return { ok: false, index: state.index, reason: 'bytes-left' }
  const { minTimestampDelta, maxTimestampDelta, maxTimestampIndex, nullKeyIndex } = state
  return { ok: true, minTimestampDelta, maxTimestampDelta, maxTimestampIndex, nullKeyIndex }
}

function scanFrom(at: number): ScanState {
  return {
    at,
    index: 0,
    minTimestampDelta: Number.POSITIVE_INFINITY,
    maxTimestampDelta: Number.NEGATIVE_INFINITY,
    maxTimestampIndex: -1,
    nullKeyIndex: -1,
  }
}

/** Takes the cursor's record into account. */
function observe(state: ScanState, cursor: RecordCursor): void {
  const { timestampDelta, keyLength } = cursor
  if (timestampDelta < state.minTimestampDelta) state.minTimestampDelta = timestampDelta
  if (timestampDelta > state.maxTimestampDelta) {
    state.maxTimestampDelta = timestampDelta
    state.maxTimestampIndex = state.index
  }
  if (keyLength < 0 && state.nullKeyIndex < 0) state.nullKeyIndex = state.index
  state.index++
  state.at = cursor.position
}

/**
 * The records section of the whole batch that the buffer starts with, decompressed where need be: the batch's own
 * bytes otherwise. Throws RecordFormatError without such a batch, DecompressionError where the blob is corrupt or
 * larger than decompressedBytesMax.
 */
export function recordsSection(batch: Buffer, options: ReadRecordsOptions = {}): Buffer {
  const end = nextBatchAt(batch, 0)
  if (end < 0) throw new RecordFormatError('Cannot read records: the bytes do not start with a whole batch')
  const section = batch.subarray(BATCH_OVERHEAD, end)
  const codec = codecOf(compressionOf(batchAttributes(batch, 0)))
  if (codec === undefined) throw new DecompressionError('unknown', 'corrupt')
  if (codec === 'none') return section
  return decompress(codec, section, { maxBytes: options.decompressedBytesMax ?? DECOMPRESSED_BYTES_MAX })
}

/** All records of the batch that the buffer starts with, in order; errors as recordsSection's and recordsOf's. */
export function readRecords(batch: Buffer, options: ReadRecordsOptions = {}): LogRecord[] {
  return Array.from(recordsOf(batch, options))
}

/** Each record of the batch in turn. Throws RecordFormatError at the first malformed one. Gaps in offsets are fine. */
export function* recordsOf(batch: Buffer, options: ReadRecordsOptions = {}): Generator<LogRecord> {
  const section = recordsSection(batch, options)
  const baseOffset = batchBaseOffset(batch, 0)
  const times = recordTimes(batch)
  const count = batchRecordCount(batch, 0)
  const cursor = new RecordCursor(section, 0, section.length)
  for (let index = 0; index < count; index++) {
    if (!cursor.next()) throw RecordFormatError.at(index, cursor.fault ?? 'records-missing')
    yield toRecord(cursor, baseOffset, times)
  }
  if (cursor.position !== section.length) throw RecordFormatError.at(Math.max(count, 0), 'bytes-left')
}

/** A record's timestamp is `fixedMs` where the broker's clock stamped the batch, else `baseMs` and its own delta. */
interface RecordTimes {
  readonly baseMs: number
  readonly fixedMs: number | undefined
}

function recordTimes(batch: Buffer): RecordTimes {
  const fixed = isLogAppendTime(batchAttributes(batch, 0))
  return { baseMs: batchBaseTimestamp(batch, 0), fixedMs: fixed ? batchMaxTimestamp(batch, 0) : undefined }
}

function toRecord(cursor: RecordCursor, baseOffset: number, times: RecordTimes): LogRecord {
  return {
    offset: baseOffset + cursor.offsetDelta,
    timestamp: times.fixedMs ?? times.baseMs + cursor.timestampDelta,
    key: cursor.key(),
    value: cursor.value(),
    headers: cursor.headerCount === 0 ? NO_HEADERS : cursor.headers(),
  }
}
