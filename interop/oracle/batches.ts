/**
 * Record batches for scenarios, with fixed times, so that each run sends the same bytes; sound ones, and those that are
 * spoiled in one place. Also how fetched batches are shown.
 */
import { batchesIn, compressionOf, isLogAppendTime, readBatchHeader, sealCrc } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder, type BatchFields, type NewRecord } from '@ottla/protocol/records/batch-builder.ts'
import { type Codec, codecOf } from '@ottla/protocol/records/compression.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'

/** 2024-01-01. */
export const TIME_MS = 1_704_067_200_000

export interface BatchText extends BatchFields {
  /** One record each; a string is a value. */
  readonly records?: readonly (string | Partial<NewRecord>)[]
  readonly codec?: Codec
  /** Changes the finished bytes; the checksum is put right afterwards unless `wrongCrc`. */
  readonly spoil?: (batch: Buffer) => unknown
  readonly wrongCrc?: boolean
}

/** One batch. */
export function batch(text: BatchText = {}): Buffer {
  const { records = ['value'], codec = 'none', spoil, wrongCrc = false, ...fields } = text
  const builder = new BatchBuilder({ bytesMax: 2 ** 24, codec })
  for (const [i, record] of records.entries()) {
    const given = typeof record === 'string' ? { value: record } : record
    builder.append({ timestampMs: TIME_MS + i, key: null, value: null, ...given })
  }
  const built = Buffer.from(builder.build(fields))
  spoil?.(built)
  if (spoil && !wrongCrc) sealCrc(built, 0)
  return built
}

/** Where the fields of a batch lie, for those that spoil one. */
export const AT = {
  baseOffset: 0,
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const

/** All whole batches; what is cut off behind them is not told, as clients ignore it. */
export function shownBatches(records: Buffer): unknown[] {
  return [...batchesIn(records)].map(shownBatch)
}

function shownBatch(bytes: Buffer): unknown {
  const header = readBatchHeader(bytes, 0)
  const { baseOffset, leaderEpoch, attributes, lastOffsetDelta, producerId, producerEpoch, baseSequence } = header
  const records = readRecords(bytes).map(({ offset, timestamp, key, value, headers }) => {
    const time = isLogAppendTime(attributes) ? '<now>' : timestamp - TIME_MS
    const more = headers.map((header) => `${header.key}=${shownBytes(header.value)}`).join(' ')
    return `${offset} +${time} ${shownBytes(key)}:${shownBytes(value)} ${more}`.trimEnd()
  })
  const maxTimestamp = isLogAppendTime(attributes) ? '<now>' : header.maxTimestampMs - TIME_MS
  return {
    ...{ baseOffset, lastOffsetDelta, leaderEpoch, codec: codecOf(compressionOf(attributes)), flags: attributes >> 3 },
    ...{ maxTimestamp, producerId, producerEpoch, baseSequence, records },
  }
}

const SHOWN_BYTES_MAX = 24

function shownBytes(bytes: Buffer | null): string {
  if (bytes === null) return 'null'
  const text = bytes.toString('latin1')
  return text.length <= SHOWN_BYTES_MAX ? text : `${text.slice(0, SHOWN_BYTES_MAX)}… (${text.length})`
}
