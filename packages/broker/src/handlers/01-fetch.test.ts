import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchBaseOffset, batchesIn } from '@ottla/protocol/records/batch.ts'
import type { RawClient } from '../testing/raw-client.ts'
import {
  batchOf,
  type FetchInput,
  type FetchReply,
  fetchOne,
  fetchRequest,
  produceOne,
  produceRequest,
  type Settings,
  StillWorld,
} from '../testing/still-world.ts'

async function open(options: { partitions?: number; settings?: Settings } = {}) {
  const world = await StillWorld.start({ settings: options.settings ?? {} })
  const client = await world.connect()
  const topicId = await world.createTopic(client, 't', { partitions: options.partitions ?? 1 })
  return { world, client, topicId, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** Batches of these many records each. */
async function fill(
  client: RawClient,
  counts: readonly number[],
  options: { valueBytes?: number; partition?: number } = {},
) {
  const { valueBytes = 10, partition = 0 } = options
  for (const count of counts) {
    const records = Array(count).fill({ value: 'v'.repeat(valueBytes) })
    const { errorCode } = await produceOne(client, batchOf({ records }), { partition })
    assert.equal(errorCode, 0)
  }
}

function offsetsOf({ records }: FetchReply): number[] {
  return [...batchesIn(records!)].map((batch) => batchBaseOffset(batch, 0))
}

type Asked = FetchInput['topics'][number]['partitions'][number]

/** A fetch of several partitions of `t` from the beginning, by name. */
async function fetchMany(
  client: RawClient,
  asked: readonly Partial<Asked>[],
  rest: Partial<FetchInput> = {},
): Promise<FetchReply[]> {
  const partitions = asked.map((one, partition) => ({
    partition,
    fetchOffset: 0,
    partitionMaxBytes: 1_000_000,
    ...one,
  }))
  const reply = await client.ask(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic: 't', partitions }],
    ...rest,
  })
  assert.equal(reply.errorCode, 0)
  return reply.responses.flatMap(({ partitions }) => partitions)
}

test('an offset inside a batch is answered with the whole batch, and those behind it', async () => {
  await using opened = await open()
  await fill(opened.client, [3, 3, 3])
  const expected = [[0, 3, 6], [0, 3, 6], [0, 3, 6], [3, 6], [3, 6], [3, 6], [6], [6], [6], []]
  for (let offset = 0; offset <= 9; offset++) {
    const reply = await fetchOne(opened.client, { offset })
    assert.deepEqual([reply.errorCode, offsetsOf(reply)], [0, expected[offset]], `offset ${offset}`)
    assert.deepEqual([reply.highWatermark, reply.lastStableOffset, reply.logStartOffset], [9, 9, 0])
  }
})

test('an offset below the log’s start or beyond its end is out of range, with nothing else told', async () => {
  await using opened = await open()
  const { client } = opened
  await fill(client, [5])
  await client.ask(DeleteRecords, 2, {
    timeoutMs: 1000,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
  })
  for (const offset of [-1, 0, 1, 6, 1_000_000]) {
    const reply = await fetchOne(client, { offset })
    assert.equal(errorName(reply.errorCode), 'OFFSET_OUT_OF_RANGE', `offset ${offset}`)
    assert.deepEqual([reply.highWatermark, reply.lastStableOffset, reply.logStartOffset], [-1, -1, -1])
    assert.equal(reply.records!.length, 0)
  }
  const reply = await fetchOne(client, { offset: 2 })
  assert.deepEqual([reply.errorCode, reply.logStartOffset, offsetsOf(reply)], [0, 2, [0]])
  assert.equal((await fetchOne(client, { offset: 5 })).errorCode, 0)
})

test('what is not committed is not shown, and asking for it is no error', async () => {
  await using opened = await open()
  const { client, world } = opened
  await fill(client, [1])
  world.disk.holdSyncs()
  const producer = await world.connect()
  for (let i = 0; i < 2; i++) producer.send(Produce, 12, produceRequest(batchOf(), { timeoutMs: 10_000 }))
  await world.time.settle()
  assert.deepEqual(offsetsOf(await fetchOne(client, { offset: 0 })), [0])
  for (const offset of [1, 2, 3]) {
    const reply = await fetchOne(client, { offset })
    assert.deepEqual([reply.errorCode, reply.highWatermark, offsetsOf(reply)], [0, 1, []], `offset ${offset}`)
  }
  assert.equal(errorName((await fetchOne(client, { offset: 4 })).errorCode), 'OFFSET_OUT_OF_RANGE')
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.deepEqual(offsetsOf(await fetchOne(client, { offset: 1 })), [1, 2])
})

