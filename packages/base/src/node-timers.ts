/**
 * Timers on Node's event loop. Owns the one list of callbacks that wait for the end of the turn: however many ask in a
 * turn, one `setImmediate` runs them all, after the sockets that were ready have been read.
 */
import { deferred } from './deferred.ts'
import type { Timer, Timers } from './timers.ts'

/** Node fires a timer with a longer delay at once, so longer waits are made of several. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1

class NodeTimers implements Timers {
  #queued: (() => void)[] = []
  readonly #runQueued = () => this.#run()

  after(delayMs: number, callback: () => void): Timer {
    return new NodeTimer(delayMs, callback, false)
  }

  endOfTurn(callback: () => void): void {
    if (this.#queued.push(callback) === 1) setImmediate(this.#runQueued)
  }

  /** Node runs its ticks when the queue of microtasks is empty. */
  soon(callback: () => void): void {
    process.nextTick(callback)
  }

  async sleep(delayMs: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = deferred<void>()
    const timer = new NodeTimer(delayMs, resolve, true)
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  /** What is queued meanwhile waits for the next turn, so that a callback which queues itself cannot starve the sockets. */
  #run(): void {
    const callbacks = this.#queued
    this.#queued = []
    let next = 0
    try {
      while (next < callbacks.length) callbacks[next++]!()
    } finally {
      if (next < callbacks.length) this.#putBack(callbacks.slice(next))
    }
  }

  /** One callback has thrown: those behind it belong to others and still run. */
  #putBack(callbacks: (() => void)[]): void {
    if (this.#queued.length === 0) setImmediate(this.#runQueued)
    this.#queued = callbacks.concat(this.#queued)
  }
}

class NodeTimer implements Timer {
  #remainingMs: number
  readonly #callback: () => void
  readonly #keepsAlive: boolean
  #timeout: NodeJS.Timeout | null = null

  constructor(delayMs: number, callback: () => void, keepsAlive: boolean) {
    this.#remainingMs = Math.max(0, delayMs)
    this.#callback = callback
    this.#keepsAlive = keepsAlive
    this.#arm()
  }

  cancel(): void {
    if (this.#timeout === null) return
    clearTimeout(this.#timeout)
    this.#timeout = null
  }

  #arm(): void {
    const delayMs = Math.min(this.#remainingMs, NODE_DELAY_MS_MAX)
    this.#remainingMs -= delayMs
    this.#timeout = setTimeout(NodeTimer.#fired, delayMs, this)
    if (!this.#keepsAlive) this.#timeout.unref()
  }

  static #fired(timer: NodeTimer): void {
    timer.#timeout = null
    if (timer.#remainingMs > 0) timer.#arm()
    else timer.#callback()
  }
}

export const systemTimers: Timers = new NodeTimers()
