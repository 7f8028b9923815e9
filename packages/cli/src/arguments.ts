/**
 * Owns the small languages of the command line: positions, partition lists, pairs, numbers. Each parser takes the text
 * as typed and answers a value, or throws a UsageError that says what would have been right. No network, no clock.
 */
import { parseIsoTime } from '@ottla/base/calendar.ts'

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** A place in a partition; `before-end` counts records back from the end. */
export type Position =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'before-end'; readonly count: number }
  | { readonly kind: 'time'; readonly timeMs: number }

/** More partitions than this in one list are a slip of the finger. */
const PARTITIONS_MAX = 100_000

/** `beginning`, `end`, `1234` (offset), `-10` (ten before the end), `2026-03-01T12:00Z` or `@1767225600000` (time). */
export function parsePosition(text: string): Position {
  if (text === 'beginning' || text === 'end') return { kind: text }
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: safeInteger(text) }
  if (/^-\d+$/.test(text)) return { kind: 'before-end', count: safeInteger(text.slice(1)) }
  if (/^@\d+$/.test(text)) return { kind: 'time', timeMs: safeInteger(text.slice(1)) }
  const timeMs = parseIsoTime(text)
  if (timeMs !== null) return { kind: 'time', timeMs }
  throw new UsageError(
    `"${text}" is no position: give beginning, end, an offset, -N (N before the end), an ISO time or @milliseconds`,
  )
}

/** `0,2-4` is [0, 2, 3, 4]: sorted, each once. */
export function parsePartitions(text: string): number[] {
  const partitions = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim())
    if (match === null) throw new UsageError(`"${text}" is no list of partitions: give for example 0,2-4`)
    const first = safeInteger(match[1]!)
    const last = match[2] === undefined ? first : safeInteger(match[2])
    if (last < first) throw new UsageError(`"${part}" runs backwards: give the lower partition first`)
    if (last - first >= PARTITIONS_MAX) throw new UsageError(`"${part}" has more than ${PARTITIONS_MAX} partitions`)
    for (let partition = first; partition <= last; partition++) partitions.add(partition)
  }
  return [...partitions].sort((a, b) => a - b)
}

/** `name=value` split at the first `=`; the value may be empty and may hold more of them. */
export function parsePair(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=')
  if (at <= 0) throw new UsageError(`"${text}" is no pair: give NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** An ISO 8601 duration without months and years, in ms: `P1DT2H30M`, `PT15S`. */
export function parseDuration(text: string): number {
  const match = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/.exec(text)
  const parts = match?.slice(1).filter((part) => part !== undefined) ?? []
  if (match === null || parts.length === 0)
    throw new UsageError(`"${text}" is no duration: give for example PT1H30M or P2D`)
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0))
  return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
}

/** A whole number from `min` to `max`, both included. */
export function parseWhole(text: string, bounds: { min: number; max?: number }): number {
  const max = bounds.max ?? Number.MAX_SAFE_INTEGER
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= bounds.min && value <= max)) {
    const range = bounds.max === undefined ? `of at least ${bounds.min}` : `from ${bounds.min} to ${bounds.max}`
    throw new UsageError(`"${text}" is not a whole number ${range}`)
  }
  return value
}

const RATE_UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 },
  ...{ kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 },
}

/** Whole bytes a second, at least one: `50MB` (a million each), `20MiB`, `1.5GB/s`, `1000000`. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)(?:\/s)?$/i.exec(text)
  const unit = RATE_UNITS[match?.[2]?.toLowerCase() ?? '']
  const rate = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit)
  if (!(rate >= 1 && Number.isSafeInteger(rate))) {
    throw new UsageError(`"${text}" is no rate: give bytes a second, for example 50MB or 20MiB`)
  }
  return rate
}

/** Replaces `\n \t \r \0 \\ \xHH`; any other backslash is refused, so that a slip does not become data. */
export function parseEscapes(text: string): Buffer {
  const parts: Buffer[] = []
  const pattern = /\\(x[0-9a-fA-F]{2}|[\s\S]?)/g
  let from = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    parts.push(Buffer.from(text.slice(from, match.index)), Buffer.of(escapedByte(match[1]!, text)))
    from = pattern.lastIndex
  }
  parts.push(Buffer.from(text.slice(from)))
  return Buffer.concat(parts)
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, '0': 0, '\\': 92 }

function escapedByte(sequence: string, text: string): number {
  if (sequence.startsWith('x')) return Number.parseInt(sequence.slice(1), 16)
  const byte = ESCAPES[sequence]
  if (byte === undefined)
    throw new UsageError(`"\\${sequence}" in "${text}" is unknown: use \\n \\t \\r \\0 \\\\ or \\xHH`)
  return byte
}

function safeInteger(digits: string): number {
  const value = Number(digits)
  if (!Number.isSafeInteger(value)) throw new UsageError(`${digits} is too large`)
  return value
}
