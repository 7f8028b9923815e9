/**
 * Owns the header of a record batch, version 2: the unit in which records are sent, stored, replicated and fetched.
 * It reads and patches headers in place; records are record.ts's, building a batch is batch-builder.ts's.
 *
 * | offset | bytes | field                                                                             |
 * | ------ | ----- | --------------------------------------------------------------------------------- |
 * | 0      | 8     | baseOffset                                                                        |
 * | 8      | 4     | batchLength = the whole batch's size − 12                                         |
 * | 12     | 4     | partitionLeaderEpoch (−1 from producers; set by the leader)                       |
 * | 16     | 1     | magic = 2                                                                         |
 * | 17     | 4     | crc: CRC-32C of byte 21 to the end of the batch                                   |
 * | 21     | 2     | attributes: bits 0–2 compression, 3 LogAppendTime, 4 transactional, 5 control,    |
 * |        |       | 6 delete horizon present; 7–15 unused                                             |
 * | 23     | 4     | lastOffsetDelta                                                                   |
 * | 27     | 8     | baseTimestamp in ms (the first record's; the delete horizon when bit 6 is set)    |
 * | 35     | 8     | maxTimestamp in ms (every record's timestamp when bit 3 is set)                   |
 * | 43     | 8     | producerId (−1: not idempotent)                                                   |
 * | 51     | 2     | producerEpoch (−1 without producerId)                                             |
 * | 53     | 4     | baseSequence (−1 without producerId, and in control batches)                      |
 * | 57     | 4     | recordCount (below lastOffsetDelta + 1, even 0, after compaction)                 |
 * | 61     | –     | records, compressed as one blob when the attributes say so                        |
 *
 * All integers are big-endian. A batch is valid when its bytes are all there, its size is at least 61, its magic is 2
 * and its crc is right. The offset, the length, the leader epoch and the magic are outside the crc, so that a leader
 * assigns the first and third without computing it again. After a crash the last batch of a log may be short or
 * garbled: it and everything behind it was never acknowledged and is cut off.
 *
 * Accessors take the buffer and the batch's position in it, allocate nothing, and demand that the 61 bytes of the
 * header are there (nextBatchAt tells). An int64 outside the safe integers is saturated, never thrown: see int64.ts.
 */
import { assert } from '@ottla/base/assert.ts'
import { crc32c } from './crc32c.ts'
import { readInt64, writeInt64 } from './int64.ts'

/** Bytes of a batch that batchLength does not count: baseOffset and batchLength itself. */
export const LOG_OVERHEAD = 12
/** Bytes of a batch before its first record. */
export const BATCH_OVERHEAD = 61
/** The only batch format that is written or accepted. */
export const MAGIC_V2 = 2

const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const RECORD_COUNT_AT = 57

const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME_FLAG = 0x08
export const TRANSACTIONAL_FLAG = 0x10
export const CONTROL_FLAG = 0x20
export const DELETE_HORIZON_FLAG = 0x40

/** The number of sequence numbers: after 2147483647 comes 0. */
const SEQUENCES = 0x8000_0000

/** nextBatchAt: the bytes end before the batch does. Ordinary at the end of a fetched or a crashed log. */
export const BATCH_INCOMPLETE = -1
/** nextBatchAt: no batch of version 2 starts here, so nothing behind this position can be found either. */
export const BATCH_MALFORMED = -2

/** A batch's header as an object, for tests, tools and clients; the broker's hot path uses the accessors. */
export interface BatchHeader {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The whole batch, header included. */
  readonly sizeBytes: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export function batchBaseOffset(buffer: Buffer, at: number): number {
  return readInt64(buffer, at)
}

/** The whole batch in bytes, header included, as it claims to be: any int32 + 12 until nextBatchAt has checked it. */
export function batchSize(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD
}

export function batchLeaderEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LEADER_EPOCH_AT)
}

export function batchMagic(buffer: Buffer, at: number): number {
  return buffer.readInt8(at + MAGIC_AT)
}

/** The stored checksum, unsigned. */
export function batchCrc(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at + CRC_AT)
}

export function batchAttributes(buffer: Buffer, at: number): number {
  return buffer.readUInt16BE(at + ATTRIBUTES_AT)
}

export function batchLastOffsetDelta(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT)
}

/** In ms: the first record's timestamp, or the delete horizon where hasDeleteHorizon(attributes). */
export function batchBaseTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + BASE_TIMESTAMP_AT)
}

/** In ms. */
export function batchMaxTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + MAX_TIMESTAMP_AT)
}

export function batchProducerId(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + PRODUCER_ID_AT)
}

export function batchProducerEpoch(buffer: Buffer, at: number): number {
  return buffer.readInt16BE(at + PRODUCER_EPOCH_AT)
}

export function batchBaseSequence(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + BASE_SEQUENCE_AT)
}

export function batchRecordCount(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + RECORD_COUNT_AT)
}

export function batchLastOffset(buffer: Buffer, at: number): number {
  return batchBaseOffset(buffer, at) + batchLastOffsetDelta(buffer, at)
}

/** The sequence number of the last record, wrapping from 2147483647 to 0; −1 where the batch has none. */
export function batchLastSequence(buffer: Buffer, at: number): number {
  const baseSequence = batchBaseSequence(buffer, at)
  if (baseSequence < 0) return -1
  return (baseSequence + batchLastOffsetDelta(buffer, at)) % SEQUENCES
}

/** The codec's number, 0–7, of which compression.ts knows 0–4. */
export function compressionOf(attributes: number): number {
  return attributes & COMPRESSION_MASK
}

export function isLogAppendTime(attributes: number): boolean {
  return (attributes & LOG_APPEND_TIME_FLAG) !== 0
}

