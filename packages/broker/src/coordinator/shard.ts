/**
 * One loaded machine and the partition that keeps its state: executes the steps that the machine's events give. Owns
 * the order append, apply, answer, and all that waits meanwhile: answers, timers, background work.
 *
 * Answers and the high watermark. A machine's state shows every record that was appended, committed or not, so each
 * answer, a read's too, waits until the high watermark has reached the end of the newest append of the time at which
 * it was decided. The mark is asked, not the promise of `append`, because that one ends at a time-out: the state then
 * still shows what may never be committed, and the next answer has to wait for it all the same. So appends are given no
 * time-out of their own; an answer that has waited `commitTimeoutMs` is rejected COORDINATOR_NOT_AVAILABLE and the state
 * stays: either its records are committed later, or the log fails or the lead is lost, which end the shard, and the log
 * alone says what the next one knows.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import type { ImageChange } from '../metadata/image-change.ts'
import type { Partition } from '../partition/partition.ts'
import { isLoss, mappedWriteError } from './append-errors.ts'
import { CoordinatorBatches } from './batches.ts'
import { Deadlines } from './deadlines.ts'
import { type BackgroundWork, type Machine, type Step, step, type Ticket, type TimerStart } from './machine.ts'
import { ParkedAnswers } from './parked-answers.ts'
import type { Job, Pieces } from './pieces.ts'

/** What a machine says to a refusal may be refused as well; nothing sensible goes on for longer. */
const REFUSALS_MAX = 3
/** Kafka's pause before a write of a coordinator's own is tried again. */
const DUE_AGAIN_MS = 500

/**
 * `resigned`: the owner ended it. `lost`: its log is offline or led elsewhere. `broken`: the machine threw, so nobody
 * knows what its state is.
 */
export type ShardEnd = 'resigned' | 'lost' | 'broken'

export interface ShardOptions<M extends Machine> {
  readonly partition: Partition
  readonly machine: M
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly pieces: Pieces
  readonly settings: () => { readonly commitTimeoutMs: number; readonly codec: Codec }
  /** Called once. */
  readonly onEnd: (end: ShardEnd) => void
}

export class Shard<M extends Machine> {
  readonly machine: M
  readonly #options: ShardOptions<M>
  readonly #partition: Partition
  readonly #batches = new CoordinatorBatches()
  readonly #parked: ParkedAnswers
  readonly #deadlines: Deadlines
  readonly #work = new Map<string, Job>()
  /** Everything below it is what the machine's state shows. */
  #stateEndOffset: number
  #hasEnded = false

