/**
 * What one event makes of a group: the records, and how the group looks once they are applied. Decisions of the same
 * event build on it; the state itself is not touched before the log has taken the records.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Uuid } from '../../../metadata/image.ts'
import type { CoordinatorRecord } from '../../machine.ts'
import { type TopicPartitions, toList } from '../assignors/topic-partitions.ts'
import { groupRecord, groupTombstone } from '../group-records.ts'
import type { GroupState, ResolvedRegex } from './group-state.ts'
import { assignmentValue, type Member, metadataValue, type Subscription } from './member.ts'
import type { Tally } from './tally.ts'

export class GroupDraft {
  readonly records: CoordinatorRecord[] = []
  readonly state: GroupState
  readonly #put = new Map<string, Member>()
  readonly #removed = new Map<string, Member>()
  readonly #regexes = new Map<string, ResolvedRegex | null>()
  readonly #targets = new Map<string, TopicPartitions>()
  #groupEpoch: number
  #assignmentEpoch: number

  constructor(state: GroupState) {
    this.state = state
    this.#groupEpoch = state.groupEpoch
    this.#assignmentEpoch = state.assignmentEpoch
  }

  get groupEpoch(): number {
    return this.#groupEpoch
  }

  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  putMetadata(member: Member): void {
    this.#put.set(member.memberId, member)
    const key = { groupId: this.state.groupId, memberId: member.memberId }
    this.records.push(groupRecord('consumerGroupMemberMetadata', key, metadataValue(member)))
  }

  putTarget(memberId: string, target: TopicPartitions): void {
    this.#targets.set(memberId, target)
    const key = { groupId: this.state.groupId, memberId }
    const value = { topicPartitions: toList(target) }
    this.records.push(groupRecord('consumerGroupTargetAssignmentMember', key, value))
  }

  putAssignment(member: Member): void {
    this.#put.set(member.memberId, member)
    const key = { groupId: this.state.groupId, memberId: member.memberId }
    this.records.push(groupRecord('consumerGroupCurrentMemberAssignment', key, assignmentValue(member)))
  }

  /** In this order: whoever reads half of it must not find an assignment whose member is gone. */
  remove(member: Member): void {
    assert(this.state.members.has(member.memberId), `Member "${member.memberId}" is there to be removed`)
    this.#removed.set(member.memberId, member)
    this.#put.delete(member.memberId)
    const key = { groupId: this.state.groupId, memberId: member.memberId }
    this.records.push(
      groupTombstone('consumerGroupCurrentMemberAssignment', key),
      groupTombstone('consumerGroupTargetAssignmentMember', key),
      groupTombstone('consumerGroupMemberMetadata', key),
    )
  }

  /** Null: nobody subscribes by the expression any more. */
  putRegex(regularExpression: string, resolved: ResolvedRegex | null): void {
    this.#regexes.set(regularExpression, resolved)
    const key = { groupId: this.state.groupId, regularExpression }
    if (resolved === null) {
      this.records.push(groupTombstone('consumerGroupRegularExpression', key))
      return
    }
    const value = { topics: [...resolved.topics], version: resolved.version, timestamp: resolved.timestampMs }
    this.records.push(groupRecord('consumerGroupRegularExpression', key, value))
  }

  bumpGroupEpoch(metadataHash: bigint): void {
    this.#groupEpoch++
    const value = { epoch: this.#groupEpoch, metadataHash }
    this.records.push(groupRecord('consumerGroupMetadata', { groupId: this.state.groupId }, value))
  }

  /** The target is that of the group's epoch from now on. */
  finishTarget(): void {
    this.#assignmentEpoch = this.#groupEpoch
    const value = { assignmentEpoch: this.#assignmentEpoch }
    this.records.push(groupRecord('consumerGroupTargetAssignmentMetadata', { groupId: this.state.groupId }, value))
  }

  memberCount(): number {
    let count = this.state.members.size
    for (const id of this.#removed.keys()) if (!this.#put.has(id)) count--
    for (const id of this.#put.keys()) if (!this.state.members.has(id)) count++
    return count
  }

  *members(): Generator<Member> {
    for (const [id, member] of this.state.members) {
      const put = this.#put.get(id)
      if (put !== undefined) yield put
      else if (!this.#removed.has(id)) yield member
    }
    for (const [id, member] of this.#put) if (!this.state.members.has(id)) yield member
  }

  targetOf(memberId: string): TopicPartitions {
    return this.#targets.get(memberId) ?? this.state.targetOf(memberId)
  }

  resolved(regex: string): ResolvedRegex | undefined {
    const drafted = this.#regexes.get(regex)
    return drafted === undefined ? this.state.resolved.get(regex) : (drafted ?? undefined)
  }

  regexes(): Tally<string> {
    const regexes = this.state.regexes.copy()
    this.#countChanges(({ regex }, change) => (regex === '' ? undefined : regexes.add(regex, change)))
    return regexes
  }

  /** Names of all topics that somebody subscribes to, by name or by an expression; they need not exist. */
  topicNames(): Set<string> {
    const subscriptions = this.state.subscriptions.copy()
    this.#countChanges((subscription, change) => subscriptions.add(this.state.interned(subscription), change))
    const names = new Set<string>()
    const expressions = new Set([...this.state.resolved.keys(), ...this.#regexes.keys()])
    for (const subscription of subscriptions.keys()) for (const name of subscription.names) names.add(name)
    for (const regex of expressions) for (const name of this.resolved(regex)?.topics ?? []) names.add(name)
    return names
  }

  assignorVotes(): Tally<string> {
    const votes = this.state.assignorVotes.copy()
    this.#memberChanges(({ serverAssignor }, change) =>
      serverAssignor === null ? undefined : votes.add(serverAssignor, change),
    )
    return votes
  }

  /** Whether nobody but the member has the partition; one that it replaces is not somebody else. */
  isFree(memberId: string, topicId: Uuid, partition: number): boolean {
    const owner = this.state.owners.ownerOf(topicId, partition)
    return owner === undefined || owner === memberId || this.#removed.has(owner)
  }

  #countChanges(count: (subscription: Subscription, change: 1 | -1) => void): void {
    this.#memberChanges(({ subscription }, change) => count(subscription, change))
  }

  #memberChanges(count: (member: Member, change: 1 | -1) => void): void {
    for (const id of new Set([...this.#removed.keys(), ...this.#put.keys()])) {
      const before = this.state.members.get(id)
      const now = this.#put.get(id)
      if (before !== undefined) count(before, -1)
      if (now !== undefined) count(now, 1)
    }
  }
}
