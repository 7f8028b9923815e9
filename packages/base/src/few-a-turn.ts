/**
 * Things that may come due by the thousands at once, done a few in each turn of the event loop, in their order, so that
 * whoever else waits for the loop is served between them. Who adds them bounds how many there are.
 */
import type { Timers } from './timers.ts'

export class FewATurn {
  readonly #perTurnMax: number
  readonly #timers: Pick<Timers, 'endOfTurn'>
  #waiting: (() => void)[] = []

  constructor(options: { readonly perTurnMax: number; readonly timers: Pick<Timers, 'endOfTurn'> }) {
    this.#perTurnMax = options.perTurnMax
    this.#timers = options.timers
  }

  /** Done at the end of this turn, or of a later one. */
  add(act: () => void): void {
    if (this.#waiting.push(act) === 1) this.#timers.endOfTurn(this.#turn)
  }

  readonly #turn = (): void => {
    const due = this.#waiting.slice(0, this.#perTurnMax)
    this.#waiting = this.#waiting.slice(this.#perTurnMax)
    if (this.#waiting.length > 0) this.#timers.endOfTurn(this.#turn)
    for (const act of due) act()
  }
}
