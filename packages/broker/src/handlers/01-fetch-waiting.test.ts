import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { decodeResponse } from '@ottla/protocol/frame.ts'
import { batchBaseOffset, batchesIn } from '@ottla/protocol/records/batch.ts'
import type { RawClient } from '../testing/raw-client.ts'
import {
  batchOf,
  type FetchOptions,
  fetchRequest,
  produceOne,
  produceRequest,
  StillWorld,
} from '../testing/still-world.ts'

const VERSION = 12
type Reply = ResponseOf<typeof Fetch>

async function open(options: { partitions?: number } = {}) {
  const world = await StillWorld.start()
  const [client, producer] = [await world.connect(), await world.connect()]
  const topicId = await world.createTopic(client, 't', { partitions: options.partitions ?? 1 })
  const park = async (fetch: FetchOptions = {}) => {
    client.send(Fetch, VERSION, fetchRequest({ maxWaitMs: 1000, ...fetch }))
    await world.time.settle()
  }
  return { world, client, producer, topicId, park, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** The reply, if it is there. */
async function answered(client: RawClient, world: StillWorld): Promise<Reply | null> {
  await world.time.settle()
  const frame = client.takeFrame()
  if (frame === null) return null
  return decodeResponse(Fetch, VERSION, frame)
}

function offsetsOf(reply: Reply | null, index = 0): number[] {
  const { records } = reply!.responses[0]!.partitions[index]!
  return [...batchesIn(records!)].map((batch) => batchBaseOffset(batch, 0))
}

test('a fetch at the end waits as long as it may, then says that there is nothing', async () => {
  await using opened = await open()
  const { world, client, park } = opened
  await park()
  await world.time.run(999)
  assert.equal(await answered(client, world), null)
  await world.time.run(1)
  const reply = await answered(client, world)
  assert.deepEqual([reply!.responses[0]!.partitions[0]!.errorCode, offsetsOf(reply)], [0, []])
})

test('a fetch that may not wait, or wants nothing, is answered at once', async () => {
  await using opened = await open()
  const { world, client, park } = opened
  for (const fetch of [
    { maxWaitMs: 0 },
    { maxWaitMs: -1 },
    { minBytes: 0 },
    { minBytes: -5 },
    { maxBytes: 0 },
    { topics: [] },
  ]) {
    await park(fetch)
    assert.notEqual(await answered(client, world), null, JSON.stringify(fetch))
  }
})

test('an error is answered at once, with what else there is', async () => {
  await using opened = await open({ partitions: 2 })
  const { world, client, producer } = opened
  await produceOne(producer, batchOf())
  const asked = { fetchOffset: 0, partitionMaxBytes: 1000 }
  const partitions = [
    { ...asked, partition: 0 },
    { ...asked, partition: 1, fetchOffset: 5 },
  ]
  client.send(Fetch, VERSION, {
    ...fetchRequest({ maxWaitMs: 1000, minBytes: 10_000 }),
    topics: [{ topic: 't', partitions }],
  })
  const reply = await answered(client, world)
  assert.deepEqual(
    reply!.responses[0]!.partitions.map(({ errorCode }) => errorName(errorCode)),
    ['NONE', 'OFFSET_OUT_OF_RANGE'],
  )
  assert.deepEqual(offsetsOf(reply), [0])
})

test('a partition that is not there does not end the wait for others, and is told at its end', async () => {
  await using opened = await open()
  const { world, client, producer } = opened
  await produceOne(producer, batchOf())
  const asked = { fetchOffset: 0, partitionMaxBytes: 1000 }
  const partitions = [0, 7].map((partition) => ({ ...asked, partition }))
  const fetch = fetchRequest({ maxWaitMs: 1000, minBytes: 10_000 })
  client.send(Fetch, VERSION, { ...fetch, topics: [{ topic: 't', partitions }] })
  assert.equal(await answered(client, world), null)
  await world.time.run(1000)
  const reply = await answered(client, world)
  const errors = reply!.responses[0]!.partitions.map(({ errorCode }) => errorName(errorCode))
  assert.deepEqual(errors, ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
  client.send(Fetch, VERSION, { ...fetch, topics: [{ topic: 't', partitions: [partitions[1]!] }] })
  assert.notEqual(await answered(client, world), null, 'there is nothing to wait for')
})

test('a waiting fetch is woken by a produce of every acks', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  for (const [offset, acks] of [
    [0, 1],
    [1, -1],
    [2, 0],
  ] as const) {
    await park({ offset })
    assert.equal(await answered(client, world), null)
    producer.send(Produce, 12, produceRequest(batchOf(), { acks }))
    assert.deepEqual(offsetsOf(await answered(client, world)), [offset], `acks ${acks}`)
  }
})

test('a waiting fetch sees an acks=all batch only when it is synced', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  await park()
  world.disk.holdSyncs()
  producer.send(Produce, 12, produceRequest(batchOf()))
  assert.equal(await answered(client, world), null)
  world.disk.releaseSyncs()
  assert.deepEqual(offsetsOf(await answered(client, world)), [0])
})

test('a fetch waits for its minimum of bytes, and holds nothing meanwhile', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  const bytes = batchOf().length
  await park({ minBytes: 3 * bytes })
  for (let i = 0; i < 2; i++) {
    await produceOne(producer, batchOf())
    assert.equal(await answered(client, world), null)
  }
  await produceOne(producer, batchOf())
  assert.deepEqual(offsetsOf(await answered(client, world)), [0, 1, 2])
  await park({ minBytes: 4 * bytes })
  await world.time.run(1000)
  assert.deepEqual(offsetsOf(await answered(client, world)), [0, 1, 2], 'what there is when the time is over')
})

