/**
 * Owns the form in which runs against foreign programs are kept: what was run, what it printed and what came of it, as
 * Markdown. Pure.
 */

/** One command. */
export interface Step {
  readonly command: string
  readonly code: number | null
  readonly output: string
}

export type Outcome = 'passed' | 'failed' | 'skipped' | 'waiting'

export interface Part {
  readonly name: string
  readonly outcome: Outcome
  /** Why it failed, was skipped or waits; what it found where it passed. */
  readonly note?: string
  readonly steps?: readonly Step[]
}

/** Of each command's output the beginning and the end are kept. */
const LINES_KEPT_MAX = 40
const LINE_CHARS_MAX = 400

export interface Transcript {
  readonly title: string
  /** Versions and the like, a line each. */
  readonly facts: readonly string[]
  readonly parts: readonly Part[]
}

export function transcriptText({ title, facts, parts }: Transcript): string {
  const rows = parts.map(({ name, outcome, note = '' }) => [name, outcome, firstLine(note)])
  const head = [`# ${title}`, ...facts.map((fact) => `- ${fact}`)]
  const overview = ['', '```', tableText(['name', 'outcome', 'note'], rows), '```']
  return `${[...head, ...overview, ...parts.flatMap(partLines)].join('\n')}\n`
}

/** Columns as wide as their widest cell. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}

function partLines({ name, outcome, note = '', steps = [] }: Part): string[] {
  if (steps.length === 0 && outcome !== 'failed') return []
  const noted = note === '' ? [] : ['', note]
  return ['', `## ${name}: ${outcome}`, ...noted, ...steps.flatMap(stepLines)]
}

function stepLines({ command, code, output }: Step): string[] {
  const shown = output.trim() === '' ? [] : shortened(output.trimEnd().split('\n'))
  const ending = code === 0 ? [] : [`(exit code ${code})`]
  return ['', '```', `$ ${command}`, ...shown, ...ending, '```']
}

function shortened(lines: readonly string[]): string[] {
  const short = lines.map((line) => (line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line))
  if (short.length <= LINES_KEPT_MAX) return short
  const half = LINES_KEPT_MAX / 2
  return [...short.slice(0, half), `… ${short.length - LINES_KEPT_MAX} lines more …`, ...short.slice(-half)]
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, LINE_CHARS_MAX)
}
