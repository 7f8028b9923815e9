import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchOf, produceOne, StillWorld } from '../testing/still-world.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { call } from './admin-harness.ts'

async function open() {
  const world = await StillWorld.start()
  const client = await world.connect()
  await world.createTopic(client, 't')
  await produceOne(client, batchOf({ records: [{}, {}, {}] }))
  const ask = async (
    leaderEpoch: number,
    options: { version?: number; topic?: string; partition?: number; currentLeaderEpoch?: number } = {},
  ) => {
    const { version = 4, topic = 't', partition = 0, currentLeaderEpoch = -1 } = options
    const partitions = [{ partition, leaderEpoch, currentLeaderEpoch }]
    const reply = await client.ask(OffsetForLeaderEpoch, version, { topics: [{ topic, partitions }] })
    const told = reply.topics[0]!.partitions[0]!
    return [errorName(told.errorCode), told.leaderEpoch, told.endOffset]
  }
  return { world, ask, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

test('the current epoch ends at the end of the log, in every version', async () => {
  await using opened = await open()
  for (let version = 2; version <= 4; version++) assert.deepEqual(await opened.ask(0, { version }), ['NONE', 0, 3])
})

test('an epoch that nobody knows is answered with nothing, which is no error', async () => {
  await using opened = await open()
  assert.deepEqual(await opened.ask(1), ['NONE', -1, -1])
  assert.deepEqual(await opened.ask(-1), ['NONE', -1, -1])
})

test('unknown partitions and leader epochs are told as such', async () => {
  await using opened = await open()
  assert.deepEqual(await opened.ask(0, { topic: 'none' }), ['UNKNOWN_TOPIC_OR_PARTITION', -1, -1])
  assert.deepEqual(await opened.ask(0, { partition: 5 }), ['UNKNOWN_TOPIC_OR_PARTITION', -1, -1])
  assert.deepEqual(await opened.ask(0, { currentLeaderEpoch: 1 }), ['UNKNOWN_LEADER_EPOCH', -1, -1])
  assert.deepEqual(await opened.ask(0, { currentLeaderEpoch: 0 }), ['NONE', 0, 3])
})

test('who may not see a topic is told so', async () => {
  const handler = offsetForLeaderEpoch({} as Parameters<typeof offsetForLeaderEpoch>[0])
  const request = { topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
  const reply = await call(OffsetForLeaderEpoch, handler, { version: 4, request, denied: [['describe', 'topic', 't']] })
  assert.equal(errorName(reply.topics[0]!.partitions[0]!.errorCode), 'TOPIC_AUTHORIZATION_FAILED')
})
