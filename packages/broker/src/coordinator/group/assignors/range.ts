/**
 * The assignor "range": of each topic every subscriber gets one run of neighbouring partitions, the first ones one more
 * where they do not come out even. Topics with as many partitions and the same subscribers are so cut alike. What was
 * assigned before does not count: it is sticky by order alone, in which static members, by instance id, come first.
 */
import type { Uuid } from '../../../metadata/image.ts'
import type { AssignorInput, SubscribedMember } from './assignor.ts'
import { addTo, areSame, type TopicPartitions } from './topic-partitions.ts'

export function assignRanges({ members, partitionCount }: AssignorInput): Map<string, TopicPartitions> {
  const ranges = new Map(Array.from(members.keys(), (memberId) => [memberId, new Map<Uuid, Set<number>>()]))
  for (const [topicId, subscribers] of subscribersOf(members)) {
    cut(partitionCount(topicId), subscribers.length, (subscriber, partition) =>
      addTo(ranges.get(subscribers[subscriber]!)!, topicId, partition),
    )
  }
  return new Map(Array.from(ranges, ([id, range]) => [id, kept(members.get(id)!.assigned, range)]))
}

/** Subscribers of each topic, in the order in which they are given ranges. */
function subscribersOf(members: AssignorInput['members']): Map<Uuid, string[]> {
  const subscribers = new Map<Uuid, string[]>()
  for (const [memberId, { topicIds }] of [...members].sort(byInstanceThenId)) {
    for (const topicId of topicIds) {
      const others = subscribers.get(topicId)
      if (others === undefined) subscribers.set(topicId, [memberId])
      else others.push(memberId)
    }
  }
  return subscribers
}

type Entry = readonly [memberId: string, member: SubscribedMember]

function byInstanceThenId([leftId, left]: Entry, [rightId, right]: Entry): number {
  if (left.instanceId !== null && right.instanceId !== null) return compare(left.instanceId, right.instanceId)
  if (left.instanceId !== null) return -1
  return right.instanceId !== null ? 1 : compare(leftId, rightId)
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function cut(partitions: number, subscribers: number, give: (subscriber: number, partition: number) => void): void {
  const quota = Math.floor(partitions / subscribers)
  const extras = partitions % subscribers
  let partition = 0
  for (let subscriber = 0; partition < partitions; subscriber++) {
    const end = partition + quota + (subscriber < extras ? 1 : 0)
    for (; partition < end; partition++) give(subscriber, partition)
  }
}

/** The old value itself where nothing has changed: whoever compares needs not look inside. */
function kept(before: TopicPartitions, now: TopicPartitions): TopicPartitions {
  return areSame(before, now) ? before : now
}
