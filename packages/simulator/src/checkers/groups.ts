/**
 * What a group's members saw, held against the log that is left: no session skips or goes back, nobody begins behind what
 * was committed before, nobody's commit counts for a partition that is another's, and together they have read all. Pure.
 */
import type { GroupHistory, GroupSession } from '../workloads/group-history.ts'
import { type FinalLog, isAt, nameOf } from '../workloads/workload.ts'

/** In words, at most so many of a kind. */
const TOLD_MAX = 3

export function checkGroup(log: FinalLog, history: GroupHistory): string[] {
  const sessions = history.sessions.filter(isAt(log))
  const name = `group ${history.group} of ${nameOf(log)}`
  const checks = [skips, regressions, strangers].map((check) => check(sessions).slice(0, TOLD_MAX))
  return [...checks.flat(), ...wrong(log, sessions), ...unread(log, sessions)].map((text) => `${text} (${name})`)
}

function skips(sessions: readonly GroupSession[]): string[] {
  return sessions.flatMap(({ member, records }) => {
    const at = records.findIndex(({ offset }, i) => i > 0 && offset !== records[i - 1]!.offset + 1)
    if (at < 0) return []
    const [before, next] = [records[at - 1]!.offset, records[at]!.offset]
    return [
      next > before
        ? `poll skip: ${member} read ${next} after ${before}`
        : `poll back: ${member} read ${next} after ${before}`,
    ]
  })
}

/** A session begins where the group was, as far as that was acknowledged before the partition was assigned. */
function regressions(sessions: readonly GroupSession[]): string[] {
  return sessions.flatMap(({ member, assignedMs, records }) => {
    const first = records[0]?.offset
    if (first === undefined) return []
    const before = sessions
      .flatMap(({ commits }) => commits)
      .filter(({ ackedMs }) => ackedMs !== null && ackedMs < assignedMs)
    const committed = Math.max(0, ...before.map(({ offset }) => offset))
    return first < committed
      ? [`committed-offset regression: ${member} began at ${first}, ${committed} was committed`]
      : []
  })
}

/**
 * A commit that was sent when another had been given the partition since, and was stored while that one still had it. One
 * who was given it before may be cut off, and not know yet that it is another's.
 */
function strangers(sessions: readonly GroupSession[]): string[] {
  return sessions.flatMap(({ member, assignedMs, commits }) =>
    commits.flatMap(({ offset, sentMs, ackedMs }) => {
      if (ackedMs === null) return []
      const owner = sessions.find(
        (other) =>
          other.member !== member &&
          other.assignedMs > assignedMs &&
          other.assignedMs < sentMs &&
          (other.endedMs ?? Number.POSITIVE_INFINITY) > ackedMs,
      )
      return owner === undefined
        ? []
        : [`double owner: ${member} committed ${offset} while ${owner.member} had the partition`]
    }),
  )
}

function wrong({ records }: FinalLog, sessions: readonly GroupSession[]): string[] {
  const values = new Map(records.map(({ offset, value }) => [offset, value]))
  const found = sessions.flatMap((session) => {
    const one = session.records.find(({ offset, value }) => values.get(offset) !== value)
    return one === undefined ? [] : [`read ahead: ${session.member} read at ${one.offset} what is not there`]
  })
  return found.slice(0, TOLD_MAX)
}

function unread({ records }: FinalLog, sessions: readonly GroupSession[]): string[] {
  const read = new Set(sessions.flatMap((session) => session.records.map(({ offset }) => offset)))
  const missing = records.filter(({ offset }) => !read.has(offset))
  return missing.length === 0 ? [] : [`unseen: no member read ${missing.length} records, first ${missing[0]!.offset}`]
}
