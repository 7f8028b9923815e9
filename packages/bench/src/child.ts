/** Owns processes that do one thing and end: commands whose output is wanted, and generators that print one line of JSON. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { interruption } from './interruption.ts'

export interface CommandOptions {
  /** The process is killed, and the command fails, after this long. */
  readonly timeoutMs: number
  readonly environment?: Readonly<Record<string, string>>
}

/** A command that could not be run or did not end well; the message holds what it said. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
  }
}

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024
/** Of what a failed command said, the end is told. */
const COMPLAINT_LENGTH_MAX = 500

/** Resolves with the command's standard output. Rejects with CommandError. */
export async function runCommand(file: string, argv: readonly string[], options: CommandOptions): Promise<string> {
  const { timeoutMs, environment = {} } = options
  const { signal } = interruption
  const settings = { timeout: timeoutMs, signal, maxBuffer: OUTPUT_BYTES_MAX, env: { ...process.env, ...environment } }
  try {
    const { stdout } = await promisify(execFile)(file, [...argv], settings)
    return stdout
  } catch (error) {
    throw new CommandError(`${file} failed: ${complaintOf(error)}`, { cause: error })
  }
}

/** Resolves with the numbers, and objects of numbers, of the last line that the program printed. */
export async function runGenerator(
  file: string,
  argv: readonly string[],
  options: CommandOptions,
): Promise<GeneratorResult> {
  const output = await runCommand(file, argv, options)
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  try {
    return JSON.parse(line) as GeneratorResult
  } catch (error) {
    throw new CommandError(`${file} printed "${line}" where a line of JSON was due`, { cause: error })
  }
}

export type GeneratorResult = { readonly [name: string]: number | { readonly [name: string]: number } }

/** A number that the generator must have printed; `name` may be a path of two names. */
export function numberOf(result: GeneratorResult, name: string): number {
  const [outer = '', inner] = name.split('.')
  const found = result[outer]
  const value = typeof found === 'object' && inner !== undefined ? found[inner] : found
  if (typeof value === 'number') return value
  throw new CommandError(`The generator printed no "${name}": ${JSON.stringify(result)}`)
}

function complaintOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { stderr = '', killed = false } = error as Error & { stderr?: string; killed?: boolean }
  if (killed) return `it did not end in time. ${stderr.slice(-COMPLAINT_LENGTH_MAX)}`
  return stderr.trim() === '' ? error.message : stderr.trim().slice(-COMPLAINT_LENGTH_MAX)
}
