/**
 * Owns looking at what a foreign program has stored, with our own eyes: each record where it belongs and as it was sent,
 * in batches that carry the codec and are an idempotent producer's.
 */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import {
  batchAttributes,
  batchesIn,
  batchProducerId,
  batchRecordCount,
  compressionOf,
} from '@ottla/protocol/records/batch.ts'
import { codecOf } from '@ottla/protocol/records/compression.ts'
import { type LogRecord, readRecords } from '@ottla/protocol/records/record.ts'
import { allBatches } from '../all-batches.ts'
import { expectedRecord, PARTITIONS, type ShownRecord } from './records.ts'

/** librdkafka sends a batch plain where the codec would not make it smaller, which happens to tiny ones only. */
const PLAIN_RECORDS_MAX = 10

export interface StoredTopic {
  readonly topic: string
  readonly codec: string
  readonly records: number
}

/** Throws where something is not as it should be. */
export async function checkStored(connection: BrokerConnection, stored: StoredTopic): Promise<void> {
  const partitions = await allBatches(connection, stored.topic, PARTITIONS)
  for (const [partition, bytes] of partitions.entries()) checkPartition(stored, partition, [...batchesIn(bytes)])
}

function checkPartition({ topic, codec, records }: StoredTopic, partition: number, batches: readonly Buffer[]): void {
  let number = partition
  for (const batch of batches) {
    const found = codecOf(compressionOf(batchAttributes(batch, 0)))
    const isExcused = found === 'none' && batchRecordCount(batch, 0) <= PLAIN_RECORDS_MAX
    if (!isExcused) assert.equal(found, codec, `The batches of "${topic}-${partition}" carry their codec`)
    assert(batchProducerId(batch, 0) >= 0, `The batches of "${topic}-${partition}" are an idempotent producer's`)
    for (const record of readRecords(batch)) {
      assert.deepEqual(shown(record), expectedRecord(number, codec), `Record ${number} is stored as it was sent`)
      number += PARTITIONS
    }
  }
  assert(number >= records && number < records + PARTITIONS, `"${topic}-${partition}" has all its records`)
}

function shown({ offset, timestamp, key, value, headers }: LogRecord): ShownRecord {
  const texts = headers.map((header) => [header.key, String(header.value)] as const)
  return { offset, timestamp, key: String(key), value: value === null ? null : String(value), headers: texts }
}
