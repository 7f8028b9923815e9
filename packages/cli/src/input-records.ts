/**
 * Owns turning lines into records: plain lines, whose bytes pass as they are, or one JSON object a line. Errors name the
 * line by its number.
 */
import { parseIsoTime } from '@ottla/base/calendar.ts'
import type { ProducerRecord } from '@ottla/client/producer/producer.ts'
import { parsePair, UsageError } from './arguments.ts'

export interface LineOptions {
  /** Bytes between key and value; lines without them have no key. Null: no line has one. */
  readonly keySeparator: Buffer | null
  /** A key or value of exactly these bytes is null. */
  readonly nullMarker: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: string }[]
  readonly partition: number | null
}

export type LineParser = (line: Buffer, lineNumber: number) => ProducerRecord

/** A line of input is not what it should be. */
export class InputError extends Error {
  constructor(lineNumber: number, reason: string) {
    super(`Line ${lineNumber}: ${reason}`)
    this.name = 'InputError'
  }
}

export function parseHeaders(texts: readonly string[]): { key: string; value: string }[] {
  return texts.map(parsePair).map(([key, value]) => ({ key, value }))
}

/** Decides once what a line needs, so that the usual case costs one object a line. */
export function plainLines(options: LineOptions): LineParser {
  const { keySeparator, nullMarker, headers, partition } = options
  const common = { ...(headers.length === 0 ? {} : { headers }), ...(partition === null ? {} : { partition }) }
  const unmarked = (bytes: Buffer): Buffer | null => (nullMarker !== null && bytes.equals(nullMarker) ? null : bytes)
  if (keySeparator === null && nullMarker === null) return (value) => ({ value, ...common })
  if (keySeparator === null) return (value) => ({ value: unmarked(value), ...common })
  if (keySeparator.length === 0) throw new UsageError('The key separator is empty: give at least one character')
  return (line) => {
    const at = line.indexOf(keySeparator)
    if (at < 0) return { value: unmarked(line), ...common }
    return { key: unmarked(line.subarray(0, at)), value: unmarked(line.subarray(at + keySeparator.length)), ...common }
  }
}

/** `{"key": …, "value": …, "headers": …, "partition": 1, "timestamp": …}`, as `consume --json` writes it. */
export function jsonLines(options: Pick<LineOptions, 'headers' | 'partition'>): LineParser {
  return (line, lineNumber) => {
    const fields = parseObject(line, lineNumber)
    const partition = partitionOf(fields['partition'] ?? options.partition, lineNumber)
    const timestampMs = timestampOf(fields['timestamp'], lineNumber)
    const headers = [...options.headers, ...headersOf(fields['headers'], lineNumber)]
    return {
      key: bytesOf(fields['key'], 'key', lineNumber),
      value: bytesOf(fields['value'], 'value', lineNumber),
      ...(headers.length === 0 ? {} : { headers }),
      ...(partition === null ? {} : { partition }),
      ...(timestampMs === null ? {} : { timestampMs }),
    }
  }
}

type JsonObject = Readonly<Record<string, unknown>>

function parseObject(line: Buffer, lineNumber: number): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(line.toString('utf8'))
  } catch (error) {
    throw new InputError(lineNumber, `it is no JSON (${error instanceof Error ? error.message : error})`)
  }
  if (!isObject(parsed)) throw new InputError(lineNumber, 'it is no JSON object')
  return parsed
}

function bytesOf(value: unknown, what: string, lineNumber: number): string | Buffer | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  if (isObject(value) && typeof value['base64'] === 'string' && Object.keys(value).length === 1) {
    return Buffer.from(value['base64'], 'base64')
  }
  throw new InputError(lineNumber, `${what} is no string, null or {"base64": "…"}; give other JSON as text in a string`)
}

/** A list of {key, value} keeps order and repetition; an object is shorter to write. */
function headersOf(value: unknown, lineNumber: number): { key: string; value: string | Buffer | null }[] {
  if (value === undefined || value === null) return []
  const pairs = Array.isArray(value)
    ? value.map((item) => pairOf(item, lineNumber))
    : isObject(value)
      ? Object.entries(value)
      : null
  if (pairs === null) throw new InputError(lineNumber, 'headers are no object and no list of {"key", "value"}')
  return pairs.map(([key, bytes]) => ({ key, value: bytesOf(bytes, `header ${key}`, lineNumber) }))
}

function pairOf(item: unknown, lineNumber: number): [string, unknown] {
  if (isObject(item) && typeof item['key'] === 'string') return [item['key'], item['value']]
  throw new InputError(lineNumber, 'a header is no {"key": "…", "value": …}')
}

function partitionOf(value: unknown, lineNumber: number): number | null {
  if (value === null) return null
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new InputError(lineNumber, 'partition is no whole number of at least 0')
}

function timestampOf(value: unknown, lineNumber: number): number | null {
  if (value === undefined || value === null) return null
  const timeMs = typeof value === 'string' ? parseIsoTime(value) : value
  if (typeof timeMs === 'number' && Number.isSafeInteger(timeMs)) return timeMs
  throw new InputError(lineNumber, 'timestamp is no whole number of milliseconds and no ISO time')
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
