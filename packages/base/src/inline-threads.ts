/** Threads without threads: each step is done at the end of a turn, or when the pace allows it, by the caller's timers. */
import { assert } from './assert.ts'
import type { Clock } from './clock.ts'
import { type Deferred, deferred } from './deferred.ts'
import type { Disk } from './disk.ts'
import { JobError, JobStoppedError, Pace, type RunOptions, type ThreadJob, type Threads } from './threads.ts'
import type { Timers } from './timers.ts'

export interface InlineThreadsOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
}

export class InlineThreads implements Threads {
  readonly #options: InlineThreadsOptions
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  constructor(options: InlineThreadsOptions) {
    this.#options = options
  }

  run<Input, Report, Result>(
    job: ThreadJob<Input, Report, Result>,
    input: Input,
    options: RunOptions<Report>,
  ): Promise<Result> {
    assert(!this.#disposed, 'Jobs are not begun once the threads are disposed')
    const result = this.#last.then(() => {
      const { clock, disk } = this.#options
      const running: Running<Report, Result> = {
        steps: job.run(input, { disk }),
        done: deferred<Result>(),
        pace: new Pace(options.costPerSecondMax, clock.monotonicMs()),
        options,
      }
      this.#rest(running, 0)
      return running.done.promise
    })
    this.#last = result.catch(() => {})
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#last
  }

  #rest<Report, Result>(running: Running<Report, Result>, delayMs: number): void {
    const { timers } = this.#options
    const { signal } = running.options
    const go = () => this.#step(running)
    if (delayMs === 0 || signal.aborted) {
      timers.endOfTurn(go)
      return
    }
    // Who stops a job does not wait for its pace.
    const wake = () => {
      timer.cancel()
      timers.endOfTurn(go)
    }
    const timer = timers.after(delayMs, () => {
      signal.removeEventListener('abort', wake)
      go()
    })
    signal.addEventListener('abort', wake, { once: true })
  }

  #step<Report, Result>(running: Running<Report, Result>): void {
    const { steps, done, pace, options } = running
    try {
      if (options.signal.aborted) {
        // What its finally blocks cannot do any more, as after a crash of the disk, is nobody's business.
        steps.return(undefined as Result)
        done.reject(new JobStoppedError('The job was stopped'))
        return
      }
      const step = steps.next()
      if (step.done) {
        done.resolve(step.value)
        return
      }
      if (step.value.report !== undefined) options.onReport(step.value.report)
      this.#rest(running, pace.restMs(step.value.cost, this.#options.clock.monotonicMs()))
    } catch (error) {
      if (options.signal.aborted) done.reject(new JobStoppedError('The job was stopped', { cause: error }))
      else done.reject(jobError(error))
    }
  }
}

interface Running<Report, Result> {
  readonly steps: Generator<{ readonly cost: number; readonly report?: Report }, Result, void>
  readonly done: Deferred<Result>
  readonly pace: Pace
  readonly options: RunOptions<Report>
}

export function jobError(cause: unknown): JobError {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  return new JobError(String(message ?? cause), { code: typeof code === 'string' ? code : null, cause })
}
