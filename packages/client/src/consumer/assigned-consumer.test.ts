import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { assignOffset, batchLastOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder, type BatchFields, buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import { fakeCluster, metadataAnswer, settled, TOPIC_ID } from '../fake-broker.ts'
import { AssignedConsumer, type AssignedConsumerOptions } from './assigned-consumer.ts'
import type { ConsumerRecord } from './fetched-batch.ts'
import { CorruptBatchError } from './partition-position.ts'

type FetchRequest = RequestOf<typeof Fetch>
type FetchPartition = ResponseInputOf<typeof Fetch>['responses'][number]['partitions'][number]

function batch(baseOffset: number, values: readonly string[], fields: BatchFields = {}): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ timestampMs: 1000 + baseOffset, key: null, value })
  const bytes = Buffer.from(builder.build(fields))
  assignOffset(bytes, 0, baseOffset, 0)
  return bytes
}

/** A broker with these batches in partition 0; `answer` may change what a fetch gets. */
async function world(batches: readonly Buffer[], logStart = 0) {
  const cluster = await fakeCluster()
  const end = batches.length === 0 ? logStart : batchLastOffset(batches.at(-1)!, 0) + 1
  const plain = (request: FetchRequest): Partial<FetchPartition> => {
    const { fetchOffset } = request.topics[0]!.partitions[0]!
    if (fetchOffset < logStart || fetchOffset > end) return { errorCode: errorCode('OFFSET_OUT_OF_RANGE') }
    return { records: Buffer.concat(batches.filter((bytes) => batchLastOffset(bytes, 0) >= fetchOffset)) }
  }
  const script: { answer: (request: FetchRequest, plain: () => Partial<FetchPartition>) => Partial<FetchPartition> } = {
    answer: (_request, ordinary) => ordinary(),
  }
  cluster.broker.on(Fetch, async (request) => {
    const row = script.answer(request, () => plain(request))
    if ((row.records?.length ?? 0) === 0 && row.errorCode === undefined) await cluster.time.sleep(request.maxWaitMs)
    const partition: FetchPartition = {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: end,
      abortedTransactions: null,
      records: null,
      ...row,
    }
    return { responses: [{ topic: 't', topicId: TOPIC_ID, partitions: [partition] }] }
  })
  cluster.broker.on(ListOffsets, ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => {
        const byTime = batches.find((bytes) => bytes.readBigInt64BE(27) >= BigInt(timestamp))
        const offset =
          timestamp === -1
            ? end
            : timestamp === -2
              ? logStart
              : byTime === undefined
                ? -1
                : Number(byTime.readBigInt64BE(0))
        return { partitionIndex, errorCode: 0, offset }
      }),
    })),
  }))
  const client = await cluster.open()
  const read = async (
    assignment: Partial<AssignedConsumerOptions['assignments'][number]>,
    options: Partial<AssignedConsumerOptions> = {},
  ) => {
    const assignments = [{ topic: 't', partition: 0, from: 'beginning', until: 'end', ...assignment }] as const
    const opening = AssignedConsumer.open(client, { assignments, ...options })
    const consumer = await settled(cluster.time, opening, 1000)
    return { consumer, all: () => settled(cluster.time, gather(consumer), 60_000) }
  }
  return { ...cluster, client, script, read, end }
}

async function gather(consumer: AssignedConsumer): Promise<string[]> {
  const records: ConsumerRecord[] = []
  for await (const record of consumer.records()) records.push(record)
  return records.map(({ offset, value }) => `${offset}:${value}`)
}

const log = [batch(0, ['a', 'b', 'c']), batch(3, ['d']), batch(4, ['e', 'f'])]

test('everything from beginning to end is read once and in order, then reading ends', async () => {
  const { read } = await world(log)
  const { all } = await read({})
  assert.deepEqual(await all(), ['0:a', '1:b', '2:c', '3:d', '4:e', '5:f'])
})

test('records of the first batch below the asked offset, and of the last from until on, are left out', async () => {
  const { read } = await world(log)
  assert.deepEqual(await (await read({ from: 1, until: 5 })).all(), ['1:b', '2:c', '3:d', '4:e'])
})

test('an empty range ends at once', async () => {
  const { read, broker } = await world(log)
  assert.deepEqual(await (await read({ from: 'end' })).all(), [])
  assert.equal(broker.count(Fetch), 0)
})

test('a time is looked up, and the end is taken where no record is as new', async () => {
  const { read } = await world(log)
  assert.deepEqual(await (await read({ from: { timestampMs: 1004 } })).all(), ['4:e', '5:f'])
  assert.deepEqual(await (await read({ from: { timestampMs: 9999 } })).all(), [])
})

test('a batch that is cut off at the end of an answer is fetched again', async () => {
  const { read, script } = await world(log)
  let cuts = 0
  script.answer = (_request, plain) => {
    const { records } = plain()
    return { records: cuts++ === 0 ? (records as Buffer).subarray(0, log[0]!.length + 20) : (records as Buffer) }
  }
  assert.deepEqual(await (await read({})).all(), ['0:a', '1:b', '2:c', '3:d', '4:e', '5:f'])
  assert.equal(cuts, 2)
})

