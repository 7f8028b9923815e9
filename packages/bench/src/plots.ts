/** Owns which plots a run has: a family of bars for each kind of figure, and a curve for each row of latency. */
import { residentMegabytes, summariesOf } from './comparison.ts'
import type { ContestantName } from './contestants/contestant.ts'
import { type Report, settingLines } from './report.ts'
import type { Row, RowResult, Sample } from './row.ts'
import { rowTitle } from './row-title.ts'
import { summarize } from './statistics.ts'
import { barChart, type Extent, latencyChart, type Series } from './svg.ts'

export interface Plot {
  readonly name: string
  readonly svg: string
}

interface Family {
  readonly name: string
  readonly title: string
  readonly axis: string
  readonly of: (sample: Sample) => number | null
}

const COLORS: Readonly<Record<ContestantName, string>> = { ottla: '#0b6e99', kafka: '#e08a1e' }

const FAMILIES: readonly Family[] = [
  { name: 'messages', title: 'Messages a second', axis: 'messages/s, more is better', of: figure('messages/s') },
  { name: 'megabytes', title: 'Megabytes of values a second', axis: 'MB/s, more is better', of: figure('MB/s') },
  {
    name: 'cpu',
    title: 'CPU time of the broker for a gigabyte of values',
    axis: 'CPU s/GB, less is better',
    of: ({ brokerCpuPerGigabyte }) => brokerCpuPerGigabyte,
  },
  {
    name: 'resident',
    title: 'Resident memory of the broker behind the row, or idle',
    axis: 'MB, less is better',
    of: (sample) => residentMegabytes(sample) ?? figure('idle MB')(sample),
  },
  {
    name: 'start',
    title: 'From starting the process until it serves',
    axis: 'ms, less is better',
    of: figure('ready after ms'),
  },
  {
    name: 'loop-delay',
    title: 'Delay of the event loop while the row ran, 99th percentile',
    axis: 'ms, less is better',
    of: ({ loopDelay }) => loopDelay?.p99Ms ?? null,
  },
]

/** Plots without anything to show are left out. */
export function plotsOf(report: Report): Plot[] {
  const families = FAMILIES.flatMap((family) => barsOf(family, report))
  const latencies = report.results
    .filter(({ samples }) => samples.some(({ latencies }) => latencies !== null))
    .map((result) => curveOf(result, report))
  return [...families, ...latencies]
}

function barsOf({ name, title, axis, of }: Family, report: Report): Plot[] {
  const measured = report.results
    .map(({ row, samples }) => ({ label: rowTitle(row), summaries: summariesOf(samples, of) }))
    .filter(({ summaries }) => summaries.size > 0)
  if (measured.length === 0) return []
  const names = namesIn(report, (contestant) => measured.some(({ summaries }) => summaries.has(contestant)))
  const bars = measured.map(({ label, summaries }) => ({
    label,
    values: names.map((contestant): Extent | null => summaries.get(contestant) ?? null),
  }))
  return [{ name, svg: barChart({ title, axis, bars, series: names.map(seriesOf), caption: captionOf(report) }) }]
}

function curveOf({ row, samples }: RowResult, report: Report): Plot {
  const withCurve = samples.filter(({ latencies }) => latencies !== null)
  const names = namesIn(report, (contestant) => withCurve.some((sample) => sample.contestant === contestant))
  const curves = names.map((name) => pooled(withCurve.filter(({ contestant }) => contestant === name)))
  const title = `${rowTitle(row)}: from when a message was due to its receipt`
  return {
    name: fileName(row),
    svg: latencyChart({ title, curves, series: names.map(seriesOf), caption: captionOf(report) }),
  }
}

/** For each percentile the median of the repetitions, and their ends. */
function pooled(samples: readonly Sample[]): ({ percentile: number } & Extent)[] {
  return samples[0]!.latencies!.map(({ percentile }, index) => ({
    percentile,
    ...summarize(samples.map(({ latencies }) => latencies![index]!.ms)),
  }))
}

function captionOf(report: Report): string[] {
  const { repeat, quick } = report
  const kind = quick ? ' Quick: too short to quote.' : ''
  return [
    ...settingLines(report),
    `Medians of ${repeat}, interleaved; whiskers and bands from the least to the most.${kind}`,
  ]
}

function namesIn({ contestants }: Report, isThere: (name: ContestantName) => boolean): ContestantName[] {
  return contestants.map(({ name }) => name).filter(isThere)
}

function seriesOf(name: ContestantName): Series {
  return { name, color: COLORS[name] }
}

function figure(name: string): (sample: Sample) => number | null {
  return ({ figures }) => figures[name] ?? null
}

function fileName(row: Row): string {
  return rowTitle(row)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
