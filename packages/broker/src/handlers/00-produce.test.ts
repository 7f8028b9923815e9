import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchAttributes, batchMaxTimestamp, compressionOf, sealCrc } from '@ottla/protocol/records/batch.ts'
import type { RawClient } from '../testing/raw-client.ts'
import {
  batchOf,
  fetchOne,
  NOW_MS,
  produceError,
  produceOne,
  produceRequest,
  type Settings,
  StillWorld,
} from '../testing/still-world.ts'

/** A broker with the topic `t` and a client. */
async function open(options: { settings?: Settings; configs?: Settings; partitions?: number; disk?: MemoryDisk } = {}) {
  const { settings = {}, configs = {}, partitions = 1, disk } = options
  const world = await StillWorld.start({ settings, ...(disk ? { disk } : {}) })
  const client = await world.connect()
  const topicId = await world.createTopic(client, 't', { configs, partitions })
  return { world, client, topicId, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** Makes an internal topic, as clients that look for it do. */
async function openInternal(world: StillWorld): Promise<{ plain: RawClient; admin: RawClient }> {
  const plain = await world.connect()
  await plain.ask(Metadata, 12, { topics: [{ name: '__consumer_offsets' }] })
  await world.time.settle()
  return { plain, admin: await world.connect({ clientId: '__admin_client' }) }
}

const TRANSACTIONAL = { transactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 }

test('in every version and with every acks a batch is appended and its offset told', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  let next = 0
  for (let version = 3; version <= 13; version++) {
    for (const acks of [1, -1]) {
      const request = produceRequest(batchOf(), { acks })
      const topicData = version >= 13 ? [{ ...request.topicData[0]!, name: '', topicId }] : request.topicData
      const reply = await client.ask(Produce, version, { ...request, topicData })
      const partition = reply.responses[0]!.partitionResponses[0]!
      assert.deepEqual([partition.errorCode, partition.baseOffset, partition.logAppendTimeMs], [0, next++, -1])
      assert.equal(partition.logStartOffset, version >= 5 ? 0 : -1)
    }
  }
  client.send(Produce, 12, produceRequest(batchOf(), { acks: 0 }))
  await opened.world.time.settle()
  assert.equal((await fetchOne(client)).highWatermark, next + 1)
})

test('what a producer does wrong is answered with Kafka’s error', async () => {
  await using opened = await open()
  const { client } = opened
  const [damaged, marked, offset] = [batchOf({ records: [{}, {}] }), batchOf(), batchOf()]
  damaged.writeUInt8(0xff, damaged.length - 1)
  marked.writeUInt16BE(0x20, 21)
  sealCrc(marked, 0)
  offset.writeInt32BE(9, 4)
  assert.equal(await produceError(client, batchOf(), { topic: 'none' }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await produceError(client, batchOf(), { partition: 1 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await produceError(client, batchOf(), { partition: -1 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await produceError(client, Buffer.alloc(0)), 'INVALID_RECORD')
  assert.equal(await produceError(client, Buffer.concat([batchOf(), batchOf()])), 'INVALID_RECORD')
  assert.equal(await produceError(client, damaged), 'CORRUPT_MESSAGE')
  assert.equal(await produceError(client, marked), 'INVALID_RECORD')
  assert.equal(await produceError(client, offset), 'INVALID_RECORD')
  assert.equal(
    await produceError(client, batchOf({ records: [{ value: 'v'.repeat(1_100_000) }] })),
    'MESSAGE_TOO_LARGE',
  )
  assert.equal(await produceError(client, batchOf(), { acks: 2 }), 'INVALID_REQUIRED_ACKS')
  assert.equal(await produceError(client, batchOf(), { acks: -2 }), 'INVALID_REQUIRED_ACKS')
  assert.equal((await fetchOne(client)).highWatermark, 0, 'nothing was written')
})

test('a topic is found by its id from version 13 on, and nothing is created', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  const ask = (id: string, name = '') =>
    client.ask(Produce, 13, {
      ...produceRequest(batchOf()),
      topicData: [{ name, topicId: id, partitionData: [{ index: 0, records: batchOf() }] }],
    })
  const known = (await ask(topicId)).responses[0]!
  assert.deepEqual([known.topicId, known.partitionResponses[0]!.errorCode], [topicId, 0])
  const unknown = (await ask('AAAAAAAAAAAAAAAAAAAAAQ')).responses[0]!
  assert.equal(errorName(unknown.partitionResponses[0]!.errorCode), 'UNKNOWN_TOPIC_ID')
  await produceError(client, batchOf(), { topic: 'fresh' })
  const { topics } = await client.ask(Metadata, 12, { topics: null })
  assert.deepEqual(
    topics.map(({ name }) => name),
    ['t'],
  )
})

test('zstd needs version 7', async () => {
  await using opened = await open()
  const batch = batchOf({ codec: 'zstd' })
  assert.equal(await produceError(opened.client, batch, { version: 6 }), 'UNSUPPORTED_COMPRESSION_TYPE')
  assert.equal(await produceError(opened.client, batch, { version: 7 }), 'NONE')
})

test('of several faults the one that Kafka looks for first is told', async () => {
  await using opened = await open({ settings: { 'offsets.topic.num.partitions': '1' } })
  const { world } = opened
  const { plain } = await openInternal(world)
  const [zstd, tooLarge] = [batchOf({ codec: 'zstd' }), batchOf({ records: [{ value: 'v'.repeat(1_100_000) }] })]
  const internal = '__consumer_offsets'
  // Existence, then shape, then acks, then whose topic it is, then what is in the batch.
  assert.equal(await produceError(plain, Buffer.alloc(0), { topic: 'none', acks: 5 }), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(await produceError(plain, Buffer.alloc(0), { acks: 5 }), 'INVALID_RECORD')
  assert.equal(await produceError(plain, zstd, { acks: 5, version: 6 }), 'UNSUPPORTED_COMPRESSION_TYPE')
  assert.equal(await produceError(plain, zstd, { topic: internal, version: 6 }), 'UNSUPPORTED_COMPRESSION_TYPE')
  assert.equal(await produceError(plain, batchOf(), { topic: internal, acks: 5 }), 'INVALID_REQUIRED_ACKS')
  assert.equal(await produceError(plain, tooLarge, { topic: internal }), 'INVALID_TOPIC_EXCEPTION')
  assert.equal(await produceError(plain, tooLarge, { acks: 5 }), 'INVALID_REQUIRED_ACKS')
})

test('internal topics are written by Kafka’s admin client alone', async () => {
  await using opened = await open({ settings: { 'offsets.topic.num.partitions': '1' } })
  const { plain, admin } = await openInternal(opened.world)
  const topic = '__consumer_offsets'
  assert.equal(await produceError(plain, batchOf(), { topic }), 'INVALID_TOPIC_EXCEPTION')
  assert.equal(await produceError(admin, batchOf(), { topic }), 'NONE')
})

test('one transactional batch without a transactional id refuses the whole request', async () => {
  await using opened = await open({ partitions: 2 })
  const { client } = opened
  const partitionData = [
    { index: 0, records: batchOf() },
    { index: 1, records: batchOf(TRANSACTIONAL) },
  ]
  const topicData = [
    { name: 't', partitionData },
    { name: 'none', partitionData },
  ]
  const reply = await client.ask(Produce, 12, { acks: -1, timeoutMs: 1000, topicData })
  const errors = reply.responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map(({ errorCode }) => errorName(errorCode)),
  )
  assert.deepEqual(errors, Array(4).fill('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
  assert.equal((await fetchOne(client)).highWatermark, 0)
})

test('while there is no transaction coordinator a transactional batch is to be sent again', async () => {
  await using opened = await open()
  const request = { ...produceRequest(batchOf(TRANSACTIONAL)), transactionalId: 'x' }
  const reply = await opened.client.ask(Produce, 12, request)
  assert.equal(errorName(reply.responses[0]!.partitionResponses[0]!.errorCode), 'NOT_ENOUGH_REPLICAS')
})

test('records that are null fail the whole request', async () => {
  await using opened = await open({ partitions: 2 })
  const { client, world } = opened
  const partitionData = [
    { index: 0, records: batchOf() },
    { index: 1, records: null },
  ]
  const reply = await client.ask(Produce, 12, { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData }] })
  assert.deepEqual(
    reply.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode),
    [-1, -1],
  )
  assert.equal((await fetchOne(client)).highWatermark, 0)
  assert.equal(world.logger.lines.filter(({ level }) => level === 'error').length, 1)
})

test('partitions that fail do not hold up the others, and each is told its own', async () => {
  await using opened = await open({ partitions: 3 })
  const partitionData = [
    { index: 0, records: batchOf() },
    { index: 9, records: batchOf() },
    { index: 2, records: Buffer.alloc(3) },
    { index: 1, records: batchOf({ records: [{}, {}] }) },
  ]
  const reply = await opened.client.ask(Produce, 12, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 't', partitionData }],
  })
  const told = reply.responses[0]!.partitionResponses.map(({ index, errorCode, baseOffset }) => [
    index,
    errorName(errorCode),
    baseOffset,
  ])
  assert.deepEqual(told, [
    [0, 'NONE', 0],
    [9, 'UNKNOWN_TOPIC_OR_PARTITION', -1],
    [2, 'INVALID_RECORD', -1],
    [1, 'NONE', 0],
  ])
})

test('a partition named twice in one request gets both batches, in order', async () => {
  await using opened = await open()
  const partitionData = [1, 2].map((count) => ({ index: 0, records: batchOf({ records: Array(count).fill({}) }) }))
  const reply = await opened.client.ask(Produce, 12, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 't', partitionData }],
  })
  assert.deepEqual(
    reply.responses[0]!.partitionResponses.map(({ baseOffset }) => baseOffset),
    [0, 1],
  )
})

