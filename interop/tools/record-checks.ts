/** Records in and out by Kafka's own producers and its console consumer, which reads partitions that it is told. */
import assert from 'node:assert/strict'
import { deferred } from '@ottla/base/deferred.ts'
import { batchAttributes, compressionOf } from '@ottla/protocol/records/batch.ts'
import { codecOf } from '@ottla/protocol/records/compression.ts'
import { connect, createTopic, endOffset, fetchOnce } from '../cluster.ts'
import { CODECS, type CodecName } from '../round-trip-clients.ts'
import type { ToolCheck } from './tool-check.ts'
import { jsonLines, linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const CONSOLE_RECORDS = 500
const PERF_RECORDS = 3_000
const VERIFIABLE_RECORDS = 200
/** The console consumer ends when nothing came for so long: where a broker hides records, it must not wait for ever. */
const SILENCE_MS_MAX = '10000'
/** With acks=0 the producer has gone before all it sent has been written. */
const WRITTEN_MS_MAX = 10_000
const WRITTEN_RETRY_MS = 20

export const RECORD_CHECKS: readonly ToolCheck[] = [
  ...CODECS.map((codec) => ({
    name: `kafka-console-producer and -consumer: ${codec}`,
    run: (session: ToolSession) => throughConsole(session, codec),
  })),
  { name: 'kafka-console-consumer: keys, headers, places', run: shownParts },
  { name: 'kafka-console-consumer: from an offset, from the end', run: startingPlaces },
  ...CODECS.map((codec) => ({
    name: `kafka-producer-perf-test: ${codec} with each acks`,
    run: (session: ToolSession) => perf(session, codec),
  })),
  { name: 'kafka-verifiable-producer', run: verifiable },
]

async function throughConsole(session: ToolSession, codec: CodecName): Promise<void> {
  const topic = `console-${codec}`
  await make(session, topic)
  const lines = Array.from(
    { length: CONSOLE_RECORDS },
    (_, index) => `${index} καὶ τὸν οὐρανόν ${'.'.repeat(index % 90)}`,
  )
  const producing = ['--topic', topic, '--compression-codec', codec, '--command-property', 'acks=all']
  await session.succeed('kafka-console-producer', producing, `${lines.join('\n')}\n`)
  assert.deepEqual(await consumed(session, topic, ['--offset', 'earliest'], CONSOLE_RECORDS), lines)
  assert.equal(await storedCodec(session, topic), codec)
}

async function shownParts(session: ToolSession): Promise<void> {
  const topic = 'console-parts'
  await make(session, topic)
  const reading = ['parse.headers=true', 'parse.key=true', 'null.marker=NULL'].flatMap((p) => ['--reader-property', p])
  const input = 'h1:a,h2:b\tkey\tvalue\nh1:a\tkey\tNULL\n'
  await session.succeed('kafka-console-producer', ['--topic', topic, ...reading], input)
  const shown = ['headers', 'key', 'offset', 'partition', 'timestamp']
  const showing = shown.flatMap((part) => ['--formatter-property', `print.${part}=true`])
  const [first, second] = await consumed(session, topic, ['--offset', 'earliest', ...showing], 2)
  assert.match(first!, /^CreateTime:\d{13}\tPartition:0\tOffset:0\th1:a,h2:b\tkey\tvalue$/)
  assert.match(second!, /^CreateTime:\d{13}\tPartition:0\tOffset:1\th1:a\tkey\tnull$/)
}

async function startingPlaces(session: ToolSession): Promise<void> {
  const topic = 'console-places'
  await make(session, topic)
  await session.succeed('kafka-console-producer', ['--topic', topic], 'zero\none\ntwo\nthree\n')
  assert.deepEqual(await consumed(session, topic, ['--offset', '2'], 2), ['two', 'three'])
  const committed = ['--offset', 'earliest', '--isolation-level', 'read_committed']
  assert.deepEqual(await consumed(session, topic, committed, 4), ['zero', 'one', 'two', 'three'])
  const fromEnd = ['--topic', topic, '--partition', '0', '--offset', 'latest', '--timeout-ms', '1500']
  assert.equal(await session.succeed('kafka-console-consumer', fromEnd), '')
}

async function perf(session: ToolSession, codec: CodecName): Promise<void> {
  for (const acks of ['0', '1', 'all']) {
    const topic = `perf-${codec}-${acks}`
    await make(session, topic)
    const load = ['--num-records', String(PERF_RECORDS), '--record-size', '200', '--throughput', '-1']
    // Without acks there is no idempotence, which is on where nothing is said.
    const properties = [`compression.type=${codec}`, `acks=${acks}`, `enable.idempotence=${acks === 'all'}`]
    const args = ['--topic', topic, ...load, '--command-property', ...properties]
    const said = await session.succeed('kafka-producer-perf-test', args)
    assert.match(said, new RegExp(`^${PERF_RECORDS} records sent, [\\d.]+ records/sec`, 'm'))
    await untilWritten(session, topic, PERF_RECORDS)
    assert.equal(await storedCodec(session, topic), codec)
  }
}

async function verifiable(session: ToolSession): Promise<void> {
  for (const acks of ['1', '-1']) {
    const topic = `verifiable${acks}`
    await make(session, topic)
    const args = ['--topic', topic, '--acks', acks, '--max-messages', String(VERIFIABLE_RECORDS)]
    const said = jsonLines(await session.succeed('kafka-verifiable-producer', args)) as VerifiableLine[]
    const sent = said.filter(({ name }) => name === 'producer_send_success')
    assert.deepEqual(said.find(({ name }) => name === 'tool_data')?.acked, VERIFIABLE_RECORDS)
    assert.deepEqual(
      sent.map(({ offset }) => offset).toSorted((a, b) => a! - b!),
      Array.from({ length: VERIFIABLE_RECORDS }, (_, index) => index),
    )
    const byOffset = sent.toSorted((a, b) => a.offset! - b.offset!).map(({ value }) => value)
    assert.deepEqual(await consumed(session, topic, ['--offset', 'earliest'], VERIFIABLE_RECORDS), byOffset)
  }
}

interface VerifiableLine {
  readonly name: string
  readonly offset?: number
  readonly value?: string
  readonly acked?: number
}

async function make(session: ToolSession, topic: string): Promise<void> {
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic })
}

/** What the console consumer prints of partition 0, a line for each record. */
async function consumed(
  session: ToolSession,
  topic: string,
  more: readonly string[],
  count: number,
): Promise<string[]> {
  const bounds = ['--max-messages', String(count), '--timeout-ms', SILENCE_MS_MAX]
  const args = ['--topic', topic, '--partition', '0', ...more, ...bounds]
  return linesOf(await session.succeed('kafka-console-consumer', args))
}

async function storedCodec(session: ToolSession, topic: string): Promise<string | undefined> {
  await using connection = await connect(session.address)
  const { batches } = await fetchOnce(connection, { topic, offset: 0 })
  return codecOf(compressionOf(batchAttributes(batches[0]!, 0)))
}

async function untilWritten(session: ToolSession, topic: string, count: number): Promise<void> {
  await using connection = await connect(session.address)
  const lastMs = performance.now() + WRITTEN_MS_MAX
  while ((await endOffset(connection, topic)) < count && performance.now() < lastMs) {
    const { promise, resolve } = deferred<void>()
    setTimeout(resolve, WRITTEN_RETRY_MS)
    await promise
  }
  assert.equal(await endOffset(connection, topic), count, `All records of "${topic}" are there, once each`)
}
