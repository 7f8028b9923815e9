/**
 * The Logger that writes lines to the standard error stream, as JSON for machines or as text for people. Writes are
 * synchronous, so the last lines before a crash are there. `memory-logger.ts` is the one for tests.
 */
import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import type { Clock } from './clock.ts'
import type { LogFields, Logger } from './logger.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface NodeLoggerOptions {
  readonly clock: Clock
  /** The lowest level that is written. */
  readonly level: LogLevel
  readonly format: 'json' | 'human'
  /** Takes a whole line with its line end; the standard error stream where absent. */
  readonly write?: (line: string) => void
}

const RANKS = { debug: 0, info: 1, warn: 2, error: 3 }

export class NodeLogger implements Logger {
  readonly #options: NodeLoggerOptions
  readonly #fields: LogFields

  constructor(options: NodeLoggerOptions, fields: LogFields = {}) {
    this.#options = options
    this.#fields = fields
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields)
  }

  child(fields: LogFields): Logger {
    return new NodeLogger(this.#options, { ...this.#fields, ...fields })
  }

  #log(level: LogLevel, message: string, fields?: LogFields): void {
    const { clock, format, write = writeToStandardError } = this.#options
    if (RANKS[level] < RANKS[this.#options.level]) return
    const time = new Date(clock.wallMs()).toISOString()
    const all = { ...this.#fields, ...fields }
    write(format === 'json' ? jsonLine(time, level, message, all) : humanLine(time, level, message, all))
  }
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  try {
    return `${JSON.stringify({ time, level, message, ...fields }, plainValue)}\n`
  } catch {
    // A field that refers to itself or that throws when read must not cost the line.
    return `${JSON.stringify({ time, level, message, fields: inspect(fields, { depth: 3 }) })}\n`
  }
}

/** JSON knows neither 64-bit numbers nor errors. */
function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (!(value instanceof Error)) return value
  return { ...value, name: value.name, message: value.message, stack: value.stack, cause: value.cause }
}

function humanLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const texts = Object.entries(fields).map(([name, value]) => (value instanceof Error ? '' : ` ${name}=${text(value)}`))
  const errors = Object.values(fields).map((value) => (value instanceof Error ? `\n  ${inspect(value)}` : ''))
  return `${time} ${level.toUpperCase().padEnd(5)} ${message}${texts.join('')}${errors.join('')}\n`
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { breakLength: Infinity, depth: 3 })
}

/** A full pipe or a reader that has gone must not stop the broker: the line is lost then. */
function writeToStandardError(line: string): void {
  const bytes = Buffer.from(line)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(2, bytes, done)
  } catch {
    // EAGAIN, EPIPE: nobody is left to be told.
  }
}