export function isTransactional(attributes: number): boolean {
  return (attributes & TRANSACTIONAL_FLAG) !== 0
}

export function isControl(attributes: number): boolean {
  return (attributes & CONTROL_FLAG) !== 0
}

export function hasDeleteHorizon(attributes: number): boolean {
  return (attributes & DELETE_HORIZON_FLAG) !== 0
}

/** True when the stored checksum is that of the batch's bytes; the batch must be whole (nextBatchAt). */
export function checkCrc(buffer: Buffer, at: number): boolean {
  return batchCrc(buffer, at) === computeCrc(buffer, at)
}

/** Makes the batch the leader's: both fields are outside the checksum, so nothing else changes. */
export function assignOffset(buffer: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  assert(baseOffset >= 0, 'A base offset is not negative')
  writeInt64(buffer, baseOffset, at)
  buffer.writeInt32BE(leaderEpoch, at + LEADER_EPOCH_AT)
}

/** Sets the newest timestamp and whose clock it is of, and the checksum, which covers both. */
export function setMaxTimestamp(
  buffer: Buffer,
  at: number,
  options: { readonly timestampMs: number; readonly logAppendTime: boolean },
): void {
  const others = batchAttributes(buffer, at) & ~LOG_APPEND_TIME_FLAG
  buffer.writeUInt16BE(options.logAppendTime ? others | LOG_APPEND_TIME_FLAG : others, at + ATTRIBUTES_AT)
  writeInt64(buffer, options.timestampMs, at + MAX_TIMESTAMP_AT)
  sealCrc(buffer, at)
}

/** Stores the checksum of the bytes as they are now. */
export function sealCrc(buffer: Buffer, at: number): void {
  buffer.writeUInt32BE(computeCrc(buffer, at), at + CRC_AT)
}

export function readBatchHeader(buffer: Buffer, at: number): BatchHeader {
  return {
    baseOffset: batchBaseOffset(buffer, at),
    lastOffset: batchLastOffset(buffer, at),
    sizeBytes: batchSize(buffer, at),
    leaderEpoch: batchLeaderEpoch(buffer, at),
    magic: batchMagic(buffer, at),
    crc: batchCrc(buffer, at),
    attributes: batchAttributes(buffer, at),
    lastOffsetDelta: batchLastOffsetDelta(buffer, at),
    baseTimestampMs: batchBaseTimestamp(buffer, at),
    maxTimestampMs: batchMaxTimestamp(buffer, at),
    producerId: batchProducerId(buffer, at),
    producerEpoch: batchProducerEpoch(buffer, at),
    baseSequence: batchBaseSequence(buffer, at),
    recordCount: batchRecordCount(buffer, at),
  }
}

/** What a writer decides; the rest of a header (magic, checksum, last offset) follows from it. */
export type NewBatchHeader = Omit<BatchHeader, 'lastOffset' | 'magic' | 'crc'>

/** Writes the 61 bytes of a header over a batch whose records are already in place, and seals it. */
export function writeBatchHeader(buffer: Buffer, at: number, header: NewBatchHeader): void {
  assert(header.sizeBytes >= BATCH_OVERHEAD && at + header.sizeBytes <= buffer.length, 'The batch is in the buffer')
  writeInt64(buffer, header.baseOffset, at)
  buffer.writeInt32BE(header.sizeBytes - LOG_OVERHEAD, at + LENGTH_AT)
  buffer.writeInt32BE(header.leaderEpoch, at + LEADER_EPOCH_AT)
  buffer.writeInt8(MAGIC_V2, at + MAGIC_AT)
  buffer.writeUInt16BE(header.attributes, at + ATTRIBUTES_AT)
  buffer.writeInt32BE(header.lastOffsetDelta, at + LAST_OFFSET_DELTA_AT)
  writeInt64(buffer, header.baseTimestampMs, at + BASE_TIMESTAMP_AT)
  writeInt64(buffer, header.maxTimestampMs, at + MAX_TIMESTAMP_AT)
  writeInt64(buffer, header.producerId, at + PRODUCER_ID_AT)
  buffer.writeInt16BE(header.producerEpoch, at + PRODUCER_EPOCH_AT)
  buffer.writeInt32BE(header.baseSequence, at + BASE_SEQUENCE_AT)
  buffer.writeInt32BE(header.recordCount, at + RECORD_COUNT_AT)
  sealCrc(buffer, at)
}

/**
 * The position just behind the batch at `at`, or BATCH_INCOMPLETE or BATCH_MALFORMED, both negative. At the end of
 * the buffer it is BATCH_INCOMPLETE too. So `for (let next; (next = nextBatchAt(b, at)) > 0; at = next)` visits all
 * whole batches. The checksum is not looked at.
 */
export function nextBatchAt(buffer: Buffer, at: number): number {
  const available = buffer.length - at
  if (available <= MAGIC_AT) return BATCH_INCOMPLETE
  const size = batchSize(buffer, at)
  if (size < BATCH_OVERHEAD || batchMagic(buffer, at) !== MAGIC_V2) return BATCH_MALFORMED
  return size <= available ? at + size : BATCH_INCOMPLETE
}

/** A view of each whole batch in turn; stops silently at an incomplete or malformed one. For tests and tools. */
export function* batchesIn(buffer: Buffer): Generator<Buffer> {
  let at = 0
  for (let next = nextBatchAt(buffer, at); next > 0; next = nextBatchAt(buffer, at)) {
    yield buffer.subarray(at, next)
    at = next
  }
}

function computeCrc(buffer: Buffer, at: number): number {
  return crc32c(buffer, at + ATTRIBUTES_AT, at + batchSize(buffer, at))
}
