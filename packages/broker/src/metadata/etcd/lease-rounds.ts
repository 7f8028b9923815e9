/**
 * Keeps leases alive, whatever thread it runs in: each in its own time, for as long as the event loop that acts on them
 * ticks. An event loop that has stood still for a third of a lease's time is not kept alive any more: whoever holds a
 * lease must be able to notice that it is about to end.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { LeaseClock } from './lease-clock.ts'

export interface LeaseRoundsOptions {
  readonly leases: LeaseClock
  /** Of this thread. */
  readonly clock: Clock
  readonly timers: Timers
  /** Asks etcd; answers with the time that is left, 0 when the lease has ended. Rejects when nobody answers. */
  readonly keepAlive: (id: bigint, timeoutMs: number) => Promise<number>
  /** Something has happened that the event loop should look at now, or an operator should know. */
  readonly tell: (news: LeaseNews) => void
}

export type LeaseNews =
  | { readonly type: 'ended'; readonly slot: number }
  | { readonly type: 'failing'; readonly slot: number; readonly reason: string }

export interface KeptLease {
  readonly slot: number
  readonly id: bigint
  readonly ttlMs: number
}

/** Rounds in the time of a lease. */
const ROUNDS = 6
/** The share of a lease's time for which the event loop may stand still, and that one request may take. */
const STILL_SHARE = 3

export class LeaseRounds {
  readonly #options: LeaseRoundsOptions
  readonly #running = new Map<number, AbortController>()

  constructor(options: LeaseRoundsOptions) {
    this.#options = options
  }

  keep(lease: KeptLease): void {
    this.drop(lease.slot)
    const stop = new AbortController()
    this.#running.set(lease.slot, stop)
    this.#keepUntil(stop.signal, lease).catch(() => {
      // Only sleeping rejects, when it is told to stop.
    })
  }

  drop(slot: number): void {
    this.#running.get(slot)?.abort()
    this.#running.delete(slot)
  }

  async #keepUntil(signal: AbortSignal, lease: KeptLease): Promise<void> {
    const { leases, clock, timers } = this.#options
    let tickMs = leases.tickedAtMs()
    let seenMs = clock.monotonicMs()
    while (!signal.aborted) {
      await timers.sleep(lease.ttlMs / ROUNDS, { signal })
      const nowMs = clock.monotonicMs()
      const latestTickMs = leases.tickedAtMs()
      if (latestTickMs !== tickMs) [tickMs, seenMs] = [latestTickMs, nowMs]
      if (nowMs - seenMs >= lease.ttlMs / STILL_SHARE) continue
      await this.#keepOnce(lease, tickMs, signal)
    }
  }

  async #keepOnce({ slot, id, ttlMs }: KeptLease, tickMs: number, signal: AbortSignal): Promise<void> {
    const { leases, keepAlive, tell } = this.#options
    try {
      const leftMs = await keepAlive(id, ttlMs / STILL_SHARE)
      if (signal.aborted) return
      if (leftMs > 0) return leases.extend(slot, tickMs + ttlMs)
      leases.end(slot)
      tell({ type: 'ended', slot })
      this.drop(slot)
    } catch (error) {
      if (!signal.aborted) tell({ type: 'failing', slot, reason: (error as Error).message })
    }
  }
}
