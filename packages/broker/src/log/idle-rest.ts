/**
 * Owns when what nobody uses is given back: one timer for all logs of a broker. What was not used between two of its
 * ticks goes: open files, indexes and tail memory. An idle log costs nothing then but itself.
 */
import type { Timer, Timers } from '@ottla/base/timers.ts'
import type { OpenSegments } from './open-segments.ts'
import type { TailBudget } from './tail-budget.ts'

/** A log rests after it was idle for this long, or up to twice as long. */
export const IDLE_REST_MS = 30_000

export interface IdleRestOptions {
  readonly timers: Timers
  readonly openSegments: OpenSegments
  readonly tail: TailBudget
}

export class IdleRest implements Disposable {
  readonly #options: IdleRestOptions
  #timer: Timer

  constructor(options: IdleRestOptions) {
    this.#options = options
    this.#timer = options.timers.after(IDLE_REST_MS, this.#tick)
  }

  readonly #tick = (): void => {
    const { timers, openSegments, tail } = this.#options
    openSegments.restIdle()
    tail.giveBackIdle()
    this.#timer = timers.after(IDLE_REST_MS, this.#tick)
  };

  [Symbol.dispose](): void {
    this.#timer.cancel()
  }
}
