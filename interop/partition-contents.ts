/**
 * Owns reading a whole partition and looking at what must hold of every log: checksums are right, and offsets are dense
 * from where reading began to the high watermark. Used where a test asks what a broker has kept.
 */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { batchBaseOffset, batchLastOffset, checkCrc } from '@ottla/protocol/records/batch.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { fetchOnce } from './cluster.ts'

export interface StoredRecord {
  readonly offset: number
  readonly value: string
}

/** All records from an offset to the high watermark. */
export async function recordsOf(
  connection: BrokerConnection,
  from: { readonly topic: string; readonly partition?: number; readonly offset?: number },
): Promise<StoredRecord[]> {
  const { topic, partition = 0, offset: start = 0 } = from
  const records: StoredRecord[] = []
  for (let offset = start; ; ) {
    const part = await fetchOnce(connection, { topic, partition, offset })
    assert.equal(part.error, 'NONE', `"${topic}-${partition}" can be read at offset ${offset}`)
    if (part.batches.length === 0) {
      assert.equal(offset, part.highWatermark, `"${topic}-${partition}" can be read up to its high watermark`)
      return records
    }
    for (const batch of part.batches) offset = take(batch, offset, records)
  }
}

/** Adds a batch's records from `offset` on, and answers with the offset behind them. */
function take(batch: Buffer, offset: number, records: StoredRecord[]): number {
  const next = batchLastOffset(batch, 0) + 1
  assert(checkCrc(batch, 0), `The checksum of the batch at ${offset} is right`)
  assert(batchBaseOffset(batch, 0) <= offset && next > offset, `No offset is missing at ${offset}`)
  let expected = batchBaseOffset(batch, 0)
  for (const record of readRecords(batch)) {
    assert.equal(record.offset, expected++, 'Offsets are dense within a batch')
    if (record.offset >= offset) records.push({ offset: record.offset, value: String(record.value) })
  }
  assert.equal(expected, next, 'A batch has a record for each of its offsets')
  return next
}
