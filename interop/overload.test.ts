/**
 * A thousand clients that ask for much and read nothing, and two hundred that send large batches and stop half-way, all
 * at once: the broker stays inside its byte budget, and a client that behaves is served meanwhile.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import { BrokerProcess } from './broker-process.ts'
import { batchOf, connect, createTopic, fetchOnce, produce } from './cluster.ts'
import { peakResidentBytes } from './processes.ts'
import { RawConnection } from './raw-connection.ts'
import { HEADER } from './raw-frames.ts'
import { TempDirectory } from './temp-directory.ts'

const MEBIBYTE = 1_048_576
const SLOW_READERS = 1_000
const LARGE_PRODUCERS = 200
/** What lies in the topic that the slow readers ask for, and what each of them asks for at once. */
const HISTORY_BYTES = 64 * MEBIBYTE
const ASKED_BYTES = 50 * MEBIBYTE
/** A batch just below max.message.bytes, and how many of them a large producer sends in one request. */
const BATCH_BYTES = 1_000_000
const LARGE_PARTITIONS = 4
/** Of so many producers one goes on; the others break off in the middle of their request. */
const PRODUCERS_PER_FINISHER = 4
/**
 * The budget's shares (frames 128 MB, tail 128 MB, replies 96 MB, a pool of 32 MB) and what an idle broker with this many
 * connections has. Without a budget the producers alone would take 800 MB, the readers 50 GB.
 */
const RESIDENT_BYTES_MAX = 600 * MEBIBYTE
const ROUNDS_OF_BYSTANDER = 50
/** The version in which topics have names. */
const VERSION = 12

const directory = new TempDirectory('overload')
let broker: BrokerProcess

before(async () => {
  broker = await BrokerProcess.start({ dataDir: directory.of('data') })
})

after(async () => {
  await broker[Symbol.asyncDispose]()
  directory[Symbol.dispose]()
})

test('slow readers and large producers stay inside the byte budget and starve nobody', async (context) => {
  await using bystander = await connect(broker)
  for (const name of ['history', 'steady']) await createTopic(bystander, { name })
  await createTopic(bystander, { name: 'large', partitions: LARGE_PARTITIONS })
  await fillHistory()
  using crowd = new DisposableStack()
  const readers = await openAll(SLOW_READERS, crowd)
  const producers = await openAll(LARGE_PRODUCERS, crowd)
  for (const reader of readers) askAndStopReading(reader)
  const request = largeProduce()
  const half = Math.floor(request.length / 2)
  for (const producer of producers) producer.write(request.subarray(0, half))
  await servesBystander()
  const finishers = producers.filter((_producer, index) => index % PRODUCERS_PER_FINISHER === 0)
  for (const producer of producers) {
    if (finishers.includes(producer)) producer.write(request.subarray(half))
    else producer[Symbol.dispose]()
  }
  await servesBystander()
  const errors = await Promise.all(finishers.map(answerOfProducer))
  assert.deepEqual(new Set(errors.flat()), new Set(['NONE']), 'Every whole request is carried out in the end')
  const peakBytes = peakResidentBytes(broker.pid)
  context.diagnostic(`the broker had at most ${Math.round(peakBytes / MEBIBYTE)} MB resident`)
  assert(peakBytes < RESIDENT_BYTES_MAX, `${peakBytes} bytes are within ${RESIDENT_BYTES_MAX}`)
})

test('a broker that was overloaded serves large reads again', async () => {
  await using client = await connect(broker)
  const { error, batches } = await fetchOnce(client, { topic: 'history', offset: 0 })
  assert.equal(error, 'NONE')
  assert(batches.length > 0)
  assert(broker.isRunning)
})

async function fillHistory(): Promise<void> {
  await using client = await connect(broker)
  const batch = batchOf([Buffer.alloc(BATCH_BYTES, 'h')])
  for (let bytes = 0; bytes < HISTORY_BYTES; bytes += batch.length) {
    assert.equal((await produce(client, { topic: 'history', acks: 1 }, batch)).error, 'NONE')
  }
}

async function openAll(count: number, stack: DisposableStack): Promise<RawConnection[]> {
  const connections: RawConnection[] = []
  for (let i = 0; i < count; i++) connections.push(stack.use(await RawConnection.open(broker)))
  return connections
}

function askAndStopReading(reader: RawConnection): void {
  reader.stopReading()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: ASKED_BYTES }]
  const topics = [{ topic: 'history', partitions }]
  const value = { maxWaitMs: 0, minBytes: 1, maxBytes: ASKED_BYTES, topics }
  for (const part of encodeRequest(Fetch, VERSION, HEADER, value)) reader.write(part)
}

function largeProduce(): Buffer {
  const records = batchOf([Buffer.alloc(BATCH_BYTES, 'l')])
  const partitionData = Array.from({ length: LARGE_PARTITIONS }, (_, index) => ({ index, records }))
  const value = { acks: -1, timeoutMs: 60_000, topicData: [{ name: 'large', partitionData }] }
  return Buffer.concat(encodeRequest(Produce, VERSION, HEADER, value))
}

/** The error of each partition. */
async function answerOfProducer(producer: RawConnection): Promise<string[]> {
  const frame = await producer.frame()
  if (frame === null) return ['closed']
  const { responses } = decodeResponse(Produce, VERSION, frame)
  return responses[0]!.partitionResponses.map(({ errorCode }) => errorName(errorCode))
}

/** A client of its own writes and reads small records, again and again. */
async function servesBystander(): Promise<void> {
  await using client = await connect(broker)
  for (let round = 0; round < ROUNDS_OF_BYSTANDER; round++) {
    const { error, baseOffset } = await produce(client, { topic: 'steady' }, batchOf([`round ${round}`]))
    assert.equal(error, 'NONE')
    const { batches } = await fetchOnce(client, { topic: 'steady', offset: baseOffset })
    assert(batches.length > 0, 'What was written is read at once')
  }
}
