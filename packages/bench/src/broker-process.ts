/**
 * Owns Ottla's broker in a process of its own, on a data directory of its own that goes with it: started as a user would, by
 * the launcher, watched from outside, stopped by SIGTERM.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { untilServing } from '../../../interop/apache-kafka.ts'
import { CommandError } from './child.ts'
import type { LiveBroker, StartOptions } from './contestants/contestant.ts'
import { type LoopReading, parseLoopReading } from './loop-delay.ts'
import { ottlaLauncher } from './paths.ts'

export interface BenchPorts {
  readonly clock: Clock
  readonly timers: Timers
  readonly disk: Disk
}

export interface BrokerProcessOptions extends StartOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** The only core that it may run on. */
  readonly core?: number | null
  /** So many in the one process; one, on its own, when left out. */
  readonly brokers?: number
}

type BrokerChild = ChildProcessByStdio<null, Readable, Readable>

const ANY_PORT = '127.0.0.1:0'
const READY_MS_MAX = 120_000
const STOP_MS_MAX = 120_000
/** Of what the broker logged, the end is kept for when it fails. */
const LOG_LENGTH_MAX = 4000

export class BrokerProcess implements LiveBroker {
  readonly #child: BrokerChild
  readonly #options: BrokerProcessOptions
  readonly #ready = deferred<void>()
  readonly #startedMs: number
  #output = ''
  /** Warnings and errors only. */
  #log = ''
  #bootstrap = ''
  #adminUrl = ''
  #readyMs = 0

  /** Resolves when the broker serves. Rejects with CommandError. */
  static async start(options: BrokerProcessOptions): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options)
    try {
      await broker.#untilReady()
      return broker
    } catch (error) {
      await broker[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(options: BrokerProcessOptions) {
    this.#options = options
    const { dataDirectory, settings = {}, watchesLoop = true, clock, core = null, brokers } = options
    const pairs = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
    const places = ['--data', dataDirectory, '--listen', ANY_PORT, ...(watchesLoop ? ['--http', ANY_PORT] : [])]
    const several = brokers === undefined ? [] : ['--brokers', `${brokers}`]
    const argv = ['start', ...places, '--log-level', 'warn', ...several, ...pairs]
    this.#startedMs = clock.monotonicMs()
    // `taskset` becomes the launcher and that the broker: one process.
    const command = [...(core === null ? [] : ['taskset', '-c', String(core)]), ottlaLauncher, ...argv]
    this.#child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout.on('data', (text: Buffer) => this.#onOutput(text.toString()))
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#log = (this.#log + text).slice(-LOG_LENGTH_MAX)
    })
    this.#child.once('error', (error) => this.#fail(`could not be started: ${error.message}`))
    // Not 'exit': what it said before must have been read.
    this.#child.once('close', (code) => this.#fail(`ended with ${code}`))
  }

  /** HOST:PORT, of several brokers of each, apart by commas. */
  get bootstrap(): string {
    return this.#bootstrap
  }

  /** From starting the process until it answered. */
  get readyMs(): number {
    return this.#readyMs
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** How the broker ended, with the end of its log; null while it runs. */
  get obituary(): string | null {
    const { exitCode, signalCode } = this.#child
    return exitCode === null && signalCode === null
      ? null
      : `The broker ended with ${signalCode ?? exitCode}. ${this.#log}`
  }

  get logDirectory(): string {
    return this.#options.dataDirectory
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async loopReading(): Promise<LoopReading | null> {
    if (this.#adminUrl === '') return null
    const response = await fetch(`${this.#adminUrl}/metrics`)
    return parseLoopReading(await response.text())
  }

  /** Stops the broker, waits for its end, and removes its data. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      // Stopped processes keep a SIGTERM for later.
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const killing = this.#options.timers.after(STOP_MS_MAX, () => child.kill('SIGKILL'))
      await once(child, 'exit')
      killing.cancel()
    }
    const { keepsData = false, dataDirectory, disk } = this.#options
    if (!keepsData) await disk.removeTree(dataDirectory)
  }

  async #untilReady(): Promise<void> {
    const timer = this.#options.timers.after(READY_MS_MAX, () => this.#fail(`was not ready in ${READY_MS_MAX} ms`))
    try {
      await this.#ready.promise
      await this.#untilServing()
    } finally {
      timer.cancel()
    }
  }

  /** Judged as every contestant is: it answers. */
  async #untilServing(): Promise<void> {
    const [host = '', port] = this.#bootstrap.split(',')[0]!.split(':')
    const isServing = await untilServing({ host, port: Number(port) }, () => this.obituary === null)
    this.#readyMs = this.#options.clock.monotonicMs() - this.#startedMs
    if (!isServing) throw new CommandError(`The broker does not answer. ${this.#log}`)
  }

  #onOutput(text: string): void {
    if (this.#bootstrap !== '') return
    this.#output += text
    const match = /^ready kafka:\/\/(\S+)$/m.exec(this.#output)
    if (match === null) return
    this.#bootstrap = match[1]!
    this.#adminUrl = /^admin (http:\/\/\S+)$/m.exec(this.#output)?.[1] ?? ''
    this.#ready.resolve()
  }

  /** Changes nothing once the broker was ready. */
  #fail(reason: string): void {
    this.#ready.reject(new CommandError(`The broker ${reason}. ${this.#log}`))
  }
}
