/**
 * Time as one process sees it: it ends with the process, whose callbacks are never called again, and stands still while
 * the process is stopped (SIGSTOP), after which everything that came due meanwhile fires at once. Its wall clock is its
 * machine's, which may be wrong, and jumps.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'

type State = 'running' | 'stopped' | 'over'

export class MortalTimers implements Timers, Clock {
  readonly #time: Timers & Clock
  readonly #wallOffsetMs: () => number
  #state: State = 'running'
  #late: (() => void)[] = []

  constructor(time: Timers & Clock, options: { wallOffsetMs?: () => number } = {}) {
    this.#time = time
    this.#wallOffsetMs = options.wallOffsetMs ?? (() => 0)
  }

  end(): void {
    this.#state = 'over'
    this.#late = []
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  goOn(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    const late = this.#late
    this.#late = []
    for (const callback of late) this.#time.endOfTurn(this.#mortal(callback))
  }

  wallMs(): number {
    return this.#time.wallMs() + this.#wallOffsetMs()
  }

  monotonicMs(): number {
    return this.#time.monotonicMs()
  }

  after(delayMs: number, callback: () => void): Timer {
    let isCancelled = false
    const timer = this.#time.after(
      delayMs,
      this.#mortal(() => {
        if (!isCancelled) callback()
      }),
    )
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  endOfTurn(callback: () => void): void {
    this.#time.endOfTurn(this.#mortal(callback))
  }

  soon(callback: () => void): void {
    this.#time.soon(this.#mortal(callback))
  }

  async sleep(delayMs: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    const done = deferred<void>()
    const abort = (): void => done.reject(signal?.reason)
    const timer = this.after(delayMs, done.resolve)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await done.promise
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  #mortal(callback: () => void): () => void {
    return () => {
      if (this.#state === 'running') callback()
      else if (this.#state === 'stopped') this.#late.push(callback)
    }
  }
}
