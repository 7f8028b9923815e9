/**
 * Starts brokers in memory inside this process, one after another, as tests do, and prints one line of JSON: how long
 * loading took, the first start, and the median of later ones.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { summarize } from '../statistics.ts'

const LATER_STARTS = 10

async function loadBroker() {
  return (await import('@ottla/broker/broker.ts')).Broker
}

async function startMs(Broker: Awaited<ReturnType<typeof loadBroker>>): Promise<number> {
  const startedMs = systemClock.monotonicMs()
  const broker = await Broker.start({ storage: 'memory', port: 0 })
  const tookMs = systemClock.monotonicMs() - startedMs
  await broker[Symbol.asyncDispose]()
  return tookMs
}

const beganMs = systemClock.monotonicMs()
const Broker = await loadBroker()
const loadMs = systemClock.monotonicMs() - beganMs
const firstMs = await startMs(Broker)
const laterMs: number[] = []
for (let i = 0; i < LATER_STARTS; i++) laterMs.push(await startMs(Broker))
process.stdout.write(`${JSON.stringify({ loadMs, firstMs, laterMs: summarize(laterMs).median })}\n`)
