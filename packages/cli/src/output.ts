/**
 * Owns how results look: aligned tables for people, JSON for programs, one changing line of progress on a terminal.
 * Pure text but for Progress, which writes to standard error.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'

export type Cell = string | number | null

/** Columns two spaces apart, numbers to the right, `-` for null, no space at a line's end. */
export function table(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [columns, ...rows.map((row) => row.map(cellText))]
  const widths = columns.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)))
  const toTheRight = columns.map((_, column) => rows.length > 0 && rows.every((row) => isNumeric(row[column] ?? null)))
  const lines = texts.map((row) =>
    row
      .map((text, column) => (toTheRight[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** Name and value a line, values aligned. */
export function fields(pairs: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${cellText(value)}\n`).join('')
}

/** Indented for people who look at it, valid for programs. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** `1536` → `1.5 KiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `1234567` → `1,234,567`. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** At most one update in this time, in ms. */
const PROGRESS_INTERVAL_MS = 200

/** A line on standard error that shows how long work goes on; silent where that is no terminal. */
export class Progress {
  readonly #streams: StandardStreams
  readonly #clock: Clock
  readonly #startMs: number
  #shownMs: number
  #isShown = false

  constructor(streams: StandardStreams, clock: Clock) {
    this.#streams = streams
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
    this.#shownMs = this.#startMs
  }

  update(records: number, bytes: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (!this.#streams.errorIsTerminal || nowMs - this.#shownMs < PROGRESS_INTERVAL_MS) return
    this.#shownMs = nowMs
    this.#isShown = true
    const seconds = (nowMs - this.#startMs) / 1000
    const rates = `${countText(records / seconds)} records/s, ${bytesText(bytes / seconds)}/s`
    this.#streams.writeError(`\r\x1b[2K${countText(records)} records, ${bytesText(bytes)}; ${rates}`)
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isShown) this.#streams.writeError('\r\x1b[2K')
    this.#isShown = false
  }
}

function cellText(cell: Cell): string {
  return cell === null ? '-' : String(cell)
}

function isNumeric(cell: Cell): boolean {
  return cell === null || typeof cell === 'number'
}
