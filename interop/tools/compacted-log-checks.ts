/**
 * A compacted log, two brokers: Apache Kafka reads the files that Ottla compacted with its tool, serves them, and goes on
 * compacting them where Ottla's checkpoint ends; Ottla serves what Kafka made of them.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { allBatches } from '../all-batches.ts'
import { ApacheKafka, SERVER_JVM } from '../apache-kafka.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic, produce } from '../cluster.ts'
import { CODECS } from '../round-trip-clients.ts'
import { complaints, loggerWords } from './kafka-log.ts'
import { exchangeFiles } from './log-exchange.ts'
import type { ToolCheck } from './tool-check.ts'
import { dumpedEntries } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'compacted-log'
const CHECKPOINT = 'cleaner-offset-checkpoint'
const CONFIGS = {
  ...{ 'cleanup.policy': 'compact', 'segment.bytes': '1048576', 'min.cleanable.dirty.ratio': '0.01' },
  'delete.retention.ms': '86400000',
}
const KEYS = 400
const VALUE_BYTES = 800
/** A tombstone for each key whose number this divides. */
const TOMBSTONE_EVERY = 10
const COMPACTED_MS_MAX = 60_000
const LOOK_AGAIN_MS = 100

export const COMPACTED_LOG_CHECKS: readonly ToolCheck[] = [
  { name: 'Apache Kafka serves and goes on compacting a log that Ottla compacted', run: toKafkaAndBack },
]

async function toKafkaAndBack(session: ToolSession): Promise<void> {
  const dataDir = session.directory.of('ottla-compacted')
  const directory = session.directory.of('kafka-compacted')
  const compacted = await compactedByOttla(session, dataDir)
  await dumped(session, dataDir)
  mkdirSync(directory)
  const kafkaData = `${directory}/data`
  await emptyKafkaTopic(session, directory)
  exchangeFiles({ from: dataDir, to: kafkaData, topic: TOPIC, partitions: 1 })
  copyFileSync(`${dataDir}/${CHECKPOINT}`, `${kafkaData}/${CHECKPOINT}`)
  const continued = await continuedByKafka(session, { directory, compacted })
  exchangeFiles({ from: kafkaData, to: dataDir, topic: TOPIC, partitions: 1 })
  await using broker = await BrokerProcess.start({ dataDir })
  await using connection = await connect(broker)
  assert.deepEqual(newestOf(await read(connection)), newestOf(continued), 'Ottla serves what Kafka compacted')
  await broker.stop()
}

async function compactedByOttla(session: ToolSession, dataDir: string): Promise<Buffer> {
  await using broker = await BrokerProcess.start({ dataDir, args: ['--set', 'log.cleaner.backoff.ms=50'] })
  await using connection = await connect(broker)
  await createTopic(connection, { name: TOPIC, configs: CONFIGS })
  for (let round = 0; round < 2; round++) await write(connection)
  const written = await read(connection)
  await untilCheckpoint(dataDir, 2 * KEYS)
  session.note('compacted by Ottla', readFileSync(`${dataDir}/${CHECKPOINT}`, 'utf8'))
  await broker.stop()
  await using again = await BrokerProcess.start({ dataDir, args: ['--set', 'log.cleaner.enable=false'] })
  await using reader = await connect(again)
  const compacted = await read(reader)
  assert.deepEqual(newestOf(compacted), newestOf(written))
  assert(compacted.length < written.length)
  await again.stop()
  return compacted
}

/** Each codec writes each key once, with letters that do not compress away; every tenth is deleted. */
async function write(connection: BrokerConnection): Promise<void> {
  for (const codec of CODECS) {
    for (let first = 0; first < KEYS; first += 20) {
      const builder = new BatchBuilder({ codec })
      for (let key = first; key < first + 20; key++) {
        const value = key % TOMBSTONE_EVERY === 0 ? null : randomBytes(VALUE_BYTES).toString('base64')
        builder.append({ timestampMs: Date.now(), key: `key ${key}`, value })
      }
      const { error } = await produce(connection, { topic: TOPIC }, Buffer.from(builder.build()))
      assert.equal(error, 'NONE')
    }
  }
}