test('acks=0: no reply when all is well, a hang-up when something is not', async () => {
  await using opened = await open()
  const { client, world } = opened
  client.send(Produce, 12, produceRequest(batchOf(), { acks: 0 }))
  await world.time.settle()
  assert.equal(client.takeFrame(), null)
  assert.equal((await fetchOne(client)).highWatermark, 1)
  client.send(Produce, 12, produceRequest(batchOf(), { acks: 0, topic: 'none' }))
  assert.equal(await client.frame(), null)
  assert.match(world.logger.lines.at(-1)!.message, /acks=0 failed with error 3/)
})

test('bad records are named from version 8 on', async () => {
  await using opened = await open({ configs: { 'cleanup.policy': 'compact' } })
  const batch = batchOf({ records: [{}, { key: null }, { key: null }] })
  for (let version = 3; version <= 12; version++) {
    const { errorCode, recordErrors, errorMessage, baseOffset } = await produceOne(opened.client, batch, { version })
    assert.deepEqual([errorName(errorCode), baseOffset], ['INVALID_RECORD', -1])
    assert.deepEqual(
      recordErrors.map(({ batchIndex }) => batchIndex),
      version >= 8 ? [1, 2] : [],
    )
    assert.equal(errorMessage !== null, version >= 8)
  }
})

