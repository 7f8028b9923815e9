/**
 * The faults of a seed run: which comes when and for how long is drawn from the seed. Every fault has an end, which
 * comes at the latest when all of them are healed.
 */
import type { Random } from '@ottla/base/random.ts'
import { logFilesOf } from './checkers/replica-logs.ts'
import type { Events } from './checkers/watch.ts'
import type { SimulatedCluster } from './cluster.ts'

/** What a fault lasts, short or long; a session ends in between. */
const SHORT_MS_MAX = 800
const LONG_MS_MAX = 9_000
const SLOW_SYNC_MS_MAX = 400
const RESTART_PAUSE_MS = 500

interface Ending {
  readonly atMs: number
  readonly act: () => void
}

export interface FaultsOptions {
  readonly cluster: SimulatedCluster
  readonly clientHosts: readonly string[]
  readonly random: Random
  readonly events: Events
  readonly tell: (line: string) => void
}

export class Faults {
  readonly #cluster: SimulatedCluster
  readonly #options: FaultsOptions
  readonly #random: Random
  #endings: Ending[] = []
  #isHealed = false

  constructor(options: FaultsOptions) {
    this.#options = options
    this.#cluster = options.cluster
    this.#random = options.random
  }

  /** Ends what is due. */
  elapse(): void {
    const nowMs = this.#cluster.time.monotonicMs()
    const due = this.#endings.filter(({ atMs }) => atMs <= nowMs)
    this.#endings = this.#endings.filter(({ atMs }) => atMs > nowMs)
    for (const { act } of due) act()
  }

