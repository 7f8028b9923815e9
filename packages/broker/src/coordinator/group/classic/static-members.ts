/**
 * A static member that comes back without its member id (KIP-345): it takes the place of its old self, which is fenced.
 * In a stable group whose protocol stays the same nobody else notices; only the new id is written.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { groupMetadataRecord } from './group-metadata.ts'
import type { JoinEvent } from './join.ts'
import { type ClassicMember, type MemberTerms, newMember } from './member.ts'
import { selectProtocol } from './protocol-selection.ts'
import { beginJoinPhase, endJoinPhaseIfComplete, rebalance } from './rebalance.ts'
import { joinRefusal, joinReply, membersForLeader, refuseWaitingJoin, refuseWaitingSync } from './replies.ts'
import { startSession, stopSession } from './timers.ts'
import type { Turn } from './turn.ts'

/** From here on a leader may be told to keep the assignment that is there (KIP-814). */
const JOIN_VERSION_WITH_SKIP_ASSIGNMENT = 9

interface Return {
  /** The old self. */
  readonly member: ClassicMember
  /** The new id. */
  readonly memberId: string
  readonly terms: MemberTerms
}

export function replaceStaticMember(turn: Turn, event: JoinEvent, returning: Return): void {
  const { group } = turn
  const { member, memberId, terms } = returning
  // As in Kafka the client's name and host stay those of the first self.
  const successor = newMember({ ...member, memberId }, { terms, assignment: member.assignment })
  stopSession(turn, member.memberId)
  startSession(turn, successor)
  if (group.phase === 'Stable' && keepsProtocol(turn, member, successor))
    return replaceInPlace(turn, event, { member, successor })
  fence(turn, member)
  group.replace(member, successor)
  group.members.park(successor, { ticket: event.ticket, apiVersion: event.caller.apiVersion })
  // A leader may be assigning to the old id at this moment, so a generation that is being completed is given up.
  if (group.phase === 'CompletingRebalance') beginJoinPhase(turn)
  else if (group.phase === 'Stable') rebalance(turn)
  else endJoinPhaseIfComplete(turn)
}

function keepsProtocol({ group }: Turn, member: ClassicMember, successor: ClassicMember): boolean {
  const next = Array.from(group.members.all(), (each) => (each === member ? successor : each).terms.protocols)
  return selectProtocol(next) === group.protocol
}

function replaceInPlace(
  turn: Turn,
  event: JoinEvent,
  { member, successor }: { member: ClassicMember; successor: ClassicMember },
): void {
  const { group, draft } = turn
  const { apiVersion } = event.caller
  assert(member.waitingJoin === null && member.waitingSync === null, 'Nobody waits in a stable group')
  const isLeader = group.leaderId === member.memberId
  const members = [...[...group.members.all()].filter((each) => each !== member), successor]
  const leaderId = isLeader ? successor.memberId : group.leaderId!
  const record = groupMetadataRecord(group, { members, leaderId, assignmentOf: ({ assignment }) => assignment })
  draft.write({ record, appended: () => group.replace(member, successor), refused: stay })
  draft.answer(event.ticket, replyInPlace())

  /** Before KIP-814 a returning leader could not be told to leave the assignment alone: it learns that its old id leads. */
  function replyInPlace() {
    const { memberId } = successor
    if (apiVersion < JOIN_VERSION_WITH_SKIP_ASSIGNMENT) {
      return joinReply(group, { memberId, leaderId: group.leaderId!, members: [] })
    }
    const listed = isLeader ? membersForLeader(group, members) : []
    return joinReply(group, { memberId, leaderId, members: listed, skipAssignment: isLeader })
  }

  function stay(refused: Turn, error: ErrorName): void {
    const { generation, protocolType, protocol } = group
    refused.draft.answer(event.ticket, {
      ...joinRefusal(apiVersion, error),
      ...{ generationId: generation, protocolType, protocolName: protocol, leader: group.leaderId! },
    })
  }
}

function fence(turn: Turn, member: ClassicMember): void {
  refuseWaitingJoin(turn, member, { error: 'FENCED_INSTANCE_ID', memberId: member.memberId })
  refuseWaitingSync(turn, member, 'FENCED_INSTANCE_ID')
}