async function read(connection: BrokerConnection): Promise<Buffer> {
  return (await allBatches(connection, TOPIC, 1))[0]!
}

/** What each key came to; a tombstone is as good as nothing. */
function newestOf(bytes: Buffer): Map<string, string> {
  const newest = new Map<string, string>()
  for (const batch of batchesIn(bytes)) {
    for (const { key, value } of readRecords(batch)) {
      if (value === null) newest.delete(String(key))
      else newest.set(String(key), String(value))
    }
  }
  return new Map([...newest].toSorted())
}

async function dumped(session: ToolSession, dataDir: string): Promise<void> {
  const folder = `${dataDir}/${TOPIC}-0`
  const names = readdirSync(folder).filter((name) => /\.(log|index|timeindex)$/.test(name))
  for (const name of names) {
    const said = await session.succeed('kafka-dump-log', ['--files', `${folder}/${name}`])
    assert.doesNotMatch(said, /mismatch|out of order|not found|isvalid: false/i)
    if (!name.endsWith('.log')) continue
    for (const batch of dumpedEntries(said, 'baseOffset')) assert.equal(batch.get('isvalid'), 'true')
  }
  const logs = names.filter((name) => name.endsWith('.log')).map((name) => `${folder}/${name}`)
  const deep = await session.succeed('kafka-dump-log', ['--files', logs.join(','), '--print-data-log'])
  assert.match(deep, /deleteHorizonMs: OptionalLong\[\d+\]/, 'Kafka knows the delete horizon of the tombstones')
}

async function emptyKafkaTopic(session: ToolSession, directory: string): Promise<void> {
  await using kafka = await ApacheKafka.start({ directory })
  const here = session.at(kafka, kafka.dataDirectory)
  const config = Object.entries(CONFIGS).flatMap(([name, value]) => ['--config', `${name}=${value}`])
  await here.succeed('kafka-topics', ['--create', '--topic', TOPIC, '--partitions', '1', ...config])
  await kafka.stop()
}

async function continuedByKafka(
  session: ToolSession,
  { directory, compacted }: { directory: string; compacted: Buffer },
): Promise<Buffer> {
  const log = `${directory}/kafka.log`
  const jvm = [...SERVER_JVM, ...(await loggerWords(log))]
  const settings = { 'log.cleaner.backoff.ms': '100' }
  await using kafka = await ApacheKafka.start({ directory, jvm, settings })
  await using connection = await connect(kafka)
  const served = await read(connection)
  assert.deepEqual(newestOf(served), newestOf(compacted), 'Kafka serves what Ottla compacted')
  const from = checkpointOf(kafka.dataDirectory)
  await write(connection)
  const written = await read(connection)
  await untilCheckpoint(kafka.dataDirectory, from + KEYS)
  session.note("compacted on by Kafka's cleaner", readFileSync(`${kafka.dataDirectory}/${CHECKPOINT}`, 'utf8'))
  const continued = await read(connection)
  assert.deepEqual(newestOf(continued), newestOf(written))
  await kafka.stop()
  const said = complaints(readFileSync(log, 'utf8'), TOPIC)
  assert.deepEqual(said, [], "Kafka's log has nothing to say against the files")
  return continued
}

function checkpointOf(dataDir: string): number {
  const line = new RegExp(`^${TOPIC} 0 (\\d+)$`, 'm').exec(readFileSync(`${dataDir}/${CHECKPOINT}`, 'utf8'))
  return line === null ? 0 : Number(line[1])
}

async function untilCheckpoint(dataDir: string, offset: number): Promise<void> {
  const endMs = performance.now() + COMPACTED_MS_MAX
  const known = () => readdirSync(dataDir).includes(CHECKPOINT)
  while (!known() || checkpointOf(dataDir) < offset) {
    assert(performance.now() < endMs, `Compacted up to ${offset} in ${COMPACTED_MS_MAX} ms`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
