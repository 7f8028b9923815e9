/**
 * Those who wait for one partition's offset to pass theirs: producers with `acks=all`, and deleters of records.
 *
 * Offsets are asked for in rising order, so the queue is sorted and one timer, for the earliest deadline, serves all.
 * Requests of one turn that wait for the same offset and time share one promise.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'

interface Waiter {
  readonly offset: number
  readonly deadlineMs: number
  readonly done: Deferred<void>
}

export class OffsetWaiters {
  readonly #clock: Clock
  readonly #timers: Timers
  #waiters: Waiter[] = []
  #head = 0
  #timer: Timer | null = null
  #timerMs = Infinity

  constructor(options: { clock: Clock; timers: Timers }) {
    this.#clock = options.clock
    this.#timers = options.timers
  }

  get count(): number {
    return this.#waiters.length - this.#head
  }

  /** Resolves once `passed(offset)` or more was told; rejects with REQUEST_TIMED_OUT, or what `fail` was given. */
  wait(offset: number, timeoutMs: number): Promise<void> {
    const deadlineMs = Math.ceil(this.#clock.monotonicMs() + timeoutMs)
    const last = this.count > 0 ? this.#waiters[this.#waiters.length - 1]! : null
    assert(last === null || last.offset <= offset, 'Offsets are waited for in rising order')
    if (last !== null && last.offset === offset && last.deadlineMs === deadlineMs) return last.done.promise
    const waiter = { offset, deadlineMs, done: deferred<void>() }
    this.#waiters.push(waiter)
    this.#setTimer(deadlineMs)
    return waiter.done.promise
  }

  /** Everything below `offset` has happened. */
  passed(offset: number): void {
    while (this.count > 0 && this.#waiters[this.#head]!.offset <= offset) this.#waiters[this.#head++]!.done.resolve()
    this.#compact()
  }

  fail(error: Error): void {
    const failed = this.#waiters.slice(this.#head)
    this.#waiters = []
    this.#head = 0
    this.#clearTimer()
    for (const waiter of failed) waiter.done.reject(error)
  }

  #compact(): void {
    if (this.count === 0) {
      this.#waiters.length = 0
      this.#head = 0
    } else if (this.#head > 1024) {
      this.#waiters.splice(0, this.#head)
      this.#head = 0
    }
  }

  #setTimer(deadlineMs: number): void {
    if (deadlineMs >= this.#timerMs || deadlineMs === Infinity) return
    this.#timer?.cancel()
    this.#timerMs = deadlineMs
    this.#timer = this.#timers.after(Math.max(0, deadlineMs - this.#clock.monotonicMs()), () => this.#expire())
  }

  #clearTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#timerMs = Infinity
  }

  /** The timer is not moved when waiters go: it fires at the time of one that is served, and is set again here. */
  #expire(): void {
    this.#clearTimer()
    const now = this.#clock.monotonicMs()
    const live = this.#waiters.slice(this.#head)
    this.#waiters = live.filter((waiter) => waiter.deadlineMs > now)
    this.#head = 0
    this.#setTimer(this.#waiters.reduce((least, waiter) => Math.min(least, waiter.deadlineMs), Infinity))
    for (const waiter of live) if (waiter.deadlineMs <= now) waiter.done.reject(new ProtocolError('REQUEST_TIMED_OUT'))
  }
}
