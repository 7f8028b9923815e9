/**
 * Owns filling topics before anything is measured: real bytes, in batches of 16 KB, each a millisecond younger than the
 * one before it in its partition.
 */
import { createTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import type { Filled, Slot } from './plan.ts'
import { checkProduced, produceRequest } from './requests.ts'
import { WireLoad } from './wire-load.ts'

export const FILL_RECORDS = 16
const FILL_VALUE_BYTES = 1000
const FILL_BATCH_BYTES = FILL_RECORDS * FILL_VALUE_BYTES
const DEPTH = 32
/** Below the clock, so that the broker takes them for records of the past. */
const SAFETY_MS = 60_000
/** Partitions that share a request. */
const PARTITIONS_TOGETHER = 50

/** Kept for ever: what is measured must not be deleted beside it. */
const TOPIC_CONFIGS = { 'write.caching': 'true', 'retention.ms': '-1', 'retention.bytes': '-1' }

export async function fill(bootstrap: string, slot: Slot, nowMs: number): Promise<Filled> {
  await makeTopic(bootstrap, slot)
  using load = await WireLoad.connect(bootstrap)
  const batches = Math.max(1, Math.round(slot.bytesPerPartition / FILL_BATCH_BYTES))
  const firstMs = nowMs - SAFETY_MS - batches
  const rounds = Math.ceil(slot.partitions / PARTITIONS_TOGETHER)
  await load.run({
    count: batches * rounds,
    depth: DEPTH,
    request: (index) => {
      const batch = batchOf(FILL_RECORDS, FILL_VALUE_BYTES, firstMs + Math.floor(index / rounds))
      return produceRequest(slot.topic, together(slot, index % rounds, batch), 1)
    },
    check: checkProduced,
  })
  return { topic: slot.topic, records: batches * FILL_RECORDS, firstMs, lastMs: firstMs + batches - 1 }
}

/** A batch of records of one size and time, as a client sends it. */
export function batchOf(records: number, valueBytes: number, timestampMs: number): Buffer {
  const builder = new BatchBuilder({ bytesMax: Number.POSITIVE_INFINITY })
  const value = Buffer.alloc(valueBytes, 'ottla ')
  for (let i = 0; i < records; i++) builder.append({ timestampMs, key: null, value })
  return Buffer.from(builder.build())
}

async function makeTopic(bootstrap: string, { topic, partitions }: Slot): Promise<void> {
  await using client = await openClient({ bootstrap })
  const row = { name: topic, partitions, replicationFactor: 1, configs: TOPIC_CONFIGS }
  for (const { error } of await createTopics(client, [row], { timeoutMs: 120_000 })) if (error !== null) throw error
}

function together({ partitions }: Slot, round: number, records: Buffer): { partition: number; records: Buffer }[] {
  const first = round * PARTITIONS_TOGETHER
  const count = Math.min(PARTITIONS_TOGETHER, partitions - first)
  return Array.from({ length: count }, (_, index) => ({ partition: first + index, records }))
}
