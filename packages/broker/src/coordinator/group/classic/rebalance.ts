/**
 * The join phase of a classic group, from its beginning to the next generation, and the going of members, which may
 * begin or end one.
 *
 * It ends when everybody who is known, and everybody whose id was handed out, has joined; or when the largest rebalance
 * timeout of the members is over. Dynamic members who did not come are dropped then, static ones stay until their
 * session ends (KIP-345). The first phase of an empty group waits instead for `group.initial.rebalance.delay.ms`, again
 * and again while members come, up to that same timeout (KIP-134).
 */
import { assert } from '@ottla/base/assert.ts'
import { emptyGroupRecord } from './group-metadata.ts'
import type { GroupState, TimerEvent } from './group-state.ts'
import { type ClassicMember, mayBeSilent, NO_BYTES } from './member.ts'
import { joinReply, membersForLeader, refuseAllSyncs, refuseWaitingJoin, refuseWaitingSync } from './replies.ts'
import { startGroupTimer, startSession, stopJoinTimer, stopSession, stopSyncTimer } from './timers.ts'
import type { Turn } from './turn.ts'

/** Something has changed that the current generation does not know. */
export function rebalance(turn: Turn): void {
  if (turn.group.phase === 'PreparingRebalance') endJoinPhaseIfComplete(turn)
  else beginJoinPhase(turn)
}

export function beginJoinPhase(turn: Turn): void {
  const { group, nowMs } = turn
  if (group.phase === 'CompletingRebalance') dropAssignments(turn)
  group.members.unsynced.clear()
  stopSyncTimer(turn)
  const isInitial = group.phase === 'Empty'
  group.moveTo('PreparingRebalance', nowMs)
  if (isInitial) waitForFirstMembers(turn)
  else if (group.members.allJoined()) endJoinPhase(turn)
  else startGroupTimer(turn, { kind: 'join' }, group.members.rebalanceTimeoutMs())
}

/** The first join phase of an empty group is ended by its timer alone. */
export function endJoinPhaseIfComplete(turn: Turn): void {
  const { phase, previousPhase, members } = turn.group
  if (phase !== 'PreparingRebalance' || previousPhase === 'Empty') return
  if (members.allJoined()) endJoinPhase(turn)
}

/** The timer of a join phase has run out. */
export function joinPhaseExpired(turn: Turn): void {
  if (turn.group.phase === 'PreparingRebalance') endJoinPhase(turn)
}

export function initialDelayExpired(turn: Turn, { delayMs, leftMs }: TimerEvent & { kind: 'initialJoin' }): void {
  const { group } = turn
  if (group.phase !== 'PreparingRebalance') return
  if (!group.hasNewcomer || leftMs === 0) return endJoinPhase(turn)
  group.hasNewcomer = false
  const nextMs = Math.min(group.world.settings(group.groupId).initialRebalanceDelayMs, leftMs)
  startGroupTimer(turn, { kind: 'initialJoin', delayMs: nextMs, leftMs: Math.max(leftMs - delayMs, 0) }, nextMs)
}

/** A member, or a pending id, was silent for too long. */
export function sessionExpired(turn: Turn, memberId: string): void {
  const { members } = turn.group
  const member = members.get(memberId)
  if (member !== undefined && mayBeSilent(member)) return
  if (member !== undefined) removeMember(turn, member)
  else if (!members.pending.delete(memberId)) return
  if (turn.group.phase === 'PreparingRebalance') {
    // Even an initial delay is not waited out for somebody who has gone.
    if (members.allJoined()) endJoinPhase(turn)
  } else if (member !== undefined) beginJoinPhase(turn)
}

/** Not all members of a generation have asked for their assignment in time. */
export function syncExpired(turn: Turn, generation: number): void {
  const { group } = turn
  if (generation !== group.generation) return
  if (group.phase !== 'CompletingRebalance' && group.phase !== 'Stable') return
  if (group.members.unsynced.size === 0) return
  for (const memberId of [...group.members.unsynced]) removeMember(turn, group.members.get(memberId)!)
  beginJoinPhase(turn)
}

/** Whoever still waits for the member, perhaps on another connection, learns that it is gone. */
export function removeMember(turn: Turn, member: ClassicMember): void {
  refuseWaitingJoin(turn, member, { error: 'UNKNOWN_MEMBER_ID', memberId: '' })
  refuseWaitingSync(turn, member, 'UNKNOWN_MEMBER_ID')
  turn.group.remove(member)
  stopSession(turn, member.memberId)
}

function dropAssignments(turn: Turn): void {
  for (const member of turn.group.members.all()) member.assignment = NO_BYTES
  refuseAllSyncs(turn, 'REBALANCE_IN_PROGRESS')
}

function waitForFirstMembers(turn: Turn): void {
  const { group } = turn
  const delayMs = group.world.settings(group.groupId).initialRebalanceDelayMs
  const leftMs = Math.max(group.members.rebalanceTimeoutMs() - delayMs, 0)
  group.hasNewcomer = false
  startGroupTimer(turn, { kind: 'initialJoin', delayMs, leftMs }, delayMs)
}

function endJoinPhase(turn: Turn): void {
  const { group, nowMs } = turn
  assert(group.phase === 'PreparingRebalance', 'Only a join phase can end')
  stopJoinTimer(turn)
  for (const member of [...group.members.all()]) {
    if (member.waitingJoin === null && member.groupInstanceId === null) removeMember(turn, member)
  }
  if (group.members.count > 0 && !electJoinedLeader(group)) {
    // Only static members are left and none of them came: until the sessions end they may.
    return startGroupTimer(turn, { kind: 'join' }, group.members.rebalanceTimeoutMs())
  }
  group.nextGeneration(nowMs)
  if (group.members.count === 0) writeEmptyGroup(turn)
  else announceGeneration(turn)
}

/** A leader who did not come hands the lead to the first member who did; false when none did. */
function electJoinedLeader(group: GroupState): boolean {
  const leader = group.members.get(group.leaderId!)
  if (leader?.waitingJoin) return true
  for (const member of group.members.all()) {
    if (member.waitingJoin === null) continue
    group.leaderId = member.memberId
    return true
  }
  return false
}

/**
 * When the log does not take it the group is empty all the same: a fail-over would bring back the generation before,
 * whose members are gone and expire.
 */
function writeEmptyGroup(turn: Turn): void {
  turn.draft.write({ record: emptyGroupRecord(turn.group), refused: null })
}

function announceGeneration(turn: Turn): void {
  const { group } = turn
  const leaderId = group.leaderId!
  for (const member of group.members.all()) {
    const { memberId } = member
    const waiting = group.members.unpark(member)
    if (waiting !== null) {
      const members = memberId === leaderId ? membersForLeader(group, group.members.all()) : []
      turn.draft.answer(waiting.ticket, joinReply(group, { memberId, leaderId, members }))
    }
    member.isNew = false
    startSession(turn, member)
    group.members.unsynced.add(memberId)
  }
  startGroupTimer(turn, { kind: 'sync', generation: group.generation }, group.members.rebalanceTimeoutMs())
}
