/**
 * Decoupling and broadcast: `scripts/node26 examples/three-services.ts [--bootstrap HOST:PORT] [--changes N] [--rate N]`.
 *
 * A shop tells of product changes once and knows nobody who listens. Search, the product page and the merchant's service
 * each hear of every change, each at its own pace: the merchant's takes ten times as long as search, and makes neither
 * search nor the shop wait.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openClient } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { changeAt, makeTopic, type ProductChange, TOPIC, toRecord } from './product-changes.ts'
import { Service } from './service.ts'
import { withBroker } from './with-broker.ts'

export interface ThreeServicesOptions {
  readonly bootstrap: string
  readonly changes: number
  /** Of changes, a second. */
  readonly rate: number
  readonly print: (line: string) => void
}

/** In ms for a change. */
const WORK_MS = { search: 2, 'product-page': 6, merchant: 20 }
const PRODUCTS = 12
const PRINT_MS = 500

/** Resolves, once all have heard of everything, with what each service heard. */
export async function threeServices(options: ThreeServicesOptions): Promise<Map<string, readonly ProductChange[]>> {
  const { bootstrap, changes, print } = options
  await using client = await openClient({ bootstrap, clientId: 'shop' })
  await makeTopic(client)
  await using services = new AsyncDisposableStack()
  const all = Object.entries(WORK_MS).map(([group, workMs]) => services.use(Service.start(client, { group, workMs })))
  const producing = produce(client, options)
  const producer = { isDone: false }
  void producing.then(() => {
    producer.isDone = true
  })
  while (!producer.isDone || all.some(({ heard }) => heard.length < changes)) {
    await sleep(Math.min(PRINT_MS, changes))
    print(all.map(({ name, heard }) => `${name} has heard of ${heard.length}`).join(', '))
  }
  await producing
  return new Map(all.map(({ name, heard }) => [name, heard]))
}

async function produce(
  client: Awaited<ReturnType<typeof openClient>>,
  { changes, rate, print }: ThreeServicesOptions,
): Promise<void> {
  await using producer = new Producer(client, { acks: 'all', lingerMs: 5 })
  for (let index = 0; index < changes; index++) {
    void producer.send(TOPIC, toRecord(changeAt(index, PRODUCTS)))
    await sleep(1000 / rate)
  }
  await producer.flush()
  print(`the shop has told of all ${changes} changes and goes on with its business`)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      bootstrap: { type: 'string' },
      changes: { type: 'string', default: '300' },
      rate: { type: 'string', default: '100' },
    },
  })
  const { changes, rate } = values
  await withBroker(values.bootstrap, async (bootstrap) => {
    await threeServices({ bootstrap, changes: Number(changes), rate: Number(rate), print: console.log })
  })
}
