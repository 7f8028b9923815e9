/**
 * Owns reading the files of a data directory for people: what lies in a segment, its indexes, snapshots and
 * checkpoints, and whether it is sound. It never writes, trusts nothing, and needs no broker. The formats are described
 * where they are written, in the broker's log/.
 */
import {
  BATCH_INCOMPLETE,
  BATCH_OVERHEAD,
  type BatchHeader,
  batchSize,
  checkCrc,
  compressionOf,
  hasDeleteHorizon,
  isControl,
  isLogAppendTime,
  isTransactional,
  nextBatchAt,
  readBatchHeader,
} from '@ottla/protocol/records/batch.ts'
import { codecOf } from '@ottla/protocol/records/compression.ts'
import { crc32c } from '@ottla/protocol/records/crc32c.ts'
import { type LogRecord, readRecords } from '@ottla/protocol/records/record.ts'

export type LogFileKind = 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot' | 'checkpoint'

/** By the file's name; suffixes of files that are being replaced or deleted are looked through. Null for others. */
export function logFileKind(path: string): LogFileKind | null {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.(deleted|cleaned|swap)$/, '')
  if (/checkpoint$/.test(name)) return 'checkpoint'
  const suffix = name.slice(name.lastIndexOf('.') + 1)
  return suffix === 'log' ||
    suffix === 'index' ||
    suffix === 'timeindex' ||
    suffix === 'txnindex' ||
    suffix === 'snapshot'
    ? suffix
    : null
}

/** The offset that a segment's file name begins with; 0 where it does not. */
export function baseOffsetOf(path: string): number {
  return Number(/(\d{20})\.[a-z.]+$/.exec(path)?.[1] ?? 0)
}

export interface LoggedBatch {
  /** Of the batch's first byte in the file. */
  readonly position: number
  readonly header: BatchHeader
  /** `none`, `gzip` …, or a number that names no codec. */
  readonly codec: string
  readonly isCrcValid: boolean
  readonly flags: readonly ('log-append-time' | 'transactional' | 'control' | 'delete-horizon')[]
  readonly bytes: Buffer
}

/** What a segment ends with: nothing, bytes of a batch that is not whole, or what is no batch at all. */
export interface LogEnd {
  readonly position: number
  readonly problem: 'none' | 'incomplete' | 'malformed'
  readonly bytesLeft: number
}

/** Larger than any batch that a broker takes: a size above it is damage, and is not waited for. */
const BATCH_BYTES_MAX = 1024 * 1024 * 1024

/** Batches of a segment one after another, and at last its end; memory holds one chunk and one batch. */
export async function* scanLog(chunks: AsyncIterable<Buffer>): AsyncGenerator<LoggedBatch, LogEnd, void> {
  let pieces: Buffer[] = []
  let piecesBytes = 0
  let wantedBytes = BATCH_OVERHEAD
  let position = 0
  for await (const chunk of chunks) {
    pieces.push(chunk)
    piecesBytes += chunk.length
    if (piecesBytes < wantedBytes) continue
    const bytes = pieces.length === 1 ? chunk : Buffer.concat(pieces)
    let at = 0
    for (let next = nextBatchAt(bytes, at); next > 0; next = nextBatchAt(bytes, at)) {
      yield toBatch(bytes.subarray(at, next), position + at)
      at = next
    }
    const rest = bytes.subarray(at)
    position += at
    if (isDamaged(rest)) return { position, problem: 'malformed', bytesLeft: rest.length }
    pieces = [rest]
    piecesBytes = rest.length
    wantedBytes = rest.length >= BATCH_OVERHEAD ? batchSize(rest, 0) : BATCH_OVERHEAD
  }
  return { position, problem: piecesBytes === 0 ? 'none' : 'incomplete', bytesLeft: piecesBytes }
}

/** The records of a batch. Throws RecordFormatError or DecompressionError where they cannot be read. */
export function recordsOfBatch(batch: LoggedBatch): LogRecord[] {
  return readRecords(batch.bytes)
}

function isDamaged(rest: Buffer): boolean {
  if (nextBatchAt(rest, 0) !== BATCH_INCOMPLETE) return true
  return rest.length >= BATCH_OVERHEAD && batchSize(rest, 0) > BATCH_BYTES_MAX
}

