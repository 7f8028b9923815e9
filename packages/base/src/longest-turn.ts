/**
 * Owns how long the longest turn of this process's event loop took: from the end of one wait for events to the beginning
 * of the next, measured by the loop itself for every turn. What waits for the loop at the worst moment waits that long.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Its types do not know the option yet. */
const watchTurns = monitorEventLoopDelay as (options: {
  readonly samplePerIteration: boolean
}) => ReturnType<typeof monitorEventLoopDelay>

export class LongestTurn implements Disposable {
  readonly #turns = watchTurns({ samplePerIteration: true })

  /** Watches until disposed. */
  constructor() {
    this.#turns.enable()
  }

  /** In ms, of the turns that have ended since it was last asked; 0 where none has. */
  takeMs(): number {
    const longestMs = this.#turns.count === 0 ? 0 : this.#turns.max / 1e6
    this.#turns.reset()
    return longestMs
  }

  [Symbol.dispose](): void {
    this.#turns.disable()
  }
}
