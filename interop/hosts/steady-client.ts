/** Owns one client of a trial: its process, which produces and reads all the time, and what that has told so far. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { deferred } from '@ottla/base/deferred.ts'
import { NODE26, PYTHON, REPOSITORY } from '../processes.ts'
import type { SteadyTold } from './steady-commands.ts'

export interface SteadyKind {
  readonly name: string
  readonly command: readonly string[]
  /** Whether it can read partitions without a group. */
  readonly readsAssigned: boolean
  /** How long it waits for an answer before it tries elsewhere, in ms: its default. Ours asks others meanwhile. */
  readonly patienceMs?: number
  /** Asks the leader that it knows again and again while its connection stands, however long that says nothing. */
  readonly isFaithful?: true
}

const HERE = `${REPOSITORY}interop/hosts`

export const STEADY_KINDS: readonly SteadyKind[] = [
  { name: 'ottla', command: [NODE26, `${HERE}/steady-ottla.ts`], readsAssigned: true },
  { name: 'librdkafka', command: [PYTHON, `${HERE}/steady_confluent.py`], readsAssigned: true, patienceMs: 60_000 },
  {
    name: 'kafkajs',
    command: [NODE26, `${HERE}/steady-kafkajs.ts`],
    readsAssigned: false,
    isFaithful: true,
  },
]

export interface Seen {
  readonly partition: number
  readonly offset: number
  readonly number: number
  readonly atMs: number
}

const FAILURES_MAX = 1000
const COMPLAINTS_CHARS_MAX = 4000

/** A run that ends early must not leave its processes behind. */
const alive = new Set<{ kill(signal: NodeJS.Signals): boolean }>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export class SteadyClient implements AsyncDisposable {
  readonly kind: SteadyKind
  readonly topic: string
  readonly acked: Seen[] = []
  readonly read: Seen[] = []
  /** What it told of records that were refused, and of its own end. */
  readonly failures: string[] = []
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exited = deferred<void>()
  readonly #finished = deferred<void>()
  #line = ''
  /** What it has written to standard error: lost connections, mostly. */
  #complaints = ''

  constructor(kind: SteadyKind, world: { bootstrap: string; topic: string; partitions: number }) {
    this.kind = kind
    this.topic = world.topic
    const [command, ...args] = [...kind.command, world.bootstrap, world.topic, String(world.partitions)]
    this.#child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    alive.add(this.#child)
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk.toString()))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString()).slice(-COMPLAINTS_CHARS_MAX)
    })
    this.#child.on('error', (error) => this.#fail(String(error)))
    this.#child.on('close', () => {
      alive.delete(this.#child)
      this.#finished.reject(new Error(`${kind.name} has ended: ${this.#complaints}`))
      this.#exited.resolve()
    })
    this.#finished.promise.catch(() => {})
  }

  /** Makes no new records; resolves once each that was made has its outcome. */
  async finish(): Promise<void> {
    this.#child.stdin.end()
    await this.#finished.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited.promise
  }

  #take(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop()!
    for (const line of lines) {
      const told = JSON.parse(line) as SteadyTold
      if ('acked' in told) this.acked.push(seen(told.acked, told.atMs))
      else if ('read' in told) this.read.push(seen(told.read, told.atMs))
      else if ('failed' in told) this.#fail(told.failed)
      else this.#finished.resolve()
    }
  }

  #fail(text: string): void {
    if (this.failures.length < FAILURES_MAX) this.failures.push(text)
  }
}

function seen([partition, offset, number]: readonly [number, number, number], atMs: number): Seen {
  return { partition, offset, number, atMs }
}
