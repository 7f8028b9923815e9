/**
 * The contract between a coordinator's runtime and the pure state machines that it runs (ARCHITECTURE.md): events in,
 * a Step out. A machine touches no clock, socket, disk or timer. Owns types and the few functions that make them.
 *
 * A step's records are appended as one batch, then applied one by one by the same `apply` that replays the log after a
 * fail-over, then its answers wait until the batch is committed. A step without records waits too: for every batch that
 * the machine's state already shows, so that no reply tells what a fail-over may take back. Records may be refused
 * before anything is applied; `refused` then says what becomes of the state that is not in the log.
 */
import type { ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ImageChange } from '../metadata/image-change.ts'

/** A record of an internal topic that has no offset yet. Key and value start with their int16 of type or version. */
export interface CoordinatorRecord {
  readonly key: Buffer
  /** Null: a tombstone. */
  readonly value: Buffer | null
}

/** Where a record comes from: the batch's facts that machines need. */
export interface RecordOrigin {
  /** Wall clock, as stored in the record. */
  readonly timestampMs: number
  /** Of a transaction whose end is not known yet; -1 outside of transactions. */
  readonly producerId: number
  readonly producerEpoch: number
}

/** Somebody who waits for a reply; a `Deferred` fits. */
export interface Ticket<Reply> {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: ProtocolError) => void
}

/** A reply that is decided; given once the state that it rests on is committed. */
export interface Answer {
  readonly ticket: Ticket<never>
  readonly reply: unknown
  give(): void
}

export interface TimerStart {
  /** Starting it again under the same key moves it. Unique in the machine. */
  readonly key: string
  readonly afterMs: number
  /** The event of its running out. */
  readonly fire: (nowMs: number) => Step
}

/** Work too long for one turn: run piece by piece between turns, its end is an event. */
export interface BackgroundWork {
  /** A newer one under the same key replaces an older. */
  readonly key: string
  /** Each `yield` ends a piece of at most a few milliseconds. */
  readonly run: () => Generator<void, (nowMs: number) => Step>
}

export interface Step {
  readonly records: readonly CoordinatorRecord[]
  readonly answers: readonly Answer[]
  readonly timers: readonly TimerStart[]
  /** Keys of timers that are not wanted any more; unknown keys are ignored. Cancelled before `timers` are started. */
  readonly cancelled: readonly string[]
  readonly work: readonly BackgroundWork[]
  /**
   * The log took none of the records and nothing was applied; answers, timers and work of this step are dropped.
   * Without it every answer's ticket is rejected with the error.
   */
  readonly refused: ((error: ErrorName) => Step) | null
}

/** A replicated state machine over one partition of an internal topic. */
export interface Machine {
  /** Called for every record: in replay, and right after a step's records were appended. Ignores types it does not know. */
  apply(record: CoordinatorRecord, origin: RecordOrigin): void
  /** A transaction's end, from its marker in the log. */
  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void
  /** The replay has ended and this broker coordinates: sessions start anew, timers for all that was loaded. */
  loaded(nowMs: number): Step
  /** This broker coordinates no more: who still waits is answered NOT_COORDINATOR. */
  unloaded(): Step
  /** The broker's image has changed. */
  imageChanged(change: ImageChange, nowMs: number): Step
}

const NOTHING: Step = { records: [], answers: [], timers: [], cancelled: [], work: [], refused: null }

/** A step of the given parts; the others are empty. */
export function step(parts: Partial<Step> = {}): Step {
  return { ...NOTHING, ...parts }
}

export function answer<Reply>(ticket: Ticket<Reply>, reply: Reply): Answer {
  return { ticket: ticket as Ticket<never>, reply, give: () => ticket.resolve(reply) }
}

/** An answer that is an error of the whole request: the handler gives it the API's form. */
export function answerError(ticket: Ticket<never>, error: ProtocolError): Answer {
  return { ticket, reply: error, give: () => ticket.reject(error) }
}

/** One step after another as one: what the second asks of a timer counts. `refused` is the first one that is set. */
export function together(...steps: readonly Step[]): Step {
  if (steps.length === 1) return steps[0]!
  const timers = new Map<string, TimerStart>()
  const cancelled = new Set<string>()
  for (const each of steps) {
    for (const key of each.cancelled) {
      timers.delete(key)
      cancelled.add(key)
    }
    for (const timer of each.timers) timers.set(timer.key, timer)
  }
  return {
    records: steps.flatMap(({ records }) => records),
    answers: steps.flatMap(({ answers }) => answers),
    timers: [...timers.values()],
    cancelled: [...cancelled],
    work: steps.flatMap(({ work }) => work),
    refused: steps.find(({ refused }) => refused !== null)?.refused ?? null,
  }
}
