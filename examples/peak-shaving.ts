/**
 * Peak shaving: `scripts/node26 examples/peak-shaving.ts [--bootstrap HOST:PORT] [--rate N] [--seconds N]`.
 *
 * A service that manages somewhat more than the usual rate of changes meets a burst of ten times as many. The burst waits
 * in the log instead of falling upon the service, which works on at its own pace until the lag is gone again. Nothing is
 * lost and nobody is turned away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Client, openClient } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { changeAt, makeTopic, TOPIC, toRecord } from './product-changes.ts'
import { Service } from './service.ts'
import { withBroker } from './with-broker.ts'

export interface PeakShavingOptions {
  readonly bootstrap: string
  /** Of changes in normal times, a second. */
  readonly rate: number
  /** How long normal times last before and after the burst, and how long the burst. */
  readonly seconds: number
  readonly print: (line: string) => void
}

export interface PeakShavingResult {
  readonly produced: number
  readonly heard: number
  readonly lagMax: number
}

const BURST = 10
/** Of the service, in ms for a change. */
const WORK_MS = 2
const PRODUCTS = 50
const LOOK_MS = 250
/** A producer that is woken so often sends what has become due. */
const TICK_MS = 10

/** Resolves when the burst is drained. */
export async function peakShaving(options: PeakShavingOptions): Promise<PeakShavingResult> {
  const { bootstrap, print } = options
  await using client = await openClient({ bootstrap, clientId: 'shop' })
  await makeTopic(client)
  await using service = Service.start(client, { group: 'merchant-at-its-pace', workMs: WORK_MS })
  const shop = { produced: 0, isDone: false }
  const producing = produce(client, shop, options)
  let lagMax = 0
  while (!shop.isDone || service.heard.length < shop.produced) {
    await sleep(LOOK_MS)
    const lag = await service.lag()
    lagMax = Math.max(lagMax, lag)
    print(`told ${shop.produced}, heard ${service.heard.length}, lag ${lag} ${bar(lag)}`)
  }
  await producing
  return { produced: shop.produced, heard: service.heard.length, lagMax }
}

async function produce(
  client: Client,
  shop: { produced: number; isDone: boolean },
  { rate, seconds, print }: PeakShavingOptions,
): Promise<void> {
  await using producer = new Producer(client, { acks: 'all', lingerMs: 5 })
  for (const [name, perSecond] of [
    ['normal times', rate],
    ['a burst', rate * BURST],
    ['normal times', rate],
  ] as const) {
    print(`${name}: ${perSecond} changes a second`)
    const before = shop.produced
    const startMs = performance.now()
    for (let dueMs = 0; dueMs < seconds * 1000; dueMs = performance.now() - startMs) {
      const due = before + Math.floor((Math.min(dueMs, seconds * 1000) / 1000) * perSecond)
      for (; shop.produced < due; shop.produced++)
        void producer.send(TOPIC, toRecord(changeAt(shop.produced, PRODUCTS)))
      await sleep(TICK_MS)
    }
  }
  await producer.flush()
  shop.isDone = true
}

function bar(lag: number): string {
  return '#'.repeat(Math.ceil(lag / 50))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      bootstrap: { type: 'string' },
      rate: { type: 'string', default: '150' },
      seconds: { type: 'string', default: '3' },
    },
  })
  const { rate, seconds } = values
  await withBroker(values.bootstrap, async (bootstrap) => {
    await peakShaving({ bootstrap, rate: Number(rate), seconds: Number(seconds), print: console.log })
  })
}
