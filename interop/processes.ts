/**
 * Owns the foreign processes of these tests: programs that run to their end, and where their output goes. Long-lived
 * brokers are broker-process.ts's.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { deferred } from '@ottla/base/deferred.ts'

export const REPOSITORY = new URL('../', import.meta.url).pathname

/** The command line and the broker, as a user starts them. */
export const OTTLA = `${REPOSITORY}packages/cli/bin/ottla`
/** Runs a TypeScript file on the pinned Node. */
export const NODE26 = `${REPOSITORY}scripts/node26`
/** Debian's interpreter: its python3-confluent-kafka is not seen by any other. */
export const PYTHON = '/usr/bin/python3'

/** A program that has not ended by then hangs. A guard, not a measurement. */
const RUN_MS_MAX = 120_000
/** Output kept in memory, for each of both streams. */
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

export interface RunOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: { readonly [name: string]: string }
  /** Where standard output goes; kept in memory when left out. */
  readonly outputPath?: string
  readonly timeoutMs?: number
}

export interface Finished {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: Buffer
  readonly errors: string
}

/** Runs a program to its end. Rejects only where it could not be started. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { promise, resolve, reject } = deferred<Finished>()
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? RUN_MS_MAX,
    killSignal: 'SIGKILL',
  })
  const output = new Capture(child)
  const errors = new Capture(child)
  if (options.outputPath === undefined) child.stdout.on('data', output.take)
  else child.stdout.pipe(createWriteStream(options.outputPath))
  child.stderr.on('data', errors.take)
  // A program that reads no input may be gone before it could be written.
  child.stdin.on('error', () => {}).end(options.input ?? '')
  child.on('error', reject)
  child.on('close', (exitCode, signal) => {
    resolve({ exitCode, signal, output: output.bytes(), errors: errors.bytes().toString() })
  })
  return await promise
}

/** As `run`; throws, with what the program said, where it does not end with exit code 0. */
export async function succeed(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = await run(command, args, options)
  if (finished.exitCode === 0) return finished
  const how = finished.signal ?? `exit code ${finished.exitCode}`
  throw new Error(`Cannot go on: "${command} ${args.join(' ')}" ended with ${how}\n${finished.errors}`)
}

/** The largest memory that a process had resident so far, in bytes; Linux only. */
export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM')
}

export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

function statusBytes(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`Cannot find ${field} of process ${pid}`)
  return Number(match[1]) * 1024
}

/** Gathers one stream, up to a bound beyond which the child is ended. */
class Capture {
  readonly #chunks: Buffer[] = []
  readonly #child: { kill(signal: NodeJS.Signals): boolean }
  #size = 0

  constructor(child: { kill(signal: NodeJS.Signals): boolean }) {
    this.#child = child
  }

  readonly take = (chunk: Buffer): void => {
    this.#size += chunk.length
    if (this.#size > OUTPUT_BYTES_MAX) this.#child.kill('SIGKILL')
    else this.#chunks.push(chunk)
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
