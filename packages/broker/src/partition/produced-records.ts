/**
 * The shape of what a producer sends for one partition, before anything is known of the partition: exactly one whole
 * batch of version 2, in a codec that the request's version may carry. Checks in Kafka's order.
 */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchMagic,
  batchSize,
  compressionOf,
  isTransactional,
  LOG_OVERHEAD,
  MAGIC_V2,
} from '@ottla/protocol/records/batch.ts'
import { compressionNumber } from '@ottla/protocol/records/compression.ts'

/** Bytes up to and including the magic: fewer are no batch to Kafka. */
const HEADER_BYTES_TO_MAGIC = 17
/** Kafka's smallest record of any version: a smaller length is corruption, not another version. */
const LENGTH_MIN = 14
const ZSTD = compressionNumber('zstd')

export type ProducedRecords =
  | { readonly buffer: Buffer; readonly at: number; readonly end: number }
  | { readonly error: ErrorName; readonly message: string }

export function checkProducedRecords(records: Buffer, options: { zstdAllowed: boolean }): ProducedRecords {
  const first = shapeOf(records, 0)
  if (typeof first !== 'number') return first
  if (first === 0) return refuse('INVALID_RECORD', 'Produce needs exactly one whole record batch for each partition')
  if (batchMagic(records, 0) !== MAGIC_V2)
    return refuse('INVALID_RECORD', 'Produce takes record batches of version 2 only')
  if (first < BATCH_OVERHEAD) return refuse('CORRUPT_MESSAGE', 'The record batch is shorter than its header')
  const zstd = compressionOf(batchAttributes(records, 0)) === ZSTD
  if (zstd && !options.zstdAllowed)
    return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce version 7 or later')
  const second = shapeOf(records, first)
  if (typeof second !== 'number') return second
  if (second !== 0) return refuse('INVALID_RECORD', 'Produce takes one record batch for each partition, there are more')
  return { buffer: records, at: 0, end: first }
}

/** Whether the first batch, be the rest what it may, belongs to a transaction. */
export function startsTransactional(records: Buffer): boolean {
  if (records.length < BATCH_OVERHEAD || batchMagic(records, 0) !== MAGIC_V2) return false
  return isTransactional(batchAttributes(records, 0))
}

/** The size of the batch at `at`; 0 where the bytes end before it does, as a trailing partial batch is ignored. */
function shapeOf(records: Buffer, at: number): number | Extract<ProducedRecords, { error: ErrorName }> {
  if (records.length - at < HEADER_BYTES_TO_MAGIC) return 0
  const size = batchSize(records, at)
  if (size - LOG_OVERHEAD < LENGTH_MIN) return refuse('CORRUPT_MESSAGE', 'The record batch has an impossible length')
  const magic = batchMagic(records, at)
  if (magic < 0 || magic > MAGIC_V2)
    return refuse('CORRUPT_MESSAGE', `The record batch has the unknown version ${magic}`)
  return size > records.length - at ? 0 : size
}

function refuse(error: ErrorName, message: string): Extract<ProducedRecords, { error: ErrorName }> {
  return { error, message }
}
