/**
 * Produces to all partitions of a topic by kafkajs, idempotently and with its defaults otherwise; it cannot read assigned
 * partitions without a group. An idempotent kafkajs has one request under way to a broker. See steady-commands.ts.
 */
import { systemClock } from '@ottla/base/clock.ts'
import kafkajs from 'kafkajs'
import { endOfInput, nextRound, ROUND_MS, steadyArguments, tellAcked, tellSteady } from './steady-commands.ts'

const RECORDS_MAX = 100

const { Kafka, logLevel, Partitioners } = kafkajs
const { bootstrap, topic, partitions } = steadyArguments()
const over = endOfInput()
const kafka = new Kafka({ clientId: 'steady', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
const producer = kafka.producer({
  ...{ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false },
  createPartitioner: Partitioners.DefaultPartitioner,
})
await producer.connect()
await Promise.all(partitions.map(produce))
tellSteady({ finished: true })

/** As many records at once as rounds have passed meanwhile. */
async function produce(partition: number): Promise<void> {
  for (let next = 0, rounds = 1; !over.aborted; ) {
    const startMs = systemClock.monotonicMs()
    const messages = Array.from({ length: rounds }, (_, i) => ({ partition, value: `${next + i}` }))
    try {
      const [answer] = await producer.send({ topic, acks: -1, messages })
      for (const [i] of messages.entries()) tellAcked(partition, Number(answer!.baseOffset) + i, next + i)
    } catch (error) {
      tellSteady({ failed: String(error) })
    }
    next += messages.length
    rounds = Math.min(RECORDS_MAX, Math.max(1, Math.floor((systemClock.monotonicMs() - startMs) / ROUND_MS)))
    await nextRound(startMs)
  }
}
