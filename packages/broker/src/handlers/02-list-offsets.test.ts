import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import type { RawClient } from '../testing/raw-client.ts'
import { batchOf, NOW_MS, produceOne, produceRequest, type Settings, StillWorld } from '../testing/still-world.ts'
import { listOffsets } from './02-list-offsets.ts'
import { call } from './admin-harness.ts'

const [LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED, PENDING_UPLOAD] = [-1, -2, -3, -4, -5, -6]

async function open(options: { configs?: Settings } = {}) {
  const world = await StillWorld.start({ settings: { 'unstable.api.versions.enable': 'true' } })
  const client = await world.connect()
  await world.createTopic(client, 't', { partitions: 2, configs: options.configs ?? {} })
  return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

interface Options {
  readonly version?: number
  readonly partition?: number
  readonly topic?: string
  readonly replicaId?: number
  readonly isolationLevel?: number
  readonly currentLeaderEpoch?: number
}

/** `[offset, timestamp, leaderEpoch]`, or the error's name. */
async function list(client: RawClient, timestamp: number, options: Options = {}) {
  const {
    version = 10,
    partition = 0,
    topic = 't',
    replicaId = -1,
    isolationLevel = 0,
    currentLeaderEpoch = -1,
  } = options
  const partitions = [{ partitionIndex: partition, timestamp, currentLeaderEpoch }]
  const request = { replicaId, topics: [{ name: topic, partitions }], ...(version >= 2 ? { isolationLevel } : {}) }
  const reply = await client.ask(ListOffsets, version, request)
  const found = reply.topics[0]!.partitions[0]!
  if (found.errorCode !== 0) return errorName(found.errorCode)
  return [found.offset, found.timestamp, found.leaderEpoch]
}

test('each special timestamp is known from its version on', async () => {
  await using opened = await open()
  await produceOne(opened.client, batchOf({ records: [{}, { timestampMs: NOW_MS + 5 }, {}] }))
  const rows: [timestamp: number, from: number, expected: [number, number, number]][] = [
    [LATEST, 1, [3, -1, 0]],
    [EARLIEST, 1, [0, -1, 0]],
    [MAX_TIMESTAMP, 7, [1, NOW_MS + 5, 0]],
    [EARLIEST_LOCAL, 8, [0, -1, 0]],
    [LATEST_TIERED, 9, [-1, -1, -1]],
    [PENDING_UPLOAD, 11, [-1, -1, -1]],
    [-7, Infinity, [0, 0, 0]],
  ]
  for (const [timestamp, from, [offset, time, epoch]] of rows) {
    for (let version = 1; version <= 11; version++) {
      const expected = version < from ? 'UNSUPPORTED_VERSION' : [offset, time, version >= 4 ? epoch : -1]
      assert.deepEqual(
        await list(opened.client, timestamp, { version }),
        expected,
        `${timestamp} at version ${version}`,
      )
    }
  }
})

test('an empty partition has its ends and nothing by time', async () => {
  await using opened = await open()
  assert.deepEqual(await list(opened.client, LATEST), [0, -1, 0])
  assert.deepEqual(await list(opened.client, EARLIEST), [0, -1, 0])
  assert.deepEqual(await list(opened.client, MAX_TIMESTAMP), [-1, -1, -1])
  assert.deepEqual(await list(opened.client, 0), [-1, -1, -1])
})

test('a time is answered with the first record that is not older, inside batches of every codec', async () => {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies Codec[]) {
    await using opened = await open()
    const at = (...times: number[]) => times.map((ms) => ({ timestampMs: NOW_MS + ms }))
    await produceOne(opened.client, batchOf({ codec, records: at(0, 10, 5) }))
    await produceOne(opened.client, batchOf({ codec, records: at(7, 30, 30) }))
    const rows: [ms: number, expected: number[]][] = [
      [-1000, [0, 0]],
      [0, [0, 0]],
      [1, [1, 10]],
      [10, [1, 10]],
      [11, [4, 30]],
      [30, [4, 30]],
    ]
    for (const [ms, [offset, time]] of rows) {
      assert.deepEqual(await list(opened.client, NOW_MS + ms), [offset, NOW_MS + time!, 0], `${codec} ${ms}`)
    }
    assert.deepEqual(await list(opened.client, NOW_MS + 31), [-1, -1, -1])
    assert.deepEqual(await list(opened.client, MAX_TIMESTAMP), [4, NOW_MS + 30, 0], `${codec}: the first of the newest`)
  }
})

