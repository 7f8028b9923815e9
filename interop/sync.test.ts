/**
 * `kill -9` keeps the page cache, so it cannot show that data was synced. The kernel's own view can: a broker runs under
 * strace, and each reply to acks=all must leave after the end of a sync that began once its batch was written.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import { BrokerProcess } from './broker-process.ts'
import { batchOf, connect, createTopic } from './cluster.ts'
import { needs } from './debian.ts'
import { RawConnection } from './raw-connection.ts'
import { HEADER } from './raw-frames.ts'
import { TRACED_CALLS, type TracedReply, tracedReplies } from './sync-trace.ts'
import { TempDirectory } from './temp-directory.ts'

const TOPIC = 'traced'
const PARTITIONS = 3
const BATCHES = 25
/** The version in which topics have names. */
const VERSION = 12

const directory = new TempDirectory('sync')
after(() => directory[Symbol.dispose]())
const options = await needs('strace')

test('each reply to acks=all leaves after the sync that covers it', options, async (context) => {
  const replies = await traceOf({ name: 'all', acks: -1 })
  assert.equal(replies.length, PARTITIONS * BATCHES)
  for (const { written, synced } of replies) {
    assert(written > 0)
    assert(synced >= written, `${written} bytes were written, ${synced} of them synced when the reply left`)
  }
  context.diagnostic(`${replies.length} replies, ${PARTITIONS} partitions at once`)
})

test('replies to acks=1 do not wait for a sync', options, async () => {
  const replies = await traceOf({ name: 'one', acks: 1 })
  assert(
    replies.some(({ written, synced }) => synced < written),
    'So the trace can tell them apart',
  )
})

test('replies to acks=all do not wait where write caching is asked for', options, async () => {
  const replies = await traceOf({ name: 'cached', acks: -1, args: ['--set', 'log.write.caching=true'] })
  assert(
    replies.some(({ written, synced }) => synced < written),
    'So the trace can tell them apart',
  )
})

interface LogAtReply {
  readonly written: number
  readonly synced: number
}

interface Run {
  readonly name: string
  readonly acks: -1 | 1
  readonly args?: readonly string[]
}

/** For each reply: how far the log of its connection's own partition was written and synced when it left. */
async function traceOf({ name, acks, args = [] }: Run): Promise<LogAtReply[]> {
  const tracePath = directory.of(`${name}.trace`)
  const dataDir = directory.of(name)
  // With -D strace is not the parent of the broker, so that signals reach the broker itself.
  const wrapper = ['strace', '-D', '-f', '-yy', '-s', '0', '-o', tracePath, '-e', `trace=${TRACED_CALLS}`]
  await using broker = await BrokerProcess.start({ dataDir, args, wrapper })
  const ports = await produceToEach(broker, acks)
  await broker.stop()
  const replies = tracedReplies(readFileSync(tracePath, 'utf8'))
  return replies
    .filter(({ clientPort }) => ports.includes(clientPort))
    .map((reply) => {
      return logAt(reply, `${dataDir}/${TOPIC}-${ports.indexOf(reply.clientPort)}/${'0'.repeat(20)}.log`)
    })
}

function logAt({ written, synced }: TracedReply, log: string): LogAtReply {
  return { written: written.get(log) ?? 0, synced: synced.get(log) ?? 0 }
}

/** One connection for each partition, all at once, each with one request under way. Answers with their ports. */
async function produceToEach(broker: BrokerProcess, acks: number): Promise<number[]> {
  await using admin = await connect(broker)
  await createTopic(admin, { name: TOPIC, partitions: PARTITIONS })
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  return await Promise.all(
    partitions.map(async (partition) => {
      using client = await RawConnection.open(broker)
      for (let count = 0; count < BATCHES; count++)
        await produceOne(client, { partition, acks, value: `record ${count}` })
      return client.localPort
    }),
  )
}

async function produceOne(
  client: RawConnection,
  { partition, acks, value }: { partition: number; acks: number; value: string },
): Promise<void> {
  const topicData = [{ name: TOPIC, partitionData: [{ index: partition, records: batchOf([value]) }] }]
  for (const part of encodeRequest(Produce, VERSION, HEADER, { acks, timeoutMs: 30_000, topicData })) client.write(part)
  const frame = await client.frame()
  assert(frame !== null)
  const { responses } = decodeResponse(Produce, VERSION, frame)
  assert.equal(errorName(responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
}
