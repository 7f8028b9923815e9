/** Owns the table: what people read of a run, and the same as data. */
import type { Machine } from './machine.ts'
import type { Figure, RowResult, Sample, Target } from './row.ts'
import { type Summary, summarize } from './statistics.ts'

export interface Report {
  readonly machine: Machine
  readonly quick: boolean
  readonly repeat: number
  readonly results: readonly RowResult[]
}

const HEADINGS = ['workload', 'figure', 'median', 'spread', 'target', '', 'broker CPU s/M', 'load CPU s/M', 'broker MB']
/** Columns of words. */
const LEFT_COLUMNS = [0, 1, 4, 5]
const GIGABYTE = 1e9
const MEGABYTE = 1e6
/** From here on digits behind the point say nothing. */
const WHOLE_FROM = 1000
const DIGITS = 3

export function renderReport(report: Report): string {
  const { machine, results, quick, repeat } = report
  const ran = results.filter(({ samples }) => samples.length > 0)
  const absent = results.flatMap(({ row, skipped, failures }) => [
    ...(skipped === null ? [] : [`Skipped: ${row.name}: ${skipped}`]),
    ...failures.map((failure) => `Failed: ${row.name}: ${failure}`),
  ])
  const runs = `${repeat} ${repeat === 1 ? 'run' : 'runs'} of each row, interleaved${quick ? '; quick: too short to quote' : ''}`
  const table = renderTable([HEADINGS, ...ran.flatMap(rowLines)], LEFT_COLUMNS)
  return [...machineLines(machine), runs, '', ...table, '', ...absent].join('\n')
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
export function reportData({ machine, quick, repeat, results }: Report) {
  const rows = results.map(({ row, samples, failures, skipped }) => ({ name: row.name, samples, failures, skipped }))
  return { machine, quick, repeat, rows }
}

function machineLines(machine: Machine): string[] {
  const { cpu, cores, memoryBytes, system, node, fileSystem, load } = machine
  return [
    `${cpu}, ${cores} cores, ${numberText(memoryBytes / GIGABYTE)} GB, ${system}; data on ${fileSystem}; Node ${node}`,
    `Load generators share the machine with one broker, which has its defaults. Load before the run: ${load.map(numberText).join(' ')}`,
    'Durability: acks=all is answered after fdatasync, acks=1 once the operating system has the bytes. MB are 1,000,000 bytes of values.',
  ]
}

/** The first line of a row names it and tells the CPU times; each further figure has a line beneath. */
function rowLines({ row, samples }: RowResult): string[][] {
  return row.figures.map((figure, index) => {
    const cells = figureCells(figure, summarize(samples.map((sample) => sample.figures[figure.name] ?? Number.NaN)))
    return index === 0 ? [row.name, ...cells, ...sampleCells(samples)] : ['', ...cells, '', '', '']
  })
}

function figureCells({ name, target }: Figure, { median, spread }: Summary): string[] {
  const promise = target === undefined ? ['', ''] : [targetText(target), meets(median, target) ? 'met' : 'MISSED']
  return [name, numberText(median), `${Math.round(spread * 100)} %`, ...promise]
}

function sampleCells(samples: readonly Sample[]): string[] {
  const residentMegabytes = samples.map(({ residentBytes }) =>
    residentBytes === null ? null : residentBytes / MEGABYTE,
  )
  const series = [
    samples.map((one) => one.brokerCpuPerMillion),
    samples.map((one) => one.loadCpuPerMillion),
    residentMegabytes,
  ]
  return series.map((values) => {
    const known = values.filter((value) => value !== null)
    return known.length === 0 ? '–' : numberText(summarize(known).median)
  })
}
