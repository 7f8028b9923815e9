/**
 * The port to work that must not hold the event loop: a job is a generator that does one bounded step at a time, so that
 * whoever runs it can pace it and stop it between two steps. `node-threads.ts` runs jobs in a worker thread, on a disk of
 * its own; `inline-threads.ts` steps them by the caller's timers, for disks in memory and for tests.
 */
import type { Disk } from './disk.ts'

/** A step that is done: what it cost, for the pace, and what the job's owner is to be told of. */
export interface JobStep<Report> {
  /** In the unit of `costPerSecondMax`. */
  readonly cost: number
  readonly report?: Report
}

/** Input, reports and result cross to another thread: plain data. */
export type JobFunction<Input, Report, Result> = (
  input: Input,
  ports: JobPorts,
) => Generator<JobStep<Report>, Result, void>

/** What a job finds where it runs. */
export interface JobPorts {
  readonly disk: Disk
}

/** A job has a name by which another thread finds it: an export of a module. */
export interface ThreadJob<Input, Report, Result> {
  /** The module's `import.meta.url`. */
  readonly moduleUrl: string
  readonly exportName: string
  readonly run: JobFunction<Input, Report, Result>
}

export interface RunOptions<Report> {
  readonly onReport: (report: Report) => void
  /** Stops the job between two steps; its `finally` blocks run. */
  readonly signal: AbortSignal
  /** The pace; Infinity for none. */
  readonly costPerSecondMax: number
}

export interface Threads extends AsyncDisposable {
  /**
   * Runs one job to its end; those that come meanwhile wait for it. All reports have been given when it resolves.
   * Rejects with JobStoppedError once a job whose signal aborted does nothing any more, and with JobError when the job
   * failed, or the thread did.
   */
  run<Input, Report, Result>(
    job: ThreadJob<Input, Report, Result>,
    input: Input,
    options: RunOptions<Report>,
  ): Promise<Result>
}

/** The job was stopped, as its caller had asked. */
export class JobStoppedError extends Error {
  override readonly name = 'JobStoppedError'
}

/** The job failed; `code` is the disk's where its disk failed, else null. */
export class JobError extends Error {
  override readonly name = 'JobError'
  readonly code: string | null
  constructor(message: string, options: { readonly code: string | null; readonly cause?: unknown }) {
    super(message, { cause: options.cause })
    this.code = options.code
  }
}

/** How long to rest after a step, so that all steps together keep the pace. */
export class Pace {
  readonly #costPerSecondMax: number
  readonly #startMs: number
  #cost = 0

  constructor(costPerSecondMax: number, startMs: number) {
    this.#costPerSecondMax = costPerSecondMax
    this.#startMs = startMs
  }

  restMs(cost: number, nowMs: number): number {
    this.#cost += cost
    return Math.max(0, this.#startMs + (this.#cost / this.#costPerSecondMax) * 1000 - nowMs)
  }
}
