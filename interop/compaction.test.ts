/**
 * Compaction as a user has it: a broker in its own process, which compacts in a thread of its own while clients write
 * and read, is killed, and has everything that counts afterwards.
 */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { alterGroupOffsets, listGroupOffsets } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { allBatches } from './all-batches.ts'
import { BrokerProcess } from './broker-process.ts'
import { connect, createTopic, produce } from './cluster.ts'
import { TempDirectory } from './temp-directory.ts'

const SEGMENT_BYTES = 1_048_576
const BACKOFF = ['--set', 'log.cleaner.backoff.ms=50']
const OFFSETS = ['--set', 'offsets.topic.num.partitions=1', '--set', `offsets.topic.segment.bytes=${SEGMENT_BYTES}`]

/** Resolves once the broker has said that it compacted the topic's partition, up to this offset or further. */
async function untilCompacted(broker: BrokerProcess, topic: string, offset: number): Promise<void> {
  for (let count = 1; ; count++) {
    const line = (await broker.logLinesFrom(0, count))[count - 1]!
    if (!line.includes('Compacted a log')) continue
    const { topic: name, nextDirtyOffset } = JSON.parse(line) as { topic: string; nextDirtyOffset: number }
    if (name === topic && nextDirtyOffset >= offset) return
  }
}

function logBytes(folder: string): number {
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return logs.reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0)
}

test('committed offsets survive the compaction of __consumer_offsets and kill -9, and take little room', async () => {
  using directory = new TempDirectory('compaction')
  const dataDir = directory.of('data')
  const rounds = 400
  const partitions = 100
  const args = [...BACKOFF, ...OFFSETS]
  {
    await using broker = await BrokerProcess.start({ dataDir, args })
    await using client = await openClient({ bootstrap: broker.bootstrap })
    await using connection = await connect(broker)
    await createTopic(connection, { name: 'read', partitions })
    for (let round = 1; round <= rounds; round++) {
      const offsets = Array.from({ length: partitions }, (_, partition) => ({
        ...{ topic: 'read', partition, offset: round * 1000 + partition },
      }))
      const outcomes = await alterGroupOffsets(client, 'group', { offsets })
      assert.ok(outcomes.every(({ error }) => error === null))
    }
    await untilCompacted(broker, '__consumer_offsets', 1)
    await broker.kill()
  }
  assert.ok(logBytes(`${dataDir}/__consumer_offsets-0`) < 2 * SEGMENT_BYTES, 'what is outdated is gone')
  await using broker = await BrokerProcess.start({ dataDir, args })
  await using client = await openClient({ bootstrap: broker.bootstrap })
  const found = await listGroupOffsets(client, 'group')
  assert.equal(found.length, partitions)
  for (const { partition, offset } of found) assert.equal(offset, rounds * 1000 + partition)
  await broker.stop()
})

test('a compacted topic keeps the newest value of each key, through kill -9', async () => {
  using directory = new TempDirectory('compaction')
  const dataDir = directory.of('data')
  const keys = 50
  const newest = new Map<string, string>()
  {
    await using broker = await BrokerProcess.start({ dataDir, args: BACKOFF })
    await using connection = await connect(broker)
    const configs = { 'cleanup.policy': 'compact', 'segment.bytes': String(SEGMENT_BYTES) }
    await createTopic(connection, { name: 'table', configs })
    for (let round = 0; round < 60; round++) {
      const builder = new BatchBuilder({ codec: round % 2 === 0 ? 'none' : 'zstd' })
      for (let key = 0; key < keys; key++) {
        const value = `${round} `.repeat(500)
        newest.set(`k${key}`, value)
        builder.append({ timestampMs: 1_700_000_000_000 + round, key: `k${key}`, value })
      }
      const { error } = await produce(connection, { topic: 'table' }, Buffer.from(builder.build()))
      assert.equal(error, 'NONE')
    }
    await untilCompacted(broker, 'table', keys)
    await broker.kill()
  }
  await using broker = await BrokerProcess.start({ dataDir, args: BACKOFF })
  await using connection = await connect(broker)
  const [bytes] = await allBatches(connection, 'table', 1)
  const records = [...batchesIn(bytes!)].flatMap((batch) => readRecords(batch))
  assert.ok(records.length < 60 * keys, 'what is outdated is gone')
  const found = new Map(records.map(({ key, value }) => [String(key), String(value)]))
  assert.deepEqual(found, newest)
  await broker.stop()
})
