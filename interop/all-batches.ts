/** Owns reading all batches of a topic as they come over the wire, which is as they stand in the log. */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { batchLastOffset } from '@ottla/protocol/records/batch.ts'
import { fetchOnce } from './cluster.ts'

/** For each partition its batches, one behind the other, from offset 0 to the high watermark. */
export async function allBatches(connection: BrokerConnection, topic: string, partitions: number): Promise<Buffer[]> {
  const all: Buffer[] = []
  for (let partition = 0; partition < partitions; partition++) {
    all.push(Buffer.concat(await batchesOf(connection, topic, partition)))
  }
  return all
}

async function batchesOf(connection: BrokerConnection, topic: string, partition: number): Promise<Buffer[]> {
  const batches: Buffer[] = []
  for (let offset = 0; ; ) {
    const part = await fetchOnce(connection, { topic, partition, offset })
    assert.equal(part.error, 'NONE', `"${topic}-${partition}" can be read at offset ${offset}`)
    if (offset === part.highWatermark) return batches
    assert(part.batches.length > 0, `"${topic}-${partition}" can be read up to its high watermark`)
    batches.push(...part.batches)
    offset = batchLastOffset(part.batches.at(-1)!, 0) + 1
  }
}
