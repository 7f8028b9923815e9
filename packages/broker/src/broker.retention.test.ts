/** What clients see of retention and deletion: a whole broker, asked as they would, with the days passing in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import type { RawClient } from './testing/raw-client.ts'
import {
  batchOf,
  fetchOne,
  fetchRequest,
  NOW_MS,
  produceOne,
  type Settings,
  StillWorld,
  type TestBatch,
} from './testing/still-world.ts'

const HOUR_MS = 3_600_000
const FIRST_CHECK_MS = 30_000
const INTERVAL_MS = 300_000
const EARLIEST = -2
const RESOURCE = { topic: 2, broker: 4 } as const

async function open(configs: Settings = {}, settings: Settings = {}) {
  // The client of these tests is silent for days.
  const world = await StillWorld.start({ settings: { 'connections.max.idle.ms': '-1', ...settings } })
  const client = await world.connect()
  await world.createTopic(client, 't', { configs })
  return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

function aged(ageMs: number, fields: TestBatch = {}): Buffer {
  return batchOf({ records: [{ timestampMs: NOW_MS - ageMs }], ...fields })
}

async function earliest(client: RawClient): Promise<number> {
  const partitions = [{ partitionIndex: 0, timestamp: EARLIEST, currentLeaderEpoch: -1 }]
  const reply = await client.ask(ListOffsets, 10, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 't', partitions }],
  })
  return reply.topics[0]!.partitions[0]!.offset
}

async function logBytes(client: RawClient): Promise<number> {
  const { results } = await client.ask(DescribeLogDirs, 4, { topics: [{ topic: 't', partitions: [0] }] })
  return results[0]!.topics[0]!.partitions[0]!.partitionSize
}

async function alter(client: RawClient, resource: { type: number; name: string }, configs: Settings): Promise<void> {
  const entries = Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value }))
  const resources = [{ resourceType: resource.type, resourceName: resource.name, configs: entries }]
  const reply = await client.ask(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
  assert.equal(reply.responses[0]!.errorCode, 0, `${reply.responses[0]!.errorMessage}`)
}

test('what retention deleted is out of range for who fetches it, and the log goes on behind it', async () => {
  await using opened = await open({ 'retention.ms': String(HOUR_MS) })
  const { world, client } = opened
  const producer = { producerId: 7, producerEpoch: 0 }
  for (let i = 0; i < 3; i++) await produceOne(client, aged(2 * HOUR_MS, { ...producer, baseSequence: i }))
  // Waits for more than there is, at an offset that goes meanwhile.
  const waiting = await world.connect()
  waiting.send(Fetch, 12, fetchRequest({ offset: 1, maxWaitMs: 60_000, minBytes: 100_000 }))
  await world.time.run(FIRST_CHECK_MS)
  assert.equal(await earliest(client), 3)
  assert.equal(errorName((await fetchOne(client, { offset: 2 })).errorCode), 'OFFSET_OUT_OF_RANGE')
  await world.time.run(60_000)
  const overtaken = await waiting.receive(Fetch, 12)
  assert.equal(errorName(overtaken!.responses[0]!.partitions[0]!.errorCode), 'OFFSET_OUT_OF_RANGE')
  const retry = await produceOne(client, aged(2 * HOUR_MS, { ...producer, baseSequence: 2 }))
  assert.deepEqual([retry.errorCode, retry.baseOffset], [0, 2], 'a producer is known beyond its records')
  const next = await produceOne(client, aged(0, { ...producer, baseSequence: 3 }))
  assert.deepEqual([next.errorCode, next.baseOffset, next.logStartOffset], [0, 3, 3])
  const { errorCode, highWatermark, logStartOffset, records } = await fetchOne(client, { offset: 3 })
  assert.deepEqual([errorCode, highWatermark, logStartOffset, records!.length], [0, 4, 3, aged(0).length])
  assert.equal(await logBytes(client), aged(0).length)
  const partitions = [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }]
  const epochs = await client.ask(OffsetForLeaderEpoch, 4, { replicaId: -1, topics: [{ topic: 't', partitions }] })
  assert.deepEqual([epochs.topics[0]!.partitions[0]!.leaderEpoch, epochs.topics[0]!.partitions[0]!.endOffset], [0, 4])
})

test('the start of a log is where it was after a restart', async () => {
  const opened = await open({ 'retention.ms': String(HOUR_MS) })
  for (let i = 0; i < 3; i++) await produceOne(opened.client, aged(2 * HOUR_MS))
  await opened.world.time.run(FIRST_CHECK_MS)
  await using again = await opened.world.restart()
  const client = await again.connect()
  assert.equal(await earliest(client), 3)
  assert.equal((await produceOne(client, aged(0))).baseOffset, 3)
})

test('records that the broker stamps are as old as their arrival, whatever their producer says', async () => {
  await using opened = await open({ 'retention.ms': String(HOUR_MS), 'message.timestamp.type': 'LogAppendTime' })
  const { world, client } = opened
  await produceOne(client, aged(1000 * HOUR_MS))
  await world.time.run(HOUR_MS)
  assert.equal(await earliest(client), 0)
  await world.time.run(INTERVAL_MS)
  assert.equal(await earliest(client), 1)
})

test('settings altered while the broker runs are obeyed by the next check, the topic’s before the broker’s', async () => {
  await using opened = await open({}, { 'log.retention.check.interval.ms': '1000', 'log.retention.hours': '5' })
  const { world, client } = opened
  await produceOne(client, aged(4 * HOUR_MS))
  await world.time.run(FIRST_CHECK_MS)
  assert.equal(await earliest(client), 0)
  await alter(client, { type: RESOURCE.topic, name: 't' }, { 'retention.ms': String(6 * HOUR_MS) })
  await alter(client, { type: RESOURCE.broker, name: '' }, { 'log.retention.ms': '1000' })
  await world.time.run(1000)
  assert.equal(await earliest(client), 0)
  await alter(client, { type: RESOURCE.topic, name: 't' }, { 'retention.ms': String(3 * HOUR_MS) })
  await world.time.run(1000)
  assert.equal(await earliest(client), 1)
  await produceOne(client, aged(HOUR_MS))
  await alter(client, { type: RESOURCE.topic, name: 't' }, { 'cleanup.policy': 'compact', 'retention.ms': '1' })
  await world.time.run(1000)
  assert.equal(await earliest(client), 1, 'a compacted topic keeps its keys')
})

test('a deleted topic frees the disk when its delay is over, and its name can be used meanwhile', async () => {
  await using opened = await open({}, { 'log.segment.delete.delay.ms': '5000' })
  const { world, client } = opened
  const usable = () => world.disk.space('./data').usableBytes
  const before = usable()
  for (let i = 0; i < 5; i++) await produceOne(client, batchOf({ records: [{ value: 'x'.repeat(10_000) }] }))
  const full = usable()
  assert.ok(before - full > 50_000)
  const { responses } = await client.ask(DeleteTopics, 6, {
    topics: [{ name: 't', topicId: ZERO_UUID }],
    timeoutMs: 1000,
  })
  assert.equal(responses[0]!.errorCode, 0)
  await world.createTopic(client, 't')
  assert.equal((await produceOne(client, batchOf())).baseOffset, 0)
  await world.time.run(4000)
  assert.ok(usable() <= full)
  await world.time.run(1000)
  assert.ok(before - usable() < 10_000, `${before - usable()} bytes are not free`)
  assert.equal((await produceOne(client, batchOf())).baseOffset, 1)
})
