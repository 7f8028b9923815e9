/**
 * A consumer group as the log knows it. `apply` alone changes it, live and in replay. A log that was compacted shows
 * records of a member in any order, so none of them relies on another one.
 */

import { fromList, NO_PARTITIONS, type TopicPartitions } from '../assignors/topic-partitions.ts'
import type { GroupRecord, GroupRecordOf } from '../group-records.ts'
import {
  assignmentOf,
  type CurrentAssignment,
  LEAVE_EPOCH,
  type Member,
  type MemberMetadata,
  metadataOf,
  newMember,
  type Subscription,
  subscriptionKey,
} from './member.ts'
import { PartitionOwners } from './partition-owners.ts'
import { Tally } from './tally.ts'

/** The topics that a regular expression has matched when it was last looked at. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>
  /** Of the image that it was resolved against: its revision. */
  readonly version: number
  readonly timestampMs: number
}

/** Told when the topics that a group reads become others. */
export type TopicsListener = (topic: string, isSubscribed: boolean) => void

const NOT_ASSIGNED: CurrentAssignment = {
  ...{
    epoch: LEAVE_EPOCH,
    previousEpoch: LEAVE_EPOCH,
    state: 'stable',
    assigned: NO_PARTITIONS,
    revoking: NO_PARTITIONS,
  },
}

export class GroupState {
  readonly groupId: string
  readonly members = new Map<string, Member>()
  /** Member ids by instance id. */
  readonly staticMembers = new Map<string, string>()
  readonly targets = new Map<string, TopicPartitions>()
  readonly resolved = new Map<string, ResolvedRegex>()
  readonly owners = new PartitionOwners()
  /** Members with the same subscription share one value of it. */
  readonly subscriptions = new Tally<Subscription>()
  readonly regexes = new Tally<string>()
  readonly assignorVotes = new Tally<string>()
  /** Topics, by the number of different subscriptions and resolved expressions that name them. */
  readonly topics = new Tally<string>()
  groupEpoch = 0
  /** Of the facts about the subscribed topics that the epoch rests on. */
  metadataHash = 0n
  assignmentEpoch = 0
  classicMemberCount = 0
  readonly #interned = new Map<string, Subscription>()
  readonly #topicsChanged: TopicsListener

  constructor(groupId: string, topicsChanged: TopicsListener) {
    this.groupId = groupId
    this.#topicsChanged = topicsChanged
  }

