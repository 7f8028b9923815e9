/**
 * Threads on one worker thread of Node: started when there is work, ended when it has been idle for a while. A job's stop
 * and its pace use one shared word that the worker looks at after each step and sleeps on, so that nothing but the steps
 * themselves runs there. A worker that dies fails the job it had; the next job gets another.
 */
import { Worker } from 'node:worker_threads'
import { assert } from './assert.ts'
import { type Deferred, deferred } from './deferred.ts'
import { JobError, JobStoppedError, type RunOptions, type ThreadJob, type Threads } from './threads.ts'
import type { Timer, Timers } from './timers.ts'

/** A minute of memory for the next job is cheap; for ever is not. */
const IDLE_MS_MAX = 60_000

/** To the worker. */
export interface StartMessage {
  readonly moduleUrl: string
  readonly exportName: string
  readonly input: unknown
  readonly costPerSecondMax: number
  /** One int32: 1 asks the job to stop. */
  readonly stop: Int32Array
}

/** From the worker. */
export type WorkerMessage =
  | { readonly kind: 'report'; readonly report: unknown }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | null; readonly stack: string }

interface Running {
  readonly done: Deferred<unknown>
  readonly onReport: (report: unknown) => void
}

export class NodeThreads implements Threads {
  readonly #timers: Timers
  readonly #idleMs: number
  #worker: Worker | null = null
  #running: Running | null = null
  #idleTimer: Timer | null = null
  #last: Promise<unknown> = Promise.resolve()
  #disposed = false

  constructor(options: { readonly timers: Timers; readonly idleMs?: number }) {
    this.#timers = options.timers
    this.#idleMs = options.idleMs ?? IDLE_MS_MAX
  }

  get isWorkerRunning(): boolean {
    return this.#worker !== null
  }

  run<Input, Report, Result>(
    job: ThreadJob<Input, Report, Result>,
    input: Input,
    options: RunOptions<Report>,
  ): Promise<Result> {
    assert(!this.#disposed, 'Jobs are not begun once the threads are disposed')
    const result = this.#last.then(() => this.#run(job, input, options)) as Promise<Result>
    this.#last = result.catch(() => {})
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#last
    this.#idleTimer?.cancel()
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  async #run<Input, Report, Result>(
    job: ThreadJob<Input, Report, Result>,
    input: Input,
    { onReport, signal, costPerSecondMax }: RunOptions<Report>,
  ): Promise<unknown> {
    if (signal.aborted) throw new JobStoppedError('The job was stopped before it began')
    this.#idleTimer?.cancel()
    const worker = this.#workerNow()
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const askToStop = () => {
      Atomics.store(stop, 0, 1)
      Atomics.notify(stop, 0)
    }
    signal.addEventListener('abort', askToStop, { once: true })
    const done = deferred<unknown>()
    this.#running = { done, onReport: onReport as (report: unknown) => void }
    const message: StartMessage = {
      ...{ moduleUrl: job.moduleUrl, exportName: job.exportName, input, costPerSecondMax, stop },
    }
    // Referenced while it has work: who waits for a job keeps the process alive.
    worker.ref()
    try {
      worker.postMessage(message)
      return await done.promise
    } finally {
      worker.unref()
      this.#running = null
      signal.removeEventListener('abort', askToStop)
      this.#idleTimer = this.#timers.after(this.#idleMs, () => this.#endWorker())
    }
  }

  #workerNow(): Worker {
    if (this.#worker !== null) return this.#worker
    const worker = new Worker(new URL('./thread-worker.ts', import.meta.url))
    worker.unref()
    worker.on('message', (message: WorkerMessage) => this.#hear(message))
    worker.on('error', (error) => this.#lost(worker, error))
    worker.on('exit', () => this.#lost(worker, null))
    this.#worker = worker
    return worker
  }

  #hear(message: WorkerMessage): void {
    const running = this.#running
    if (running === null) return
    switch (message.kind) {
      case 'report':
        return this.#tell(running, message.report)
      case 'done':
        return running.done.resolve(message.result)
      case 'stopped':
        return running.done.reject(new JobStoppedError('The job was stopped'))
      case 'failed': {
        const { message: text, code, stack } = message
        return running.done.reject(new JobError(text, { code, cause: stack }))
      }
    }
  }

  /** An owner that cannot bear a report fails its own job, not the process. */
  #tell({ onReport, done }: Running, report: unknown): void {
    try {
      onReport(report)
    } catch (error) {
      done.reject(error)
      this.#endWorker()
    }
  }

  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = null
    this.#running?.done.reject(new JobError('The thread of the job has ended', { code: null, cause: error }))
  }

  #endWorker(): void {
    const worker = this.#worker
    this.#worker = null
    void worker?.terminate()
  }
}
