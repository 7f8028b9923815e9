/** Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md. */
import kafkajs from 'kafkajs'
import kafkajsPackage from 'kafkajs/package.json' with { type: 'json' }
import { registerCodecs } from '../../clients/kafkajs-codecs.ts'
import type { ShownRecord } from '../records.ts'
import { type Membership, main, PARTITIONS, recordsOf, type Trip } from './journey.ts'

const { Kafka, CompressionTypes, logLevel, Partitioners } = kafkajs
const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const

registerCodecs()
await main({ name: 'kafkajs', version: kafkajsPackage.version, protocols: ['classic'], produce, member })

async function produce(trip: Trip): Promise<void> {
  const kafka = client(trip.bootstrap)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: trip.topic, numPartitions: PARTITIONS }] })
  await admin.disconnect()
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ idempotent: true, createPartitioner, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = recordsOf(trip).map(({ timestampMs, ...record }) => ({ ...record, timestamp: String(timestampMs) }))
  await producer.send({ topic: trip.topic, acks: -1, compression: CODECS[trip.codec], messages })
  await producer.disconnect()
}

async function member({ bootstrap, topic, group, reading }: Membership, wanted: number): Promise<void> {
  const consumer = client(bootstrap).consumer({ groupId: group, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const enough = reading.until(wanted)
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => reading.take(partition, shown(message)),
  })
  await enough
  await consumer.commitOffsets(reading.offsets.map((offset, partition) => ({ topic, partition, offset: `${offset}` })))
  await consumer.disconnect()
}

function client(bootstrap: string): kafkajs.Kafka {
  return new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.NOTHING })
}

function shown({ offset, timestamp, key, value, headers = {} }: kafkajs.KafkaMessage): ShownRecord {
  return {
    ...{ offset: Number(offset), timestamp: Number(timestamp), key: String(key) },
    value: value === null ? null : String(value),
    headers: Object.entries(headers).map(([name, text]) => [name, String(text)]),
  }
}