  /** Draws one fault and lets it begin, where it can. */
  begin(): void {
    const id = this.#pick(this.#cluster.ids)
    const faults: readonly (readonly [number, (id: number) => void])[] = [
      [4, (one) => this.#crash(one, { power: true })],
      [2, (one) => this.#crash(one, { power: false })],
      [2, (one) => this.#stop(one)],
      [2, (one) => this.#pause(one)],
      [3, (one) => this.#cutBrokers(one)],
      [2, (one) => this.#cutClient(one)],
      [1, (one) => this.#cutStore(one)],
      [1, (one) => this.#loseLease(one)],
      [2, (one) => this.#slowSyncs(one)],
      [1, (one) => this.#replaceDisk(one)],
      [1, () => this.#crashAll()],
    ]
    let left = this.#random.below(faults.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of faults) {
      left -= weight
      if (left < 0) return act(id)
    }
  }

  /** All that is broken works again, and stays so. */
  heal(): void {
    this.#isHealed = true
    for (const { act } of this.#endings.splice(0)) act()
    for (const id of this.#cluster.ids) this.#start(id)
  }

  #crash(id: number, { power }: { power: boolean }): void {
    if (!this.#cluster.isRunning(id)) return
    this.#end(id, power)
    this.#later(() => this.#start(id))
  }

  /** Everybody at once: nothing is left but what is on the disks. */
  #crashAll(): void {
    for (const id of this.#cluster.ids) this.#crash(id, { power: true })
  }

  #end(id: number, power: boolean): void {
    const { events, tell } = this.#options
    const before = logFilesOf(this.#cluster.disk(id))
    this.#cluster.crashBroker(id, { power })
    events.count(power ? 'power loss' : 'crash')
    const after = logFilesOf(this.#cluster.disk(id))
    const hasLost = before.length !== after.length || before.some((bytes, i) => !bytes.equals(after[i]!))
    if (hasLost) events.count('lost bytes')
    tell(`broker ${id} ${power ? 'loses its power' : 'is killed'}${hasLost ? ', and bytes of its logs' : ''}`)
  }

  #start(id: number): void {
    if (this.#cluster.isRunning(id)) return
    const { events, tell } = this.#options
    tell(`broker ${id} is started`)
    this.#cluster.launchBroker(id).then(
      () => tell(`broker ${id} serves`),
      (error: Error) => {
        events.count('start failed')
        tell(`broker ${id} does not start: ${error.message}`)
        this.#in(RESTART_PAUSE_MS, () => this.#start(id))
      },
    )
  }

  /** As whoever keeps a broker running would: one that has ended by itself comes back. */
  restartFailed(): void {
    for (const id of this.#cluster.takeFailed()) {
      this.#options.events.count('broker failed')
      this.#options.tell(`broker ${id} has failed and is gone`)
      this.#in(RESTART_PAUSE_MS, () => this.#start(id))
    }
  }

  #stop(id: number): void {
    if (this.#cluster.serving(id) === null) return
    this.#options.events.count('stop')
    this.#options.tell(`broker ${id} is asked to stop`)
    void this.#cluster.endBroker(id).then(() => {
      if (this.#cluster.isRunning(id)) return
      this.#options.tell(`broker ${id} has stopped`)
      this.#later(() => this.#start(id))
    })
  }

  #pause(id: number): void {
    if (this.#cluster.serving(id) === null) return
    this.#options.events.count('pause')
    this.#cluster.pauseBroker(id)
    const endMs = this.#later(() => this.#cluster.continueBroker(id))
    this.#options.tell(`broker ${id} stands still until ${endMs}`)
  }

  #cutBrokers(id: number): void {
    this.#cut(`broker-${id}`, `broker-${this.#pick(this.#cluster.ids.filter((other) => other !== id))}`)
  }

  #cutClient(id: number): void {
    const client = this.#pick(this.#options.clientHosts)
    if (this.#random.below(2) === 0) this.#cut(`broker-${id}`, client)
    else this.#cut(client, `broker-${id}`)
  }

  #cut(from: string, to: string): void {
    const { network } = this.#cluster
    const isOneWay = this.#random.below(2) === 0
    this.#options.events.count(isOneWay ? 'one-way cut' : 'cut')
    if (isOneWay) network.cutOneWay(from, to)
    else network.cut(from, to)
    const endMs = this.#later(() => network.heal(from, to))
    this.#options.tell(`${from} ${isOneWay ? 'does not reach' : 'is cut off from'} ${to} until ${endMs}`)
  }

  #cutStore(id: number): void {
    if (this.#cluster.serving(id) === null) return
    this.#options.events.count('store cut')
    this.#cluster.cutFromStore(id)
    const endMs = this.#later(() => this.#cluster.healToStore(id))
    this.#options.tell(`broker ${id} does not reach the store until ${endMs}`)
  }

  #loseLease(id: number): void {
    if (!this.#cluster.loseLease(id)) return
    this.#options.events.count('lease lost')
    this.#options.tell(`broker ${id} loses its lease`)
  }

  #slowSyncs(id: number): void {
    this.#options.events.count('slow syncs')
    this.#cluster.slowSyncs(id, SLOW_SYNC_MS_MAX)
    const endMs = this.#later(() => this.#cluster.slowSyncs(id))
    this.#options.tell(`syncs of broker ${id} are slow until ${endMs}`)
  }

  /** Only while all others have everything: two disks lost at once are more than a cluster of three promises to bear. */
  #replaceDisk(id: number): void {
    const others = this.#cluster.ids.filter((other) => other !== id)
    if (!this.#cluster.isRunning(id) || others.some((other) => this.#cluster.serving(other) === null)) return
    for (const { partitions } of this.#cluster.image.topicsByName.values()) {
      if (partitions.some(({ isr }) => others.some((other) => !isr.includes(other)))) return
    }
    this.#options.events.count('new disk')
    this.#cluster.crashBroker(id, { power: false })
    this.#cluster.replaceDisk(id)
    this.#options.tell(`broker ${id} is gone, and gets an empty disk`)
    this.#later(() => this.#start(id))
  }

  /** Answers when it will be, in ms. */
  #later(act: () => void): number {
    const delayMs = 1 + this.#random.below(this.#random.below(2) === 0 ? SHORT_MS_MAX : LONG_MS_MAX)
    return this.#in(delayMs, act)
  }

  #in(delayMs: number, act: () => void): number {
    const atMs = this.#cluster.time.monotonicMs() + (this.#isHealed ? RESTART_PAUSE_MS : delayMs)
    this.#endings.push({ atMs, act })
    return Math.round(atMs)
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!
  }
}
