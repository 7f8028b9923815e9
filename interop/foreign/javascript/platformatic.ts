/** Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md. @platformatic/kafka reads in groups alone. */
import { readFileSync } from 'node:fs'
import { Admin, ProduceAcks, Producer } from '@platformatic/kafka'
import { main, PARTITIONS, recordsOf, type Trip } from './journey.ts'

// Its package.json is not among what it exports.
const manifest = new URL('../package.json', import.meta.resolve('@platformatic/kafka'))
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

await main('@platformatic/kafka', version, async (trip) => {
  const admin = new Admin({ clientId: 'platformatic', bootstrapBrokers: [trip.bootstrap] })
  await admin.createTopics({ topics: [trip.topic], partitions: PARTITIONS, replicas: 1 })
  await admin.close()
  await produce(trip)
  return 0
})

async function produce(trip: Trip): Promise<void> {
  const producer = new Producer({
    ...{ clientId: 'platformatic', bootstrapBrokers: [trip.bootstrap] },
    ...{ acks: ProduceAcks.ALL, idempotent: true, compression: trip.codec },
  })
  const messages = recordsOf(trip).map(({ timestampMs, value, headers, ...record }) => ({
    ...record,
    ...(value === null ? {} : { value }),
    topic: trip.topic,
    timestamp: BigInt(timestampMs),
    headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
  }))
  await producer.send({ messages })
  await producer.close()
}
