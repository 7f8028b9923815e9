/**
 * One log, two brokers: Apache Kafka serves the files that Ottla wrote, appends to them, and Ottla serves them again.
 * What is compared are the batches as they are fetched, byte for byte, and what each broker makes of a producer that
 * goes on where it was.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { batchesIn, batchRecordCount } from '@ottla/protocol/records/batch.ts'
import { allBatches } from '../all-batches.ts'
import { ApacheKafka, SERVER_JVM } from '../apache-kafka.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic } from '../cluster.ts'
import { CODECS } from '../round-trip-clients.ts'
import { IdempotentProducer, passForeignIds } from './idempotent-producer.ts'
import { complaints, loggerWords } from './kafka-log.ts'
import { exchangeFiles } from './log-exchange.ts'
import type { ToolCheck } from './tool-check.ts'
import { linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'shared-log'
const PARTITIONS = 3
/** By each codec; random letters, so that every partition has several segments. */
const RECORDS = 1_500
const RECORD_BYTES = 1_500
const SEGMENT_BYTES = '1048576'
/** What a producer may have under way, and what a broker remembers of it. */
const BATCHES = 5
/** The console consumer gives up when nothing came for so long. */
const SILENCE_MS_MAX = '30000'
/** More than there are in one of these checks. */
const PRODUCERS_MAX = 20

type Ending = 'stopped' | 'killed'

export const SHARED_LOG_CHECKS: readonly ToolCheck[] = (['stopped', 'killed'] as const).map((ending) => ({
  name: `Apache Kafka serves and continues Ottla's files: Ottla ${ending}`,
  run: (session: ToolSession) => toKafkaAndBack(session, ending),
}))

async function toKafkaAndBack(session: ToolSession, ending: Ending): Promise<void> {
  const dataDir = session.directory.of(`ottla-${ending}`)
  const kafkaDirectory = session.directory.of(`kafka-${ending}`)
  const producer = new IdempotentProducer(TOPIC)
  const written = await writtenByOttla(session, { dataDir, producer, ending })
  const places = { ottla: dataDir, kafka: `${kafkaDirectory}/data`, topic: TOPIC, partitions: PARTITIONS }
  await emptyKafkaTopic(session, kafkaDirectory)
  exchangeFiles({ ...places, from: places.ottla, to: places.kafka })
  // A log that was not closed is one that has to be recovered, whoever wrote it.
  if (ending === 'killed') rmSync(`${places.kafka}/.kafka_cleanshutdown`)
  session.note(`copied the partitions of a ${ending} Ottla to Kafka`)
  const continued = await continuedByKafka(session, { directory: kafkaDirectory, producer, written })
  exchangeFiles({ ...places, from: places.kafka, to: places.ottla })
  if (ending === 'killed') rmSync(`${dataDir}/.kafka_cleanshutdown`, { force: true })
  session.note('copied the partitions back to Ottla')
  await servedByOttla(session, { dataDir, producer, continued })
}

interface Written {
  /** Of each partition, every batch. */
  readonly batches: readonly Buffer[]
}

async function writtenByOttla(
  session: ToolSession,
  options: { dataDir: string; producer: IdempotentProducer; ending: Ending },
): Promise<Written> {
  await using broker = await BrokerProcess.start({ dataDir: options.dataDir })
  await using connection = await connect(broker)
  await createTopic(connection, { name: TOPIC, partitions: PARTITIONS, configs: { 'segment.bytes': SEGMENT_BYTES } })
  const here = session.at(broker, options.dataDir)
  for (const codec of CODECS) await perf(here, [`compression.type=${codec}`])
  await options.producer.begin(connection)
  await options.producer.send(connection, BATCHES)
  const batches = await allBatches(connection, TOPIC, PARTITIONS)
  await (options.ending === 'stopped' ? broker.stop() : broker.kill())
  return { batches }
}

