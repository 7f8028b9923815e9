/**
 * Owns what came of one client's records: what was acknowledged against what two readers find in the end, and what was
 * seen on the way. Pure.
 *
 * A producer numbers the records of a partition from 0 on and every one of them was acknowledged or refused, so each
 * number that was acknowledged is there, at the offset that was told, once, behind all smaller ones.
 */
export interface Placed {
  readonly offset: number
  readonly number: number
}

export interface PartitionTally {
  readonly lost: number
  readonly twice: number
  readonly reordered: number
  /** Records that were acknowledged or delivered at an offset where the log has another one. */
  readonly misplaced: number
}

export interface PartitionEvidence {
  readonly acked: readonly Placed[]
  /** All that the partition holds in the end, in its order. */
  readonly stored: readonly Placed[]
  /** What readers were given while it went on, with repetitions. */
  readonly delivered: readonly Placed[]
}

export function tallyOf({ acked, stored, delivered }: PartitionEvidence): PartitionTally {
  const byNumber = new Set(stored.map(({ number }) => number))
  const byOffset = new Map(stored.map(({ offset, number }) => [offset, number]))
  let reordered = 0
  let highest = -1
  for (const { number } of stored) {
    if (number < highest) reordered++
    highest = Math.max(highest, number)
  }
  return {
    lost: acked.filter(({ number }) => !byNumber.has(number)).length,
    twice: stored.length - byNumber.size,
    // A second copy is out of order too, and counted once.
    reordered: reordered - echoes(stored),
    misplaced: [...acked, ...delivered].filter(({ offset, number }) => byOffset.get(offset) !== number).length,
  }
}

/** Copies of records that came before a larger number. */
function echoes(stored: readonly Placed[]): number {
  const known = new Set<number>()
  let highest = -1
  let count = 0
  for (const { number } of stored) {
    if (known.has(number) && number < highest) count++
    known.add(number)
    highest = Math.max(highest, number)
  }
  return count
}

/** Numbers that are stored and were never delivered. */
export function undelivered(stored: readonly Placed[], delivered: readonly Placed[]): number {
  const seen = new Set(delivered.map(({ number }) => number))
  return stored.filter(({ number }) => !seen.has(number)).length
}

/** Of a reader that is to be given each record once, in order: what is not the next one. */
export function skips(delivered: readonly Placed[]): number {
  return delivered.filter(({ offset }, i) => offset !== i).length
}

/** The longest time without one of these moments, from `fromMs` to `untilMs`. */
export function longestGapMs(
  times: readonly number[],
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
): number {
  let last = fromMs
  let longest = 0
  for (const time of [...times.filter((at) => at > fromMs && at < untilMs), untilMs]) {
    longest = Math.max(longest, time - last)
    last = Math.max(last, time)
  }
  return Math.round(longest)
}
