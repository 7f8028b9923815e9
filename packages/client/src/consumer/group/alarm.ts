/** Owns a wait that ends after its time, or earlier when somebody rings. */
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { unlessAborted } from '../../connections.ts'

export class Alarm {
  readonly #timers: Timers
  #waiting: Deferred<void> | null = null
  #isRung = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Ends the wait that is under way, or the next one. */
  ring(): void {
    this.#isRung = true
    this.#waiting?.resolve()
  }

  /** One waits at a time. Rejects with the signal's reason. */
  async wait(delayMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung) {
      const waiting = deferred<void>()
      this.#waiting = waiting
      const timer = this.#timers.after(delayMs, () => waiting.resolve())
      try {
        await unlessAborted(waiting.promise, signal)
      } finally {
        timer.cancel()
        this.#waiting = null
      }
    }
    this.#isRung = false
  }
}
