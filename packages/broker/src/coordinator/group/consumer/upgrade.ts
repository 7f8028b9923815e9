/**
 * The way to the new protocol (KIP-848): a consumer that speaks it joins a classic group of consumers, which becomes a
 * consumer group, at the epoch of its generation, with its members as they are and what they were assigned as target.
 * They are told to join again, and go on with the classic protocol (`classic-requests.ts`).
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { answerError, step, together } from '../../machine.ts'
import { addTo, has, type TopicPartitions } from '../assignors/topic-partitions.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import { type ConvertibleMember, convertibleMembers, whenReplaced } from '../classic/conversion.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../classic/subscriptions.ts'
import { decodeGroupRecord, type GroupRecord } from '../group-records.ts'
import { ConsumerGroup, type ConsumerGroupParts } from './consumer-group.ts'
import { readAssignment, readSubscription } from './consumer-protocol.ts'
import { GroupDraft } from './draft.ts'
import { GroupState } from './group-state.ts'
import { type HeartbeatEvent, heartbeat } from './heartbeat.ts'
import { type Member, newMember, subscriptionOf } from './member.ts'
import { metadataHashOf } from './metadata-hash.ts'
import { sessionTimer } from './scope.ts'

/** Throws ProtocolError: GROUP_ID_NOT_FOUND where the group may not be converted, and what the heartbeat may throw. */
export function upgrade(
  parts: ConsumerGroupParts,
  { event, present }: { readonly event: HeartbeatEvent; readonly present: ClassicGroup },
  nowMs: number,
): { readonly group: ConsumerGroup; readonly step: ReturnType<typeof step> } {
  const members = checkedMembers(parts, present)
  const draft = conversion(parts, { members, generation: present.generation })
  const converted = draft.records.map((record) => decodeGroupRecord(record)).filter((record) => record !== null)
  const { group, step: joined } = ConsumerGroup.anticipating(parts, converted satisfies GroupRecord[], (scope) =>
    together(
      step({ timers: Array.from(scope.state.members.values(), (member) => sessionTimer(scope, member)) }),
      heartbeat(scope, event, nowMs),
    ),
  )
  const replaced = together(whenReplaced(present), step({ records: [...present.tombstones(), ...draft.records] }))
  // Those who wait in the classic group wait on when it stays.
  const refused = (error: ConstructorParameters<typeof ProtocolError>[0]) =>
    step({ answers: [answerError(event.ticket, new ProtocolError(error))] })
  return { group, step: { ...together(replaced, joined), refused } }
}

function checkedMembers({ world, groupId }: ConsumerGroupParts, present: ClassicGroup): Member[] {
  const { consumerMigrationPolicy: policy, consumerMaxSize } = world.settings(groupId)
  if (policy !== 'bidirectional' && policy !== 'upgrade') throw notConverted(groupId, 'online upgrade is disabled')
  if (present.protocolType !== CONSUMER_PROTOCOL_TYPE) {
    throw notConverted(groupId, 'the group does not use the consumer embedded protocol')
  }
  if (present.memberCount() > consumerMaxSize) {
    throw notConverted(groupId, 'the group size exceeds the consumer group maximum size')
  }
  const taken = new Map<string, Set<number>>()
  return convertibleMembers(present).map((member) => {
    const converted = convertedMember({ world, groupId }, member, present.generation)
    return { ...converted, assigned: onlyUntaken(converted.assigned, taken) }
  })
}

function convertedMember(
  { world, groupId }: Pick<ConsumerGroupParts, 'world' | 'groupId'>,
  member: ConvertibleMember,
  generation: number,
): Member {
  const subscription = readSubscription(member.subscription, world.image())
  const assignment = readAssignment(member.assignment, world.image())
  if (subscription === null || assignment === null) {
    throw notConverted(groupId, 'the embedded consumer protocol is malformed')
  }
  if (assignment.hasUserData) {
    const advice = 'Please refer to the documentation or switch to a default assignor before re-attempting the upgrade'
    throw notConverted(groupId, `an unsupported custom assignor is in use. ${advice}`)
  }
  const { memberId, groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, protocols } = member
  return {
    ...newMember(memberId),
    ...{ instanceId: groupInstanceId, clientId, clientHost, rebalanceTimeoutMs, rackId: subscription.rackId },
    subscription: subscriptionOf(subscription.topics, ''),
    classic: { sessionTimeoutMs, supportedProtocols: protocols.map(({ name, metadata }) => ({ name, metadata })) },
    ...{ epoch: generation, previousEpoch: generation, assigned: assignment.assigned },
  }
}

/** A leader's assignor may have given one partition to two; it stays the first one's. */
function onlyUntaken(assigned: TopicPartitions, taken: Map<string, Set<number>>): TopicPartitions {
  const own = new Map<string, Set<number>>()
  for (const [topicId, partitions] of assigned) {
    for (const partition of partitions) {
      if (has(taken, topicId, partition)) continue
      addTo(taken, topicId, partition)
      addTo(own, topicId, partition)
    }
  }
  return own
}

/** The records that make the group anew: all of it at the epoch of the generation. */
function conversion(
  { groupId, world }: ConsumerGroupParts,
  { members, generation }: { members: readonly Member[]; generation: number },
): GroupDraft {
  const before = new GroupState(groupId, () => {})
  before.groupEpoch = generation - 1
  const draft = new GroupDraft(before)
  for (const member of members) draft.putMetadata(member)
  draft.bumpGroupEpoch(metadataHashOf(draft.topicNames(), world.image()))
  for (const { memberId, assigned } of members) draft.putTarget(memberId, assigned)
  draft.finishTarget()
  for (const member of members) draft.putAssignment(member)
  return draft
}

function notConverted(groupId: string, reason: string): ProtocolError {
  const message = `Cannot upgrade classic group ${groupId} to consumer group because ${reason}.`
  return new ProtocolError('GROUP_ID_NOT_FOUND', message)
}
