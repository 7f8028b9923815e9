/**
 * Owns the brokers of the storage bench: one process for each data directory, started when it is first wanted, stopped
 * by SIGSTOP while another is measured, and ended in order, with its data kept.
 */
import { type BenchPorts, BrokerProcess } from '../broker-process.ts'
import type { Slot } from './plan.ts'
import { WireLoad } from './wire-load.ts'

export interface BrokersOptions {
  readonly ports: BenchPorts
  readonly directory: string
  /** The brokers' only one. */
  readonly core: number | null
}

interface Place {
  readonly broker: BrokerProcess
  readonly load: WireLoad
  isStopped: boolean
}

/** After it was woken, before it is measured. */
const SETTLE_MS = 100

export class Brokers implements AsyncDisposable {
  readonly #options: BrokersOptions
  readonly #places = new Map<string, Place>()

  constructor(options: BrokersOptions) {
    this.#options = options
  }

  /** Resolves when the slot's broker alone runs. */
  async turnOf(slot: Slot): Promise<Place> {
    for (const [name, place] of this.#places) if (name !== slot.broker) stop(place)
    const place = this.#places.get(slot.broker) ?? (await this.#enter(slot))
    if (!place.isStopped) return place
    place.broker.signal('SIGCONT')
    place.isStopped = false
    await this.#options.ports.timers.sleep(SETTLE_MS)
    return place
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { broker, load } of this.#places.values()) {
      load[Symbol.dispose]()
      await broker[Symbol.asyncDispose]()
    }
    this.#places.clear()
  }

  async #enter({ broker: name }: Slot): Promise<Place> {
    const broker = await startBroker(this.#options, name)
    const place = { broker, load: await WireLoad.connect(broker.bootstrap), isStopped: false }
    this.#places.set(name, place)
    return place
  }
}

export async function startBroker({ ports, directory, core }: BrokersOptions, name: string): Promise<BrokerProcess> {
  const dataDirectory = `${directory}/${name}`
  return await BrokerProcess.start({ ...ports, dataDirectory, keepsData: true, watchesLoop: false, core })
}

function stop(place: Place): void {
  if (place.isStopped) return
  place.broker.signal('SIGSTOP')
  place.isStopped = true
}
