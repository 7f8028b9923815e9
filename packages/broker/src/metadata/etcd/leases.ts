/**
 * The leases that this process holds of etcd: grants, watches over and gives them back. Owns the thread that keeps them
 * alive (`lease-thread.ts`) and the tick by which the thread knows that the event loop acts on them.
 *
 * A lease lasts, for us, its time from the last tick before the request that extended it; etcd counts from later, so it
 * never ends there before it has ended here. The event loop compares at each tick, and on demand (`isLive`): a process
 * that goes on after a pause finds the lease ended before it acts on it, whether or not etcd has noticed.
 *
 * etcd's own ids are random. The epoch of a lease is the revision of a document of its own, `<root>/~leases/<id>`, tied
 * to the lease: unique and rising. A commit with the lease compares that document.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Companion, Companions } from '@ottla/base/companion.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import type { Lease } from '../store.ts'
import { LeaseClock } from './lease-clock.ts'
import type { LeaseNews } from './lease-rounds.ts'
import type { LeaseCommand, LeaseThreadData } from './lease-thread.ts'

export interface LeasesOptions {
  readonly clock: Clock
  readonly timers: Timers
  readonly companions: Companions
  readonly logger: Logger
  readonly channel: LeaseThreadData['channel']
  /** Tells etcd that the lease has ended. Never rejects, takes a bounded time. */
  readonly revoke: (id: bigint) => Promise<void>
}

export interface Grant {
  readonly id: bigint
  readonly epoch: number
  readonly ttlMs: number
  /** When etcd was asked for it. */
  readonly askedAtMs: number
}

/** Ticks in the time of a lease; each costs the lease as much of its time as passes between two. */
const TICKS = 12

interface Held extends Grant {
  readonly slot: number
  readonly lost: AbortController
  isFailing: boolean
  releasing: Promise<void> | null
}

export class Leases implements AsyncDisposable {
  readonly #options: LeasesOptions
  readonly #leaseClock = new LeaseClock()
  readonly #held = new Map<number, Held>()
  #thread: Companion | null = null
  #timer: Timer | null = null

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  hold(grant: Grant): Lease {
    const slot = this.#leaseClock.freeSlot()
    assert(slot !== null, 'A store holds a few leases at most')
    const held: Held = { ...grant, slot, lost: new AbortController(), isFailing: false, releasing: null }
    this.#held.set(grant.epoch, held)
    this.#leaseClock.setEnd(slot, grant.askedAtMs + grant.ttlMs)
    this.#tick()
    const { id, ttlMs } = grant
    this.#command({ type: 'keep', lease: { slot, id, ttlMs } })
    const release = () => this.#release(held)
    const isLive = () => this.#isLive(held)
    return { epoch: grant.epoch, lost: held.lost.signal, isLive, release, [Symbol.asyncDispose]: release }
  }

  /** The id by etcd's name; null when the lease has ended or may have. */
  liveId(epoch: number): bigint | null {
    const held = this.#held.get(epoch)
    return held !== undefined && this.#isLive(held) ? held.id : null
  }

  /** etcd has said so. */
  ended(epoch: number): void {
    const held = this.#held.get(epoch)
    if (held !== undefined) this.#lose(held)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#held.values()].map((held) => this.#release(held)))
    this.#timer?.cancel()
    await this.#thread?.[Symbol.asyncDispose]()
    this.#thread = null
  }

  #isLive(held: Held): boolean {
    if (held.lost.signal.aborted) return false
    if (this.#options.clock.monotonicMs() < this.#leaseClock.endMs(held.slot)) return true
    this.#lose(held)
    return false
  }

  /** Compares before it ticks: what ended meanwhile is not kept alive by a loop that has just woken up. */
  #tick(): void {
    this.#timer?.cancel()
    for (const held of [...this.#held.values()]) this.#isLive(held)
    const { clock, timers } = this.#options
    this.#leaseClock.tick(clock.monotonicMs())
    const shortestMs = Math.min(...[...this.#held.values()].map(({ ttlMs }) => ttlMs))
    if (shortestMs !== Number.POSITIVE_INFINITY) this.#timer = timers.after(shortestMs / TICKS, () => this.#tick())
  }

  #lose(held: Held): void {
    if (!this.#held.delete(held.epoch)) return
    this.#command({ type: 'drop', slot: held.slot })
    this.#leaseClock.free(held.slot)
    held.lost.abort()
  }

  #release(held: Held): Promise<void> {
    this.#lose(held)
    held.releasing ??= this.#options.revoke(held.id)
    return held.releasing
  }

  #command(command: LeaseCommand): void {
    this.#thread ??= this.#startThread()
    this.#thread.post(command)
  }

  #startThread(): Companion {
    const { companions, channel } = this.#options
    const data: LeaseThreadData = { shared: this.#leaseClock.shared, channel }
    return companions.start(new URL('./lease-thread.ts', import.meta.url), {
      data,
      onMessage: (news) => this.#heed(news as LeaseNews),
      onFailure: (error) => this.#threadFailed(error),
    })
  }

  #heed(news: LeaseNews): void {
    const held = [...this.#held.values()].find(({ slot }) => slot === news.slot)
    if (held === undefined) return
    if (news.type === 'ended') return void this.#isLive(held)
    // Once a lease: what follows is either that it goes on, or that it is lost, which its owner tells.
    if (!held.isFailing)
      this.#options.logger.warn('Cannot keep a lease alive', { epoch: held.epoch, reason: news.reason })
    held.isFailing = true
  }

  /** What it kept alive ends in its time; the next lease gets a new thread. */
  #threadFailed(error: Error): void {
    this.#options.logger.error('The thread that keeps leases alive has failed', { error })
    this.#thread = null
  }
}
