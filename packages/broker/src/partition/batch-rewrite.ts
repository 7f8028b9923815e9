/** The two cases in which a leader stores other bytes than it was sent: another codec, and gaps between offsets. */
import { assert } from '@ottla/base/assert.ts'
import {
  BATCH_OVERHEAD,
  batchAttributes,
  batchBaseSequence,
  batchBaseTimestamp,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
  writeBatchHeader,
} from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { type Codec, compress, compressionNumber, decompress } from '@ottla/protocol/records/compression.ts'
import { RecordCursor, type RecordFault } from '@ottla/protocol/records/record-cursor.ts'

const COMPRESSION_BITS = 0x07

/** The same header over the same records in another codec. `records` is the section without compression. */
export function recompressed(batch: {
  buffer: Buffer
  at: number
  records: Buffer
  codec: Codec
  level: number | undefined
}): Buffer {
  const header = readBatchHeader(batch.buffer, batch.at)
  const section = compress(batch.codec, batch.records, batch.level)
  const rewritten = Buffer.allocUnsafe(BATCH_OVERHEAD + section.length)
  section.copy(rewritten, BATCH_OVERHEAD)
  writeBatchHeader(rewritten, 0, {
    ...header,
    sizeBytes: rewritten.length,
    attributes: (header.attributes & ~COMPRESSION_BITS) | compressionNumber(batch.codec),
  })
  return rewritten
}

/** The batch with offsets 0, 1, 2 …; or the first record that is malformed in itself. */
export function renumbered(
  { buffer, at, end }: { buffer: Buffer; at: number; end: number },
  options: { codec: Codec; decompressedBytesMax: number },
): { buffer: Buffer } | { index: number; fault: RecordFault } {
  const blob = buffer.subarray(at + BATCH_OVERHEAD, end)
  const section = decompress(options.codec, blob, { maxBytes: options.decompressedBytesMax })
  const count = batchRecordCount(buffer, at)
  const baseTimestampMs = batchBaseTimestamp(buffer, at)
  const builder = new BatchBuilder({ codec: options.codec, bytesMax: Number.MAX_SAFE_INTEGER })
  const cursor = new RecordCursor(section, 0, section.length)
  for (let index = 0; index < count; index++) {
    if (!cursor.next()) return { index, fault: cursor.fault ?? 'records-missing' }
    const appended = builder.append({
      timestampMs: baseTimestampMs + cursor.timestampDelta,
      key: cursor.key(),
      value: cursor.value(),
      headers: cursor.headers(),
    })
    assert(appended, 'A builder without a bound takes every record')
  }
  if (cursor.position !== section.length) return { index: count, fault: 'bytes-left' }
  const attributes = batchAttributes(buffer, at)
  const built = builder.build({
    producerId: batchProducerId(buffer, at),
    producerEpoch: batchProducerEpoch(buffer, at),
    baseSequence: batchBaseSequence(buffer, at),
    transactional: isTransactional(attributes),
    // The forbidden flag stays, for the checks that follow to find it.
    ...(isLogAppendTime(attributes) ? { logAppendTimeMs: batchMaxTimestamp(buffer, at) } : {}),
  })
  return { buffer: built }
}
