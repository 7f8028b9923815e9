/** JoinGroup to a consumer group: a member of the classic protocol enters, or takes part in a new epoch. */
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { answer, type Step, step, together } from '../../machine.ts'
import { type JoinEvent, joinRequestError } from '../classic/join.ts'
import { ownCopy } from '../classic/member.ts'
import { joinRefusal } from '../classic/replies.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../classic/subscriptions.ts'
import { type ClassicSubscription, readSubscription } from './consumer-protocol.ts'
import { downgradeSoon } from './downgrade.ts'
import { GroupDraft } from './draft.ts'
import { checkCapacity, knownStaticMember } from './heartbeat.ts'
import { type ClassicTerms, type Member, newMember, subscriptionOf } from './member.ts'
import { memberTimer, type Scope, sessionTimer } from './scope.ts'
import { settle } from './settle.ts'
import { replaceStaticMember } from './static-members.ts'
import { allTimerKeys } from './timers.ts'

const JOIN_VERSION_WITH_REBALANCE_TIMEOUT = 1
const JOIN_VERSION_THAT_REQUIRES_MEMBER_ID = 4

export function classicJoin(scope: Scope, event: JoinEvent, nowMs: number): Step {
  const { request, caller, ticket } = event
  try {
    return join(scope, event, nowMs)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    const memberId = error.error === 'GROUP_MAX_SIZE_REACHED' ? '' : request.memberId
    return step({ answers: [answer(ticket, joinRefusal(caller.apiVersion, error.error, memberId))] })
  }
}

/** Throws ProtocolError. */
function join(scope: Scope, event: JoinEvent, nowMs: number): Step {
  const { request, caller, ticket } = event
  const sessionError = joinRequestError(request, scope.settings())
  if (sessionError !== null) throw new ProtocolError(sessionError)
  checkCapacity(scope, request.memberId)
  checkProtocols(scope, request)
  const memberId = request.memberId === '' ? scope.world.newUuid() : request.memberId
  if (mustComeBack(event)) {
    return step({ answers: [answer(ticket, joinRefusal(caller.apiVersion, 'MEMBER_ID_REQUIRED', memberId))] })
  }
  const subscription = subscriptionIn(scope, request)
  const draft = new GroupDraft(scope.state)
  const before = memberOf(scope, draft, event, memberId)
  const updated = withMetadata(before, event, subscription)
  const { member, work } = settle(scope, draft, { before, updated, owned: subscription.owned, caller }, nowMs)
  const joined = step({ records: draft.records, work, ...told(scope, event, member) })
  // The place of the last member of the new protocol was taken.
  const isLast = before.classic === null && draft.members().every(({ classic }) => classic !== null)
  return isLast ? together(joined, downgradeSoon(scope)) : joined
}

/** Known ones may come under their id alone; dynamic ones are first told theirs (KIP-394). */
function mustComeBack({ request, caller }: JoinEvent): boolean {
  const isUnnamed = request.memberId === '' && request.groupInstanceId === null
  return isUnnamed && caller.apiVersion >= JOIN_VERSION_THAT_REQUIRES_MEMBER_ID
}

function checkProtocols({ state }: Scope, request: JoinEvent['request']): void {
  const { protocolType, protocols } = request
  const others = state.members.values().filter(({ classic }) => classic !== null)
  let common = new Set(protocols.map(({ name }) => name))
  for (const { classic } of others) {
    common = common.intersection(new Set(classic!.supportedProtocols.map(({ name }) => name)))
  }
  if (protocolType !== CONSUMER_PROTOCOL_TYPE || common.size === 0) throw notSupported(request)
}

/** All its protocols hold the same subscription; the first one is read. */
function subscriptionIn({ world }: Scope, request: JoinEvent['request']): ClassicSubscription {
  const subscription = readSubscription(request.protocols[0]!.metadata, world.image())
  if (subscription === null) throw notSupported(request)
  return subscription
}

function notSupported({ memberId }: JoinEvent['request']): ProtocolError {
  return new ProtocolError('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s protocols are not supported.`)
}

function memberOf(scope: Scope, draft: GroupDraft, { request }: JoinEvent, memberId: string): Member {
  const { groupInstanceId } = request
  if (groupInstanceId === null) return scope.state.members.get(memberId) ?? newMember(memberId)
  if (request.memberId !== '') return knownStaticMember(scope, groupInstanceId, memberId)
  const holder = scope.state.staticMember(groupInstanceId)
  return holder === undefined ? newMember(memberId) : replaceStaticMember(draft, holder, memberId)
}

function withMetadata(before: Member, { request, caller }: JoinEvent, subscription: ClassicSubscription): Member {
  const { clientId, clientHost } = caller
  const hasRebalanceTimeout = caller.apiVersion >= JOIN_VERSION_WITH_REBALANCE_TIMEOUT
  return {
    ...before,
    ...{ clientId, clientHost, instanceId: request.groupInstanceId ?? before.instanceId },
    rackId: subscription.rackId ?? before.rackId,
    rebalanceTimeoutMs: hasRebalanceTimeout ? request.rebalanceTimeoutMs : request.sessionTimeoutMs,
    subscription: subscriptionOf(subscription.topics, ''),
    classic: termsOf(request),
  }
}

function termsOf({ sessionTimeoutMs, protocols }: JoinEvent['request']): ClassicTerms {
  const supportedProtocols = protocols.map(({ name, metadata }) => ({ name, metadata: ownCopy(metadata) }))
  return { sessionTimeoutMs, supportedProtocols }
}

function told(scope: Scope, { request, ticket }: JoinEvent, member: Member): Partial<Step> {
  scope.soft.joinsAwaited.delete(member.memberId)
  const holder = request.groupInstanceId === null ? undefined : scope.state.staticMember(request.groupInstanceId)
  const reply = {
    ...{ errorCode: errorCode('NONE' satisfies ErrorName), generationId: member.epoch, leader: '' },
    ...{ protocolType: CONSUMER_PROTOCOL_TYPE, protocolName: member.classic!.supportedProtocols[0]!.name },
    ...{ memberId: member.memberId, members: [] },
  }
  return {
    answers: [answer(ticket, reply)],
    cancelled: [...allTimerKeys(scope.groupId, member.memberId), ...obsolete(scope, holder)],
    timers: [
      sessionTimer(scope, member),
      memberTimer(scope, member, { purpose: 'sync', afterMs: member.rebalanceTimeoutMs }),
    ],
  }
}

function obsolete({ groupId }: Scope, holder: Member | undefined): string[] {
  return holder === undefined ? [] : allTimerKeys(groupId, holder.memberId)
}
