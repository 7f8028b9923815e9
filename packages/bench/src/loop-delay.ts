/** Owns what a broker tells of its event loop: two readings of its delays and turns, and what lies between them. */
import { assert } from '@ottla/base/assert.ts'

/** By their upper ends in milliseconds, how many delays were counted up to there; the last end is Infinity. */
export type LoopBuckets = ReadonlyMap<number, number>

export interface LoopReading {
  readonly delays: LoopBuckets
  /** The longest turn since the reading before this one, exact. */
  readonly longestTurnMs: number
}

export interface LoopDelay {
  /** Of the delay at a random moment, as its bucket's upper end. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the longest turn: the delay at the worst moment. */
  readonly maxMs: number
}

const BUCKET = /^ottla_event_loop_delay_milliseconds_bucket\{le="([^"]+)"\} (\S+)$/gm
const LONGEST_TURN = /^ottla_event_loop_turn_max_milliseconds (\S+)$/m

/** Null where the text does not tell of an event loop. */
export function parseLoopReading(text: string): LoopReading | null {
  const buckets = [...text.matchAll(BUCKET)].map(([, end, count]) => [endOf(end!), Number(count)] as const)
  const longest = LONGEST_TURN.exec(text)
  if (buckets.length === 0 || longest === null) return null
  return { delays: new Map(buckets), longestTurnMs: Number(longest[1]) }
}

/** Null where nothing was counted between the two, which are neighbours. */
export function loopDelayBetween(before: LoopReading, after: LoopReading): LoopDelay | null {
  const counts = [...after.delays].map(([end, count]) => ({ end, count: count - (before.delays.get(end) ?? 0) }))
  const total = counts.at(-1)?.count ?? 0
  assert(total >= 0, 'A histogram only grows')
  if (total === 0) return null
  const atShare = (share: number): number => counts.find(({ count }) => count >= share * total)!.end
  return { p50Ms: atShare(0.5), p99Ms: atShare(0.99), maxMs: after.longestTurnMs }
}

function endOf(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text)
}
