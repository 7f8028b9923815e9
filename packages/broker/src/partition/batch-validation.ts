/**
 * What a leader checks of a producer's batch before it gets an offset, in Kafka's order, and what it changes in it:
 * pure. Sequences are the log's to check, leadership the partition's.
 *
 * Differences from Kafka: the records of a compressed batch may not exceed `DECOMPRESSED_BATCH_BYTES_MAX` (Kafka has no
 * bound and can be made to inflate gigabytes); such a batch is MESSAGE_TOO_LARGE.
 */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerId,
  batchRecordCount,
  batchSize,
  checkCrc,
  compressionOf,
  isControl,
  isLogAppendTime,
  LOG_APPEND_TIME_FLAG,
  setMaxTimestamp,
} from '@ottla/protocol/records/batch.ts'
import {
  type Codec,
  codecOf,
  DecompressionError,
  decompress,
  type Scratch,
} from '@ottla/protocol/records/compression.ts'
import { type ScanVerdict, scanRecords } from '@ottla/protocol/records/record.ts'
import { faultText, RecordCursor, type RecordFault } from '@ottla/protocol/records/record-cursor.ts'
import { recompressed, renumbered } from './batch-rewrite.ts'

/** A batch within `max.message.bytes` may inflate to this at most: beyond it is a bomb, not data. */
export const DECOMPRESSED_BATCH_BYTES_MAX = 64 * 1024 * 1024
/** A bad batch names at most this many of its records. */
const RECORD_ERRORS_MAX = 100
const NO_TIMESTAMP = -1

export interface AppendRules {
  readonly maxMessageBytes: number
  readonly segmentBytes: number
  /** `cleanup.policy` contains compact: every record needs a key. */
  readonly compacted: boolean
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** What batches are stored as; `producer` keeps them as they come. */
  readonly compression: Codec | 'producer'
  /** Undefined: the codec's default. */
  readonly compressionLevel: number | undefined
}

export interface RecordError {
  readonly batchIndex: number
  readonly message: string
}

export type BatchVerdict =
  | {
      readonly kind: 'valid'
      /** Where the batch to store lies: where it came from, or a rewritten copy. */
      readonly buffer: Buffer
      readonly at: number
      readonly logAppendTimeMs: number
    }
  | BatchRefusal

export interface BatchRefusal {
  readonly kind: 'refused'
  readonly error: ErrorName
  readonly message: string | null
  readonly recordErrors: readonly RecordError[]
}

/** One batch, [at, end) of the buffer: the caller has found it whole and of magic 2. */
export interface BatchToValidate {
  readonly buffer: Buffer
  readonly at: number
  readonly end: number
  readonly nowMs: number
  /** Shared by all who validate in turn: decompressed records are looked at and forgotten. */
  readonly scratch?: Scratch | undefined
}

export function validateBatch(batch: BatchToValidate, rules: AppendRules): BatchVerdict {
  const refusal = checkEnvelope(batch, rules) ?? checkHeader(batch)
  if (refusal) return refusal
  const { buffer, at, end } = batch
  const codec = codecOf(compressionOf(batchAttributes(buffer, at)))
  if (codec === undefined) return refuse('INVALID_RECORD', 'The batch names an unknown compression codec')
  const section = codec === 'none' ? { buffer, start: at + BATCH_OVERHEAD, end } : inflate(batch, codec)
  if ('kind' in section) return section
  const scan = scanRecords(section.buffer, section.start, section.end, batchRecordCount(buffer, at))
  const renumber = !scan.ok && scan.reason === 'offset-delta' && codec !== 'none'
  if (!scan.ok && !renumber) return malformedRecord(scan.index, scan.reason)
  if (!scan.ok) return rewriteRenumbered(batch, rules, codec)
  return checkRecords(batch, rules, section, scan) ?? store(batch, rules, { codec, section, scan })
}

function checkEnvelope({ buffer, at }: BatchToValidate, rules: AppendRules): BatchRefusal | null {
  if (batchBaseOffset(buffer, at) !== 0) {
    return refuse(
      'INVALID_RECORD',
      `The base offset of a producer's batch must be 0, not ${batchBaseOffset(buffer, at)}`,
    )
  }
  if (batchSize(buffer, at) > rules.maxMessageBytes) {
    const message = `The batch has ${batchSize(buffer, at)} bytes, max.message.bytes allows ${rules.maxMessageBytes}`
    return refuse('MESSAGE_TOO_LARGE', message)
  }
  return checkCrc(buffer, at) ? null : refuse('CORRUPT_MESSAGE', 'The checksum of the batch is wrong')
}

