/**
 * Owns one process of a client that holds members of groups, and what they were delivered. A process takes commands and
 * tells records as lines of JSON (clients/member-commands.ts).
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Command, DeliveredRecord, Told } from '../clients/member-commands.ts'

export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

export interface Delivery {
  /** When it came here, in ms of the wall clock. */
  readonly atMs: number
  readonly member: string
  readonly record: DeliveredRecord
}

const ERRORS_CHARS_MAX = 4000

/** A test that fails before it could dispose its processes must not leave them behind. */
const alive = new Set<{ kill(signal: NodeJS.Signals): boolean }>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export class MemberProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exited = deferred<void>()
  /** In the order in which they came. */
  readonly deliveries: Delivery[] = []
  /** What went wrong in the process, in its own words. */
  failures = ''
  #rest = ''

  constructor({ command, args }: Program) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    alive.add(this.#child)
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk.toString()))
    this.#child.stderr.on('data', (chunk: Buffer) => this.#complain(chunk.toString()))
    // A process that was killed takes no more commands.
    this.#child.stdin.on('error', () => {})
    this.#child.on('error', (error) => this.#complain(error.message))
    this.#child.on('close', () => {
      alive.delete(this.#child)
      this.#exited.resolve()
    })
  }

  send(command: Command): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) {
      const told = JSON.parse(line) as Told
      if ('record' in told) this.deliveries.push({ ...told, atMs: systemClock.wallMs() })
      else if ('failed' in told) this.#complain(`${told.member}: ${told.failed}\n`)
    }
  }

  #complain(text: string): void {
    this.failures = (this.failures + text).slice(-ERRORS_CHARS_MAX)
  }
}
