/** Sets of partitions of many topics: pure look-ups, and the form that records and replies have of them. */
import type { Uuid } from '../../../metadata/image.ts'

/** Immutable once made. No topic has an empty set. */
export type TopicPartitions = ReadonlyMap<Uuid, ReadonlySet<number>>

/** As messages hold them. */
export type TopicPartitionList = readonly { readonly topicId: Uuid; readonly partitions: readonly number[] }[]

export const NO_PARTITIONS: TopicPartitions = new Map()

export function fromList(list: TopicPartitionList): TopicPartitions {
  if (list.length === 0) return NO_PARTITIONS
  const all = new Map<Uuid, Set<number>>()
  for (const { topicId, partitions } of list) {
    const others = all.get(topicId)
    if (others !== undefined) for (const partition of partitions) others.add(partition)
    else if (partitions.length > 0) all.set(topicId, new Set(partitions))
  }
  return all
}

/** Partitions ascending. */
export function toList(all: TopicPartitions): { topicId: Uuid; partitions: number[] }[] {
  return Array.from(all, ([topicId, partitions]) => ({
    topicId,
    partitions: [...partitions].sort((left, right) => left - right),
  }))
}

export function addTo(all: Map<Uuid, Set<number>>, topicId: Uuid, partition: number): void {
  const partitions = all.get(topicId)
  if (partitions === undefined) all.set(topicId, new Set([partition]))
  else partitions.add(partition)
}

export function has(all: TopicPartitions, topicId: Uuid, partition: number): boolean {
  return all.get(topicId)?.has(partition) === true
}

export function areSame(left: TopicPartitions, right: TopicPartitions): boolean {
  return left === right || (left.size === right.size && countOf(left) === countOf(right) && includesAll(left, right))
}

/** Whether the first holds the second. */
export function includesAll(all: TopicPartitions, some: TopicPartitions): boolean {
  for (const [topicId, partitions] of some) {
    const others = all.get(topicId)
    if (others === undefined || !partitions.isSubsetOf(others)) return false
  }
  return true
}

export function haveCommon(left: TopicPartitions, right: TopicPartitions): boolean {
  for (const [topicId, partitions] of left) {
    const others = right.get(topicId)
    if (others !== undefined && !partitions.isDisjointFrom(others)) return true
  }
  return false
}

export function countOf(all: TopicPartitions): number {
  let count = 0
  for (const partitions of all.values()) count += partitions.size
  return count
}
