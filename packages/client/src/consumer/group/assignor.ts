/** What every assignor of the classic protocol is given and answers, and the orders that they share. Pure. */
import type { GroupPartition } from './membership.ts'

export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  readonly owned: readonly GroupPartition[]
  readonly generation: number
}

/** Partition counts of the topics that exist. */
export type PartitionCounts = ReadonlyMap<string, number>

export type Assignment = ReadonlyMap<string, readonly GroupPartition[]>

/** Answers for every member, also where it gets nothing. */
export type Assignor = (members: readonly AssignorMember[], counts: PartitionCounts) => Assignment

/** By topic, then number. */
export function allPartitions(counts: PartitionCounts): GroupPartition[] {
  const topics = [...counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return topics.flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition })))
}

/** Static members by instance, so that they get the same after a restart. */
export function inOrder(members: readonly AssignorMember[]): AssignorMember[] {
  const nameOf = (member: AssignorMember): string => member.groupInstanceId ?? member.memberId
  return [...members].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))
}
