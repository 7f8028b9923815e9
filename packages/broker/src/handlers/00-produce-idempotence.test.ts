import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { RawClient } from '../testing/raw-client.ts'
import { batchOf, fetchOne, produceOne, type Settings, StillWorld } from '../testing/still-world.ts'

const SEQUENCE_MAX = 0x7fff_ffff

/** A producer that sends batches with any epoch and sequence, and hears `NONE 3` or the like. */
async function open(options: { configs?: Settings; settings?: Settings } = {}) {
  const world = await StillWorld.start({ settings: options.settings ?? {} })
  const client = await world.connect()
  await world.createTopic(client, 't', { configs: options.configs ?? {} })
  const { producerId } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 })
  const send = sender(client, producerId)
  return { world, client, producerId, send, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

function sender(client: RawClient, producerId: number) {
  return async (baseSequence: number, options: { epoch?: number; count?: number } = {}): Promise<string> => {
    const records = Array(options.count ?? 1).fill({})
    const batch = batchOf({ producerId, producerEpoch: options.epoch ?? 0, baseSequence, records })
    const { errorCode, baseOffset } = await produceOne(client, batch)
    return `${errorName(errorCode)} ${baseOffset}`
  }
}

test('a batch that is sent again gets its first offset again and is not stored twice, within five batches', async () => {
  await using opened = await open()
  const { send, client } = opened
  for (let sequence = 0; sequence < 6; sequence++) assert.equal(await send(sequence), `NONE ${sequence}`)
  for (let sequence = 1; sequence < 6; sequence++) assert.equal(await send(sequence), `NONE ${sequence}`)
  assert.equal(await send(0), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1', 'the sixth before the last is forgotten')
  assert.equal((await fetchOne(client)).highWatermark, 6)
})

test('a duplicate is the same first and last sequence, not a part of it', async () => {
  await using opened = await open()
  const { send } = opened
  assert.equal(await send(0, { count: 3 }), 'NONE 0')
  assert.equal(await send(0, { count: 3 }), 'NONE 0')
  assert.equal(await send(0, { count: 2 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  assert.equal(await send(1, { count: 2 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  assert.equal(await send(3), 'NONE 3')
})

test('a gap in the sequence is refused, and what belongs there is still taken', async () => {
  await using opened = await open()
  const { send } = opened
  assert.equal(await send(0), 'NONE 0')
  assert.equal(await send(2), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  assert.equal(await send(1), 'NONE 1')
  assert.equal(await send(2), 'NONE 2')
})

test('a new epoch begins at sequence 0, an old one is fenced', async () => {
  await using opened = await open()
  const { send } = opened
  assert.equal(await send(0), 'NONE 0')
  assert.equal(await send(1, { epoch: 1 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  assert.equal(await send(0, { epoch: 1 }), 'NONE 1')
  assert.equal(await send(1, { epoch: 0 }), 'INVALID_PRODUCER_EPOCH -1')
  assert.equal(await send(0, { epoch: 0 }), 'INVALID_PRODUCER_EPOCH -1', 'not even as a duplicate')
  assert.equal(await send(1, { epoch: 1 }), 'NONE 2')
})

test('a producer that is not known may begin with any sequence', async () => {
  await using opened = await open()
  const { send } = opened
  assert.equal(await send(41, { epoch: 3 }), 'NONE 0')
  assert.equal(await send(42, { epoch: 3 }), 'NONE 1')
})

test('after the largest sequence comes 0, also inside a batch, and duplicates are known across it', async () => {
  await using opened = await open()
  const { send, client } = opened
  assert.equal(await send(SEQUENCE_MAX - 1), 'NONE 0')
  assert.equal(await send(SEQUENCE_MAX, { count: 3 }), 'NONE 1')
  assert.equal(await send(SEQUENCE_MAX, { count: 3 }), 'NONE 1')
  assert.equal(await send(2), 'NONE 4')
  assert.equal(await send(SEQUENCE_MAX - 1), 'NONE 0')
  assert.equal((await fetchOne(client)).highWatermark, 5)
})

test('the duplicate’s answer has the time of the first append', async () => {
  await using opened = await open({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
  const { client, world, producerId } = opened
  const batch = batchOf({ producerId, producerEpoch: 0, baseSequence: 0 })
  const first = await produceOne(client, batch)
  await world.time.run(5000)
  const second = await produceOne(client, batch)
  assert.equal(second.logAppendTimeMs, first.logAppendTimeMs)
})

test('producers do not know each other, and partitions keep their own sequences', async () => {
  await using opened = await open()
  const { client, send } = opened
  const { producerId } = await client.ask(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 })
  assert.notEqual(producerId, opened.producerId)
  const other = sender(client, producerId)
  assert.equal(await send(0), 'NONE 0')
  assert.equal(await other(0), 'NONE 1')
  assert.equal(await send(1), 'NONE 2')
})

test('a restarted broker knows the last batch of each producer', async () => {
  const opened = await open()
  assert.equal(await opened.send(0), 'NONE 0')
  assert.equal(await opened.send(1), 'NONE 1')
  await using world = await opened.world.restart()
  const send = sender(await world.connect(), opened.producerId)
  assert.equal(await send(1), 'NONE 1')
  assert.equal(await send(3), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  assert.equal(await send(2), 'NONE 2')
})

test('a producer that was silent for producer.id.expiration.ms is forgotten', async () => {
  await using opened = await open({ settings: { 'producer.id.expiration.ms': '60000' } })
  assert.equal(await opened.send(0), 'NONE 0')
  await opened.world.time.run(59_000)
  assert.equal(await opened.send(7), 'OUT_OF_ORDER_SEQUENCE_NUMBER -1')
  await opened.world.time.run(2000)
  assert.equal(await opened.send(7), 'NONE 1')
})
