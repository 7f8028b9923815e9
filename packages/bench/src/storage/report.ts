/** Owns the tables of the storage bench: medians beside the spread of measuring the smallest slot twice, as Markdown. */
import { summarize } from '../statistics.ts'
import type { ExperimentName, Sample, SystemCalls } from './plan.ts'
import type { Start } from './starts.ts'
import { WORKLOADS } from './workloads.ts'

export interface StorageResults {
  readonly samples: readonly Sample[]
  readonly systemCalls: readonly SystemCalls[]
  readonly starts: readonly Start[]
}

interface Cell {
  readonly wallMicroseconds: number
  readonly cpuMicroseconds: number
  readonly cpuSpread: number
  readonly userShare: number
  readonly rounds: number
}

type Measured = Exclude<ExperimentName, 'starts'>

const HEADINGS: Readonly<Record<Measured, string>> = { sizes: 'Bytes in one partition', partitions: 'Partitions' }
const MICROSECONDS = 1e6
const PERCENT = 100

export function renderStorage(results: StorageResults): string {
  const tables = (['sizes', 'partitions'] as const).map((name) => renderExperiment(name, results))
  return [...tables, renderStarts(results.starts)].filter((text) => text !== '').join('\n\n')
}

function renderExperiment(experiment: Measured, { samples, systemCalls }: StorageResults): string {
  const own = samples.filter((sample) => sample.experiment === experiment)
  const titles = [...new Set(own.map(({ title }) => title))]
  if (titles.length === 0) return ''
  const lines = WORKLOADS.filter(({ name }) => own.some(({ workload }) => workload === name)).map(
    ({ name, isConstant }) => {
      const cells = titles.map((title) => cellOf(own.filter((one) => one.workload === name && one.title === title)))
      const counted = titles.map((title) =>
        systemCalls.find((one) => one.experiment === experiment && one.workload === name && one.title === title),
      )
      return workloadLines(name, { cells, counted, isConstant })
    },
  )
  const head = ['', 'per batch', ...titles, 'A/A', 'largest ÷ smallest']
  return [`${HEADINGS[experiment]}:`, '', row(head), row(head.map(() => '---')), ...lines.flat()].join('\n')
}

function cellOf(samples: readonly Sample[]): Cell {
  const perBatch = (pick: (sample: Sample) => number) =>
    summarize(samples.map((sample) => (pick(sample) / sample.batches) * MICROSECONDS))
  const cpu = perBatch(({ cpuSeconds }) => cpuSeconds)
  const shares = samples.map(({ userShare }) => userShare).filter((share) => Number.isFinite(share))
  return {
    wallMicroseconds: perBatch(({ seconds }) => seconds).median,
    cpuMicroseconds: cpu.median,
    cpuSpread: cpu.spread,
    userShare: shares.length === 0 ? Number.NaN : summarize(shares).median,
    rounds: samples.length,
  }
}

function workloadLines(
  name: string,
  found: { cells: readonly Cell[]; counted: readonly (SystemCalls | undefined)[]; isConstant: boolean },
): string[] {
  const { cells, counted } = found
  const calls = counted.map((one) => (one === undefined ? Number.NaN : total(one) / one.batches))
  const cpu = cells.map(({ cpuMicroseconds }) => cpuMicroseconds)
  const wall = cells.map(({ wallMicroseconds }) => wallMicroseconds)
  const cpuTexts = cells.map(
    ({ cpuMicroseconds, userShare }) => `${digits(cpuMicroseconds)} (${Math.round(userShare * PERCENT)} % user)`,
  )
  return [
    row([name, 'CPU µs', ...cpuTexts, ...ratios(cpu)]),
    row(['', 'system calls', ...calls.map(digits), ...ratios(calls)]),
    row(['', 'wall µs', ...wall.map(digits), ...ratios(wall)]),
  ]
}

/** How far the same thing measured twice lies apart, and the largest slot's cost as a multiple of the smallest's. */
function ratios(values: readonly number[]): string[] {
  const [first, again] = values
  const smallest = (first! + again!) / 2
  return [`${digits((Math.abs(again! - first!) / smallest) * PERCENT)} %`, digits(values.at(-1)! / smallest)]
}

function total({ calls }: SystemCalls): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0)
}

function renderStarts(starts: readonly Start[]): string {
  if (starts.length === 0) return ''
  const kinds = [...new Set(starts.map(({ kind }) => kind))]
  const lines = kinds.map((kind) => {
    const own = starts.filter((start) => start.kind === kind)
    const median = (pick: (start: Start) => number) => digits(summarize(own.map(pick)).median)
    return row([
      kind,
      median(({ readyMs }) => readyMs),
      median(({ firstMs }) => firstMs),
      median(({ everyMs }) => everyMs),
      median(({ stopMs }) => stopMs),
      median(({ handles }) => handles),
      median(({ residentBytes }) => residentBytes / 1e6),
      String(own.length),
    ])
  })
  const head = ['start', 'ready ms', 'first ms', 'every ms', 'stop ms', 'open files', 'resident MB', 'runs']
  return [row(head), row(head.map(() => '---')), ...lines].join('\n')
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
