/**
 * The timers of one machine: deadlines by key, in a heap, over one real timer.
 *
 * A member's heartbeat moves its session's deadline every few seconds, and nearly none ever comes due. So a move to a
 * later time only writes it down: the heap keeps the old place, and the entry finds its new one when that comes up, at
 * most once for each time that it was armed for. The real timer is not moved either: it fires early, finds nothing due
 * and is set again.
 *
 * A process that was stopped (SIGSTOP, a laptop's lid, a blocked loop) finds all deadlines passed when it wakes up, and
 * the heartbeats that would have moved them still unread in its sockets. So nothing comes due before the input of the
 * turn was read, and when the real timer fires much too late, nothing before `GRACE_MS` more: clients that were stopped
 * along with the broker, or whose connections broke meanwhile, come back within it.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import type { TimerStart } from './machine.ts'

/** A timer that fires so much too late says that nobody was served meanwhile. */
const STALL_MS = 1000
const GRACE_MS = 2000
/** After this a turn fires no more, so that a thousand sessions that end together do not hold up the rest. */
const TURN_MS_MAX = 4

export interface DeadlinesOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** The deadline is forgotten by then; it may start others, and clear all. */
  readonly onDue: (timer: TimerStart) => void
}

interface Deadline {
  timer: TimerStart
  dueMs: number
  /** Its place in the heap: `dueMs`, or an earlier time from before it was moved. */
  orderMs: number
  slot: number
}

export class Deadlines {
  readonly #options: DeadlinesOptions
  /** As many as the machine has keys, which its members and groups bound. */
  readonly #byKey = new Map<string, Deadline>()
  readonly #heap: Deadline[] = []
  #real: Timer | null = null
  #realDueMs = Infinity
  #graceUntilMs = -Infinity
  #isTurnAsked = false

  constructor(options: DeadlinesOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#heap.length
  }

  start(timer: TimerStart): void {
    const dueMs = this.#options.clock.monotonicMs() + Math.max(0, timer.afterMs)
    const known = this.#byKey.get(timer.key)
    if (known === undefined) this.#add({ timer, dueMs, orderMs: dueMs, slot: this.#heap.length })
    else {
      known.timer = timer
      known.dueMs = dueMs
      if (dueMs >= known.orderMs) return
      known.orderMs = dueMs
      this.#up(known)
    }
    this.#arm()
  }

  cancel(key: string): void {
    const deadline = this.#byKey.get(key)
    if (deadline) this.#remove(deadline)
  }

  clear(): void {
    this.#byKey.clear()
    this.#heap.length = 0
    this.#disarm()
  }

  /** Asserts what is true between two calls. O(deadlines). */
  verify(): void {
    assert(this.#heap.length === this.#byKey.size, 'Every deadline is in the heap once')
    for (const [slot, deadline] of this.#heap.entries()) {
      assert(deadline.slot === slot && deadline.orderMs <= deadline.dueMs, 'A deadline knows its place')
      const parent = this.#heap[(slot - 1) >> 1]
      assert(slot === 0 || parent!.orderMs <= deadline.orderMs, 'The heap is in order')
    }
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || this.#isTurnAsked) return
    const { clock, timers } = this.#options
    const nowMs = clock.monotonicMs()
    const atMs = Math.max(first.orderMs, this.#graceUntilMs, nowMs)
    if (atMs >= this.#realDueMs) return
    this.#disarm()
    this.#realDueMs = atMs
    this.#real = timers.after(Math.ceil(atMs - nowMs), this.#fired)
  }

  #disarm(): void {
    this.#real?.cancel()
    this.#real = null
    this.#realDueMs = Infinity
  }

  readonly #fired = (): void => {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#realDueMs > STALL_MS) this.#graceUntilMs = nowMs + GRACE_MS
    this.#disarm()
    this.#askForTurn()
  }

  #askForTurn(): void {
    this.#isTurnAsked = true
    this.#options.timers.endOfTurn(() => {
      this.#isTurnAsked = false
      this.#fireDue()
      this.#arm()
    })
  }

  #fireDue(): void {
    const { clock, onDue } = this.#options
    const startedMs = clock.monotonicMs()
    for (let nowMs = startedMs; nowMs >= this.#graceUntilMs; nowMs = clock.monotonicMs()) {
      const first = this.#heap[0]
      if (first === undefined || first.orderMs > nowMs) return
      if (nowMs - startedMs >= TURN_MS_MAX) return this.#askForTurn()
      if (first.dueMs > first.orderMs) this.#settle(first)
      else {
        this.#remove(first)
        onDue(first.timer)
      }
    }
  }

  /** Gives the heap's first entry the place to which it was moved. */
  #settle(deadline: Deadline): void {
    deadline.orderMs = deadline.dueMs
    this.#down(deadline)
  }

  #add(deadline: Deadline): void {
    this.#byKey.set(deadline.timer.key, deadline)
    this.#heap.push(deadline)
    this.#up(deadline)
  }

  #remove(deadline: Deadline): void {
    this.#byKey.delete(deadline.timer.key)
    const last = this.#heap.pop()!
    if (last === deadline) return
    this.#place(last, deadline.slot)
    this.#up(last)
    this.#down(last)
  }

  #up(deadline: Deadline): void {
    while (deadline.slot > 0) {
      const parent = this.#heap[(deadline.slot - 1) >> 1]!
      if (parent.orderMs <= deadline.orderMs) return
      this.#swap(parent, deadline)
    }
  }

  #down(deadline: Deadline): void {
    for (;;) {
      const left = this.#heap[2 * deadline.slot + 1]
      const right = this.#heap[2 * deadline.slot + 2]
      const child = right !== undefined && right.orderMs < left!.orderMs ? right : left
      if (child === undefined || child.orderMs >= deadline.orderMs) return
      this.#swap(deadline, child)
    }
  }

  #swap(left: Deadline, right: Deadline): void {
    const { slot } = left
    this.#place(left, right.slot)
    this.#place(right, slot)
  }

  #place(deadline: Deadline, slot: number): void {
    this.#heap[slot] = deadline
    deadline.slot = slot
  }
}
