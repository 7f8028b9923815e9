import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { batchRecordCount } from '@ottla/protocol/records/batch.ts'
import { DeliveryTimeoutError, DisposedError, OverloadError, RecordTooLargeError } from '../errors.ts'
import { FakeLog, fakeCluster, metadataAnswer, settled, TOPIC_ID } from '../fake-broker.ts'
import { Producer, type ProducerOptions } from './producer.ts'

type ProduceRequest = RequestOf<typeof Produce>
type Verdict = { error: ErrorName; baseOffset: number } | 'hang-up' | null

/** A producer on a broker whose partitions are logs; `intercept` may answer instead of, or after, the log. */
async function world(options: ProducerOptions & { partitions?: number } = {}) {
  const { partitions = 1, ...producerOptions } = options
  const cluster = await fakeCluster({ partitions })
  const logs = Array.from({ length: partitions }, () => new FakeLog())
  const script: { intercept: (append: () => Verdict, attempt: number) => Verdict } = { intercept: (append) => append() }
  let attempts = 0
  cluster.broker.on(Produce, (request) => {
    attempts++
    const rows = partitionsOf(request).map(({ index, records }) => {
      return { index, verdict: script.intercept(() => logs[index]!.append(records!), attempts) }
    })
    if (rows.some(({ verdict }) => verdict === 'hang-up')) return 'hang-up'
    if (request.acks === 0 || rows.some(({ verdict }) => verdict === null)) return null
    return { responses: [{ name: 't', topicId: TOPIC_ID, partitionResponses: rows.map(answerRow) }] }
  })
  const client = await cluster.open()
  return { ...cluster, client, logs, script, producer: new Producer(client, producerOptions) }
}

function partitionsOf(request: ProduceRequest) {
  return request.topicData.flatMap(({ partitionData }) => partitionData)
}

function answerRow({ index, verdict }: { index: number; verdict: Verdict }) {
  const { error, baseOffset } = verdict as { error: ErrorName; baseOffset: number }
  return { index, errorCode: errorCode(error), baseOffset }
}

function refused(error: ErrorName): Verdict {
  return { error, baseOffset: -1 }
}

const values = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ value: `v${from + index}` }))
const texts = (count: number) => values(count).map(({ value }) => value)

