// Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md. It runs on the
// machine's own Node, for which npm has built the package, and so shares nothing with the TypeScript programs.
import { deepStrictEqual } from 'node:assert'
import { createRequire } from 'node:module'
import rdkafka from 'node-rdkafka'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const PARTITIONS = 3
const TIMESTAMP_MS = 1_700_000_000_000
const MS_MAX = 30_000
const BATCH_MAX = 1_000
const QUEUE_POLL_MS = 5

const [bootstrap, prefix, count] = process.argv.slice(2)
const records = Number(count)
const { version } = createRequire(import.meta.url)('node-rdkafka/package.json')
const said = {
  ...{ client: 'node-rdkafka', version: `${version} (librdkafka ${rdkafka.librdkafkaVersion})` },
  ...{ produced: 0, consumed: 0, groups: { classic: 0 }, ok: true, error: '' },
}
for (const codec of CODECS) {
  try {
    said.consumed += await roundTrip(`${prefix}-${codec}`, codec)
    said.produced += records
    said.groups.classic += await inGroup(`${prefix}-${codec}`, codec)
  } catch (error) {
    Object.assign(said, { ok: false, error: `${codec}: ${error.message}` })
    break
  }
}
process.stdout.write(`${JSON.stringify(said)}\n`)
process.exit()

async function roundTrip(topic, codec) {
  const admin = rdkafka.AdminClient.create({ 'bootstrap.servers': bootstrap })
  const spec = { topic, num_partitions: PARTITIONS, replication_factor: 1 }
  await asked((done) => admin.createTopic(spec, MS_MAX, done))
  admin.disconnect()
  await produce(topic, codec)
  return await consume(topic, codec)
}

async function produce(topic, codec) {
  const producer = new rdkafka.Producer({
    ...{ 'bootstrap.servers': bootstrap, 'enable.idempotence': true },
    ...{ 'compression.codec': codec, 'linger.ms': 20, dr_cb: true },
  })
  const failures = []
  producer.on('delivery-report', (error) => {
    if (error) failures.push(error)
  })
  await asked((done) => producer.connect({}, done))
  producer.setPollInterval(QUEUE_POLL_MS)
  for (let number = 0; number < records; number++) {
    const { partition, key, value, timestamp, headers } = recordOf(number, codec)
    producer.produce(topic, partition, value, key, timestamp, null, headers)
  }
  await asked((done) => producer.flush(MS_MAX, done))
  await asked((done) => producer.disconnect(done))
  if (failures.length > 0) throw failures[0]
}

async function consume(topic, codec) {
  const settings = { 'group.id': 'none: partitions are assigned', 'enable.auto.commit': false, 'fetch.wait.max.ms': 10 }
  const consumer = new rdkafka.KafkaConsumer({ 'bootstrap.servers': bootstrap, ...settings })
  await asked((done) => consumer.connect({}, done))
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, offset: 0 })))
  const consumed = await read(consumer, codec, firstNumbers(), records)
  await asked((done) => consumer.disconnect(done))
  return consumed
}

/** Two members, one after the other, read half each. */
async function inGroup(topic, codec) {
  const next = firstNumbers()
  const half = await member(topic, codec, next, records / 2)
  return half + (await member(topic, codec, next, records - half))
}

async function member(topic, codec, next, wanted) {
  const settings = { 'group.id': `${topic}-classic`, 'enable.auto.commit': false, 'fetch.wait.max.ms': 10 }
  const place = { 'auto.offset.reset': 'earliest' }
  const consumer = new rdkafka.KafkaConsumer({ 'bootstrap.servers': bootstrap, ...settings }, place)
  await asked((done) => consumer.connect({}, done))
  consumer.subscribe([topic])
  const consumed = await read(consumer, codec, next, wanted)
  consumer.commitSync(next.map((number, partition) => ({ topic, partition, offset: Math.floor(number / PARTITIONS) })))
  await asked((done) => consumer.disconnect(done))
  return consumed
}

/** By partition. */
function firstNumbers() {
  return Array.from({ length: PARTITIONS }, (_, partition) => partition)
}

/** Reads as many as wanted, and does not ask for more. */
async function read(consumer, codec, next, wanted) {
  const endMs = performance.now() + MS_MAX
  let consumed = 0
  while (consumed < wanted && performance.now() < endMs) {
    const countMax = Math.min(BATCH_MAX, wanted - consumed)
    for (const message of await asked((done) => consumer.consume(countMax, done))) {
      const number = next[message.partition]
      deepStrictEqual(shown(message), { ...recordOf(number, codec), offset: Math.floor(number / PARTITIONS) })
      next[message.partition] += PARTITIONS
      consumed++
    }
  }
  return consumed
}

/** Every tenth is a tombstone. */
function recordOf(number, codec) {
  return {
    partition: number % PARTITIONS,
    key: `key ${number % 7}`,
    value: number % 10 === 7 ? null : Buffer.from(`value ${number} λόγος ${'.'.repeat(number % 300)}`),
    timestamp: TIMESTAMP_MS + number,
    headers: [{ number: String(number) }, { codec }],
  }
}

function shown({ partition, offset, key, value, timestamp, headers }) {
  const texts = headers.map((header) =>
    Object.fromEntries(Object.entries(header).map(([name, bytes]) => [name, String(bytes)])),
  )
  return { partition, key: String(key), value, timestamp, headers: texts, offset }
}

/** What an operation hands to its callback; rejects with its error. */
async function asked(operation) {
  return await new Promise((resolve, reject) => {
    operation((error, answer) => (error ? reject(error) : resolve(answer)))
  })
}
