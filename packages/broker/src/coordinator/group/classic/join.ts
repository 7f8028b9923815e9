/**
 * JoinGroup to a classic group. A member enters here for the first time, in two steps when it is dynamic and speaks
 * version 4 or later (KIP-394), and enters each later generation. Who joins again although nothing has changed is told
 * the generation as it is; static members that have lost their id are in `static-members.ts`.
 */
import type { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { Ticket } from '../../machine.ts'
import type { Caller, GroupSettings } from '../world.ts'
import { newGroupRecord } from './group-metadata.ts'
import { type ClassicMember, type JoinReply, type MemberTerms, newMember, ownCopy, sameProtocols } from './member.ts'
import { endJoinPhaseIfComplete, rebalance } from './rebalance.ts'
import { joinRefusal, joinReply, membersForLeader } from './replies.ts'
import { replaceStaticMember } from './static-members.ts'
import { NEW_MEMBER_JOIN_TIMEOUT_MS, startMemberTimer, startSession, stopSession, timerKeys } from './timers.ts'
import type { Turn } from './turn.ts'

export interface JoinEvent {
  readonly request: RequestOf<typeof JoinGroup>
  readonly caller: Caller
  readonly ticket: Ticket<JoinReply>
}

const JOIN_VERSION_WITH_REBALANCE_TIMEOUT = 1
const JOIN_VERSION_THAT_REQUIRES_MEMBER_ID = 4

/** Ids that a group has handed out and not seen again. Only clients that never come back reach it. */
export const PENDING_IDS_MAX = 10_000

/** What is wrong with the request whatever the group; null when nothing is. */
export function joinRequestError(request: JoinEvent['request'], settings: GroupSettings): ErrorName | null {
  const { sessionTimeoutMs } = request
  if (sessionTimeoutMs < settings.minSessionTimeoutMs) return 'INVALID_SESSION_TIMEOUT'
  return sessionTimeoutMs > settings.maxSessionTimeoutMs ? 'INVALID_SESSION_TIMEOUT' : null
}

export function joinGroup(turn: Turn, event: JoinEvent): void {
  const { group } = turn
  const { memberId } = event.request
  const error = joinRequestError(event.request, group.world.settings(group.groupId))
  if (error !== null) return refuse(turn, event, error)
  const isWritten = !group.isUnwritten
  if (!hasRoomFor(turn, memberId)) turnAway(turn, event)
  else if (memberId === '') joinUnnamed(turn, event)
  else joinNamed(turn, event)
  if (!isWritten && !turn.draft.writes) writeNewGroup(turn, event)
}

/** In a join phase those count who wait, so that the last to come are turned away when the limit was lowered. */
function hasRoomFor({ group }: Turn, memberId: string): boolean {
  const { members, phase } = group
  if (phase === 'Empty') return true
  const { maxSize } = group.world.settings(group.groupId)
  const member = members.get(memberId)
  if (phase !== 'PreparingRebalance') return member !== undefined || members.count < maxSize
  return (member !== undefined && member.waitingJoin !== null) || members.waitingCount < maxSize
}

/** The id is not expected any more, and nobody shall wait for it. */
function turnAway(turn: Turn, event: JoinEvent): void {
  const { members } = turn.group
  const { memberId } = event.request
  refuse(turn, event, 'GROUP_MAX_SIZE_REACHED', '')
  const member = members.get(memberId)
  if (member !== undefined) turn.group.remove(member)
  else if (!members.pending.delete(memberId)) return
  stopSession(turn, memberId)
  endJoinPhaseIfComplete(turn)
}

function joinUnnamed(turn: Turn, event: JoinEvent): void {
  const { group } = turn
  const { request, caller, ticket } = event
  if (!fits(turn, event)) return refuse(turn, event, 'INCONSISTENT_GROUP_PROTOCOL')
  const { groupInstanceId, sessionTimeoutMs } = request
  const memberId = `${groupInstanceId ?? caller.clientId}-${group.world.newUuid()}`
  if (groupInstanceId !== null) {
    const holder = group.members.idOfInstance(groupInstanceId)
    if (holder === undefined) return addMember(turn, event, memberId)
    return replaceStaticMember(turn, event, { member: group.members.get(holder)!, memberId, terms: termsOf(event) })
  }
  if (caller.apiVersion < JOIN_VERSION_THAT_REQUIRES_MEMBER_ID) return addMember(turn, event, memberId)
  if (group.members.pending.size >= PENDING_IDS_MAX) return refuse(turn, event, 'GROUP_MAX_SIZE_REACHED')
  group.members.pending.add(memberId)
  startMemberTimer(turn, memberId, sessionTimeoutMs)
  turn.draft.answer(ticket, joinRefusal(caller.apiVersion, 'MEMBER_ID_REQUIRED', memberId))
}

function joinNamed(turn: Turn, event: JoinEvent): void {
  const { group } = turn
  const { memberId, groupInstanceId } = event.request
  if (!fits(turn, event)) return refuse(turn, event, 'INCONSISTENT_GROUP_PROTOCOL')
  if (group.members.pending.has(memberId) && groupInstanceId === null) return addMember(turn, event, memberId)
  const error = group.members.check(memberId, groupInstanceId)
  if (error !== null) return refuse(turn, event, error)
  const member = group.members.get(memberId)!
  const terms = termsOf(event)
  if (!knowsAll(turn, member, terms)) return joinAgain(turn, event, { member, terms })
  const isLeader = group.leaderId === memberId
  const members = isLeader ? membersForLeader(group, group.members.all()) : []
  startSession(turn, member)
  turn.draft.answer(event.ticket, joinReply(group, { memberId, leaderId: group.leaderId!, members }))
}

/**
 * Whether the current generation knows all that the member says, so that it only missed a reply. The leader of a
 * stable group joins again when the topics have changed, which its own metadata does not show.
 */
function knowsAll({ group }: Turn, member: ClassicMember, terms: MemberTerms): boolean {
  if (group.phase === 'PreparingRebalance') return false
  if (group.phase === 'Stable' && group.leaderId === member.memberId) return false
  return sameProtocols(member.terms.protocols, terms.protocols)
}

function addMember(turn: Turn, event: JoinEvent, memberId: string): void {
  const { group } = turn
  const { groupInstanceId, protocolType } = event.request
  const { clientId, clientHost } = event.caller
  const identity = { memberId, groupInstanceId, clientId, clientHost }
  const member = newMember(identity, { terms: termsOf(event), isNew: true })
  if (group.phase === 'PreparingRebalance' && group.previousPhase === 'Empty') group.hasNewcomer = true
  group.add(member, protocolType)
  group.members.park(member, waitingOf(event))
  startMemberTimer(turn, memberId, NEW_MEMBER_JOIN_TIMEOUT_MS)
  rebalance(turn)
}

function joinAgain(
  turn: Turn,
  event: JoinEvent,
  { member, terms }: { member: ClassicMember; terms: MemberTerms },
): void {
  const { members } = turn.group
  members.changeTerms(member, terms)
  const before = members.park(member, waitingOf(event))
  // The member gave up on its earlier request, perhaps with its connection; the answer goes to the newer one.
  if (before !== null) {
    turn.draft.answer(before.ticket, joinRefusal(before.apiVersion, 'REBALANCE_IN_PROGRESS', member.memberId))
  }
  rebalance(turn)
}

/** Without a record the next coordinator would not know the group, and an id that was handed out would be unknown. */
function writeNewGroup(turn: Turn, { ticket, caller }: JoinEvent): void {
  const { group, nowMs } = turn
  if (group.phaseSinceMs === -1) group.phaseSinceMs = nowMs
  group.isUnwritten = false
  turn.draft.write({ record: newGroupRecord(group), refused: forget })

  /** The group was never there: whoever asks next makes it anew. */
  function forget({ draft }: Turn, error: ErrorName): void {
    for (const key of timerKeys(group)) draft.cancel(key)
    for (const member of [...group.members.all()]) {
      group.members.unpark(member)
      group.remove(member)
    }
    group.members.pending.clear()
    group.moveTo('Dead', nowMs)
    draft.answer(ticket, joinRefusal(caller.apiVersion, error))
  }
}

function fits({ group }: Turn, { request }: JoinEvent): boolean {
  const names = request.protocols.map(({ name }) => name)
  return group.fits(request.protocolType, names)
}

function waitingOf({ ticket, caller }: JoinEvent) {
  return { ticket, apiVersion: caller.apiVersion }
}

/** A name that is listed twice counts once, where it stands first. */
function termsOf({ request, caller }: JoinEvent): MemberTerms {
  const hasRebalanceTimeout = caller.apiVersion >= JOIN_VERSION_WITH_REBALANCE_TIMEOUT
  const { sessionTimeoutMs } = request
  const byName = new Map<string, Buffer>()
  for (const { name, metadata } of request.protocols) if (!byName.has(name)) byName.set(name, ownCopy(metadata))
  return {
    rebalanceTimeoutMs: hasRebalanceTimeout ? request.rebalanceTimeoutMs : sessionTimeoutMs,
    sessionTimeoutMs,
    protocols: Array.from(byName, ([name, metadata]) => ({ name, metadata })),
  }
}

function refuse(
  turn: Turn,
  { request, caller, ticket }: JoinEvent,
  error: ErrorName,
  memberId = request.memberId,
): void {
  turn.draft.answer(ticket, joinRefusal(caller.apiVersion, error, memberId))
}