test('records of one turn share a batch and each learns its own offset', async () => {
  const { time, producer, broker } = await world()
  const sends = Promise.all(values(10).map((record) => producer.send('t', record)))
  const stored = await settled(time, sends)
  assert.deepEqual(
    stored.map(({ offset }) => offset),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  assert.equal(broker.count(Produce), 1)
})

test('what is sent while a batch is under way gathers in the next one', async () => {
  const { time, producer, broker, logs } = await world()
  await settled(time, producer.send('t', { value: 'first' }))
  const before = broker.count(Produce)
  const all = values(100).map(async (record) => await producer.send('t', record))
  await settled(time, Promise.all(all))
  assert.equal(broker.count(Produce) - before, 1)
  assert.deepEqual(logs[0]!.values, ['first', ...texts(100)])
})

test('a lost reply does not store a batch twice', async () => {
  const { time, producer, script, logs } = await world()
  script.intercept = (append, attempt) => {
    const verdict = append()
    return attempt === 1 ? 'hang-up' : verdict
  }
  const stored = await settled(time, producer.sendBatch('t', values(3)), 5000)
  assert.deepEqual(stored.ranges, [{ partition: 0, firstOffset: 0, count: 3 }])
  assert.deepEqual(logs[0]!.values, texts(3))
})

test('order is kept when the first of several batches under way is refused for a moment', async () => {
  const { time, producer, script, logs } = await world({ batchBytesMax: 200 })
  script.intercept = (append, attempt) => (attempt === 1 ? refused('NOT_LEADER_OR_FOLLOWER') : append())
  await settled(time, producer.sendBatch('t', values(100)), 5000)
  assert.deepEqual(logs[0]!.values, texts(100))
})

test('order is kept and nothing doubled when connections break again and again', async () => {
  const { time, producer, script, logs } = await world({ batchBytesMax: 300 })
  script.intercept = (append, attempt) => {
    if (attempt % 7 === 2) return 'hang-up'
    const verdict = append()
    return attempt % 5 === 3 ? 'hang-up' : verdict
  }
  const result = await settled(time, producer.sendBatch('t', values(400)), 60_000)
  assert.equal(result.recordCount, 400)
  assert.deepEqual(logs[0]!.values, texts(400))
})

test('a broker that lost records of the producer gets the rest under a new epoch, in order', async () => {
  const { time, producer, logs } = await world()
  await settled(time, producer.sendBatch('t', values(3)))
  await settled(time, producer.sendBatch('t', values(2, 3)))
  logs[0]!.forget(2)
  await settled(time, producer.sendBatch('t', values(2, 5)), 5000)
  assert.deepEqual(logs[0]!.values, ['v0', 'v1', 'v2', 'v5', 'v6'])
})

test('a fenced producer id is replaced by a new one', async () => {
  const { time, producer, broker, script, logs } = await world()
  script.intercept = (append, attempt) => (attempt === 1 ? refused('INVALID_PRODUCER_EPOCH') : append())
  await settled(time, producer.sendBatch('t', values(2)), 5000)
  assert.equal(broker.count(InitProducerId), 2)
  assert.deepEqual(logs[0]!.values, texts(2))
})

test('an error that will not pass fails the records with what was refused and what to do', async () => {
  const { time, producer, script } = await world()
  script.intercept = () => refused('MESSAGE_TOO_LARGE')
  const send = producer.send('t', { value: 'x' })
  await assert.rejects(
    settled(time, send),
    (error) => error instanceof ProtocolError && /"t-0".*max\.message\.bytes/.test(error.message),
  )
})

test('after a batch was given up the next one is stored all the same', async () => {
  const { time, producer, script, logs } = await world()
  await settled(time, producer.send('t', { value: 'a' }))
  script.intercept = () => refused('INVALID_RECORD')
  await assert.rejects(settled(time, producer.send('t', { value: 'b' })), /INVALID_RECORD/)
  script.intercept = (append) => append()
  await settled(time, producer.send('t', { value: 'c' }), 5000)
  assert.deepEqual(logs[0]!.values, ['a', 'c'])
})

test('a record that is not acknowledged within deliveryTimeoutMs fails with the reason', async () => {
  const { time, producer, script } = await world({ deliveryTimeoutMs: 3000 })
  script.intercept = () => refused('NOT_ENOUGH_REPLICAS')
  const send = producer.send('t', { value: 'x' })
  await assert.rejects(
    settled(time, send, 6000),
    (error) => error instanceof DeliveryTimeoutError && /NOT_ENOUGH_REPLICAS/.test(error.message),
  )
})

test('acks 1 has one batch of a partition under way, so that order needs no sequence', async () => {
  const { time, producer, broker, script, logs } = await world({ acks: 1, batchBytesMax: 200 })
  script.intercept = (append, attempt) => (attempt % 3 === 1 ? refused('NOT_LEADER_OR_FOLLOWER') : append())
  await settled(time, producer.sendBatch('t', values(60)), 60_000)
  assert.deepEqual(logs[0]!.values, texts(60))
  assert.equal(broker.count(InitProducerId), 0)
})

test('acks 0 is done once the bytes have left', async () => {
  const { time, producer, logs } = await world({ acks: 0 })
  assert.equal((await settled(time, producer.send('t', { value: 'x' }))).offset, -1)
  await time.settle()
  assert.deepEqual(logs[0]!.values, ['x'])
})

test('lingerMs holds a record back for company, and flush does not wait for it', async () => {
  const { time, producer, broker } = await world({ lingerMs: 50 })
  await settled(time, producer.send('t', { value: 'a' }), 60)
  const second = producer.send('t', { value: 'b' })
  await time.run(40)
  assert.equal(broker.count(Produce), 1)
  await settled(time, producer.flush())
  await second
  assert.equal(broker.count(Produce), 2)
})

test('records without a key stay together in a batch and change partition between batches', async () => {
  const { time, producer, logs } = await world({ partitions: 4 })
  for (let round = 0; round < 40; round++) {
    const result = await settled(time, producer.sendBatch('t', values(5)))
    assert.equal(result.ranges.length, 1)
  }
  for (const log of logs) assert.ok(log.values.length > 0)
})

test('records with a key go where every Kafka client puts them', async () => {
  const { time, producer } = await world({ partitions: 4 })
  const { partition } = await settled(time, producer.send('t', { key: 'foobar', value: null }))
  assert.equal(partition, (-790332482 & 0x7fffffff) % 4)
})

test('a full buffer holds callers back, room lets them go on, and one caller too many is refused', async () => {
  const { time, producer, script, logs } = await world({ bufferBytesMax: 500, waitingSendsMax: 2 })
  await settled(time, producer.send('t', { value: 'first' }))
  script.intercept = () => null
  const value = Buffer.alloc(600)
  const sends = [1, 2, 3].map(() => producer.send('t', { value }))
  await time.settle()
  assert.ok(producer.bufferedBytes >= 500 && producer.bufferedBytes < 1200)
  await assert.rejects(producer.send('t', { value }), OverloadError)
  script.intercept = (append) => append()
  await settled(time, Promise.all(sends), 60_000)
  assert.equal(logs[0]!.values.length, 4)
  assert.equal(producer.bufferedBytes, 0)
})

test('a record larger than any request is refused at once and by size', async () => {
  const { time, producer } = await world({ requestBytesMax: 1000 })
  await settled(time, producer.send('t', { value: Buffer.alloc(800) }))
  await assert.rejects(settled(time, producer.send('t', { value: Buffer.alloc(1000) })), RecordTooLargeError)
  await assert.rejects(settled(time, producer.send('t', { value: 'x', partition: 1 })), /it has 1, numbered from 0/)
})

test('a topic that does not exist fails its records by name once topicTimeoutMs has passed', async () => {
  const { time, producer, broker } = await world({ topicTimeoutMs: 1000 })
  await assert.rejects(settled(time, producer.send('nope', { value: 'x' }), 2000), /Topic "nope" does not exist/)
  assert.ok(broker.count(Metadata) > 5)
})

test('a leader that is not there yet is waited for', async () => {
  const { time, producer, broker, logs } = await world()
  const answer = metadataAnswer({ names: ['t'], partitions: 1 })
  const leaderless = {
    ...answer,
    topics: answer.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((row) => ({ ...row, leaderId: -1, errorCode: 5 })),
    })),
  }
  broker.on(Metadata, () => leaderless)
  const send = producer.send('t', { value: 'x' })
  await time.run(2000)
  assert.deepEqual(logs[0]!.values, [])
  broker.on(Metadata, () => answer)
  await settled(time, send, 2000)
  assert.deepEqual(logs[0]!.values, ['x'])
})

test('batches carry what was sent together, whatever the compression', async () => {
  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const { time, producer, broker, logs } = await world({ compression })
    await settled(time, producer.sendBatch('t', values(50)))
    assert.deepEqual(logs[0]!.values, texts(50), compression)
    const request = broker.asked.find(({ name }) => name === 'Produce')!.value as ProduceRequest
    assert.equal(batchRecordCount(partitionsOf(request)[0]!.records!, 0), 50)
  }
})

test('disposing fails what has no outcome and leaves no timer', async () => {
  const { time, producer, client, script } = await world()
  script.intercept = () => null
  const failure = assert.rejects(producer.send('t', { value: 'x' }), DisposedError)
  await time.settle()
  await producer[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
  await failure
  await assert.rejects(producer.send('t', { value: 'x' }), DisposedError)
  await time.settle()
  assert.equal(time.pendingTimers, 0)
})