  /** The machine shows the log as it is now, to its end. */
  constructor(options: ShardOptions<M>) {
    this.machine = options.machine
    this.#options = options
    this.#partition = options.partition
    this.#parked = new ParkedAnswers(options)
    this.#deadlines = new Deadlines({
      ...options,
      onDue: (timer) => this.#handle('timer', () => dueAgain(timer.fire(this.#nowMs()), timer)),
    })
    this.#stateEndOffset = options.partition.logEndOffset
    this.#partition.addFetchWaiter(this)
  }

  begin(): void {
    this.#handle('loaded', () => this.machine.loaded(this.#nowMs()))
  }

  imageChanged(change: ImageChange): void {
    this.#handle('image', () => this.machine.imageChanged(change, this.#nowMs()))
  }

  submit<Reply>(operation: (machine: M, ticket: Ticket<Reply>, nowMs: number) => Step, ticket: Ticket<Reply>): void {
    // A log that takes much and commits nothing must not gather answers without a bound.
    if (this.#parked.isFull) return ticket.reject(new ProtocolError('COORDINATOR_NOT_AVAILABLE'))
    this.#handle('request', () => operation(this.machine, ticket, this.#nowMs()), ticket as Ticket<never>)
  }

  /** The partition's high watermark has moved, or the partition has ended, perhaps in the middle of an append. */
  wake(): void {
    if (!this.#partition.isLeader || this.#partition.isOffline) this.end('lost')
    else this.#parked.passed(this.#partition.highWatermark)
  }

  /** Answers all who wait that this broker does not coordinate. Idempotent. */
  end(end: ShardEnd): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#partition.removeFetchWaiter(this)
    this.#deadlines.clear()
    for (const job of this.#work.values()) job.cancel()
    this.#work.clear()
    this.#parked.rejectAll('NOT_COORDINATOR')
    this.#unloadMachine()
    this.#options.onEnd(end)
  }

  #unloadMachine(): void {
    try {
      for (const answer of this.machine.unloaded().answers) answer.give()
    } catch (error) {
      this.#options.logger.error('A coordinator failed as it was unloaded', { error })
    }
  }

  /** Wall-clock time: for records. Durations are the timers' business. */
  #nowMs(): number {
    return this.#options.clock.wallMs()
  }

  /** A bug of the machine costs the shard: half a state serves nobody. */
  #handle(event: string, handle: () => Step, ticket: Ticket<never> | null = null): void {
    if (this.#hasEnded) return
    try {
      this.#execute(handle())
    } catch (error) {
      this.#options.logger.error('A coordinator failed and is unloaded', { event, error })
      ticket?.reject(new ProtocolError('UNKNOWN_SERVER_ERROR', undefined, { cause: error }))
      this.end('broken')
    }
  }

  #execute(first: Step): void {
    let next = first
    for (let refusals = 0; next.records.length > 0; refusals++) {
      const error = this.#writeOrReject(next)
      if (error === null) break
      if (isLoss(error)) return this.#lose(next)
      assert(refusals < REFUSALS_MAX, 'A machine accepts in the end that its log takes nothing')
      next = refusalOf(next, mappedWriteError(error))
    }
    for (const key of next.cancelled) this.#deadlines.cancel(key)
    for (const timer of next.timers) this.#deadlines.start(timer)
    for (const work of next.work) this.#startWork(work)
    this.#answer(next)
  }

  /** Null: the records are in the log and in the state. */
  #writeOrReject({ records, answers }: Step): ErrorName | null {
    try {
      return this.#write(records)
    } catch (error) {
      for (const { ticket } of answers) ticket.reject(new ProtocolError('UNKNOWN_SERVER_ERROR'))
      throw error
    }
  }

  #write(records: Step['records']): ErrorName | null {
    const timestampMs = this.#nowMs()
    const batch = this.#batches.build(records, { timestampMs, codec: this.#options.settings().codec })
    if (batch === null) return 'MESSAGE_TOO_LARGE'
    const place = { buffer: batch, at: 0, end: batch.length }
    const result = this.#partition.append({ ...place, acks: -1, timeoutMs: Infinity })
    if (result.kind === 'refused') return result.error
    // The high watermark, or its end, tells the same.
    result.done?.catch(() => {})
    this.#stateEndOffset = result.baseOffset + records.length
    const storedMs = result.logAppendTimeMs >= 0 ? result.logAppendTimeMs : timestampMs
    const origin = { timestampMs: storedMs, producerId: -1, producerEpoch: -1 }
    for (const record of records) this.machine.apply(record, origin)
    return null
  }

  /** Nobody is told anything of what the log did not take; the machine's other tickets are answered as it is unloaded. */
  #lose(refused: Step): void {
    const last = refused.refused?.('NOT_COORDINATOR') ?? step()
    for (const { ticket } of [...refused.answers, ...last.answers]) ticket.reject(new ProtocolError('NOT_COORDINATOR'))
    this.end('lost')
  }

  #answer({ answers }: Step): void {
    if (answers.length === 0) return
    if (this.#partition.highWatermark >= this.#stateEndOffset) for (const answer of answers) answer.give()
    else this.#parked.park(answers, this.#stateEndOffset, this.#options.settings().commitTimeoutMs)
  }

  #startWork({ key, run }: BackgroundWork): void {
    this.#work.get(key)?.cancel()
    const job = this.#options.pieces.run(run(), {
      done: (finish) => {
        this.#work.delete(key)
        this.#handle('work', () => finish(this.#nowMs()))
      },
      failed: (error) =>
        this.#handle('work', () => {
          throw error
        }),
    })
    this.#work.set(key, job)
  }
}

/**
 * What a timer has to say is said again, until the log takes it: nobody else would. A member whose session ends while too
 * few replicas are in sync would else keep its partitions for good.
 */
function dueAgain(due: Step, timer: TimerStart): Step {
  if (due.records.length === 0 || due.refused !== null) return due
  return { ...due, refused: (error) => ({ ...refusalOf(due, error), timers: [{ ...timer, afterMs: DUE_AGAIN_MS }] }) }
}

/** What becomes of a step whose records the log refused. */
function refusalOf({ refused, answers }: Step, error: ErrorName): Step {
  if (refused !== null) return refused(error)
  for (const { ticket } of answers) ticket.reject(new ProtocolError(error))
  return step()
}
