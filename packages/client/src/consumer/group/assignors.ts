/**
 * Owns how the leader of a classic group shares out partitions: `range` and `roundrobin` here, the sticky ones in
 * sticky-assignor.ts. Pure; every member must come to the same names, so they are Kafka's.
 */

import {
  type Assignment,
  type Assignor,
  type AssignorMember,
  allPartitions,
  inOrder,
  type PartitionCounts,
} from './assignor.ts'
import type { GroupPartition } from './membership.ts'
import { cooperativeStickyAssignor, stickyAssignor } from './sticky-assignor.ts'

export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

export const ASSIGNORS: Readonly<Record<AssignorName, Assignor>> = {
  range: rangeAssignor,
  roundrobin: roundRobinAssignor,
  sticky: stickyAssignor,
  'cooperative-sticky': cooperativeStickyAssignor,
}

/** Each topic by itself, in runs of neighbours: the same number of different topics goes to the same member. */
function rangeAssignor(members: readonly AssignorMember[], counts: PartitionCounts): Assignment {
  const shares = new Map<string, GroupPartition[]>(members.map(({ memberId }) => [memberId, []]))
  const ordered = inOrder(members)
  for (const [topic, count] of counts) {
    const subscribed = ordered.filter((member) => member.topics.includes(topic))
    subscribed.forEach(({ memberId }, index) => {
      const from = Math.floor(count / subscribed.length) * index + Math.min(index, count % subscribed.length)
      const size = Math.floor(count / subscribed.length) + (index < count % subscribed.length ? 1 : 0)
      for (let partition = from; partition < from + size; partition++) shares.get(memberId)!.push({ topic, partition })
    })
  }
  return shares
}

/** All partitions of all topics in turn, past members that do not want the topic. */
function roundRobinAssignor(members: readonly AssignorMember[], counts: PartitionCounts): Assignment {
  const shares = new Map<string, GroupPartition[]>(members.map(({ memberId }) => [memberId, []]))
  const ordered = inOrder(members)
  const wanted = new Map(ordered.map(({ memberId, topics }) => [memberId, new Set(topics)]))
  let turn = 0
  for (const place of allPartitions(counts)) {
    if (!ordered.some(({ memberId }) => wanted.get(memberId)!.has(place.topic))) continue
    while (!wanted.get(ordered[turn % ordered.length]!.memberId)!.has(place.topic)) turn++
    shares.get(ordered[turn++ % ordered.length]!.memberId)!.push(place)
  }
  return shares
}
