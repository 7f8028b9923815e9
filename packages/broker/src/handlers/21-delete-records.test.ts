import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { RawClient } from '../testing/raw-client.ts'
import { batchOf, fetchOne, produceOne, produceRequest, type Settings, StillWorld } from '../testing/still-world.ts'

async function open(options: { configs?: Settings; settings?: Settings } = {}) {
  const world = await StillWorld.start({ settings: options.settings ?? {} })
  const client = await world.connect()
  await world.createTopic(client, 't', { partitions: 2, configs: options.configs ?? {} })
  await produceOne(client, batchOf({ records: Array(10).fill({}) }))
  return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** The new start, or the error's name. */
async function remove(
  client: RawClient,
  offset: number,
  options: { topic?: string; partition?: number; version?: number } = {},
) {
  const { topic = 't', partition = 0, version = 2 } = options
  const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
  const reply = await client.ask(DeleteRecords, version, { timeoutMs: 1000, topics })
  const { errorCode, lowWatermark } = reply.topics[0]!.partitions[0]!
  if (errorCode === 0) return lowWatermark
  assert.equal(lowWatermark, -1)
  return errorName(errorCode)
}

test('the start moves to the offset, and what is below is gone for readers', async () => {
  await using opened = await open()
  const { client } = opened
  for (const version of [0, 1, 2]) assert.equal(await remove(client, 3 + version, { version }), 3 + version)
  assert.equal(errorName((await fetchOne(client, { offset: 4 })).errorCode), 'OFFSET_OUT_OF_RANGE')
  const { errorCode, logStartOffset } = await fetchOne(client, { offset: 5 })
  assert.deepEqual([errorCode, logStartOffset], [0, 5])
  const { logStartOffset: told } = await produceOne(client, batchOf())
  assert.equal(told, 5)
})

test('an offset at or below the start changes nothing and succeeds', async () => {
  await using opened = await open()
  assert.equal(await remove(opened.client, 0), 0)
  assert.equal(await remove(opened.client, 6), 6)
  assert.equal(await remove(opened.client, 6), 6)
  assert.equal(await remove(opened.client, 2), 6)
})

test('-1 means the high watermark; beyond it, and below -1, is out of range', async () => {
  await using opened = await open()
  const { client } = opened
  assert.equal(await remove(client, 11), 'OFFSET_OUT_OF_RANGE')
  assert.equal(await remove(client, -2), 'OFFSET_OUT_OF_RANGE')
  assert.equal(await remove(client, -1), 10)
  assert.equal(await remove(client, 10), 10)
  assert.equal(await remove(client, -1, { partition: 1 }), 0)
})

test('what is not committed cannot be deleted', async () => {
  await using opened = await open()
  const { client, world } = opened
  world.disk.holdSyncs()
  const producer = await world.connect()
  producer.send(Produce, 12, produceRequest(batchOf(), { timeoutMs: 60_000 }))
  await world.time.settle()
  assert.equal(await remove(client, 11), 'OFFSET_OUT_OF_RANGE')
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.equal(await remove(client, 11), 11)
})

test('unknown partitions, internal topics and compacted topics are refused', async () => {
  await using opened = await open({ settings: { 'offsets.topic.num.partitions': '1' } })
  const { client, world } = opened
  assert.equal(await remove(client, 0, { topic: 'none' }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await remove(client, 0, { partition: 2 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  await client.ask(Metadata, 12, { topics: [{ name: '__consumer_offsets' }] })
  await world.time.settle()
  assert.equal(await remove(client, 0, { topic: '__consumer_offsets' }), 'INVALID_TOPIC_EXCEPTION', 'before its policy')
  await world.createTopic(client, 'compacted', { configs: { 'cleanup.policy': 'compact' } })
  assert.equal(await remove(client, 99, { topic: 'compacted' }), 'POLICY_VIOLATION', 'before the offset')
  await world.createTopic(client, 'both', { configs: { 'cleanup.policy': 'compact,delete' } })
  assert.equal(await remove(client, -1, { topic: 'both' }), 0)
})

test('partitions that fail do not hold up the others', async () => {
  await using opened = await open()
  const partitions = [5, 99, -2].map((offset, i) => ({ partitionIndex: i === 2 ? 1 : 0, offset }))
  const topics = [
    { name: 't', partitions },
    { name: 'none', partitions: [{ partitionIndex: 0, offset: 0 }] },
  ]
  const reply = await opened.client.ask(DeleteRecords, 2, { timeoutMs: 1000, topics })
  const told = reply.topics.map((topic) =>
    topic.partitions.map(({ errorCode, lowWatermark }) => [errorName(errorCode), lowWatermark]),
  )
  assert.deepEqual(told, [
    [
      ['NONE', 5],
      ['OFFSET_OUT_OF_RANGE', -1],
      ['OFFSET_OUT_OF_RANGE', -1],
    ],
    [['UNKNOWN_TOPIC_OR_PARTITION', -1]],
  ])
})

test('a restarted broker begins where the records were deleted', async () => {
  const opened = await open()
  assert.equal(await remove(opened.client, 7), 7)
  await using world = await opened.world.restart()
  const client = await world.connect()
  assert.equal(errorName((await fetchOne(client, { offset: 6 })).errorCode), 'OFFSET_OUT_OF_RANGE')
  assert.equal((await fetchOne(client, { offset: 7 })).logStartOffset, 7)
  const partitions = [{ partitionIndex: 0, timestamp: -2 }]
  const earliest = await client.ask(ListOffsets, 10, { replicaId: -1, topics: [{ name: 't', partitions }] })
  assert.equal(earliest.topics[0]!.partitions[0]!.offset, 7)
})

test('segments that lie wholly below the start leave the disk', async () => {
  await using opened = await open({ configs: { 'segment.bytes': '1048576' } })
  const { client, world } = opened
  for (let i = 0; i < 4; i++) await produceOne(client, batchOf({ records: [{ value: 'v'.repeat(700_000) }] }))
  const logs = () => world.disk.list('./data/t-0').filter(({ name }) => name.endsWith('.log')).length
  const before = logs()
  assert.ok(before >= 4)
  assert.equal(await remove(client, -1), 14)
  await world.time.run(60_000)
  assert.equal(logs(), 1)
})
