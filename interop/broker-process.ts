/**
 * Owns one broker in its own process, started as a user starts it. It is ready once it has printed its `ready` line;
 * what it writes to the standard error stream is kept by lines, so that tests can ask what was logged.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { OTTLA } from './processes.ts'

export interface BrokerProcessOptions {
  readonly dataDir: string
  /** 127.0.0.1:0 when left out: a free port. */
  readonly listen?: string
  /** More words of the command line: `--set name=value`, `--http HOST:PORT`, a file. */
  readonly args?: readonly string[]
  /** Words in front of the command, as of strace. The process that gets signals is then the wrapper. */
  readonly wrapper?: readonly string[]
  /** The command line to start it with; this version's when left out. */
  readonly ottla?: string
}

/** A broker that is not ready by then hangs. A guard, not a measurement. */
const READY_MS_MAX = 30_000
const LOG_LINES_MAX = 100_000
const READY = /^ready kafka:\/\/(.+):(\d+)$/m

/** The broker has ended before it was ready. */
export class NotReadyError extends Error {
  readonly exitCode: number | null
  readonly errors: string

  constructor(exitCode: number | null, errors: string) {
    super(`Cannot use the broker: it ended with exit code ${exitCode} before it was ready\n${errors}`)
    this.exitCode = exitCode
    this.errors = errors
  }
}

export interface Exit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

export class BrokerProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #exited: Promise<Exit>
  readonly #ready: Deferred<{ host: string; port: number }>
  readonly #logWaiters = new Set<() => void>()
  #output = ''
  #log = ''
  #address = { host: '', port: 0 }

  /** Resolves once the broker is ready. Rejects with NotReadyError. */
  static async start(options: BrokerProcessOptions): Promise<BrokerProcess> {
    const broker = BrokerProcess.launch(options)
    await broker.ready()
    return broker
  }

  /** Starts the process and does not wait for it. */
  static launch(options: BrokerProcessOptions): BrokerProcess {
    const { dataDir, listen = '127.0.0.1:0', args = [], wrapper = [], ottla = OTTLA } = options
    return BrokerProcess.of([...wrapper, ottla, 'start', '--data', dataDir, '--listen', listen, ...args])
  }

  /** As `launch`, with the whole command line. */
  static of([command, ...args]: readonly string[]): BrokerProcess {
    return new BrokerProcess(command!, args)
  }

  private constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    // A test that fails before it could dispose its broker must not leave it behind.
    const end = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', end)
    this.#ready = deferred()
    const exited = deferred<Exit>()
    this.#exited = exited.promise
    this.#child.stdout.on('data', (chunk: Buffer) => this.#takeOutput(chunk.toString()))
    this.#child.stderr.on('data', (chunk: Buffer) => this.#takeLog(chunk.toString()))
    this.#child.on('error', (error) => this.#ready.reject(error))
    this.#child.on('close', (exitCode, signal) => {
      process.off('exit', end)
      this.#ready.reject(new NotReadyError(exitCode, this.#log))
      exited.resolve({ exitCode, signal })
    })
    // Who never waits for readiness must not be ended by a rejection that nobody handles.
    this.#ready.promise.catch(() => {})
  }

  async ready(): Promise<void> {
    const guard = setTimeout(() => {
      this.#ready.reject(new Error(`Cannot use the broker: not ready in ${READY_MS_MAX} ms\n${this.#log}`))
      this.#child.kill('SIGKILL')
    }, READY_MS_MAX)
    try {
      this.#address = await this.#ready.promise
    } finally {
      clearTimeout(guard)
    }
  }

  get pid(): number {
    return this.#child.pid!
  }

  get host(): string {
    return this.#address.host
  }

  get port(): number {
    return this.#address.port
  }

  get bootstrap(): string {
    return `${this.host}:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the process has ended, by itself or by a signal. */
  get exited(): Promise<Exit> {
    return this.#exited
  }

  /** What it has written to standard output so far. */
  get output(): string {
    return this.#output
  }

  /** Whole lines of its log so far. */
  get logLines(): string[] {
    return this.#log.split('\n').slice(0, -1)
  }

  /** Resolves with the lines from `from` on once there are at least `count` of them. */
  async logLinesFrom(from: number, count: number): Promise<string[]> {
    while (this.logLines.length < from + count) {
      if (!this.isRunning) throw new Error(`The broker ended, its log was:\n${this.#log}`)
      const more = deferred<void>()
      this.#logWaiters.add(more.resolve)
      await more.promise
      this.#logWaiters.delete(more.resolve)
    }
    return this.logLines.slice(from)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Asks it to stop and waits until it has. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return await this.#exited
  }

  /** Ends it as a power switch would, but for the page cache. */
  async kill(): Promise<Exit> {
    this.#child.kill('SIGKILL')
    return await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #takeOutput(text: string): void {
    this.#output += text
    const match = READY.exec(this.#output)
    if (match !== null) this.#ready.resolve({ host: match[1]!, port: Number(match[2]) })
  }

  #takeLog(text: string): void {
    this.#log += text
    if (this.#log.length > LOG_LINES_MAX * 100) this.#log = this.#log.slice(-LOG_LINES_MAX * 50)
    for (const wake of [...this.#logWaiters]) wake()
  }
}