function checkHeader({ buffer, at }: BatchToValidate): BatchRefusal | null {
  const count = batchRecordCount(buffer, at)
  const countFromOffsets = batchLastOffsetDelta(buffer, at) + 1
  if (countFromOffsets <= 0) return refuse('INVALID_RECORD', 'The batch has an invalid offset range')
  if (count <= 0) return refuse('INVALID_RECORD', `The batch claims ${count} records`)
  if (countFromOffsets !== count) {
    return refuse('INVALID_RECORD', `The batch claims ${count} records over ${countFromOffsets} offsets`)
  }
  if (isControl(batchAttributes(buffer, at))) return refuse('INVALID_RECORD', 'Clients may not write control records')
  if (batchProducerId(buffer, at) >= 0 && batchBaseSequence(buffer, at) < 0) {
    return refuse('INVALID_RECORD', 'A batch with a producer id needs a sequence number')
  }
  return null
}

interface Section {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

function inflate({ buffer, at, end, scratch }: BatchToValidate, codec: Codec): Section | BatchRefusal {
  try {
    const blob = buffer.subarray(at + BATCH_OVERHEAD, end)
    const inflated = decompress(codec, blob, { maxBytes: DECOMPRESSED_BATCH_BYTES_MAX, scratch })
    return { buffer: inflated, start: 0, end: inflated.length }
  } catch (error) {
    if (!(error instanceof DecompressionError)) throw error
    return refuse(error.kind === 'too-large' ? 'MESSAGE_TOO_LARGE' : 'INVALID_RECORD', error.message)
  }
}

function malformedRecord(index: number, fault: RecordFault): BatchRefusal {
  const message = `Record ${index} is malformed: ${faultText(fault)}`
  return { kind: 'refused', error: 'INVALID_RECORD', message, recordErrors: [{ batchIndex: index, message }] }
}

type GoodScan = Extract<ScanVerdict, { ok: true }>

/** Checks whose verdict the whole batch's extremes decide; only a bad batch is walked again to name the records. */
function checkRecords(
  batch: BatchToValidate,
  rules: AppendRules,
  section: Section,
  scan: GoodScan,
): BatchRefusal | null {
  const times = timeRules(batch, rules)
  const base = batchBaseTimestamp(batch.buffer, batch.at)
  const lacksKey = rules.compacted && scan.nullKeyIndex >= 0
  // A record without a timestamp (−1) looks as old as can be, and hides how old the others are: it is suspect too.
  const oldestIsOutside = base + scan.minTimestampDelta < times.earliestMs
  const timeIsSuspect = times.flagged || oldestIsOutside || isOutside(base + scan.maxTimestampDelta, times)
  if (!lacksKey && !timeIsSuspect) return null
  const bad = badRecords(section, batchRecordCount(batch.buffer, batch.at), (cursor) => {
    if (rules.compacted && cursor.keyLength < 0) return KEY_MISSING
    if (times.flagged) return FLAG_FORBIDDEN
    const timestamp = base + cursor.timestampDelta
    return isOutside(timestamp, times) ? { error: 'INVALID_TIMESTAMP', message: outOfRange(timestamp) } : null
  })
  if (bad.length === 0) return null
  const error = bad.some((record) => record.error === 'INVALID_TIMESTAMP') ? 'INVALID_TIMESTAMP' : 'INVALID_RECORD'
  const recordErrors = bad.map(({ batchIndex, message }) => ({ batchIndex, message }))
  return { kind: 'refused', error, message: 'One or more records have been rejected', recordErrors }
}

interface RecordFailure {
  readonly error: 'INVALID_TIMESTAMP' | 'INVALID_RECORD'
  readonly message: string
}

const KEY_MISSING: RecordFailure = { error: 'INVALID_RECORD', message: 'Compacted topics need a key on every record' }
const FLAG_FORBIDDEN: RecordFailure = {
  error: 'INVALID_TIMESTAMP',
  message: 'Producers may not set the timestamp type to LogAppendTime',
}

function outOfRange(timestamp: number): string {
  return `Timestamp ${timestamp} is out of the range that message.timestamp.before/after.max.ms allow`
}

interface TimeRules {
  /** The client set the bit that only a broker may set, where nothing else excuses it. */
  readonly flagged: boolean
  readonly earliestMs: number
  readonly latestMs: number
}

/** On a CreateTime topic each timestamp but −1 must be near enough to now; otherwise the client's bit is refused. */
function timeRules({ buffer, at, nowMs }: BatchToValidate, rules: AppendRules): TimeRules {
  const flag = isLogAppendTime(batchAttributes(buffer, at))
  if (rules.timestampType === 'LogAppendTime') return { flagged: flag, earliestMs: -Infinity, latestMs: Infinity }
  return {
    flagged: flag && batchMaxTimestamp(buffer, at) === NO_TIMESTAMP,
    earliestMs: nowMs - rules.timestampBeforeMaxMs,
    latestMs: nowMs + rules.timestampAfterMaxMs,
  }
}

function isOutside(timestamp: number, times: TimeRules): boolean {
  return timestamp !== NO_TIMESTAMP && (timestamp < times.earliestMs || timestamp > times.latestMs)
}

function badRecords(
  section: Section,
  count: number,
  verdict: (cursor: RecordCursor) => RecordFailure | null,
): (RecordError & RecordFailure)[] {
  const errors: (RecordError & RecordFailure)[] = []
  const cursor = new RecordCursor(section.buffer, section.start, section.end)
  for (let batchIndex = 0; batchIndex < count && errors.length < RECORD_ERRORS_MAX; batchIndex++) {
    if (!cursor.next()) break
    const failure = verdict(cursor)
    if (failure !== null) errors.push({ batchIndex, ...failure })
  }
  return errors
}

interface Checked {
  readonly codec: Codec
  readonly section: Section
  readonly scan: GoodScan
}

/** Sets what the leader decides: timestamps, and the codec where the topic has one of its own. */
function store(batch: BatchToValidate, rules: AppendRules, checked: Checked): BatchVerdict {
  const { codec, section, scan } = checked
  const target = rules.compression === 'producer' ? codec : rules.compression
  let { buffer, at } = batch
  if (target !== codec) {
    const records = section.buffer.subarray(section.start, section.end)
    buffer = recompressed({ buffer, at, records, codec: target, level: rules.compressionLevel })
    at = 0
  }
  const refusal = checkStoredSize(batchSize(buffer, at), rules)
  if (refusal) return refusal
  const logAppendTime = rules.timestampType === 'LogAppendTime'
  const maxTimestamp = logAppendTime ? batch.nowMs : batchBaseTimestamp(buffer, at) + scan.maxTimestampDelta
  stamp(buffer, at, { timestampMs: maxTimestamp, logAppendTime })
  return { kind: 'valid', buffer, at, logAppendTimeMs: logAppendTime ? batch.nowMs : -1 }
}

/** A header that says the truth already keeps its checksum; one that lies about its newest record is corrected. */
function stamp(buffer: Buffer, at: number, time: { timestampMs: number; logAppendTime: boolean }): void {
  const flagged = (batchAttributes(buffer, at) & LOG_APPEND_TIME_FLAG) !== 0
  if (flagged === time.logAppendTime && (flagged ? false : batchMaxTimestamp(buffer, at) === time.timestampMs)) return
  setMaxTimestamp(buffer, at, time)
}

/** A compressed batch whose inner offsets have gaps is not refused but written anew with dense ones. */
function rewriteRenumbered(batch: BatchToValidate, rules: AppendRules, codec: Codec): BatchVerdict {
  const rewritten = renumbered(batch, { codec, decompressedBytesMax: DECOMPRESSED_BATCH_BYTES_MAX })
  if ('fault' in rewritten) return malformedRecord(rewritten.index, rewritten.fault)
  return validateBatch({ buffer: rewritten.buffer, at: 0, end: rewritten.buffer.length, nowMs: batch.nowMs }, rules)
}

/** A batch as it came is within `max.message.bytes`; one in another codec may have outgrown it. */
function checkStoredSize(bytes: number, rules: AppendRules): BatchRefusal | null {
  if (bytes > rules.maxMessageBytes) {
    return refuse('MESSAGE_TOO_LARGE', `The recompressed batch has ${bytes} bytes, more than max.message.bytes`)
  }
  return bytes > rules.segmentBytes ? refuse('RECORD_LIST_TOO_LARGE', 'The batch is larger than a segment') : null
}

function refuse(error: ErrorName, message: string): BatchRefusal {
  return { kind: 'refused', error, message, recordErrors: [] }
}
