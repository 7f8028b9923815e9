/**
 * Owns the bound on how long an application may take without asking for more. It is looked at a few times in that span
 * rather than timed exactly, so that a record costs a number and no timer: it is found out up to a quarter late.
 */
import type { Timer, Timers } from '@ottla/base/timers.ts'

const LOOKS = 8

export class Processing {
  readonly #timers: Timers
  readonly #lookMs: number
  readonly #onExceeded: () => void
  #timer: Timer | null = null
  #isWaiting = false
  #progress = 0
  #seen = 0
  #idleLooks = 0

  /** The application is expected to ask for something from now on. */
  constructor(timers: Timers, options: { timeoutMs: number; onExceeded: () => void }) {
    this.#timers = timers
    this.#lookMs = options.timeoutMs / LOOKS
    this.#onExceeded = options.onExceeded
    this.#arm()
  }

  /** While it waits for us it cannot be late. */
  waits(isWaiting: boolean): void {
    this.#isWaiting = isWaiting
    this.#progress++
  }

  progressed(): void {
    this.#progress++
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    this.#timer = this.#timers.after(this.#lookMs, () => this.#look())
  }

  #look(): void {
    const isBusy = this.#progress === this.#seen && !this.#isWaiting
    this.#seen = this.#progress
    this.#idleLooks = isBusy ? this.#idleLooks + 1 : 0
    if (this.#idleLooks >= LOOKS) this.#onExceeded()
    else this.#arm()
  }
}
