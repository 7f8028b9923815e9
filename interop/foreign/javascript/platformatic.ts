/** Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md. */
import { readFileSync } from 'node:fs'
import { Admin, Consumer, type Message, ProduceAcks, Producer } from '@platformatic/kafka'
import type { ShownRecord } from '../records.ts'
import { type Membership, main, PARTITIONS, recordsOf, type Trip } from './journey.ts'

// Its package.json is not among what it exports.
const manifest = new URL('../package.json', import.meta.resolve('@platformatic/kafka'))
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

await main({ name: '@platformatic/kafka', version, protocols: ['classic', 'consumer'], produce, member })

async function produce(trip: Trip): Promise<void> {
  const admin = new Admin({ clientId: 'platformatic', bootstrapBrokers: [trip.bootstrap] })
  await admin.createTopics({ topics: [trip.topic], partitions: PARTITIONS, replicas: 1 })
  await admin.close()
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

async function member(membership: Membership, wanted: number): Promise<void> {
  const { bootstrap, topic, group, protocol, reading } = membership
  const base = { clientId: 'platformatic', bootstrapBrokers: [bootstrap], groupId: group }
  const reads = { ...base, autocommit: false, maxWaitTime: 100 }
  const consumer = new Consumer(protocol === 'consumer' ? { ...reads, groupProtocol: protocol } : reads)
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const enough = reading.until(wanted)
  stream.on('data', (message) => reading.take(message.partition, shown(message)))
  await enough
  const offsets = reading.offsets.map((offset, partition) => ({
    ...{ topic, partition, offset: BigInt(offset), leaderEpoch: -1 },
  }))
  await consumer.commit({ offsets })
  await stream.close()
  await consumer.close(true)
}

function shown({
  offset,
  timestamp,
  key,
  value,
  headers,
}: Message<Buffer, Buffer | null, Buffer, Buffer>): ShownRecord {
  return {
    ...{ offset: Number(offset), timestamp: Number(timestamp), key: String(key) },
    value: value === null || value === undefined ? null : String(value),
    headers: [...headers].map(([name, text]) => [String(name), String(text)]),
  }
}