test('an offset out of range fails with what to do, or goes on where the policy says', async () => {
  const { read } = await world(log.slice(1), 3)
  await assert.rejects(
    (await read({ from: 1 })).all(),
    (error) =>
      error instanceof ProtocolError &&
      error.error === 'OFFSET_OUT_OF_RANGE' &&
      /offset 1.*read from beginning/.test(error.message),
  )
  assert.deepEqual(await (await read({ from: 1 }, { onOutOfRange: 'beginning' })).all(), ['3:d', '4:e', '5:f'])
  assert.deepEqual(await (await read({ from: 1 }, { onOutOfRange: 'end' })).all(), [])
})

test('control batches are not shown, and reading ends behind them', async () => {
  const marker = { commit: true, producerId: 9, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 0 }
  const { read } = await world([...log, buildEndTransactionBatch({ ...marker, baseOffset: 6 })])
  assert.deepEqual((await (await read({})).all()).length, 6)
})

test('read_committed leaves out what an aborted transaction wrote, and only that', async () => {
  const transactional = { transactional: true, producerId: 9, producerEpoch: 0, baseSequence: 0 }
  const marker = { commit: false, producerId: 9, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 0 }
  const batches = [
    batch(0, ['aborted'], transactional),
    batch(1, ['plain']),
    buildEndTransactionBatch({ ...marker, baseOffset: 2 }),
    batch(3, ['committed'], transactional),
    buildEndTransactionBatch({ ...marker, commit: true, baseOffset: 4 }),
  ]
  const { read, script } = await world(batches)
  script.answer = (_request, plain) => ({ ...plain(), abortedTransactions: [{ producerId: 9, firstOffset: 0 }] })
  assert.deepEqual(await (await read({}, { isolation: 'read_committed' })).all(), ['1:plain', '3:committed'])
})

test('errors that pass are waited out, and metadata is asked again', async () => {
  const { read, script, broker } = await world(log)
  let left = 3
  script.answer = (_request, plain) => (left-- > 0 ? { errorCode: errorCode('NOT_LEADER_OR_FOLLOWER') } : plain())
  const before = broker.count(Metadata)
  assert.equal((await (await read({})).all()).length, 6)
  assert.ok(broker.count(Metadata) > before)
})

test('a lost connection is made again and nothing is skipped or repeated', async () => {
  const { read, script, broker, time } = await world(log)
  let left = 1
  script.answer = (_request, plain) => {
    if (left-- > 0) broker.hangUp()
    return plain()
  }
  const { consumer } = await read({})
  assert.equal((await settled(time, gather(consumer), 5000)).length, 6)
})

test('an error that will not pass ends reading', async () => {
  const { read, script } = await world(log)
  script.answer = () => ({ errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED' satisfies ErrorName) })
  await assert.rejects((await read({})).all(), /TOPIC_AUTHORIZATION_FAILED/)
})

test('a batch with a wrong checksum is reported with its place instead of being shown', async () => {
  const damaged = Buffer.from(log[1]!)
  damaged[damaged.length - 1]! ^= 1
  const { read } = await world([log[0]!, damaged])
  await assert.rejects(
    (await read({})).all(),
    (error) => error instanceof CorruptBatchError && /offset 3 of "t-0"/.test(error.message),
  )
})

test('a new leader is told the epoch of our newest record, and a log that was cut back is reported', async () => {
  const { read, script, broker, time, client } = await world(log)
  const epochs: number[] = []
  script.answer = (request, plain) => {
    const { currentLeaderEpoch, lastFetchedEpoch } = request.topics[0]!.partitions[0]!
    epochs.push(lastFetchedEpoch)
    return currentLeaderEpoch === 0
      ? plain()
      : { divergingEpoch: { epoch: 0, endOffset: 2 }, records: null, errorCode: 0 }
  }
  const { consumer } = await read({ until: 100 })
  const failure = assert.rejects(gather(consumer), /cut back to 2/)
  await time.run(100)
  const answer = metadataAnswer({ names: ['t'], partitions: 1 })
  broker.on(Metadata, () => ({
    ...answer,
    topics: answer.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((row) => ({ ...row, leaderEpoch: 1 })),
    })),
  }))
  await settled(time, client.metadata.refresh(), 1000)
  await time.run(2000)
  await failure
  assert.equal(epochs[0], -1)
  assert.ok(epochs.includes(0))
})

test('fetching stops while the reader is behind by bufferBytesMax, and goes on when it reads', async () => {
  const { read, time, broker } = await world(log)
  const { consumer } = await read({ until: 100 }, { bufferBytesMax: 100 })
  const batches = consumer.batches()
  await settled(time, batches.next())
  await time.run(2000)
  assert.equal(broker.count(Fetch), 1)
  await batches.next()
  await batches.next()
  await time.run(2000)
  assert.ok(broker.count(Fetch) > 1)
  await consumer[Symbol.asyncDispose]()
})

test('an aborted wait ends with the reason, disposing ends the reader and leaves no timer', async () => {
  const { read, time, client } = await world(log)
  const { consumer } = await read({ from: 'end', until: 100 })
  const abort = new AbortController()
  const waiting = assert.rejects(consumer.batches({ signal: abort.signal }).next(), /enough/)
  await time.run(100)
  abort.abort(new Error('enough'))
  await waiting
  await consumer[Symbol.asyncDispose]()
  await assert.rejects(consumer.batches().next(), /disposed/)
  await client[Symbol.asyncDispose]()
  await time.run(1000)
  assert.equal(time.pendingTimers, 0)
})
