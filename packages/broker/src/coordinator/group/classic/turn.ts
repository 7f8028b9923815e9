/**
 * One event at one group: the moment, the state, and the step that comes out of it. Owns how a step is gathered and
 * what is done when its record is appended or refused; knows nothing of joins and syncs.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import {
  type Answer,
  answer,
  type CoordinatorRecord,
  type Step,
  step,
  type Ticket,
  type TimerStart,
} from '../../machine.ts'
import type { GroupState } from './group-state.ts'

export interface Turn {
  readonly group: GroupState
  /** Wall clock. */
  readonly nowMs: number
  readonly draft: StepDraft
}

export interface Write {
  readonly record: CoordinatorRecord
  /** The record is in the log: the state that it tells of becomes the group's. */
  readonly appended?: () => void
  /** The log did not take it; the error is one for members. Everything else that this turn has asked for is dropped; null: it is done all the same. */
  readonly refused: ((turn: Turn, error: ErrorName) => void) | null
}

/** Gathers a step; of timers the last word counts. */
export class StepDraft {
  readonly #answers: Answer[] = []
  readonly #timers = new Map<string, TimerStart>()
  readonly #cancelled = new Set<string>()
  #write: Write | null = null

  get writes(): boolean {
    return this.#write !== null
  }

  answer<Reply>(ticket: Ticket<Reply>, reply: Reply): void {
    this.#answers.push(answer(ticket, reply))
  }

  start(timer: TimerStart): void {
    this.#timers.set(timer.key, timer)
  }

  cancel(key: string): void {
    this.#timers.delete(key)
    this.#cancelled.add(key)
  }

  /** One record a turn: each is the whole group. */
  write(write: Write): void {
    assert(this.#write === null, 'A turn writes the group once')
    this.#write = write
  }

  finish({ group, nowMs }: Turn): Step {
    const effects = step({
      answers: this.#answers,
      timers: [...this.#timers.values()],
      cancelled: [...this.#cancelled],
    })
    if (this.#write === null) return effects
    const { record, appended, refused } = this.#write
    assert(group.onAppended === null, 'One record is on its way at a time')
    group.onAppended = appended ?? (() => {})
    const onRefused = (error: ErrorName) => {
      group.onAppended = null
      return refused === null ? effects : takeTurn(group, nowMs, (turn) => refused(turn, error))
    }
    return { ...effects, records: [record], refused: onRefused }
  }
}

export function takeTurn(group: GroupState, nowMs: number, act: (turn: Turn) => void): Step {
  const turn = { group, nowMs, draft: new StepDraft() }
  act(turn)
  return turn.draft.finish(turn)
}