function toBatch(bytes: Buffer, position: number): LoggedBatch {
  const header = readBatchHeader(bytes, 0)
  const { attributes } = header
  const number = compressionOf(attributes)
  const flags: LoggedBatch['flags'][number][] = []
  if (isLogAppendTime(attributes)) flags.push('log-append-time')
  if (isTransactional(attributes)) flags.push('transactional')
  if (isControl(attributes)) flags.push('control')
  if (hasDeleteHorizon(attributes)) flags.push('delete-horizon')
  return { position, header, codec: codecOf(number) ?? String(number), isCrcValid: checkCrc(bytes, 0), flags, bytes }
}

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12
const TRANSACTION_ENTRY_BYTES = 34

/** Until the zeros that an active index is filled up with. */
export function readOffsetIndex(bytes: Buffer, baseOffset: number): { offset: number; position: number }[] {
  const entries = []
  for (let at = 0; at + OFFSET_ENTRY_BYTES <= bytes.length; at += OFFSET_ENTRY_BYTES) {
    const offset = bytes.readInt32BE(at)
    const position = bytes.readInt32BE(at + 4)
    if (offset === 0 && position === 0) break
    entries.push({ offset: baseOffset + offset, position })
  }
  return entries
}

/** Until the zeros that an active index is filled up with. */
export function readTimeIndex(bytes: Buffer, baseOffset: number): { timestampMs: number; offset: number }[] {
  const entries = []
  for (let at = 0; at + TIME_ENTRY_BYTES <= bytes.length; at += TIME_ENTRY_BYTES) {
    const timestampMs = int64(bytes, at)
    const offset = bytes.readInt32BE(at + 8)
    if (timestampMs === 0 && offset === 0) break
    entries.push({ timestampMs, offset: baseOffset + offset })
  }
  return entries
}

export function readTransactionIndex(bytes: Buffer) {
  const entries = []
  for (let at = 0; at + TRANSACTION_ENTRY_BYTES <= bytes.length; at += TRANSACTION_ENTRY_BYTES) {
    entries.push({
      producerId: int64(bytes, at + 2),
      firstOffset: int64(bytes, at + 10),
      lastOffset: int64(bytes, at + 18),
      lastStableOffset: int64(bytes, at + 26),
    })
  }
  return entries
}

const SNAPSHOT_HEAD_BYTES = 10
const SNAPSHOT_ENTRY_BYTES = 46

/** What is known of each producer. Throws RangeError where the file is cut off. */
export function readProducerSnapshot(bytes: Buffer) {
  const count = bytes.readInt32BE(6)
  if (count < 0 || SNAPSHOT_HEAD_BYTES + count * SNAPSHOT_ENTRY_BYTES > bytes.length) {
    throw new RangeError(`Cannot read snapshot: ${count} entries do not fit into ${bytes.length} bytes`)
  }
  const entries = Array.from({ length: count }, (_, index) =>
    producerEntry(bytes, SNAPSHOT_HEAD_BYTES + index * SNAPSHOT_ENTRY_BYTES),
  )
  return {
    version: bytes.readInt16BE(0),
    isCrcValid: bytes.readUInt32BE(2) === crc32c(bytes, 6, bytes.length),
    entries,
  }
}

function producerEntry(bytes: Buffer, at: number) {
  return {
    producerId: int64(bytes, at),
    producerEpoch: bytes.readInt16BE(at + 8),
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset: int64(bytes, at + 14),
    offsetDelta: bytes.readInt32BE(at + 22),
    timestampMs: int64(bytes, at + 26),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    transactionFirstOffset: int64(bytes, at + 38),
  }
}

/** Lines of a checkpoint as words. `isComplete` is false where the count does not fit the lines. */
export function readCheckpoint(bytes: Buffer): { version: string; isComplete: boolean; entries: string[][] } {
  const [version = '', count = '', ...lines] = bytes.toString('utf8').split('\n')
  const entries = lines.filter((line) => line.length > 0).map((line) => line.split(' '))
  return { version, isComplete: Number(count) === entries.length, entries }
}

/** Outside the safe integers the number is the nearest one: it is shown, not computed with. */
function int64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigInt64BE(at))
}
