/** Produces to and reads all partitions of a topic by our own client, with its defaults. See steady-commands.ts. */
import { systemClock } from '@ottla/base/clock.ts'
import { openClient } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { endOfInput, nextRound, steadyArguments, tellAcked, tellSteady, UNDER_WAY_MAX } from './steady-commands.ts'

const { bootstrap, topic, partitions } = steadyArguments()
const over = endOfInput()
const client = await openClient({ bootstrap })
const failed = (error: unknown): void => tellSteady({ failed: String(error) })
read().catch(failed)
await produce()
tellSteady({ finished: true })

async function produce(): Promise<void> {
  const producer = new Producer(client, { acks: 'all' })
  const next = partitions.map(() => 0)
  const underWay = partitions.map(() => 0)
  const send = async (partition: number): Promise<void> => {
    const number = next[partition]!++
    underWay[partition]!++
    try {
      const { offset } = await producer.send(topic, { partition, value: `${number}` })
      tellAcked(partition, offset, number)
    } catch (error) {
      failed(error)
    } finally {
      underWay[partition]!--
    }
  }
  const sent = new Set<Promise<void>>()
  while (!over.aborted) {
    const startMs = systemClock.monotonicMs()
    for (const partition of partitions) {
      if (underWay[partition]! >= UNDER_WAY_MAX) continue
      const sending = send(partition).finally(() => sent.delete(sending))
      sent.add(sending)
    }
    await nextRound(startMs)
  }
  await Promise.all(sent)
}

async function read(): Promise<void> {
  const assignments = partitions.map((partition) => ({ topic, partition, from: 'beginning' }) as const)
  await using consumer = await AssignedConsumer.open(client, { assignments })
  for await (const batch of consumer.batches()) {
    for (const { partition, offset, value } of batch.records())
      tellSteady({ read: [partition, offset, Number(String(value))], atMs: systemClock.wallMs() })
  }
}
