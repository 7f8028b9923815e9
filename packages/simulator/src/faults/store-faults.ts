/** The metadata store: out of one broker's reach, down or slow for everybody, or wrong about who lives. And wrong clocks. */
import type { Fault, FaultHost } from './fault.ts'

const SLOW_STORE_MS_MAX = 400
const DOWN_MS_MAX = 6000
/** Two clocks differ by less than twice that: records from more than an hour ahead are refused (as in Kafka). */
const CLOCK_OFF_MS_MAX = 25 * 60_000

export class StoreFaults {
  readonly #host: FaultHost
  readonly #clientOffsets = new Map<string, number>()
  readonly #offsets = new Map<number, number>()

  constructor(host: FaultHost) {
    this.#host = host
  }

  get all(): readonly Fault[] {
    return [
      [1, (id) => this.#cut(id)],
      [1, (id) => this.#loseLease(id)],
      [1, () => this.#down()],
      [1, () => this.#slow()],
      [1, (id) => this.#jumpClock(id)],
      [1, () => this.#jumpClientClock()],
    ]
  }

  #cut(id: number): void {
    const { cluster, events, tell, later } = this.#host
    if (cluster.serving(id) === null) return
    events.count('store cut')
    cluster.cutFromStore(id)
    const endMs = later(() => cluster.healToStore(id))
    tell(`broker ${id} does not reach the store until ${endMs}`)
  }

  #loseLease(id: number): void {
    if (!this.#host.cluster.loseLease(id)) return
    this.#host.events.count('lease lost')
    this.#host.tell(`broker ${id} loses its lease`)
  }

  #down(): void {
    const { cluster, events, tell, later } = this.#host
    events.count('store down')
    cluster.storeIsDown(true)
    const endMs = later(() => cluster.storeIsDown(false), DOWN_MS_MAX)
    tell(`the store is down until ${endMs}`)
  }

  #slow(): void {
    const { cluster, events, tell, later } = this.#host
    events.count('slow store')
    cluster.slowStore(SLOW_STORE_MS_MAX)
    const endMs = later(() => cluster.slowStore(0))
    tell(`the store is slow until ${endMs}`)
  }

  #jumpClock(id: number): void {
    const offMs = this.#wrong()
    const byMs = offMs - (this.#offsets.get(id) ?? 0)
    this.#offsets.set(id, offMs)
    this.#host.cluster.jumpClock(id, byMs)
    this.#jumped(`broker ${id}`, byMs)
  }

  #jumpClientClock(): void {
    const host = this.#host.pick(this.#host.cluster.clients.hosts)
    const offMs = this.#wrong()
    const byMs = offMs - (this.#clientOffsets.get(host) ?? 0)
    this.#clientOffsets.set(host, offMs)
    this.#host.cluster.clients.jumpClock(host, byMs)
    this.#jumped(host, byMs)
  }

  #jumped(name: string, byMs: number): void {
    this.#host.events.count(byMs < 0 ? 'clock back' : 'clock ahead')
    this.#host.tell(`the clock of ${name} jumps by ${byMs} ms`)
  }

  /** A little as often as a lot. */
  #wrong(): number {
    const offMsMax = this.#host.pick([2_000, CLOCK_OFF_MS_MAX])
    return this.#host.random.below(2 * offMsMax) - offMsMax
  }
}
