/** ConsumerGroupHeartbeat of a member that joins or stays (KIP-848), and the checks of who it is. */
import type { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { answer, type Step, step, type Ticket } from '../../machine.ts'
import { areSame, fromList, includesAll, type TopicPartitions, toList } from '../assignors/topic-partitions.ts'
import type { Caller } from '../world.ts'
import { GroupDraft } from './draft.ts'
import { type HeartbeatRequest, isFullRequest } from './heartbeat-request.ts'
import {
  areSameNames,
  type Member,
  newMember,
  STATIC_LEAVE_EPOCH,
  type Subscription,
  subscriptionOf,
} from './member.ts'
import { type Scope, sessionTimer } from './scope.ts'
import { settle } from './settle.ts'
import { replaceStaticMember } from './static-members.ts'
import { allTimerKeys } from './timers.ts'

export type HeartbeatReply = ResponseInputOf<typeof ConsumerGroupHeartbeat>

export interface HeartbeatEvent {
  readonly request: HeartbeatRequest
  readonly caller: Caller
  readonly ticket: Ticket<HeartbeatReply>
}

/** Throws ProtocolError, before anything was changed. */
export function heartbeat(scope: Scope, { request, caller, ticket }: HeartbeatEvent, nowMs: number): Step {
  checkCapacity(scope, request.memberId)
  const draft = new GroupDraft(scope.state)
  const owned = request.topicPartitions === null ? null : fromList(request.topicPartitions)
  const before = memberOf(scope, draft, request, owned)
  const updated = withMetadata(before, request, caller)
  // It may have left the classic protocol, and with it what was expected of it.
  scope.soft.joinsAwaited.delete(before.memberId)
  const { member, timers, cancelled, work } = settle(scope, draft, { before, updated, owned, caller }, nowMs)
  const isTold = isFullRequest(request) || !areSame(member.assigned, before.assigned)
  const reply: HeartbeatReply = {
    ...{ errorCode: errorCode('NONE'), memberId: member.memberId, memberEpoch: member.epoch },
    heartbeatIntervalMs: scope.settings().consumerHeartbeatIntervalMs,
    assignment: isTold ? { topicPartitions: toList(member.assigned) } : null,
  }
  return step({
    ...{ records: draft.records, answers: [answer(ticket, reply)], work },
    timers: [sessionTimer(scope, member), ...timers],
    cancelled: [...obsoleteTimers(scope, before, request), ...cancelled],
  })
}

/** As in Kafka a returning static member needs a free place too, since its id is a new one. */
export function checkCapacity({ state, settings }: Scope, memberId: string): void {
  const { consumerMaxSize } = settings()
  if (state.members.size < consumerMaxSize || state.members.has(memberId)) return
  const message = `The consumer group has reached its maximum capacity of ${consumerMaxSize} members.`
  throw new ProtocolError('GROUP_MAX_SIZE_REACHED', message)
}

export function knownMember({ state, groupId }: Scope, memberId: string): Member {
  const member = state.members.get(memberId)
  if (member !== undefined) return member
  throw new ProtocolError('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${groupId}.`)
}

export function knownStaticMember({ state }: Scope, instanceId: string, memberId: string): Member {
  const member = state.staticMember(instanceId)
  if (member === undefined) throw new ProtocolError('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`)
  if (member.memberId === memberId) return member
  const message = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${member.memberId}.`
  throw new ProtocolError('FENCED_INSTANCE_ID', message)
}

function memberOf(scope: Scope, draft: GroupDraft, request: HeartbeatRequest, owned: TopicPartitions | null): Member {
  const { memberEpoch, instanceId } = request
  const memberId = request.memberId === '' ? scope.world.newUuid() : request.memberId
  if (memberEpoch !== 0) {
    const known = instanceId === null ? knownMember(scope, memberId) : knownStaticMember(scope, instanceId, memberId)
    checkEpoch(known, memberEpoch, owned)
    return known
  }
  const holder = instanceId === null ? undefined : scope.state.staticMember(instanceId)
  if (holder === undefined) return scope.state.members.get(memberId) ?? newMember(memberId)
  if (holder.classic === null && holder.epoch !== STATIC_LEAVE_EPOCH) {
    const message = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.memberId} member.`
    throw new ProtocolError('UNRELEASED_INSTANCE_ID', message)
  }
  return replaceStaticMember(draft, holder, memberId)
}

/** One epoch behind is taken where the reply that told of the new one may have been lost. */
function checkEpoch(member: Member, received: number, owned: TopicPartitions | null): void {
  if (received === member.epoch) return
  const isRepeat =
    received < member.epoch &&
    received === member.previousEpoch &&
    owned !== null &&
    includesAll(member.assigned, owned)
  if (isRepeat) return
  const which = received > member.epoch ? 'greater' : 'smaller'
  const message = `The consumer group member has a ${which} member epoch (${received}) than the one known by the group coordinator (${member.epoch}). The member must abandon all its partitions and rejoin.`
  throw new ProtocolError('FENCED_MEMBER_EPOCH', message)
}

/** Fields that are null, or -1, are as they were. */
function withMetadata(before: Member, request: HeartbeatRequest, { clientId, clientHost }: Caller): Member {
  const { instanceId, rackId, rebalanceTimeoutMs, serverAssignor } = request
  return {
    ...before,
    ...{ instanceId: instanceId ?? before.instanceId, rackId: rackId ?? before.rackId },
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : rebalanceTimeoutMs,
    serverAssignor: serverAssignor ?? before.serverAssignor,
    ...{ clientId, clientHost, classic: null, subscription: subscribed(before.subscription, request) },
  }
}

function subscribed(before: Subscription, request: HeartbeatRequest): Subscription {
  const { subscribedTopicNames, subscribedTopicRegex } = request
  if (subscribedTopicNames === null && subscribedTopicRegex === null) return before
  const now = subscriptionOf(subscribedTopicNames ?? before.names, subscribedTopicRegex ?? before.regex)
  return now.regex === before.regex && areSameNames(now.names, before.names) ? before : now
}

/** Of the member whose place this one takes, and of the protocol that it has left. */
function obsoleteTimers(
  { state, groupId }: Scope,
  before: Member,
  { instanceId, memberEpoch }: HeartbeatRequest,
): string[] {
  const holder = instanceId === null || memberEpoch !== 0 ? undefined : state.staticMember(instanceId)
  if (holder !== undefined) return allTimerKeys(groupId, holder.memberId)
  return before.classic === null ? [] : allTimerKeys(groupId, before.memberId)
}
