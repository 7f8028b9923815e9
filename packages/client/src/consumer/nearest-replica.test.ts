import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { openClient } from '../client.ts'
import { FakeBroker, fakeCluster, metadataAnswer, settled, TOPIC_ID } from '../fake-broker.ts'
import { Fetcher } from './fetcher.ts'
import { PartitionPosition } from './partition-position.ts'

const LEADER = 1
const NEAR = 2
const FETCH_WAIT_MS = 500
const AGE_MS_MAX = 10_000

function record(offset: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ timestampMs: 1000, key: null, value: `v${offset}` })
  const bytes = Buffer.from(builder.build())
  assignOffset(bytes, 0, offset, 0)
  return bytes
}

/** A leader that sends readers of rack `b` to broker 2, which has what the test gives it; 1 serves what 2 refuses. */
async function world() {
  const cluster = await fakeCluster()
  const near = await FakeBroker.start(cluster.network.join('near'), 9092)
  const state = { end: 0, nearError: 'NONE' as ErrorName, sends: true, sentTo: NEAR, nearIsKnown: true }
  cluster.broker.on(Metadata, () => {
    const answer = metadataAnswer({ names: ['t'], partitions: 1 })
    const second = { nodeId: NEAR, host: 'near', port: 9092 }
    return { ...answer, brokers: state.nearIsKnown ? [...answer.brokers, second] : answer.brokers }
  })
  const asked: string[] = []
  const serve = (broker: FakeBroker, id: number) =>
    broker.on(Fetch, async (request) => {
      const { fetchOffset } = request.topics[0]!.partitions[0]!
      asked.push(`${id}@${fetchOffset}`)
      const isSent = id === LEADER && state.sends && request.rackId === 'b'
      const error = id === NEAR ? state.nearError : 'NONE'
      const isNews = fetchOffset < state.end && !isSent && error === 'NONE'
      if (!isNews && !isSent && error === 'NONE') await cluster.time.sleep(request.maxWaitMs)
      const records = isNews ? record(fetchOffset) : null
      const base = { partitionIndex: 0, errorCode: errorCode(error), highWatermark: state.end, records }
      const partition = { ...base, abortedTransactions: null, preferredReadReplica: isSent ? state.sentTo : -1 }
      return { responses: [{ topic: 't', topicId: TOPIC_ID, partitions: [partition] }] }
    })
  serve(cluster.broker, LEADER)
  serve(near, NEAR)
  const opening = openClient({ bootstrap: 'broker:9092', ports: cluster.ports, metadataAgeMsMax: AGE_MS_MAX })
  const client = await settled(cluster.time, opening)
  await settled(cluster.time, client.metadata.find('t', { timeoutMs: 0, autoCreate: false }))
  const read = (rack: string | undefined) => {
    const fetcher = new Fetcher(client, { fetchWaitMs: FETCH_WAIT_MS, ...(rack === undefined ? {} : { rack }) })
    fetcher.add([new PartitionPosition({ topic: 't', partition: 0, offset: 0, untilOffset: Number.POSITIVE_INFINITY })])
    const nextOffset = async () => (await fetcher.next({ ends: false }))!.nextOffset - 1
    return { next: (forMs = 0) => settled(cluster.time, nextOffset(), forMs) }
  }
  return { ...cluster, near, client, state, asked, read }
}

test('a consumer with a rack goes where the leader sends it, at once, and stays there', async () => {
  const w = await world()
  w.state.end = 3
  const reader = w.read('b')
  for (let i = 0; i < 3; i++) assert.equal(await reader.next(), i)
  assert.deepEqual(w.asked.slice(0, 4), ['1@0', '2@0', '2@1', '2@2'])
})

test('a consumer without a rack tells none, and reads at the leader', async () => {
  const w = await world()
  w.state.end = 1
  await w.read(undefined).next()
  assert.equal(w.asked[0], '1@0')
  assert.equal((w.broker.asked.at(-1)!.value as RequestOf<typeof Fetch>).rackId, '')
  assert.equal(w.near.count(Fetch), 0)
})

test('the leader is asked anew once what it said has grown as old as metadata may', async () => {
  const w = await world()
  const reader = w.read('b')
  const next = reader.next(2 * AGE_MS_MAX)
  await next.catch(() => undefined)
  const leaderAsked = w.asked.filter((one) => one.startsWith('1@')).length
  assert.equal(leaderAsked, 3, `${w.asked}`)
})

for (const error of [
  'OFFSET_OUT_OF_RANGE',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_TOPIC_ID',
] as const) {
  test(`where the replica answers ${error} the leader is asked again`, async () => {
    const w = await world()
    Object.assign(w.state, { end: 2, nearError: error })
    const reader = w.read('b')
    const next = reader.next(300)
    await w.time.settle()
    assert.deepEqual(w.asked, ['1@0', '2@0'], 'not in a circle without a pause')
    w.state.sends = false
    assert.equal(await next, 0)
    assert.deepEqual(w.asked.slice(0, 3), ['1@0', '2@0', '1@0'])
  })
}

test('a replica that is gone, or that the cluster does not show, sends the consumer back to the leader', async () => {
  const w = await world()
  Object.assign(w.state, { end: 2, sentTo: 7 })
  const reader = w.read('b')
  const next = reader.next(1000)
  await w.time.settle()
  assert.deepEqual(w.asked, ['1@0'])
  w.state.sends = false
  assert.equal(await next, 0)
  Object.assign(w.state, { sends: true, sentTo: NEAR })
  await reader.next(1000)
  w.network.crash('near')
  Object.assign(w.state, { end: 4, sends: false })
  assert.equal(await reader.next(3000), 2)
})

test('a broker that led when the reader began to connect is not asked by the epoch of the one that leads by then', async () => {
  const w = await world()
  w.state.end = 1
  w.network.cut('client', 'broker')
  const next = w.read(undefined).next(500)
  await w.time.settle()
  const place = { topic: 't', partition: 0, topicId: TOPIC_ID }
  assert.ok(
    w.client.metadata.learnLeader(place, { leader: { leaderId: NEAR, leaderEpoch: 1 }, endpoints: [], by: LEADER }),
  )
  w.network.heal('client', 'broker')
  assert.equal(await next, 0)
  assert.deepEqual(w.asked.slice(0, 1), ['2@0'])
})