/** A node whose topic has a name and as many partitions, whose files are about to be others. */
async function emptyKafkaTopic(session: ToolSession, directory: string): Promise<void> {
  mkdirSync(directory)
  await using kafka = await ApacheKafka.start({ directory })
  const here = session.at(kafka, kafka.dataDirectory)
  const config = ['--config', `segment.bytes=${SEGMENT_BYTES}`]
  await here.succeed('kafka-topics', ['--create', '--topic', TOPIC, '--partitions', String(PARTITIONS), ...config])
  await kafka.stop()
}

async function continuedByKafka(
  session: ToolSession,
  options: { directory: string; producer: IdempotentProducer; written: Written },
): Promise<Written> {
  const { directory, producer, written } = options
  const log = `${directory}/kafka.log`
  await using kafka = await ApacheKafka.start({ directory, jvm: [...SERVER_JVM, ...(await loggerWords(log))] })
  await using connection = await connect(kafka)
  const served = await allBatches(connection, TOPIC, PARTITIONS)
  assert.deepEqual(served, written.batches, 'Kafka serves what Ottla served')
  const here = session.at(kafka, kafka.dataDirectory)
  await allValuesConsumed(here, served)
  assert.equal(await producer.resendNewest(connection), 'duplicate', 'Kafka knows the newest batch of a producer')
  await producer.send(connection, BATCHES)
  await passForeignIds(connection, PRODUCERS_MAX)
  await perf(here, ['compression.type=lz4'])
  const batches = await allBatches(connection, TOPIC, PARTITIONS)
  for (const [partition, batch] of batches.entries()) {
    const before = written.batches[partition]!
    assert(batch.subarray(0, before.length).equals(before), 'What Kafka appends stands behind what was there')
  }
  await kafka.stop()
  const said = complaints(readFileSync(log, 'utf8'), TOPIC)
  session.note("warnings and errors of Kafka's log about the topic", said.join('\n'))
  assert.deepEqual(said, [], "Kafka's log has nothing to say against the files")
  return { batches }
}

async function servedByOttla(
  session: ToolSession,
  options: { dataDir: string; producer: IdempotentProducer; continued: Written },
): Promise<void> {
  const { dataDir, producer, continued } = options
  await using broker = await BrokerProcess.start({ dataDir })
  await using connection = await connect(broker)
  const served = await allBatches(connection, TOPIC, PARTITIONS)
  assert.deepEqual(served, continued.batches, 'Ottla serves what Kafka served')
  assert.equal(await producer.resendNewest(connection), 'duplicate', 'Ottla knows the newest batch of a producer')
  await producer.send(connection, BATCHES)
  await passForeignIds(connection, PRODUCERS_MAX)
  await perf(session.at(broker, dataDir), ['compression.type=zstd'])
  const said = broker.logLines.filter((line) => /"level":"(warn|error)"/.test(line))
  session.note("warnings and errors of Ottla's log", said.join('\n'))
  assert.deepEqual(said, [], "Ottla's log has nothing to say against the files")
  await broker.stop()
}

async function perf(session: ToolSession, properties: readonly string[]): Promise<void> {
  const load = ['--num-records', String(RECORDS), '--record-size', String(RECORD_BYTES), '--throughput', '-1']
  const args = ['--topic', TOPIC, ...load, '--command-property', 'acks=all', ...properties]
  await session.succeed('kafka-producer-perf-test', args)
}

/** All but the idempotent producer's few are values of a known length. */
async function allValuesConsumed(session: ToolSession, served: readonly Buffer[]): Promise<void> {
  let count = 0
  for (const [partition, bytes] of served.entries()) {
    const records = [...batchesIn(bytes)].reduce((sum, batch) => sum + batchRecordCount(batch, 0), 0)
    const bounds = ['--max-messages', String(records), '--timeout-ms', SILENCE_MS_MAX]
    const args = ['--topic', TOPIC, '--partition', String(partition), '--offset', 'earliest', ...bounds]
    const lines = linesOf(await session.succeed('kafka-console-consumer', args))
    count += lines.filter((line) => line.length === RECORD_BYTES).length
  }
  assert.equal(count, RECORDS * CODECS.length, 'The console consumer sees each record once')
}
