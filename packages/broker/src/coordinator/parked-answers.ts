/**
 * The answers of one shard that wait until the state they rest on is committed. Offsets and deadlines come in rising
 * order, so the queue is sorted by both, and one timer, for the first of it, serves all.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { FewATurn } from '@ottla/base/few-a-turn.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Answer } from './machine.ts'

/** Steps whose answers may wait on one partition; a step may have as many answers as a group has members. */
export const PARKED_STEPS_MAX = 50_000
/** Entries that were taken from the front are cut off when there are this many. */
const TAKEN_MAX = 1024
/** Answers of one step that are given in one turn of the loop. */
export const GIVEN_AT_ONCE_MAX = 200

interface Parked {
  readonly answers: readonly Answer[]
  readonly endOffset: number
  readonly deadlineMs: number
}

export class ParkedAnswers {
  readonly #clock: Clock
  readonly #timers: Timers
  /** Committed, and no more to be taken back: they are given also when the shard ends. */
  readonly #later: FewATurn
  #queue: Parked[] = []
  #head = 0
  #timer: Timer | null = null

  constructor(options: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = options.clock
    this.#timers = options.timers
    this.#later = new FewATurn({ perTurnMax: GIVEN_AT_ONCE_MAX, timers: options.timers })
  }

  get count(): number {
    return this.#queue.length - this.#head
  }

  get isFull(): boolean {
    return this.count >= PARKED_STEPS_MAX
  }

  /** Given once `passed(endOffset)` or more was told, rejected after `timeoutMs`. */
  park(answers: readonly Answer[], endOffset: number, timeoutMs: number): void {
    const last = this.count > 0 ? this.#queue.at(-1)! : null
    assert(last === null || last.endOffset <= endOffset, 'Answers are parked in rising order of offsets')
    // A setting that was lowered meanwhile must not let a later one expire first.
    const deadlineMs = Math.max(last?.deadlineMs ?? 0, this.#clock.monotonicMs() + timeoutMs)
    this.#queue.push({ answers, endOffset, deadlineMs })
    this.#setTimer()
  }

  /** Everything below `offset` is committed. */
  passed(offset: number): void {
    while (this.count > 0 && this.#queue[this.#head]!.endOffset <= offset) {
      this.#give(this.#take().answers)
    }
  }

  /** Those of one step to many members are given a few in a turn: each is a reply to encode and a socket to write to. */
  #give(answers: readonly Answer[]): void {
    for (const [index, answer] of answers.entries()) {
      if (index < GIVEN_AT_ONCE_MAX) answer.give()
      else this.#later.add(() => answer.give())
    }
  }

  rejectAll(error: ErrorName): void {
    this.#timer?.cancel()
    this.#timer = null
    while (this.count > 0) reject(this.#take(), error)
  }

  #take(): Parked {
    const parked = this.#queue[this.#head++]!
    if (this.#head < TAKEN_MAX && this.#head < this.#queue.length) return parked
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
    return parked
  }

  /** Not moved when answers are given: it fires at the deadline of one that was, and is set again. */
  #setTimer(): void {
    if (this.#timer !== null || this.count === 0) return
    const afterMs = Math.ceil(this.#queue[this.#head]!.deadlineMs - this.#clock.monotonicMs())
    this.#timer = this.#timers.after(Math.max(0, afterMs), () => {
      // A process that was stopped finds its timers first, and the syncs that ended meanwhile only then.
      this.#timers.endOfTurn(() => this.#expire())
    })
  }

  #expire(): void {
    this.#timer = null
    const nowMs = this.#clock.monotonicMs()
    while (this.count > 0 && this.#queue[this.#head]!.deadlineMs <= nowMs) {
      reject(this.#take(), 'COORDINATOR_NOT_AVAILABLE')
    }
    this.#setTimer()
  }
}

function reject({ answers }: Parked, error: ErrorName): void {
  for (const { ticket } of answers) ticket.reject(new ProtocolError(error))
}
