import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { RawClient } from '../testing/raw-client.ts'
import { batchOf, type FetchInput, produceOne, type Settings, StillWorld } from '../testing/still-world.ts'

const VERSION = 12
type Input = Partial<FetchInput>

async function open(options: { settings?: Settings } = {}) {
  const world = await StillWorld.start({ settings: options.settings ?? {} })
  const client = await world.connect()
  const topicId = await world.createTopic(client, 't', { partitions: 3 })
  return { world, client, topicId, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** Partitions of `t`, each with the offset to read from. */
function asking(...offsets: readonly (readonly [partition: number, fetchOffset: number])[]): FetchInput['topics'] {
  if (offsets.length === 0) return []
  const partitions = offsets.map(([partition, fetchOffset]) => ({
    partition,
    fetchOffset,
    partitionMaxBytes: 1_000_000,
  }))
  return [{ topic: 't', partitions }]
}

async function ask(client: RawClient, sessionId: number, sessionEpoch: number, rest: Input = {}, version = VERSION) {
  const reply = await client.ask(Fetch, version, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [],
    sessionId,
    sessionEpoch,
    ...rest,
  })
  const told = reply.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))
  return { error: errorName(reply.errorCode), id: reply.sessionId, told, responses: reply.responses }
}

test('the first reply names the session and every partition, later ones only what is new', async () => {
  await using opened = await open()
  const { client } = opened
  const first = await ask(client, 0, 0, { topics: asking([0, 0], [1, 0], [2, 0]) })
  assert.ok(first.id > 0)
  assert.deepEqual([first.error, first.told], ['NONE', [0, 1, 2]])
  const quiet = await ask(client, first.id, 1)
  assert.deepEqual([quiet.id, quiet.told], [first.id, []])
  await produceOne(client, batchOf(), { partition: 1 })
  assert.deepEqual((await ask(client, first.id, 2)).told, [1], 'there are records')
  assert.deepEqual((await ask(client, first.id, 3, { topics: asking([1, 1]) })).told, [], 'they have been read')
})

test('a moved high watermark, a moved start and an error are news once, an error until it is over', async () => {
  await using opened = await open()
  const { client } = opened
  await produceOne(client, batchOf())
  const { id } = await ask(client, 0, 0, { topics: asking([0, 1], [1, 0]) })
  await produceOne(client, batchOf())
  assert.deepEqual((await ask(client, id, 1, { topics: asking([0, 2]) })).told, [0], 'the high watermark')
  assert.deepEqual((await ask(client, id, 2)).told, [])
  await client.ask(DeleteRecords, 2, {
    timeoutMs: 1000,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
  })
  assert.deepEqual((await ask(client, id, 3)).told, [0], 'the start')
  assert.deepEqual((await ask(client, id, 4)).told, [])
  for (const epoch of [5, 6])
    assert.deepEqual((await ask(client, id, epoch, { topics: asking([0, 99]) })).told, [0], 'an error')
  assert.deepEqual((await ask(client, id, 7, { topics: asking([0, 2]) })).told, [0], 'that it is over')
  assert.deepEqual((await ask(client, id, 8)).told, [])
})

test('partitions are added and forgotten without naming the others', async () => {
  await using opened = await open()
  const { client } = opened
  const { id } = await ask(client, 0, 0, { topics: asking([0, 0]) })
  assert.deepEqual((await ask(client, id, 1, { topics: asking([2, 0]) })).told, [2])
  const forgottenTopicsData = [{ topic: 't', partitions: [0] }]
  await ask(client, id, 2, { forgottenTopicsData })
  for (const partition of [0, 2]) await produceOne(client, batchOf(), { partition })
  assert.deepEqual((await ask(client, id, 3)).told, [2])
})

test('a session without partitions is closed by the reply', async () => {
  await using opened = await open()
  const { client } = opened
  const { id } = await ask(client, 0, 0, { topics: asking([0, 0]) })
  const last = await ask(client, id, 1, { forgottenTopicsData: [{ topic: 't', partitions: [0] }] })
  assert.deepEqual([last.error, last.id, last.told], ['NONE', 0, []])
  assert.equal((await ask(client, id, 2)).error, 'FETCH_SESSION_ID_NOT_FOUND')
})

