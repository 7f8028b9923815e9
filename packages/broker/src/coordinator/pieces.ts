/**
 * Long work in short pieces, so that the event loop serves others meanwhile: each turn of the loop gives all jobs
 * together a few milliseconds, one piece each in turn. Owns the queue of jobs; what they do is their owners' business.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'

/** A turn begins no piece after this; with pieces of a few milliseconds at most a turn stays below ten. */
const TURN_MS_MAX = 4

export interface JobEnd<Result> {
  readonly done: (result: Result) => void
  readonly failed: (error: unknown) => void
}

export interface Job {
  /** Nothing of it runs from now on, and nobody is told. Idempotent. */
  cancel(): void
}

export class Pieces {
  readonly #clock: Clock
  readonly #timers: Timers
  /** As many as their owners begin: each has at most one for a load, and one for each key of a machine's work. */
  readonly #jobs: PieceJob[] = []
  #isTurnAsked = false

  constructor(options: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = options.clock
    this.#timers = options.timers
  }

  /** Each `yield` ends a piece. The first runs at the end of this turn, and the job's end is told right after its last. */
  run<Result>(pieces: Iterator<void, Result>, end: JobEnd<Result>): Job {
    const job = new PieceJob(() => runPiece(pieces, end))
    this.#jobs.push(job)
    this.#askForTurn()
    return job
  }

  #askForTurn(): void {
    if (this.#isTurnAsked) return
    this.#isTurnAsked = true
    this.#timers.endOfTurn(this.#turn)
  }

  readonly #turn = (): void => {
    this.#isTurnAsked = false
    const untilMs = this.#clock.monotonicMs() + TURN_MS_MAX
    while (this.#jobs.length > 0) {
      const job = this.#jobs.shift()!
      if (job.goOn()) this.#jobs.push(job)
      if (this.#clock.monotonicMs() >= untilMs) break
    }
    if (this.#jobs.length > 0) this.#askForTurn()
  }
}

/** Answers whether there is more to do. */
function runPiece<Result>(pieces: Iterator<void, Result>, end: JobEnd<Result>): boolean {
  let piece: IteratorResult<void, Result>
  try {
    piece = pieces.next()
  } catch (error) {
    end.failed(error)
    return false
  }
  if (piece.done) end.done(piece.value)
  return !piece.done
}

class PieceJob implements Job {
  #piece: (() => boolean) | null

  constructor(piece: () => boolean) {
    this.#piece = piece
  }

  goOn(): boolean {
    return this.#piece?.() ?? false
  }

  cancel(): void {
    this.#piece = null
  }
}
