/**
 * Whether code runs inside of a call: directly or behind any number of awaits, as long as the call has not ended. For
 * code that calls back into its caller, and must not wait there for its own end. Over `node:async_hooks`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export class CallScope {
  readonly #calls = new AsyncLocalStorage<{ isRunning: boolean }>()

  async run<T>(call: () => T | Promise<T>): Promise<T> {
    const mine = { isRunning: true }
    try {
      return await this.#calls.run(mine, call)
    } finally {
      mine.isRunning = false
    }
  }

  /** False also for what a call has started and not awaited, once the call has ended. */
  get isInside(): boolean {
    return this.#calls.getStore()?.isRunning ?? false
  }
}
