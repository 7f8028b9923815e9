/** Owns how repeated samples become one line: the middle one, and how far apart they lie. */
import { assert } from '@ottla/base/assert.ts'

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** From the smallest to the largest, as a share of the median; 0 where the median is 0. */
  readonly spread: number
}

export function summarize(samples: readonly number[]): Summary {
  assert(samples.length > 0, 'A summary is of at least one sample')
  const sorted = [...samples].sort((left, right) => left - right)
  const min = sorted[0]!
  const max = sorted[sorted.length - 1]!
  const median = medianOfSorted(sorted)
  return { median, min, max, spread: median === 0 ? 0 : (max - min) / Math.abs(median) }
}

function medianOfSorted(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
