/** Owns the table: what people read of a run, and the same as data. */
import { type FigureLine, figureLines, judge } from './comparison.ts'
import type { ContestantName } from './contestants/contestant.ts'
import type { Machine } from './machine.ts'
import type { RowResult, Target } from './row.ts'
import { rowTitle } from './row-title.ts'

/** A contestant as the report states it. */
export interface Entry {
  readonly name: ContestantName
  readonly description: string
  readonly settings: readonly string[]
  /** Of topics, by durability. */
  readonly topicConfigs: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface Report {
  readonly machine: Machine
  /** Ottla first. */
  readonly contestants: readonly Entry[]
  readonly quick: boolean
  readonly repeat: number
  readonly results: readonly RowResult[]
}

const GIGABYTE = 1e9
/** From here on digits behind the point say nothing. */
const WHOLE_FROM = 1000
const DIGITS = 3

export function renderReport(report: Report): string {
  const { results, quick, repeat } = report
  const ran = results.filter(({ samples }) => samples.length > 0)
  const absent = results.flatMap(({ row, skipped, failures }) => [
    ...(skipped === null ? [] : [`Skipped: ${rowTitle(row)}: ${skipped}`]),
    ...failures.map(({ contestant, reason }) => `Failed: ${rowTitle(row)}, ${contestant}: ${reason}`),
  ])
  const runs = `${repeat} ${repeat === 1 ? 'run' : 'runs'} of each row, interleaved${quick ? '; quick: too short to quote' : ''}`
  const columns = columnsOf(report)
  const lines = [columns.map(({ heading }) => heading), ...ran.flatMap((result) => rowLines(result, columns))]
  const left = columns.flatMap(({ isText }, index) => (isText ? [index] : []))
  const ratios = peersOf(report.contestants).map(
    (peer) => `× ${peer}: how many times as good Ottla is; more of a rate, less of a time or of memory.`,
  )
  return [...settingLines(report), ...ratios, runs, '', ...renderTable(lines, left), '', ...absent].join('\n')
}

/** Lines of equal columns, parted by two spaces; those that are not `left` end at their right edge. */
export function renderTable(lines: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)))
  return lines.map((cells) => {
    const padded = cells.map((cell, column) =>
      left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    )
    return padded.join('  ').trimEnd()
  })
}

export function numberText(value: number): string {
  if (Math.abs(value) >= WHOLE_FROM) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(DIGITS)))
}

export function targetText(target: Target): string {
  return 'atLeast' in target ? `≥ ${numberText(target.atLeast)}` : `≤ ${numberText(target.atMost)}`
}

export function meets(value: number, target: Target): boolean {
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
}

/** What goes into the file of `--json`. */
export function reportData({ machine, contestants, quick, repeat, results }: Report) {
  const peers = peersOf(contestants)
  const rows = results.map(({ row, samples, failures, skipped }) => ({
    ...{ name: row.name, durability: row.durability, samples, failures, skipped },
    figures: figureLines({ row, samples }).map((line) => ({
      ...{ name: line.name, target: line.target ?? null, required: line.required },
      summaries: Object.fromEntries(line.summaries),
      verdicts: Object.fromEntries(peers.map((peer) => [peer, judge(line, peer)])),
    })),
  }))
  return { machine, contestants, quick, repeat, rows }
}

/** What has to stand beside every figure: the machine, the contestants, their settings. */
export function settingLines({ machine, contestants }: Pick<Report, 'machine' | 'contestants'>): string[] {
  const { cpu, cores, memoryBytes, system, node, fileSystem, load } = machine
  const peers = peersOf(contestants)
  const shared =
    peers.length === 0
      ? ''
      : 'Contestants take turns; who does not run is stopped, and all are warm before they count. '
  return [
    `${cpu}, ${cores} cores, ${numberText(memoryBytes / GIGABYTE)} GB, ${system}; data on ${fileSystem}; Node ${node}`,
    ...contestants.map(entryLine),
    `Load generators share the machine with the broker. ${shared}Load before the run: ${load.map(numberText).join(' ')}`,
    'Durability: synced, acks=all is answered after the disk has the bytes; cached, once the operating system has them. acks=1 never waits for the disk. MB are 1,000,000 bytes of values.',
  ]
}

interface Column {
  readonly heading: string
  /** Ends at the left edge. */
  readonly isText: boolean
  readonly cell: (line: FigureLine) => string
}

function columnsOf({ contestants }: Report): Column[] {
  const peers = peersOf(contestants)
  const required = { heading: 'required', isText: true, cell: (line: FigureLine) => requiredText(line) }
  return [
    { heading: 'workload', isText: true, cell: () => '' },
    { heading: 'figure', isText: true, cell: ({ name }) => name },
    ...contestants.flatMap(({ name }) => summaryColumns(name)),
    ...peers.flatMap((peer) => verdictColumns(peer, required)),
    { heading: 'target', isText: true, cell: ({ target }) => (target === undefined ? '' : targetText(target)) },
    { heading: '', isText: true, cell: targetVerdict },
  ]
}

function summaryColumns(name: ContestantName): Column[] {
  return [
    { heading: name, isText: false, cell: ({ summaries }) => textOr(summaries.get(name)?.median, numberText) },
    { heading: 'spread', isText: false, cell: ({ summaries }) => textOr(summaries.get(name)?.spread, percentText) },
  ]
}

function verdictColumns(peer: ContestantName, required: Column): Column[] {
  return [
    {
      heading: `× ${peer}`,
      isText: false,
      cell: (line) => textOr(judge(line, peer)?.ratio, ratioText),
    },
    required,
    { heading: '', isText: true, cell: (line) => metText(judge(line, peer)?.isMet ?? null) },
  ]
}

/** The first line of a row names it; each further figure has a line beneath. */
function rowLines({ row, samples }: RowResult, columns: readonly Column[]): string[][] {
  const lines = figureLines({ row, samples })
  return lines.map((line, index) =>
    columns.map(({ cell }, column) => (column === 0 && index === 0 ? rowTitle(row) : cell(line))),
  )
}

function targetVerdict({ target, summaries }: FigureLine): string {
  const ours = summaries.get('ottla')
  return target === undefined || ours === undefined ? '' : metText(meets(ours.median, target))
}

function entryLine({ name, description, settings, topicConfigs }: Entry): string {
  const topics = Object.entries(topicConfigs).map(([durability, configs]) => {
    const pairs = Object.entries(configs).map(([key, value]) => `${key}=${value}`)
    return `${durability}: ${pairs.length === 0 ? 'default' : pairs.join(' ')}`
  })
  return `${name}: ${description}; ${settings.join(', ')}; topics ${topics.join(', ')}`
}

function peersOf(contestants: readonly Entry[]): ContestantName[] {
  return contestants.map(({ name }) => name).filter((name) => name !== 'ottla')
}

function requiredText({ required }: FigureLine): string {
  return required === null ? '' : `≥ ${required}`
}

function metText(isMet: boolean | null): string {
  return isMet === null ? '' : isMet ? 'met' : 'MISSED'
}

function ratioText(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '∞'
}

function percentText(share: number): string {
  return `${Math.round(share * 100)} %`
}

function textOr(value: number | undefined, toText: (value: number) => string): string {
  return value === undefined ? '–' : toText(value)
}
