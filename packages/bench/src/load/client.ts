/**
 * Produces to, or consumes from, an existing topic by our own client, as fast as it goes, and prints one line of JSON:
 * {"messages":…,"bytes":…,"seconds":…,"cpuSeconds":…}. Calls hand over many records at a time; several are under way.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '@ottla/base/clock.ts'
import { openClient } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'

interface Load {
  readonly bootstrap: string
  readonly topic: string
  readonly partitions: number
  readonly messages: number
  readonly bytes: number
  readonly acks: 'all' | 1
}

const RECORDS_PER_CALL = 1000
const LINGER_MS = 5

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string', default: '127.0.0.1:9092' },
    topic: { type: 'string', default: 'bench' },
    partitions: { type: 'string', default: '1' },
    messages: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '100' },
    acks: { type: 'string', default: '1' },
    consume: { type: 'boolean', default: false },
  },
})
const load: Load = {
  bootstrap: values.bootstrap,
  topic: values.topic,
  partitions: Number(values.partitions),
  messages: Number(values.messages),
  bytes: Number(values.bytes),
  acks: values.acks === 'all' ? 'all' : 1,
}

async function produce({ bootstrap, topic, messages, bytes, acks }: Load): Promise<number> {
  await using client = await openClient({ bootstrap })
  await using producer = new Producer(client, { acks, lingerMs: LINGER_MS })
  const value = Buffer.alloc(bytes, 'ottla ')
  const calls: Promise<unknown>[] = []
  for (let left = messages; left > 0; left -= RECORDS_PER_CALL) {
    const records = Array.from({ length: Math.min(RECORDS_PER_CALL, left) }, () => ({ value }))
    calls.push(producer.sendBatch(topic, records))
    await producer.writable()
  }
  await Promise.all(calls)
  return messages
}

async function consume({ bootstrap, topic, partitions, messages }: Load): Promise<number> {
  await using client = await openClient({ bootstrap })
  const assignments = Array.from({ length: partitions }, (_, partition) => ({
    topic,
    partition,
    from: 'beginning' as const,
  }))
  await using consumer = await AssignedConsumer.open(client, { assignments })
  let count = 0
  for await (const batch of consumer.batches()) {
    count += batch.records().length
    if (count >= messages) break
  }
  return count
}

const startedMs = systemClock.monotonicMs()
const before = process.cpuUsage()
const messages = await (values.consume ? consume(load) : produce(load))
const seconds = (systemClock.monotonicMs() - startedMs) / 1000
const { user, system } = process.cpuUsage(before)
const cpuSeconds = (user + system) / 1e6
process.stdout.write(`${JSON.stringify({ messages, bytes: messages * load.bytes, seconds, cpuSeconds })}\n`)
