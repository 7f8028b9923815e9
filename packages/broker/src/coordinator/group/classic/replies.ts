/** The replies of JoinGroup and SyncGroup, and how those who wait for one are given it. */

import { assert } from '@ottla/base/assert.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import type { GroupState } from './group-state.ts'
import { type ClassicMember, type JoinReply, metadataFor, NO_BYTES, type SyncReply } from './member.ts'
import { startSession } from './timers.ts'
import type { Turn } from './turn.ts'

/** Below this version the name of the protocol cannot be null. */
const JOIN_VERSION_WITH_PROTOCOL_TYPE = 7

export function joinRefusal(apiVersion: number, error: ErrorName, memberId = ''): JoinReply {
  const protocolName = apiVersion < JOIN_VERSION_WITH_PROTOCOL_TYPE ? '' : null
  return { errorCode: errorCode(error), protocolName, leader: '', memberId, members: [] }
}

export interface JoinOutcome {
  readonly memberId: string
  readonly leaderId: string
  /** For the leader alone; the others get none. */
  readonly members: JoinReply['members']
  readonly skipAssignment?: boolean
}

/** The current generation, as one member is told of it. */
export function joinReply(group: GroupState, outcome: JoinOutcome): JoinReply {
  const { memberId, leaderId, members, skipAssignment = false } = outcome
  assert(group.protocol !== null, 'A generation has a protocol')
  return {
    ...{ errorCode: errorCode('NONE'), generationId: group.generation },
    ...{ protocolType: group.protocolType, protocolName: group.protocol },
    ...{ leader: leaderId, skipAssignment, memberId, members },
  }
}

/** What the leader is told of the members, to assign to them. */
export function membersForLeader(group: GroupState, members: Iterable<ClassicMember>): JoinReply['members'] {
  return Array.from(members, (member) => {
    const metadata = metadataFor(member, group.protocol)
    assert(metadata !== null, `Member "${member.memberId}" supports the protocol of its generation`)
    return { memberId: member.memberId, groupInstanceId: member.groupInstanceId, metadata }
  })
}

export function syncRefusal(error: ErrorName): SyncReply {
  return { errorCode: errorCode(error), assignment: NO_BYTES }
}

export function syncReply(group: GroupState, assignment: Buffer): SyncReply {
  const { protocolType, protocol } = group
  return { errorCode: errorCode('NONE'), protocolType, protocolName: protocol, assignment }
}

export function refuseWaitingJoin(
  turn: Turn,
  member: ClassicMember,
  refusal: { error: ErrorName; memberId: string },
): void {
  const waiting = turn.group.members.unpark(member)
  if (waiting === null) return
  turn.draft.answer(waiting.ticket, joinRefusal(waiting.apiVersion, refusal.error, refusal.memberId))
}

export function refuseWaitingSync(turn: Turn, member: ClassicMember, error: ErrorName): void {
  const { waitingSync } = member
  if (waitingSync === null) return
  member.waitingSync = null
  turn.draft.answer(waitingSync, syncRefusal(error))
}

/** Those who wait for a sync get an error, and are members still: their silence counts again. */
export function refuseAllSyncs(turn: Turn, error: ErrorName): void {
  for (const member of turn.group.members.all()) {
    if (member.waitingSync === null) continue
    refuseWaitingSync(turn, member, error)
    startSession(turn, member)
  }
}