test('times are found over many segments, in the broker’s second life too', async () => {
  const opened = await open({ configs: { 'segment.bytes': '1048576' } })
  for (let i = 0; i < 5; i++) {
    const records = [{ timestampMs: NOW_MS + 10 * i, value: 'v'.repeat(600_000) }, { timestampMs: NOW_MS + 10 * i + 1 }]
    await produceOne(opened.client, batchOf({ records }))
  }
  const check = async (client: RawClient) => {
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(await list(client, NOW_MS + 10 * i), [2 * i, NOW_MS + 10 * i, 0])
      assert.deepEqual(await list(client, NOW_MS + 10 * i + 1), [2 * i + 1, NOW_MS + 10 * i + 1, 0])
    }
    assert.deepEqual(await list(client, MAX_TIMESTAMP), [9, NOW_MS + 41, 0])
  }
  await check(opened.client)
  await using world = await opened.world.restart()
  await check(await world.connect())
})

test('consumers see what is committed, replicas all, whatever the isolation', async () => {
  await using opened = await open()
  const { client, world } = opened
  await produceOne(client, batchOf())
  world.disk.holdSyncs()
  const producer = await world.connect()
  producer.send(
    Produce,
    12,
    produceRequest(batchOf({ records: [{ timestampMs: NOW_MS + 50 }] }), { timeoutMs: 60_000 }),
  )
  await world.time.settle()
  for (const isolationLevel of [0, 1]) {
    assert.deepEqual(await list(client, LATEST, { isolationLevel }), [1, -1, 0])
    assert.deepEqual(await list(client, NOW_MS + 50, { isolationLevel }), [-1, -1, -1], 'beyond the bound is nowhere')
    assert.deepEqual(await list(client, MAX_TIMESTAMP, { isolationLevel }), [-1, -1, -1])
  }
  assert.deepEqual(await list(client, LATEST, { replicaId: 2 }), [2, -1, 0])
  assert.deepEqual(await list(client, NOW_MS + 50, { replicaId: -2 }), [1, NOW_MS + 50, 0])
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.deepEqual(await list(client, LATEST), [2, -1, 0])
})

test('what lies below the log’s start is not found', async () => {
  await using opened = await open()
  const { client } = opened
  for (const ms of [1, 2, 3]) await produceOne(client, batchOf({ records: [{ timestampMs: NOW_MS + ms }] }))
  await client.ask(DeleteRecords, 2, {
    timeoutMs: 1000,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
  })
  assert.deepEqual(await list(client, EARLIEST), [2, -1, 0])
  assert.deepEqual(await list(client, EARLIEST_LOCAL), [2, -1, 0])
  assert.deepEqual(await list(client, NOW_MS), [2, NOW_MS + 3, 0])
})

test('unknown partitions and other leader epochs are told as such', async () => {
  await using opened = await open()
  const { client } = opened
  assert.equal(await list(client, LATEST, { topic: 'none' }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await list(client, LATEST, { partition: 9 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await list(client, LATEST, { partition: -1 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await list(client, LATEST, { currentLeaderEpoch: 1 }), 'UNKNOWN_LEADER_EPOCH')
  assert.deepEqual(await list(client, LATEST, { currentLeaderEpoch: 0 }), [0, -1, 0])
  assert.equal(await list(client, -7, { topic: 'none' }), 'UNSUPPORTED_VERSION', 'before the topic is looked for')
})

test('a partition that is asked for twice is refused twice, the others are answered', async () => {
  await using opened = await open()
  const asked = (partitionIndex: number) => ({ partitionIndex, timestamp: LATEST })
  const topics = [
    { name: 't', partitions: [asked(0), asked(0), asked(1)] },
    { name: 'none', partitions: [asked(0)] },
  ]
  const errors = async (list: typeof topics) => {
    const reply = await opened.client.ask(ListOffsets, 10, { replicaId: -1, topics: list })
    return reply.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode)))
  }
  assert.deepEqual(await errors(topics), [
    ['INVALID_REQUEST', 'INVALID_REQUEST', 'NONE'],
    ['UNKNOWN_TOPIC_OR_PARTITION'],
  ])
  const split = [1, 0, 1].map((index) => ({ name: 't', partitions: [asked(index)] }))
  assert.deepEqual(await errors(split), [['INVALID_REQUEST'], ['NONE'], ['INVALID_REQUEST']])
})

test('who may not see a topic is told so before anything else', async () => {
  const partitions = [
    { partitionIndex: 0, timestamp: -99 },
    { partitionIndex: 0, timestamp: LATEST },
  ]
  const reply = await call(ListOffsets, listOffsets({} as Parameters<typeof listOffsets>[0]), {
    version: 10,
    request: { replicaId: -1, topics: [{ name: 't', partitions }] },
    denied: [['describe', 'topic', 't']],
  })
  const errors = reply.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode))
  assert.deepEqual(errors, Array(2).fill('TOPIC_AUTHORIZATION_FAILED'))
})

test('a log that has failed is a storage error', async () => {
  await using opened = await open()
  const { client, world } = opened
  world.disk.failNext({ operation: 'sync', path: './data/t-0/00000000000000000000.log', code: 'EIO' })
  await produceOne(client, batchOf())
  assert.equal(await list(client, NOW_MS), 'KAFKA_STORAGE_ERROR')
})
