/**
 * Members of a consumer group that still speak the classic protocol (KIP-848, online migration). The generation is the
 * member's epoch; the coordinator assigns, so that a join is answered at once, nobody leads, and a sync only fetches the
 * assignment. A heartbeat tells the member to join again when there is something to revoke, or something new to have.
 */
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { answer, type Step, step, type Ticket, type TimerStart } from '../../machine.ts'
import { has } from '../assignors/topic-partitions.ts'
import type { HeartbeatReply } from '../classic/classic-group.ts'
import { type LeaveReply, type LeaveRequest, leaveReply } from '../classic/leave.ts'
import { NO_BYTES } from '../classic/member.ts'
import { syncRefusal } from '../classic/replies.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../classic/subscriptions.ts'
import { type SyncEvent, syncRequestError } from '../classic/sync.ts'
import type { Caller } from '../world.ts'
import { writeAssignment } from './consumer-protocol.ts'
import { knownMember, knownStaticMember } from './heartbeat.ts'
import { removeMembers } from './leave.ts'
import type { Member } from './member.ts'
import { memberTimer, type Scope, sessionTimer } from './scope.ts'
import { timerKey } from './timers.ts'

export type ClassicHeartbeatRequest = RequestOf<typeof Heartbeat>

export function classicSync(scope: Scope, { request, caller, ticket }: SyncEvent): Step {
  const outcome = syncOutcome(scope, request, caller)
  if ('error' in outcome) return step({ answers: [answer(ticket, syncRefusal(outcome.error))], timers: outcome.timers })
  const { member } = outcome
  const { protocolType, protocolName } = request
  const metadata = member.classic?.supportedProtocols[0]?.metadata ?? NO_BYTES
  const assignment = writeAssignment(member.assigned, metadata, scope.world.image())
  return step({
    answers: [answer(ticket, { errorCode: errorCode('NONE'), protocolType, protocolName, assignment })],
    timers: [sessionTimer(scope, member)],
    cancelled: [timerKey(scope.groupId, member.memberId, 'sync')],
  })
}

export function classicHeartbeat(
  scope: Scope,
  { request, ticket }: { request: ClassicHeartbeatRequest; ticket: Ticket<HeartbeatReply> },
): Step {
  const member = caught(() => classicMember(scope, request))
  const error = typeof member === 'string' ? member : generationError(member, request.generationId)
  if (typeof member === 'string' || error !== null) {
    return step({ answers: [answer(ticket, { errorCode: errorCode(error ?? 'UNKNOWN_MEMBER_ID') })] })
  }
  const shallJoin = member.epoch < scope.state.groupEpoch || member.state === 'unrevoked' || canHaveMore(scope, member)
  return step({
    answers: [answer(ticket, { errorCode: errorCode(shallJoin ? 'REBALANCE_IN_PROGRESS' : 'NONE') })],
    timers: [sessionTimer(scope, member), ...(shallJoin ? awaitJoin(scope, member) : [])],
  })
}

/** Of one member up to version 2, of many from then on; they leave together, in one epoch. */
export function classicLeave(
  scope: Scope,
  { request, caller, ticket }: { request: LeaveRequest; caller: Caller; ticket: Ticket<LeaveReply> },
  nowMs: number,
): Step {
  const leaving = new Set<Member>()
  const reply = leaveReply(request, caller, ({ memberId, groupInstanceId }) => {
    const member = caught(() => leaver(scope, memberId, groupInstanceId))
    if (typeof member === 'string') return member
    if (leaving.has(member)) return 'UNKNOWN_MEMBER_ID'
    leaving.add(member)
    return 'NONE'
  })
  const gone = leaving.size === 0 ? step() : removeMembers(scope, [...leaving], nowMs)
  return { ...gone, answers: [answer(ticket, reply)] }
}

type SyncOutcome = { readonly error: ErrorName; readonly timers: readonly TimerStart[] } | { readonly member: Member }

function syncOutcome(scope: Scope, request: SyncEvent['request'], caller: Caller): SyncOutcome {
  const member = caught(() => classicMember(scope, request))
  if (typeof member === 'string') return { error: syncRequestError(request, caller) ?? member, timers: [] }
  const error =
    syncRequestError(request, caller) ?? generationError(member, request.generationId) ?? protocolError(member, request)
  if (error !== null) return { error, timers: [] }
  // Who revokes has joined already for the new generation; it syncs to learn what it keeps.
  const isBehind = scope.state.groupEpoch > member.epoch && member.state !== 'unrevoked'
  return isBehind ? { error: 'REBALANCE_IN_PROGRESS', timers: awaitJoin(scope, member) } : { member }
}

function classicMember(
  scope: Scope,
  { memberId, groupInstanceId }: { memberId: string; groupInstanceId: string | null },
): Member {
  const member =
    groupInstanceId === null ? knownMember(scope, memberId) : knownStaticMember(scope, groupInstanceId, memberId)
  if (member.classic !== null) return member
  throw new ProtocolError('UNKNOWN_MEMBER_ID', `Member ${member.memberId} does not use the classic protocol.`)
}

/** Whatever protocol it speaks: an administrator's tool knows only this way to remove members. */
function leaver(scope: Scope, memberId: string, groupInstanceId: string | null): Member {
  if (groupInstanceId === null) return knownMember(scope, memberId)
  const holder = scope.state.staticMembers.get(groupInstanceId)
  return knownStaticMember(scope, groupInstanceId, memberId === '' ? (holder ?? '') : memberId)
}

function generationError({ epoch }: Member, generationId: number): ErrorName | null {
  return epoch === generationId ? null : 'ILLEGAL_GENERATION'
}

function protocolError({ classic }: Member, request: SyncEvent['request']): ErrorName | null {
  const { protocolType, protocolName } = request
  const isOther =
    (protocolType !== null && protocolType !== CONSUMER_PROTOCOL_TYPE) ||
    (protocolName !== null && protocolName !== classic?.supportedProtocols[0]?.name)
  return isOther ? 'INCONSISTENT_GROUP_PROTOCOL' : null
}

/** All that it waited for is free: to join for less would only make it join again. */
function canHaveMore({ state }: Scope, member: Member): boolean {
  if (member.state !== 'unreleased') return false
  for (const [topicId, partitions] of state.targetOf(member.memberId)) {
    for (const partition of partitions) {
      if (has(member.assigned, topicId, partition)) continue
      if (state.owners.ownerOf(topicId, partition) !== undefined) return false
    }
  }
  return true
}

/** From the first time on that it is told. */
function awaitJoin(scope: Scope, member: Member): TimerStart[] {
  const { joinsAwaited } = scope.soft
  if (joinsAwaited.has(member.memberId)) return []
  joinsAwaited.add(member.memberId)
  return [memberTimer(scope, member, { purpose: 'join', afterMs: member.rebalanceTimeoutMs })]
}

/** These replies hold an error and no message. */
function caught<T>(find: () => T): T | ErrorName {
  try {
    return find()
  } catch (error) {
    if (error instanceof ProtocolError) return error.error
    throw error
  }
}
