/**
 * How much of one turn of the event loop all connections together may spend on requests. A thousand clients whose
 * requests are there at once would else hold up timers, syncs and everybody else until the last of them is served.
 *
 * Once the time is spent, connections that have something to read rest, and are called one after the other in the turns
 * that follow, in the order in which they came to rest: who comes later waits behind them.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'

/** A turn begins no request after this; the end of the turn (writes, replies) comes on top. */
export const TURN_MS_MAX = 20

export class TurnBudget {
  readonly #clock: Clock
  readonly #timers: Timers
  /** Null: nothing was read in this turn yet. */
  #untilMs: number | null = null
  /** Each connection rests at most once at a time, so there are no more than connections. */
  #resting: (() => void)[] = []

  constructor(options: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = options.clock
    this.#timers = options.timers
  }

  /** Whether who has read something has to rest. The first who asks in a turn begins it. */
  isSpent(): boolean {
    if (this.#resting.length > 0) return true
    const nowMs = this.#clock.monotonicMs()
    if (this.#untilMs === null) this.#begin(nowMs)
    return nowMs >= this.#untilMs!
  }

  /** Calls back when it is this one's turn. */
  rest(goOn: () => void): void {
    this.#resting.push(goOn)
  }

  #begin(nowMs: number): void {
    this.#untilMs = nowMs + TURN_MS_MAX
    this.#timers.endOfTurn(this.#endTurn)
  }

  /** Those who rest go on with what the turn's reading has left of its time, and with a time of their own from then on. */
  readonly #endTurn = (): void => {
    let served = 0
    // At least one, however long the reading of all the others took.
    while (served < this.#resting.length && (served === 0 || this.#clock.monotonicMs() < this.#untilMs!)) {
      this.#resting[served++]!()
    }
    this.#resting = this.#resting.slice(served)
    this.#untilMs = null
    if (this.#resting.length > 0) this.#begin(this.#clock.monotonicMs())
  }
}
