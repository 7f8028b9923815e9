import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { Fetcher } from './consumer/fetcher.ts'
import { PartitionPosition } from './consumer/partition-position.ts'
import { FakeBroker, FakeLog, fakeCluster, metadataAnswer, settled, TOPIC_ID } from './fake-broker.ts'
import { Producer } from './producer/producer.ts'

const NEXT = { nodeId: 2, host: 'next', port: 9092 }

/** Broker 1 is known to lead; 2 does, and nobody tells but 1 with its refusals. What was asked is `<broker> <api>`. */
async function world(hint: { leaderId: number; leaderEpoch: number } = { leaderId: 2, leaderEpoch: 1 }) {
  const cluster = await fakeCluster()
  const next = await FakeBroker.start(cluster.network.join('next'), 9092)
  const [log, asked] = [new FakeLog(), [] as string[]]
  const state = { error: 'NOT_LEADER_OR_FOLLOWER' as 'NOT_LEADER_OR_FOLLOWER' | 'FENCED_LEADER_EPOCH', hint }
  const refusal = () => ({ errorCode: errorCode(state.error), currentLeader: state.hint })
  // As one that lags: what it answers is older than the hint.
  cluster.broker.on(Metadata, () => metadataAnswer({ names: ['t'], partitions: 1 }))
  const on = (broker: FakeBroker, id: number): void => {
    const nodeEndpoints = [NEXT]
    broker.on(Produce, (request) => {
      asked.push(`${id} Produce`)
      const { records } = request.topicData[0]!.partitionData[0]!
      const row = id === 1 ? { baseOffset: -1, ...refusal() } : stored(log, records!)
      const partitionResponses = [{ index: 0, ...row }]
      return { responses: [{ name: 't', topicId: TOPIC_ID, partitionResponses }], nodeEndpoints }
    })
    broker.on(Fetch, () => {
      asked.push(`${id} Fetch`)
      const row = id === 1 ? { records: null, ...refusal() } : { errorCode: 0, records: record() }
      const partitions = [{ partitionIndex: 0, highWatermark: 1, abortedTransactions: null, ...row }]
      return { responses: [{ topic: 't', topicId: TOPIC_ID, partitions }], nodeEndpoints }
    })
  }
  on(cluster.broker, 1)
  on(next, 2)
  const client = await cluster.open()
  await settled(cluster.time, client.metadata.find('t', { timeoutMs: 0, autoCreate: false }))
  return { ...cluster, client, asked, state, log }
}

function stored(log: FakeLog, records: Buffer) {
  const { error, baseOffset } = log.append(records)
  return { errorCode: errorCode(error), baseOffset }
}

function record(): Buffer {
  const builder = new BatchBuilder()
  builder.append({ timestampMs: 1000, key: null, value: 'v' })
  const bytes = Buffer.from(builder.build())
  assignOffset(bytes, 0, 0, 0)
  return bytes
}

test('a producer that is told the leader sends again there at once', async () => {
  const w = await world()
  const producer = new Producer(w.client)
  await settled(w.time, producer.send('t', { value: 'v' }))
  assert.deepEqual(w.asked, ['1 Produce', '2 Produce'])
})

test('several batches that were refused at one time all go to the leader at once, in order', async () => {
  const w = await world()
  const producer = new Producer(w.client, { batchBytesMax: 100, lingerMs: 1 })
  const sends = Array.from({ length: 4 }, (_, i) => producer.send('t', { value: `${i}`.repeat(60) }))
  await settled(w.time, Promise.all(sends), 2)
  assert.deepEqual(
    w.log.values.map((value) => value[0]),
    ['0', '1', '2', '3'],
  )
})

test('a consumer that is told the leader asks there at once, with either error', async () => {
  for (const error of ['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH'] as const) {
    const w = await world()
    w.state.error = error
    const fetcher = new Fetcher(w.client, {})
    fetcher.add([new PartitionPosition({ topic: 't', partition: 0, offset: 0, untilOffset: 1 })])
    await settled(w.time, fetcher.next({ ends: true }))
    assert.deepEqual(w.asked, ['1 Fetch', '2 Fetch'], error)
  }
})

test('a hint that is no newer than what is known, or names nobody, makes nobody ask in a circle', async () => {
  for (const hint of [
    { leaderId: 1, leaderEpoch: 0 },
    { leaderId: 2, leaderEpoch: -1 },
    { leaderId: -1, leaderEpoch: 7 },
  ]) {
    const w = await world(hint)
    const producer = new Producer(w.client)
    const sending = producer.send('t', { value: 'v' })
    sending.catch(() => undefined)
    await w.time.run(50)
    assert.deepEqual(w.asked, ['1 Produce'])
    w.state.hint = { leaderId: 2, leaderEpoch: 1 }
    await settled(w.time, sending, 2000)
  }
})