test('whole batches are served up to the partition’s limit, at least one', async () => {
  await using opened = await open()
  const { client } = opened
  await fill(client, [1, 1, 1, 1])
  const size = [...batchesIn((await fetchOne(client)).records!)][0]!.length
  const rows: [partitionMaxBytes: number, batches: number][] = [
    [0, 1],
    [1, 1],
    [size, 1],
    [2 * size - 1, 1],
    [2 * size, 2],
    [4 * size, 4],
    [1_000_000, 4],
  ]
  for (const [partitionMaxBytes, batches] of rows) {
    assert.equal(offsetsOf(await fetchOne(client, { partitionMaxBytes })).length, batches, `${partitionMaxBytes} bytes`)
    assert.equal(
      offsetsOf(await fetchOne(client, { maxBytes: partitionMaxBytes })).length,
      batches,
      `${partitionMaxBytes} in all`,
    )
  }
})

test('the first partition with data gets a batch whatever its size, the others only what fits', async () => {
  await using opened = await open({ partitions: 4 })
  const { client } = opened
  for (const partition of [1, 2, 3]) await fill(client, [1, 1], { valueBytes: 1000, partition })
  const size = [...batchesIn((await fetchOne(client, { partition: 1 })).records!)][0]!.length
  const counts = async (maxBytes: number, partitionMaxBytes = 1_000_000) => {
    const replies = await fetchMany(client, Array(4).fill({ partitionMaxBytes }), { maxBytes })
    assert.deepEqual(
      replies.map(({ errorCode, highWatermark }) => [errorCode, highWatermark]),
      [
        [0, 0],
        [0, 2],
        [0, 2],
        [0, 2],
      ],
    )
    return replies.map((reply) => offsetsOf(reply).length)
  }
  assert.deepEqual(await counts(0), [0, 1, 0, 0])
  assert.deepEqual(await counts(size), [0, 1, 0, 0])
  assert.deepEqual(await counts(3 * size), [0, 2, 1, 0])
  assert.deepEqual(await counts(4 * size - 1), [0, 2, 1, 0])
  assert.deepEqual(await counts(1_000_000), [0, 2, 2, 2])
  assert.deepEqual(await counts(1_000_000, size - 1), [0, 1, 0, 0])
})

test('fetch.max.bytes bounds every reply', async () => {
  await using opened = await open({ settings: { 'fetch.max.bytes': '1024' } })
  await fill(opened.client, [1, 1, 1], { valueBytes: 400 })
  assert.equal(offsetsOf(await fetchOne(opened.client, { maxBytes: 1_000_000 })).length, 2)
})

test('topics and partitions that are not there are answered each for itself', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  const named = async (topic: string, partition: number) =>
    errorName((await fetchOne(client, { topic, partition })).errorCode)
  assert.equal(await named('none', 0), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await named('t', 1), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await named('t', -1), 'UNKNOWN_TOPIC_OR_PARTITION')
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
  const topics = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions }, { topicId, partitions }, { partitions }]
  const reply = await client.ask(Fetch, 13, { maxWaitMs: 0, minBytes: 1, topics })
  const told = reply.responses.map((one) => [one.topicId, errorName(one.partitions[0]!.errorCode)])
  assert.deepEqual(told, [
    ['AAAAAAAAAAAAAAAAAAAAAQ', 'UNKNOWN_TOPIC_ID'],
    [topicId, 'NONE'],
    ['AAAAAAAAAAAAAAAAAAAAAA', 'UNKNOWN_TOPIC_ID'],
  ])
})

test('leader epochs that are not the broker’s are fenced or unknown', async () => {
  await using opened = await open()
  await fill(opened.client, [1])
  const ask = async (currentLeaderEpoch: number, offset = 0) => fetchOne(opened.client, { currentLeaderEpoch, offset })
  assert.equal((await ask(-1)).errorCode, 0)
  assert.equal((await ask(0)).errorCode, 0)
  assert.equal(errorName((await ask(1)).errorCode), 'UNKNOWN_LEADER_EPOCH')
  assert.equal(errorName((await ask(1, 99)).errorCode), 'UNKNOWN_LEADER_EPOCH', 'before the offset is looked at')
  assert.equal((await ask(0)).currentLeader.leaderId, -1, 'nobody is told the leader without need')
})

