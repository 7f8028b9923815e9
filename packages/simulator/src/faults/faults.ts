/**
 * The faults of a seed run: which comes when and for how long is drawn from the seed. Every fault has an end, which
 * comes at the latest when all of them are healed.
 */
import type { Random } from '@ottla/base/random.ts'
import type { Events } from '../checkers/events.ts'
import type { SimulatedCluster } from '../cluster.ts'
import { DiskFaults } from './disk-faults.ts'
import type { Fault, FaultHost } from './fault.ts'
import { NetworkFaults } from './network-faults.ts'
import { ProcessFaults } from './process-faults.ts'
import { StoreFaults } from './store-faults.ts'

/** What a fault lasts, short or long; a session ends in between. */
const SHORT_MS_MAX = 800
const LONG_MS_MAX = 9_000
/** After everything has healed. */
const HEALED_PAUSE_MS = 500

interface Ending {
  readonly atMs: number
  readonly act: () => void
}

export interface FaultsOptions {
  readonly cluster: SimulatedCluster
  readonly random: Random
  readonly events: Events
  readonly tell: (line: string) => void
}

export class Faults {
  readonly #cluster: SimulatedCluster
  readonly #random: Random
  readonly #processes: ProcessFaults
  readonly #faults: readonly Fault[]
  #endings: Ending[] = []
  #isHealed = false

  constructor(options: FaultsOptions) {
    const { cluster, random } = options
    this.#cluster = cluster
    this.#random = random
    const host: FaultHost = {
      ...options,
      later: (act, msMax = LONG_MS_MAX) => this.#in(this.#shortOrLong(msMax), act),
      after: (delayMs, act) => this.#in(delayMs, act),
      pick: (items) => items[random.below(items.length)]!,
    }
    this.#processes = new ProcessFaults(host)
    const others = [new NetworkFaults(host), new DiskFaults(host), new StoreFaults(host)]
    this.#faults = [this.#processes, ...others].flatMap(({ all }) => all)
  }

  /** Ends what is due. */
  elapse(): void {
    const nowMs = this.#cluster.time.monotonicMs()
    const due = this.#endings.filter(({ atMs }) => atMs <= nowMs)
    this.#endings = this.#endings.filter(({ atMs }) => atMs > nowMs)
    for (const { act } of due) act()
    this.#processes.restartFailed()
  }

  /** Draws one fault and lets it begin, where it can. */
  begin(): void {
    const { ids } = this.#cluster
    const id = ids[this.#random.below(ids.length)]!
    let left = this.#random.below(this.#faults.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of this.#faults) {
      left -= weight
      if (left < 0) return act(id)
    }
  }

  /** All that is broken works again, and stays so. */
  heal(): void {
    this.#isHealed = true
    for (const { act } of this.#endings.splice(0)) act()
    for (const id of this.#cluster.ids) this.#processes.start(id)
  }

  #shortOrLong(msMax: number): number {
    return 1 + this.#random.below(this.#random.below(2) === 0 ? SHORT_MS_MAX : msMax)
  }

  #in(delayMs: number, act: () => void): number {
    const atMs = this.#cluster.time.monotonicMs() + (this.#isHealed ? HEALED_PAUSE_MS : delayMs)
    this.#endings.push({ atMs, act })
    return Math.round(atMs)
  }
}