  staticMember(instanceId: string): Member | undefined {
    const memberId = this.staticMembers.get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  /** The shared value of an equal subscription, or the one given. */
  interned(subscription: Subscription): Subscription {
    return this.#interned.get(subscriptionKey(subscription)) ?? subscription
  }

  targetOf(memberId: string): TopicPartitions {
    return this.targets.get(memberId) ?? NO_PARTITIONS
  }

  apply(record: GroupRecord): void {
    switch (record.type) {
      case 'consumerGroupMetadata':
        this.groupEpoch = record.value?.epoch ?? 0
        this.metadataHash = record.value?.metadataHash ?? 0n
        return
      case 'consumerGroupMemberMetadata':
        return this.#applyMetadata(record)
      case 'consumerGroupTargetAssignmentMetadata':
        this.assignmentEpoch = record.value?.assignmentEpoch ?? 0
        return
      case 'consumerGroupTargetAssignmentMember':
        return this.#applyTarget(record)
      case 'consumerGroupCurrentMemberAssignment':
        return this.#applyAssignment(record)
      case 'consumerGroupRegularExpression':
        return this.#applyRegex(record)
      default:
        // Facts about partitions, which Kafka wrote before 4.0, are taken from the image.
        return
    }
  }

  #applyMetadata({ key: { memberId }, value }: GroupRecordOf<'consumerGroupMemberMetadata'>): void {
    const before = this.members.get(memberId)
    if (before !== undefined) this.#discount(before)
    if (value === null) {
      if (before !== undefined) this.#forget(before)
      return
    }
    const metadata = metadataOf(value)
    const member = {
      ...(before ?? newMember(memberId)),
      ...metadata,
      subscription: this.interned(metadata.subscription),
    }
    this.#count(member)
    if (before !== undefined && before.instanceId !== member.instanceId) this.#unmap(before)
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, memberId)
    this.members.set(memberId, member)
  }

  #applyTarget({ key: { memberId }, value }: GroupRecordOf<'consumerGroupTargetAssignmentMember'>): void {
    if (value === null) this.targets.delete(memberId)
    else this.targets.set(memberId, fromList(value.topicPartitions))
  }

  #applyAssignment({ key: { memberId }, value }: GroupRecordOf<'consumerGroupCurrentMemberAssignment'>): void {
    const before = this.members.get(memberId)
    if (before === undefined && value === null) return
    const member = {
      ...(before ?? this.#placeholder(memberId)),
      ...(value === null ? NOT_ASSIGNED : assignmentOf(value)),
    }
    if (before !== undefined) this.#release(before)
    this.owners.take(memberId, member.assigned)
    this.owners.take(memberId, member.revoking)
    this.members.set(memberId, member)
  }

  #applyRegex({ key: { regularExpression }, value }: GroupRecordOf<'consumerGroupRegularExpression'>): void {
    const before = this.resolved.get(regularExpression)
    const now = value === null ? null : resolvedOf(value)
    for (const topic of now?.topics ?? []) this.#countTopic(topic, 1)
    for (const topic of before?.topics ?? []) this.#countTopic(topic, -1)
    if (now === null) this.resolved.delete(regularExpression)
    else this.resolved.set(regularExpression, now)
  }

  /** A member of which the log has told the assignment before the metadata. */
  #placeholder(memberId: string): Member {
    const member = newMember(memberId)
    const counted = { ...member, subscription: this.interned(member.subscription) }
    this.#count(counted)
    return counted
  }

  #count({ subscription, serverAssignor, classic }: MemberMetadata): void {
    if (this.subscriptions.count(subscription) === 0) {
      this.#interned.set(subscriptionKey(subscription), subscription)
      for (const topic of subscription.names) this.#countTopic(topic, 1)
    }
    this.subscriptions.add(subscription)
    if (subscription.regex !== '') this.regexes.add(subscription.regex)
    if (serverAssignor !== null) this.assignorVotes.add(serverAssignor)
    if (classic !== null) this.classicMemberCount++
  }

  #discount({ subscription, serverAssignor, classic }: MemberMetadata): void {
    this.subscriptions.add(subscription, -1)
    if (this.subscriptions.count(subscription) === 0) {
      this.#interned.delete(subscriptionKey(subscription))
      for (const topic of subscription.names) this.#countTopic(topic, -1)
    }
    if (subscription.regex !== '') this.regexes.add(subscription.regex, -1)
    if (serverAssignor !== null) this.assignorVotes.add(serverAssignor, -1)
    if (classic !== null) this.classicMemberCount--
  }

  #countTopic(topic: string, change: 1 | -1): void {
    this.topics.add(topic, change)
    const count = this.topics.count(topic)
    if (count === 0) this.#topicsChanged(topic, false)
    else if (count === 1 && change === 1) this.#topicsChanged(topic, true)
  }

  #forget(member: Member): void {
    this.#unmap(member)
    this.#release(member)
    this.members.delete(member.memberId)
  }

  /** The instance may be another member's by now. */
  #unmap({ instanceId, memberId }: Member): void {
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId) this.staticMembers.delete(instanceId)
  }

  #release({ memberId, assigned, revoking }: Member): void {
    this.owners.release(memberId, assigned)
    this.owners.release(memberId, revoking)
  }
}

function resolvedOf(value: NonNullable<GroupRecordOf<'consumerGroupRegularExpression'>['value']>): ResolvedRegex {
  return { topics: new Set(value.topics), version: value.version, timestampMs: value.timestamp }
}
