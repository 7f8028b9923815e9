/** Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md. kafkajs reads in groups alone. */
import kafkajs from 'kafkajs'
import kafkajsPackage from 'kafkajs/package.json' with { type: 'json' }
import { registerCodecs } from '../../clients/kafkajs-codecs.ts'
import { main, PARTITIONS, recordsOf, type Trip } from './journey.ts'

const { Kafka, CompressionTypes, logLevel, Partitioners } = kafkajs
const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const

registerCodecs()
await main('kafkajs', kafkajsPackage.version, async (trip) => {
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [trip.bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: trip.topic, numPartitions: PARTITIONS }] })
  await admin.disconnect()
  await produce(kafka, trip)
  return 0
})

async function produce(kafka: kafkajs.Kafka, trip: Trip): Promise<void> {
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ idempotent: true, createPartitioner, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = recordsOf(trip).map(({ timestampMs, ...record }) => ({ ...record, timestamp: String(timestampMs) }))
  await producer.send({ topic: trip.topic, acks: -1, compression: CODECS[trip.codec], messages })
  await producer.disconnect()
}
