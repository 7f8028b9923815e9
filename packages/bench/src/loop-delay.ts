/** Owns what a broker tells of its event loop's delays: two readings of a histogram, and quantiles of what lies between. */
import { assert } from '@ottla/base/assert.ts'

/** By their upper ends in milliseconds, how many delays were counted up to there; the last end is Infinity. */
export type LoopBuckets = ReadonlyMap<number, number>

export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const BUCKET = /^ottla_event_loop_delay_milliseconds_bucket\{le="([^"]+)"\} (\S+)$/gm

/** Null where the text has no such histogram. */
export function parseLoopBuckets(text: string): LoopBuckets | null {
  const buckets = [...text.matchAll(BUCKET)].map(([, end, count]) => [endOf(end!), Number(count)] as const)
  return buckets.length === 0 ? null : new Map(buckets)
}

/** Each figure is the upper end of its bucket; null where nothing was counted between the two. */
export function loopDelayBetween(before: LoopBuckets, after: LoopBuckets): LoopDelay | null {
  const counts = [...after].map(([end, count]) => ({ end, count: count - (before.get(end) ?? 0) }))
  const total = counts.at(-1)?.count ?? 0
  assert(total >= 0, 'A histogram only grows')
  if (total === 0) return null
  const atShare = (share: number): number => counts.find(({ count }) => count >= share * total)!.end
  return { p50Ms: atShare(0.5), p99Ms: atShare(0.99), maxMs: atShare(1) }
}

function endOf(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text)
}
