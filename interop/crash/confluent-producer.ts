/** librdkafka's idempotent producer, in a Python process that reports what was acknowledged, a line for each record. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { PYTHON, REPOSITORY } from '../processes.ts'
import type { Lane } from './lanes.ts'
import type { CrashProducer } from './producer.ts'

const PROGRAM = `${REPOSITORY}interop/clients/confluent_crash_produce.py`

export class ConfluentProducer implements CrashProducer, Disposable {
  readonly name = 'librdkafka'
  readonly lanes: readonly Lane[]
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #ended: Deferred<void> = deferred()
  #failure: Error | null = null
  #errors = ''
  #line = ''

  /** The lanes are all partitions of one topic. */
  constructor(options: { bootstrap: string; lanes: readonly Lane[] }) {
    const { bootstrap, lanes } = options
    this.lanes = lanes
    const args = [PROGRAM, bootstrap, lanes[0]!.topic, String(lanes.length)]
    this.#child = spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdin.on('error', () => {})
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk.toString()))
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()))
    this.#child.on('error', (error) => this.#ended.reject(error))
    this.#child.on('close', (exitCode) => this.#onEnd(exitCode))
    // A failure is told by `finish`, however long that takes to be called.
    this.#ended.promise.catch(() => {})
  }

  /** It finds out by itself. */
  brokerIsBack(): void {}

  async finish(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended.promise
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }

  #onEnd(exitCode: number | null): void {
    if (this.#failure !== null) this.#ended.reject(this.#failure)
    else if (exitCode === 0) this.#ended.resolve()
    else this.#ended.reject(new Error(`${this.name} ended with exit code ${exitCode}: ${this.#errors}`))
  }

  #take(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    try {
      for (const line of lines) this.#acknowledge(line)
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    }
  }

  #acknowledge(line: string): void {
    const [partition = -1, offset = -1, first = -1] = line.split(' ').map(Number)
    const lane = this.lanes[partition]
    if (lane === undefined) throw new Error(`Cannot understand "${line}" of ${this.name}`)
    lane.acknowledge({ first, count: 1, offset })
  }
}
