/**
 * SyncGroup to a classic group. The leader brings everybody's assignment; with it the generation is written, and once it
 * is in the log the group is stable and all who wait get theirs. Who comes later is answered at once.
 */
import type { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { Ticket } from '../../machine.ts'
import type { Caller } from '../world.ts'
import { groupMetadataRecord } from './group-metadata.ts'
import type { GroupState } from './group-state.ts'
import { type ClassicMember, NO_BYTES, ownCopy, type SyncReply } from './member.ts'
import { rebalance } from './rebalance.ts'
import { refuseAllSyncs, refuseWaitingSync, syncRefusal, syncReply } from './replies.ts'
import { startSession, stopSyncTimer } from './timers.ts'
import type { Turn } from './turn.ts'

type Request = RequestOf<typeof SyncGroup>

export interface SyncEvent {
  readonly request: Request
  readonly caller: Caller
  readonly ticket: Ticket<SyncReply>
}

const SYNC_VERSION_WITH_PROTOCOL = 5

/** What is wrong with the request whatever the group; null when nothing is. */
export function syncRequestError({ protocolType, protocolName }: Request, { apiVersion }: Caller): ErrorName | null {
  if (apiVersion < SYNC_VERSION_WITH_PROTOCOL) return null
  return protocolType === null || protocolName === null ? 'INCONSISTENT_GROUP_PROTOCOL' : null
}

export function syncGroup(turn: Turn, event: SyncEvent): void {
  const { group, draft } = turn
  const { request, caller, ticket } = event
  const error = syncRequestError(request, caller) ?? memberError(group, request)
  if (error !== null) return draft.answer(ticket, syncRefusal(error))
  const member = group.members.get(request.memberId)!
  markSynced(turn, member)
  if (group.phase === 'Stable') {
    startSession(turn, member)
    return draft.answer(ticket, syncReply(group, member.assignment))
  }
  // The member gave up on its earlier request; the assignment goes to the newer one.
  refuseWaitingSync(turn, member, 'REBALANCE_IN_PROGRESS')
  member.waitingSync = ticket
  if (group.leaderId === member.memberId) assign(turn, request.assignments)
}

function memberError(group: GroupState, request: Request): ErrorName | null {
  const unknown = group.members.check(request.memberId, request.groupInstanceId)
  if (unknown !== null) return unknown
  if (request.generationId !== group.generation) return 'ILLEGAL_GENERATION'
  const otherType = differs(request.protocolType, group.protocolType)
  if (otherType || differs(request.protocolName, group.protocol)) return 'INCONSISTENT_GROUP_PROTOCOL'
  return group.phase === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : null
}

function differs(given: string | null, expected: string | null): boolean {
  return given !== null && given !== expected
}

function markSynced(turn: Turn, member: ClassicMember): void {
  const { unsynced } = turn.group.members
  unsynced.delete(member.memberId)
  if (unsynced.size === 0) stopSyncTimer(turn)
}

/** Members that the leader has forgotten get nothing to do; assignments to strangers are ignored. */
function assign(turn: Turn, assignments: Request['assignments']): void {
  const { group, draft } = turn
  const byMember = new Map<string, Buffer>()
  for (const { memberId, assignment } of assignments) byMember.set(memberId, ownCopy(assignment))
  const assignmentOf = ({ memberId }: ClassicMember) => byMember.get(memberId) ?? NO_BYTES
  const members = [...group.members.all()]
  for (const member of members) {
    if (member.waitingSync === null) continue
    draft.answer(member.waitingSync, syncReply(group, assignmentOf(member)))
    startSession(turn, member)
  }
  const record = groupMetadataRecord(group, { members, leaderId: group.leaderId, assignmentOf })
  draft.write({ record, appended: settle, refused: giveUp })

  function settle(): void {
    for (const member of members) {
      member.assignment = assignmentOf(member)
      member.waitingSync = null
    }
    group.moveTo('Stable', turn.nowMs)
  }
}

/** Nobody has an assignment; all who wait learn why, and join again. */
function giveUp(turn: Turn, error: ErrorName): void {
  refuseAllSyncs(turn, error)
  rebalance(turn)
}
