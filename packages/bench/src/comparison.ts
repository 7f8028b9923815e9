/**
 * Owns what samples come to: for every figure of a row each contestant's summary, how many times as good as the others
 * Ottla is, and whether that is enough.
 */
import type { ContestantName } from './contestants/contestant.ts'
import type { Row, RowResult, Sample, Target } from './row.ts'
import { type Summary, summarize } from './statistics.ts'

export interface FigureLine {
  readonly name: string
  readonly target?: Target
  /** Null where it is not judged. */
  readonly required: number | null
  /** Contestants without a sample of it are missing. */
  readonly summaries: ReadonlyMap<ContestantName, Summary>
}

/** `ratio` is how many times as good as the peer's median Ottla's is: more of a rate, less of a time or of memory. */
export interface Verdict {
  readonly ratio: number
  readonly isMet: boolean | null
}

/** Of these less is better; a figure's last word is its unit. */
const COSTS = new Set(['ms', 'MB', 's/GB', 's/M'])
/** How many times as small as other brokers Ottla stays in memory. */
const RESIDENT_REQUIRED = 2
const MEGABYTE = 1e6

/** What every row tells beside its own figures, in the order of the table. */
const MEASURED: readonly { name: string; required: number | null; of: (sample: Sample) => number | null }[] = [
  { name: 'broker CPU s/GB', required: null, of: ({ brokerCpuPerGigabyte }) => brokerCpuPerGigabyte },
  { name: 'broker CPU s/M', required: null, of: ({ brokerCpuPerMillion }) => brokerCpuPerMillion },
  { name: 'load CPU s/M', required: null, of: ({ loadCpuPerMillion }) => loadCpuPerMillion },
  { name: 'resident MB', required: RESIDENT_REQUIRED, of: residentMegabytes },
  { name: 'loop delay p99 ms', required: null, of: ({ loopDelay }) => loopDelay?.p99Ms ?? null },
  { name: 'loop delay max ms', required: null, of: ({ loopDelay }) => loopDelay?.maxMs ?? null },
]

/** Figures that no sample has are left out. */
export function figureLines({ row, samples }: Pick<RowResult, 'row' | 'samples'>): FigureLine[] {
  const own = row.figures.map((figure) => ({
    ...figure,
    required: requiredOf(row, figure.required),
    summaries: summariesOf(samples, (sample) => sample.figures[figure.name] ?? null),
  }))
  const measured = MEASURED.map(({ name, required, of }) => ({ name, required, summaries: summariesOf(samples, of) }))
  return [...own, ...measured].filter(({ summaries }) => summaries.size > 0)
}

/** By contestant, of those samples that have a value. */
export function summariesOf(
  samples: readonly Sample[],
  of: (sample: Sample) => number | null,
): Map<ContestantName, Summary> {
  const known = samples.flatMap((sample) => {
    const value = of(sample)
    return value === null || Number.isNaN(value) ? [] : [{ contestant: sample.contestant, value }]
  })
  const groups = Map.groupBy(known, ({ contestant }) => contestant)
  return new Map([...groups].map(([name, values]) => [name, summarize(values.map(({ value }) => value))]))
}

/** Null where one of both has no sample, or where a ratio means nothing. */
export function judge({ name, required, summaries }: FigureLine, peer: ContestantName): Verdict | null {
  const [ours, theirs] = [summaries.get('ottla')?.median, summaries.get(peer)?.median]
  if (ours === undefined || theirs === undefined) return null
  const costs = isCost(name)
  const ratio = costs ? theirs / ours : ours / theirs
  // Who pays nothing is infinitely better; who achieves nothing was not measured.
  if (Number.isNaN(ratio) || (!costs && ratio === Number.POSITIVE_INFINITY)) return null
  return { ratio, isMet: required === null ? null : ratio >= required }
}

export function isCost(figureName: string): boolean {
  return COSTS.has(figureName.split(' ').at(-1)!)
}

export function residentMegabytes({ residentBytes }: Sample): number | null {
  return residentBytes === null ? null : residentBytes / MEGABYTE
}

function requiredOf(row: Row, required: number | null | undefined): number | null {
  return required === undefined ? (row.required ?? 1) : required
}
