/**
 * One step of a member towards the target assignment. Pure: the next current assignment, or the member itself when it
 * cannot move.
 *
 * ```
 * assigned  = (what it has) and (target)            it keeps that in any case
 * revoking  = (what it has) without (target)        not empty, and not given up yet: unrevoked, in the epoch that it has
 * free      = (target) without what it has, unowned  else it gets these at once, and the epoch of the target:
 * unreleased = the rest of the target                  none: stable; some: unreleased, until their owners let go
 * ```
 * A partition has one owner at a time: whoever has it in `assigned` or `revoking` by the log.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Uuid } from '../../../metadata/image.ts'
import { addTo, has, haveCommon, NO_PARTITIONS, type TopicPartitions } from '../assignors/topic-partitions.ts'
import type { CurrentAssignment, Member } from './member.ts'

export interface Target {
  readonly epoch: number
  readonly assigned: TopicPartitions
  /** False for topics that the member has unsubscribed from since the target was made. */
  isSubscribed(topicId: Uuid): boolean
  /** Whether the partition belongs to nobody else. */
  isFree(topicId: Uuid, partition: number): boolean
}

export interface Report {
  /** What the member says that it owns; null when it does not say. */
  readonly owned: TopicPartitions | null
  /** Unsubscribed topics go at once, without a new target. */
  readonly hasSubscriptionChanged: boolean
}

export function reconcile(member: Member, target: Target, report: Report): Member {
  switch (member.state) {
    case 'stable':
      if (member.epoch !== target.epoch) return towards(member, target, report)
      return report.hasSubscriptionChanged ? withoutUnsubscribed(member, target, report) : member
    case 'unrevoked':
      if (!stillOwns(report.owned, member.revoking)) return towards(member, target, report)
      return report.hasSubscriptionChanged ? withoutUnsubscribed(member, target, report) : member
    case 'unreleased':
      return towards(member, target, report)
    case 'unknown':
      // What a later version meant is not known: the member starts anew, owning nothing.
      if (report.owned === null || report.owned.size > 0) throw new ProtocolError('FENCED_MEMBER_EPOCH', UNKNOWN_STATE)
      return towards(member, target, report)
  }
}

const UNKNOWN_STATE =
  'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.'

function towards(member: Member, target: Target, report: Report): Member {
  const { kept, given } = split(member.assigned, (id, partition) => isWanted(target, id, partition))
  if (stillOwns(report.owned, given)) {
    return moved(member, { epoch: member.epoch, state: 'unrevoked', assigned: kept, revoking: given })
  }
  const { assigned, isComplete } = withFree(kept, target)
  const state = isComplete ? 'stable' : 'unreleased'
  return moved(member, { epoch: target.epoch, state, assigned, revoking: NO_PARTITIONS })
}

/** Topics that the member does not subscribe to any more are taken from it, and nothing else is done. */
function withoutUnsubscribed(member: Member, target: Target, { owned }: Report): Member {
  const { kept, given } = split(member.assigned, target.isSubscribed)
  if (given.size === 0) return member
  const revoking = union(member.revoking, given)
  if (!stillOwns(owned, revoking)) return moved(member, { ...member, assigned: kept })
  return moved(member, { epoch: member.epoch, state: 'unrevoked', assigned: kept, revoking })
}

function isWanted(target: Target, topicId: Uuid, partition: number): boolean {
  return has(target.assigned, topicId, partition) && target.isSubscribed(topicId)
}

/** A member that does not say what it owns owns it still. */
function stillOwns(owned: TopicPartitions | null, revoking: TopicPartitions): boolean {
  return revoking.size > 0 && (owned === null || haveCommon(owned, revoking))
}

function withFree(kept: TopicPartitions, target: Target): { assigned: TopicPartitions; isComplete: boolean } {
  const assigned = new Map(Array.from(kept, ([topicId, partitions]) => [topicId, new Set(partitions)]))
  let isComplete = true
  for (const [topicId, partitions] of target.assigned) {
    if (!target.isSubscribed(topicId)) continue
    for (const partition of partitions) {
      if (has(kept, topicId, partition)) continue
      if (target.isFree(topicId, partition)) addTo(assigned, topicId, partition)
      else isComplete = false
    }
  }
  return { assigned, isComplete }
}

type Test = (topicId: Uuid, partition: number) => boolean

function split(all: TopicPartitions, keeps: Test): { kept: TopicPartitions; given: TopicPartitions } {
  const kept = new Map<Uuid, Set<number>>()
  const given = new Map<Uuid, Set<number>>()
  for (const [topicId, partitions] of all) {
    for (const partition of partitions) addTo(keeps(topicId, partition) ? kept : given, topicId, partition)
  }
  return { kept, given }
}

function union(left: TopicPartitions, right: TopicPartitions): TopicPartitions {
  if (left.size === 0) return right
  const both = new Map(left)
  for (const [topicId, partitions] of right) both.set(topicId, partitions.union(left.get(topicId) ?? new Set()))
  return both
}

/** The epoch before stays the one that a lost reply may have left the member in. */
function moved(member: Member, next: Omit<CurrentAssignment, 'previousEpoch'>): Member {
  const previousEpoch = next.epoch === member.epoch ? member.previousEpoch : member.epoch
  const { epoch, state, assigned, revoking } = next
  return { ...member, epoch, previousEpoch, state, assigned, revoking }
}
