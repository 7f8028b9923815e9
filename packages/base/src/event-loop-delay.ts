/**
 * Owns how late the event loop comes to what is due: a timer fires every INTERVAL_MS, and what it is late by counts. Up
 * to about 1 ms of that is the grain of the system's timers. A stall counts for every tick that it has held up, not for
 * the one that came behind it, so that quantiles tell what a request at a random moment would have met.
 *
 * Node's own `monitorEventLoopDelay` keeps quantiles and no buckets: two readings of it have no difference.
 */
import type { Clock } from './clock.ts'
import { Histogram } from './counters.ts'
import type { Timer, Timers } from './timers.ts'

const INTERVAL_MS = 10
/** Of one stall, so that a laptop that wakes up does not count through the night. */
const HELD_UP_MAX = 1000

export class EventLoopDelay implements Disposable {
  /** In milliseconds. */
  readonly delayMs = new Histogram()
  readonly #clock: Clock
  readonly #timers: Timers
  #timer: Timer
  #dueMs = 0

  /** Watches until disposed. */
  constructor(ports: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = ports.clock
    this.#timers = ports.timers
    this.#timer = this.#arm()
  }

  [Symbol.dispose](): void {
    this.#timer.cancel()
  }

  #arm(): Timer {
    this.#dueMs = this.#clock.monotonicMs() + INTERVAL_MS
    return this.#timers.after(INTERVAL_MS, () => this.#tick())
  }

  #tick(): void {
    let lateMs = this.#clock.monotonicMs() - this.#dueMs
    this.delayMs.record(lateMs)
    for (let count = 1; lateMs > INTERVAL_MS && count < HELD_UP_MAX; count++) {
      lateMs -= INTERVAL_MS
      this.delayMs.record(lateMs)
    }
    this.#timer = this.#arm()
  }
}