test('a wrong id, epoch or kind of names is told at the top, without a session and topics', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  const { id } = await ask(client, 0, 0, { topics: asking([0, 0]) })
  await ask(client, id, 1)
  assert.equal((await ask(client, id === 9 ? 10 : 9, 1)).error, 'FETCH_SESSION_ID_NOT_FOUND')
  assert.equal((await ask(client, id, 1)).error, 'INVALID_FETCH_SESSION_EPOCH')
  const withIds = [{ topicId, partitions: asking([0, 0])[0]!.partitions }]
  const mixed = await ask(client, id, 2, { topics: withIds }, 13)
  assert.deepEqual([mixed.error, mixed.id, mixed.told], ['FETCH_SESSION_TOPIC_ID_ERROR', 0, []])
  assert.equal((await ask(client, id, 2)).error, 'NONE', 'and the session goes on')
})

test('a session may be used over another connection', async () => {
  await using opened = await open()
  const { id } = await ask(opened.client, 0, 0, { topics: asking([0, 0]) })
  assert.equal((await ask(await opened.world.connect(), id, 1)).error, 'NONE')
})

test('a partition with data goes to the end, so that the others get their turn', async () => {
  await using opened = await open()
  const { client } = opened
  for (const partition of [0, 1, 2])
    await produceOne(client, batchOf({ records: [{ value: 'v'.repeat(500) }] }), { partition })
  const first = await ask(client, 0, 0, { maxBytes: 1, topics: asking([0, 0], [1, 0], [2, 0]) })
  const served = (reply: typeof first) =>
    reply.responses.flatMap(({ partitions }) => partitions).find(({ records }) => records!.length > 0)?.partitionIndex
  assert.equal(served(first), 0)
  for (const [epoch, expected] of [
    [1, 1],
    [2, 2],
    [3, 0],
    [4, 1],
  ] as const) {
    assert.equal(served(await ask(client, first.id, epoch, { maxBytes: 1 })), expected, `epoch ${epoch}`)
  }
})

test('an incremental fetch waits for news as any other, and names only that', async () => {
  await using opened = await open()
  const { client, world } = opened
  const { id } = await ask(client, 0, 0, { topics: asking([0, 0], [1, 0]) })
  client.send(Fetch, VERSION, { maxWaitMs: 1000, minBytes: 1, topics: [], sessionId: id, sessionEpoch: 1 })
  await world.time.settle()
  assert.equal(client.takeFrame(), null)
  await produceOne(await world.connect(), batchOf(), { partition: 1 })
  const reply = await client.receive(Fetch, VERSION)
  assert.deepEqual(
    reply!.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex)),
    [1],
  )
})

test('a session by ids survives the end of its topic, which it is told of', async () => {
  await using opened = await open()
  const { client, topicId } = opened
  const topics = [{ topicId, partitions: asking([0, 0])[0]!.partitions }]
  const { id } = await ask(client, 0, 0, { topics }, 13)
  await client.ask(DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 1000 })
  const reply = await ask(client, id, 1, {}, 13)
  assert.deepEqual([reply.error, reply.id], ['NONE', id])
  assert.equal(errorName(reply.responses[0]!.partitions[0]!.errorCode), 'UNKNOWN_TOPIC_ID')
})

test('where all slots are taken a client is served without a session', async () => {
  await using opened = await open({ settings: { 'max.incremental.fetch.session.cache.slots': '1' } })
  const { client } = opened
  assert.ok((await ask(client, 0, 0, { topics: asking([0, 0]) })).id > 0)
  const second = await ask(client, 0, 0, { topics: asking([0, 0], [1, 0]) })
  assert.deepEqual([second.error, second.id, second.told], ['NONE', 0, [0, 1]])
})

test('versions without sessions get none', async () => {
  await using opened = await open()
  const reply = await opened.client.ask(Fetch, 6, { maxWaitMs: 0, minBytes: 1, topics: asking([0, 0]) })
  assert.equal(reply.sessionId, 0)
})
