/** A member of a consumer group as the log knows it: an immutable value. Owns the moves between record and value. */
import { areSame, fromList, NO_PARTITIONS, type TopicPartitions, toList } from '../assignors/topic-partitions.ts'
import type { GroupRecordValue } from '../group-records.ts'

/** What a member wants to read: the union of the names and of what the expression matches. */
export interface Subscription {
  /** In order, each once. */
  readonly names: readonly string[]
  /** In RE2's syntax; empty: none. */
  readonly regex: string
}

export const NO_SUBSCRIPTION: Subscription = { names: [], regex: '' }

/**
 * How far a member has got on its way to the target. `stable`: there, or not told of a new one yet. `unrevoked`: it must
 * give partitions up first. `unreleased`: it has the target's epoch and waits for partitions that others still own.
 * `unknown`: written by a later version.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased' | 'unknown'

/** Of a member that speaks the classic protocol. */
export type ClassicTerms = NonNullable<GroupRecordValue<'consumerGroupMemberMetadata'>['classicMemberMetadata']>

/** What a member says of itself. */
export interface MemberMetadata {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly subscription: Subscription
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** Null for a member of the new protocol. */
  readonly classic: ClassicTerms | null
}

/** What a member was told of the assignment. */
export interface CurrentAssignment {
  readonly epoch: number
  /** Taken for `epoch` where the reply that told it may have been lost. */
  readonly previousEpoch: number
  readonly state: MemberState
  /** What it may read. */
  readonly assigned: TopicPartitions
  /** What it must give up, and owns until it says that it has. */
  readonly revoking: TopicPartitions
}

export interface Member extends MemberMetadata, CurrentAssignment {
  readonly memberId: string
}

/** The epochs by which a member leaves: for good, or to be back within its session. */
export const LEAVE_EPOCH = -1
export const STATIC_LEAVE_EPOCH = -2

export function newMember(memberId: string): Member {
  return {
    ...{ memberId, instanceId: null, rackId: null, clientId: '', clientHost: '', subscription: NO_SUBSCRIPTION },
    ...{ rebalanceTimeoutMs: -1, serverAssignor: null, classic: null },
    ...{ epoch: 0, previousEpoch: 0, state: 'stable', assigned: NO_PARTITIONS, revoking: NO_PARTITIONS },
  }
}

/** A subscription by names comes in any order and may repeat itself. */
export function subscriptionOf(names: readonly string[], regex: string): Subscription {
  return { names: [...new Set(names)].sort(), regex }
}

export function subscriptionKey({ names, regex }: Subscription): string {
  return JSON.stringify([regex, ...names])
}

export function areSameNames(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((name, index) => name === right[index]))
}

export function isSameMetadata(left: MemberMetadata, right: MemberMetadata): boolean {
  return (
    left.instanceId === right.instanceId &&
    left.rackId === right.rackId &&
    left.clientId === right.clientId &&
    left.clientHost === right.clientHost &&
    left.rebalanceTimeoutMs === right.rebalanceTimeoutMs &&
    left.serverAssignor === right.serverAssignor &&
    left.subscription.regex === right.subscription.regex &&
    areSameNames(left.subscription.names, right.subscription.names) &&
    areSameTerms(left.classic, right.classic)
  )
}

export function isSameAssignment(left: CurrentAssignment, right: CurrentAssignment): boolean {
  return (
    left.epoch === right.epoch &&
    left.previousEpoch === right.previousEpoch &&
    left.state === right.state &&
    areSame(left.assigned, right.assigned) &&
    areSame(left.revoking, right.revoking)
  )
}

type MetadataValue = GroupRecordValue<'consumerGroupMemberMetadata'>
type AssignmentValue = GroupRecordValue<'consumerGroupCurrentMemberAssignment'>

export function metadataOf(value: MetadataValue): MemberMetadata {
  const { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor } = value
  const subscription = subscriptionOf(value.subscribedTopicNames, value.subscribedTopicRegex ?? '')
  const classic = value.classicMemberMetadata
  return { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor, subscription, classic }
}

export function metadataValue(member: MemberMetadata): MetadataValue {
  const { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor, subscription } = member
  return {
    ...{ instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor },
    ...{ subscribedTopicNames: [...subscription.names], subscribedTopicRegex: subscription.regex },
    classicMemberMetadata: member.classic,
  }
}

export function assignmentOf(value: AssignmentValue): CurrentAssignment {
  return {
    ...{ epoch: value.memberEpoch, previousEpoch: value.previousMemberEpoch, state: stateOf(value.state) },
    ...{ assigned: fromList(value.assignedPartitions), revoking: fromList(value.partitionsPendingRevocation) },
  }
}

export function assignmentValue(member: CurrentAssignment): AssignmentValue {
  return {
    ...{ memberEpoch: member.epoch, previousMemberEpoch: member.previousEpoch, state: STATE_CODES[member.state] },
    ...{ assignedPartitions: toList(member.assigned), partitionsPendingRevocation: toList(member.revoking) },
  }
}

const STATE_CODES: Readonly<Record<MemberState, number>> = { stable: 0, unrevoked: 1, unreleased: 2, unknown: 127 }

function stateOf(code: number): MemberState {
  switch (code) {
    case 0:
      return 'stable'
    case 1:
      return 'unrevoked'
    case 2:
      return 'unreleased'
    default:
      return 'unknown'
  }
}

function areSameTerms(left: ClassicTerms | null, right: ClassicTerms | null): boolean {
  if (left === null || right === null) return left === right
  const { supportedProtocols: ours } = left
  const { supportedProtocols: theirs } = right
  return (
    left.sessionTimeoutMs === right.sessionTimeoutMs &&
    ours.length === theirs.length &&
    ours.every(({ name, metadata }, at) => name === theirs[at]!.name && metadata.equals(theirs[at]!.metadata))
  )
}
