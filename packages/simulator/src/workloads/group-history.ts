/**
 * What members of one consumer group were given and have committed, told by themselves as it happens. A session is one
 * member's time with one partition, from its assignment to its end.
 */
import type { Place, Seen } from './workload.ts'

export interface GroupCommit {
  /** The first offset that is not done with. */
  readonly offset: number
  readonly sentMs: number
  /** Null while nobody knows whether it was stored. */
  ackedMs: number | null
}

export interface GroupSession extends Place {
  readonly member: string
  readonly assignedMs: number
  /** When the member gave it up, was told that it is lost, or died; null while it has it. */
  endedMs: number | null
  readonly records: Seen[]
  readonly commits: GroupCommit[]
}

export class GroupHistory {
  readonly group: string
  readonly sessions: GroupSession[] = []

  constructor(group: string) {
    this.group = group
  }

  begin(place: Place, { member, nowMs }: { member: string; nowMs: number }): void {
    const { topic, partition } = place
    this.sessions.push({ topic, partition, member, assignedMs: nowMs, endedMs: null, records: [], commits: [] })
  }

  /** All of the member's that go on, or those at the places. */
  end(member: string, { places, nowMs }: { places?: readonly Place[]; nowMs: number }): void {
    for (const session of this.of(member)) {
      const isAmong = places?.some(({ topic, partition }) => topic === session.topic && partition === session.partition)
      if (isAmong !== false) session.endedMs = nowMs
    }
  }

  /** What the member has at the moment. */
  of(member: string): GroupSession[] {
    return this.sessions.filter((session) => session.member === member && session.endedMs === null)
  }
}