test('a history that differs from the log’s is told where it parts, one of an epoch to come is out of range', async () => {
  await using opened = await open()
  await fill(opened.client, [5])
  const same = await fetchOne(opened.client, { offset: 3, lastFetchedEpoch: 0 })
  assert.deepEqual([same.errorCode, same.divergingEpoch.epoch, offsetsOf(same)], [0, -1, [0]])
  const ahead = await fetchOne(opened.client, { offset: 9, lastFetchedEpoch: 0 })
  assert.deepEqual([ahead.errorCode, ahead.divergingEpoch, offsetsOf(ahead)], [0, { epoch: 0, endOffset: 5 }, []])
  assert.equal(ahead.highWatermark, 5)
  const unknown = await fetchOne(opened.client, { offset: 3, lastFetchedEpoch: 1 })
  assert.equal(errorName(unknown.errorCode), 'OFFSET_OUT_OF_RANGE')
})

test('requests of followers are sent elsewhere, in every version', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  for (let version = 4; version <= 18; version++) {
    const request = fetchRequest(version >= 15 ? { replicaState: { replicaId: 3, replicaEpoch: 1 } } : { replicaId: 3 })
    const topics = version >= 13 ? [{ ...request.topics[0]!, topic: '', topicId }] : request.topics
    const reply = await client.ask(Fetch, version, { ...request, topics })
    const partition = reply.responses[0]!.partitions[0]!
    assert.equal(errorName(partition.errorCode), 'NOT_LEADER_OR_FOLLOWER', `version ${version}`)
    assert.equal(partition.currentLeader.leaderId, version >= 16 ? 1 : -1, `version ${version}`)
    assert.deepEqual(
      reply.nodeEndpoints.map(({ port }) => port),
      version >= 16 ? [9092] : [],
    )
  }
})

test('aborted transactions are an empty list for readers of what is committed, null for others', async () => {
  await using opened = await open()
  await fill(opened.client, [1])
  for (const offset of [0, 1]) {
    assert.deepEqual((await fetchOne(opened.client, { offset, isolationLevel: 1 })).abortedTransactions, [])
    assert.equal((await fetchOne(opened.client, { offset, isolationLevel: 0 })).abortedTransactions, null)
  }
})

test('a log that has failed is told as a storage error, before version 6 as a leader that moved', async () => {
  await using opened = await open()
  const { client, world } = opened
  await fill(client, [1])
  world.disk.failNext({ operation: 'sync', path: './data/t-0/00000000000000000000.log', code: 'EIO' })
  await produceOne(client, batchOf())
  const errorAt = async (version: number) => errorName((await fetchOne(client, { version })).errorCode)
  assert.equal(await errorAt(5), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(await errorAt(6), 'KAFKA_STORAGE_ERROR')
})

test('data that left the memory is read from its file, by many at once', async () => {
  const opened = await open()
  await fill(opened.client, [2, 2, 2], { valueBytes: 1000 })
  await using world = await opened.world.restart()
  const clients = await Promise.all([world.connect(), world.connect()])
  for (const client of clients) client.send(Fetch, 12, fetchRequest({ offset: 3 }))
  for (const client of clients) {
    const reply = await client.receive(Fetch, 12)
    assert.deepEqual(offsetsOf(reply!.responses[0]!.partitions[0]!), [2, 4])
  }
})

test('several partitions read from their files side by side are served as from memory', async () => {
  const opened = await open({ partitions: 4 })
  for (const partition of [1, 2, 3]) await fill(opened.client, [1, 1], { valueBytes: 1000, partition })
  const size = [...batchesIn((await fetchOne(opened.client, { partition: 1 })).records!)][0]!.length
  for (const [maxBytes, partitionMaxBytes, expected] of [
    [0, 1_000_000, [0, 1, 0, 0]],
    [3 * size, 1_000_000, [0, 2, 1, 0]],
    [1_000_000, 1_000_000, [0, 2, 2, 2]],
    [1_000_000, size - 1, [0, 1, 0, 0]],
    [1_000_000, 0, [0, 1, 0, 0]],
    [2 * size, size, [0, 1, 1, 0]],
  ] as const) {
    // Started anew for each: what was read once is in memory.
    opened.world = await opened.world.restart()
    const replies = await fetchMany(await opened.world.connect(), Array(4).fill({ partitionMaxBytes }), { maxBytes })
    assert.deepEqual(
      replies.map((reply) => offsetsOf(reply).length),
      expected,
    )
  }
  await opened.world[Symbol.asyncDispose]()
})
