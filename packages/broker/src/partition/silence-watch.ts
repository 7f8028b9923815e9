/**
 * Which leaders have answered nothing for about a session, as far as this broker can tell by following them. Pure.
 *
 * Time is counted in looks of our own, not read from a clock: a process that stood still has looked once, whatever the
 * clock says, and reads what has come in before it looks again.
 */
export interface FollowedLeader {
  /** How many answers have come from it so far. */
  readonly answers: number
  /** How many partitions are followed there: who is asked for nothing owes no answer. */
  readonly count: number
}

export interface SilenceChange {
  readonly silent: readonly number[]
  /** Those that were silent and are not any more, or are followed no more. */
  readonly heard: readonly number[]
}

/** Looks in one session time-out. */
export const LOOKS_PER_SESSION = 9
/** So many looks without an answer: silent for between eight and nine ninths of a session. */
const SILENT_LOOKS = 8

export class SilenceWatch {
  readonly #seen = new Map<number, { answers: number; looks: number }>()

  look(leaders: ReadonlyMap<number, FollowedLeader>): SilenceChange {
    const heard = [...this.#seen].flatMap(([id, { looks }]) => {
      const leader = leaders.get(id)
      if (leader !== undefined && leader.count > 0) return []
      this.#seen.delete(id)
      return looks >= SILENT_LOOKS ? [id] : []
    })
    const silent: number[] = []
    for (const [id, { answers, count }] of leaders) {
      if (count === 0) continue
      const before = this.#seen.get(id)
      const looks = before?.answers === answers ? before.looks + 1 : 0
      this.#seen.set(id, { answers, looks })
      if (looks >= SILENT_LOOKS) silent.push(id)
      else if (before !== undefined && before.looks >= SILENT_LOOKS) heard.push(id)
    }
    return { silent, heard }
  }
}