test('timestamps far from the broker’s clock are refused', async () => {
  const configs = { 'message.timestamp.before.max.ms': '1000', 'message.timestamp.after.max.ms': '500' }
  await using opened = await open({ configs })
  const at = (timestampMs: number) => produceError(opened.client, batchOf({ records: [{ timestampMs }] }))
  assert.equal(await at(NOW_MS - 1000), 'NONE')
  assert.equal(await at(NOW_MS - 1001), 'INVALID_TIMESTAMP')
  assert.equal(await at(NOW_MS + 501), 'INVALID_TIMESTAMP')
  opened.world.time.jumpWall(1)
  assert.equal(await at(NOW_MS + 501), 'NONE')
})

test('a topic of LogAppendTime tells the time of the append, and stores it', async () => {
  await using opened = await open({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
  const { client, world } = opened
  const wallMs = world.time.wallMs()
  const { logAppendTimeMs } = await produceOne(client, batchOf({ records: [{ timestampMs: 1 }] }))
  assert.equal(logAppendTimeMs, wallMs)
  assert.equal(batchMaxTimestamp((await fetchOne(client)).records!, 0), wallMs)
})

test('a topic’s compression type is what is stored', async () => {
  await using opened = await open({ configs: { 'compression.type': 'zstd' } })
  await produceOne(opened.client, batchOf({ codec: 'gzip' }))
  const { records } = await fetchOne(opened.client)
  assert.equal(compressionOf(batchAttributes(records!, 0)), 4)
})

test('min.insync.replicas is capped at the replicas that there are', async () => {
  await using opened = await open({ configs: { 'min.insync.replicas': '2' } })
  assert.equal(await produceError(opened.client, batchOf()), 'NONE')
})

test('acks=all waits for the sync, acks=1 does not, and replies keep the order of the requests', async () => {
  await using opened = await open()
  const { client, world } = opened
  world.disk.holdSyncs()
  client.send(Produce, 12, produceRequest(batchOf(), { acks: 1 }), 1)
  await world.time.settle()
  assert.equal(client.takeFrame()?.readInt32BE(0), 1)
  client.send(Produce, 12, produceRequest(batchOf(), { acks: -1 }), 2)
  client.send(Produce, 12, produceRequest(batchOf(), { acks: 1 }), 3)
  await world.time.settle()
  assert.equal(client.takeFrame(), null)
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.deepEqual([client.takeFrame()?.readInt32BE(0), client.takeFrame()?.readInt32BE(0)], [2, 3])
})

test('a sync that takes longer than the producer allows is answered REQUEST_TIMED_OUT; the data stays', async () => {
  await using opened = await open()
  const { client, world } = opened
  world.disk.holdSyncs()
  client.send(Produce, 12, produceRequest(batchOf(), { timeoutMs: 500 }))
  await world.time.run(499)
  assert.equal(client.takeFrame(), null)
  await world.time.run(1)
  const reply = await client.receive(Produce, 12)
  const { errorCode, baseOffset } = reply!.responses[0]!.partitionResponses[0]!
  assert.deepEqual([errorName(errorCode), baseOffset], ['REQUEST_TIMED_OUT', -1])
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.equal((await fetchOne(client)).highWatermark, 1)
})

test('a full disk is answered KAFKA_STORAGE_ERROR for the partition that met it, and the broker goes on', async () => {
  await using opened = await open({ partitions: 2 })
  const { client, world } = opened
  world.disk.failNext({ operation: 'write', path: './data/t-0/00000000000000000000.log', code: 'ENOSPC' })
  assert.equal(await produceError(client, batchOf()), 'KAFKA_STORAGE_ERROR')
  assert.equal(await produceError(client, batchOf()), 'KAFKA_STORAGE_ERROR')
  assert.equal(await produceError(client, batchOf(), { partition: 1 }), 'NONE')
})

test('a log that cannot begin a segment fails its own partition of a request only', async () => {
  await using opened = await open({ partitions: 2, configs: { 'segment.bytes': '1048576' } })
  const { client, world } = opened
  const large = batchOf({ records: [{ value: 'v'.repeat(700_000) }] })
  assert.equal(await produceError(client, large), 'NONE')
  world.disk.failNext({ operation: 'create', code: 'ENOSPC' })
  const partitionData = [0, 1].map((index) => ({ index, records: large }))
  const reply = await client.ask(Produce, 12, { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData }] })
  const errors = reply.responses[0]!.partitionResponses.map(({ errorCode }) => errorName(errorCode))
  assert.deepEqual(errors, ['KAFKA_STORAGE_ERROR', 'NONE'])
})