test('the minimum is capped by the maximum', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  await produceOne(producer, batchOf())
  await park({ minBytes: 1_000_000, maxBytes: 10 })
  assert.deepEqual(offsetsOf(await answered(client, world)), [0])
})

test('the bytes of all partitions count for the minimum', async () => {
  await using opened = await open({ partitions: 2 })
  const { world, client, producer } = opened
  const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 }))
  client.send(Fetch, VERSION, {
    ...fetchRequest({ maxWaitMs: 1000, minBytes: 2 * batchOf().length }),
    topics: [{ topic: 't', partitions }],
  })
  await produceOne(producer, batchOf(), { partition: 1 })
  assert.equal(await answered(client, world), null)
  await produceOne(producer, batchOf(), { partition: 0 })
  const reply = await answered(client, world)
  assert.deepEqual([offsetsOf(reply, 0), offsetsOf(reply, 1)], [[0], [0]])
})

test('a topic that is deleted wakes those who wait for it', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  await park()
  await producer.ask(DeleteTopics, 5, { topicNames: ['t'], timeoutMs: 1000 })
  const reply = await answered(client, world)
  assert.equal(errorName(reply!.responses[0]!.partitions[0]!.errorCode), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('many fetches may wait on one connection, are woken together and answered in order', async () => {
  await using opened = await open()
  const { world, client, producer } = opened
  for (let id = 1; id <= 100; id++) client.send(Fetch, VERSION, fetchRequest({ maxWaitMs: 1000 }), id)
  await world.time.settle()
  await produceOne(producer, batchOf())
  await world.time.settle()
  for (let id = 1; id <= 100; id++) assert.equal(client.takeFrame()?.readInt32BE(0), id)
})

test('a client that goes while its fetch waits leaves no timer and no bytes behind', async () => {
  await using opened = await open()
  const { world, client, producer, park } = opened
  await produceOne(producer, batchOf())
  const timers = world.time.pendingTimers
  await park({ minBytes: 10_000, maxWaitMs: 100_000 })
  assert.equal(world.time.pendingTimers, timers + 1)
  client[Symbol.dispose]()
  await world.time.settle()
  assert.equal(world.time.pendingTimers, timers)
})
