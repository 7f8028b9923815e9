/**
 * Time for tests and the simulator: it stands still until the test moves it. Owns both clocks, the timers and the end
 * of the turn; everything runs in one fixed order (due time, then the order of the calls).
 *
 * `advance` and `turn` are synchronous and run no promise continuation. `settle` and `run` let those run as well: by a
 * turn of the real event loop, so that real files and threads beside it get theirs, or with `isAlone`, where there are
 * none, by the queues of promises and ticks alone, which is quicker.
 */
import { assert } from './assert.ts'
import type { Clock } from './clock.ts'
import { deferred } from './deferred.ts'
import type { Timer, Timers } from './timers.ts'

/** A test that never becomes quiet fails instead of hanging. */
const TURNS_MAX = 100_000
/** Alone, too, the real event loop turns now and then: it alone tells of rejections that nobody handles, and of signals. */
const DRAINS_A_TURN = 100

export class FakeTime implements Clock, Timers {
  #nowMs = 0
  #wallOffsetMs: number
  #sequence = 0
  readonly #heap: FakeTimer[] = []
  #queued: (() => void)[] = []
  readonly #isAlone: boolean
  #drains = 0
  #soonPending = 0
  #soonRun = 0

  constructor(options: { wallMs?: number; isAlone?: boolean } = {}) {
    this.#wallOffsetMs = options.wallMs ?? 1_700_000_000_000
    this.#isAlone = options.isAlone ?? false
  }

  wallMs(): number {
    return Math.floor(this.#nowMs + this.#wallOffsetMs)
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  /** Moves the wall clock alone, forth or back, as an operator or NTP would. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Both clocks go on while nobody runs, as when a process is stopped: what comes due fires late, at the next move. */
  stall(forMs: number): void {
    this.#nowMs += forMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = new FakeTimer(this.#nowMs + Math.max(0, delayMs), this.#sequence++, callback)
    pushTimer(this.#heap, timer)
    return timer
  }

  endOfTurn(callback: () => void): void {
    this.#queued.push(callback)
  }

  /** As in production; `settle` and `run` let it happen. */
  soon(callback: () => void): void {
    this.#soonPending++
    process.nextTick(() => {
      this.#soonPending--
      this.#soonRun++
      callback()
    })
  }

  async sleep(delayMs: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = deferred<void>()
    const timer = this.after(delayMs, resolve)
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Timers that have not fired and were not cancelled. */
  get pendingTimers(): number {
    return this.#heap.reduce((count, timer) => count + (timer.cancelled ? 0 : 1), 0)
  }

  get pendingTurn(): boolean {
    return this.#queued.length > 0
  }

  /** Moves both clocks and fires every timer that comes due on the way, each at its own time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    while (this.#fireNext(untilMs)) {
      // Each call fires one timer, which may add others that are due before the end.
    }
    this.#nowMs = untilMs
  }

  /** Runs what was queued for the end of the turn. What is queued meanwhile waits for the next. */
  turn(): void {
    const callbacks = this.#queued
    this.#queued = []
    for (const callback of callbacks) callback()
  }

  /** Runs promise continuations and turns until nothing is left to do at this moment of time. */
  async settle(): Promise<void> {
    await this.#drain()
    for (let turns = 0; this.pendingTurn; turns++) {
      assert(turns < TURNS_MAX, `Still not quiet after ${TURNS_MAX} turns`)
      this.turn()
      await this.#drain()
    }
  }

  /** As `advance`, and settles before the first timer and after each. */
  async run(forMs: number): Promise<void> {
    const untilMs = this.#nowMs + forMs
    await this.settle()
    while (this.#fireNext(untilMs)) await this.settle()
    this.#nowMs = untilMs
  }

  /** Until every promise continuation has run, however long their chain is, and whatever `soon` was asked for. */
  async #drain(): Promise<void> {
    if (!this.#isAlone || ++this.#drains % DRAINS_A_TURN === 0) return await realTurn()
    for (let soonRun = -1; this.#soonPending > 0 || this.#soonRun !== soonRun; ) {
      soonRun = this.#soonRun
      // Node runs it once no continuation is left, behind what `soon` has queued before: then those may have made new ones.
      const { promise, resolve } = deferred<void>()
      process.nextTick(resolve)
      await promise
    }
  }

  #fireNext(untilMs: number): boolean {
    const timer = this.#nextTimer()
    if (timer === undefined || timer.dueMs > untilMs) return false
    popTimer(this.#heap)
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.fire()
    return true
  }

  #nextTimer(): FakeTimer | undefined {
    while (this.#heap[0]?.cancelled) popTimer(this.#heap)
    return this.#heap[0]
  }
}

class FakeTimer implements Timer {
  readonly dueMs: number
  readonly sequence: number
  #callback: (() => void) | null

  constructor(dueMs: number, sequence: number, callback: () => void) {
    this.dueMs = dueMs
    this.sequence = sequence
    this.#callback = callback
  }

  get cancelled(): boolean {
    return this.#callback === null
  }

  cancel(): void {
    this.#callback = null
  }

  fire(): void {
    const callback = this.#callback
    this.#callback = null
    callback?.()
  }

  isBefore(other: FakeTimer): boolean {
    return this.dueMs < other.dueMs || (this.dueMs === other.dueMs && this.sequence < other.sequence)
  }
}

/** A binary heap, the earliest timer first. */
function pushTimer(heap: FakeTimer[], timer: FakeTimer): void {
  let index = heap.push(timer) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (!timer.isBefore(heap[parent]!)) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = timer
}

function popTimer(heap: FakeTimer[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1]!.isBefore(heap[child]!)) child++
    if (!heap[child]!.isBefore(last)) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
}

/** It begins only when every promise continuation has run. */
function realTurn(): Promise<void> {
  const { promise, resolve } = deferred<void>()
  setImmediate(resolve)
  return promise
}
