/** The timers of a classic group: one for each member's session, one for the join phase, one for the syncs after it. */
import type { GroupState, TimerEvent } from './group-state.ts'
import type { ClassicMember } from './member.ts'
import type { Turn } from './turn.ts'

/**
 * A new member waits in its first JoinGroup without an id to send heartbeats with, so its session does not count yet.
 * This ends the waiting of those who went away meanwhile; who is still there asks again.
 */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000

export function startSession(turn: Turn, member: ClassicMember): void {
  startMemberTimer(turn, member.memberId, member.terms.sessionTimeoutMs)
}

export function startMemberTimer(turn: Turn, memberId: string, afterMs: number): void {
  turn.draft.start(timerStart(turn.group, { kind: 'session', memberId }, afterMs))
}

export function stopSession({ group, draft }: Turn, memberId: string): void {
  draft.cancel(sessionKey(group.groupId, memberId))
}

export function startGroupTimer(turn: Turn, event: Exclude<TimerEvent, { kind: 'session' }>, afterMs: number): void {
  turn.draft.start(timerStart(turn.group, event, afterMs))
}

export function stopJoinTimer({ group, draft }: Turn): void {
  draft.cancel(joinKey(group.groupId))
}

export function stopSyncTimer({ group, draft }: Turn): void {
  draft.cancel(syncKey(group.groupId))
}

/** All that may run. */
export function timerKeys({ groupId, members }: GroupState): string[] {
  const sessions = [...[...members.all()].map(({ memberId }) => memberId), ...members.pending]
  return [joinKey(groupId), syncKey(groupId), ...sessions.map((memberId) => sessionKey(groupId, memberId))]
}

export function timerStart(group: GroupState, event: TimerEvent, afterMs: number) {
  return { key: keyOf(group.groupId, event), afterMs, fire: (nowMs: number) => group.timerFired(event, nowMs) }
}

function keyOf(groupId: string, event: TimerEvent): string {
  if (event.kind === 'session') return sessionKey(groupId, event.memberId)
  return event.kind === 'sync' ? syncKey(groupId) : joinKey(groupId)
}

function sessionKey(groupId: string, memberId: string): string {
  return JSON.stringify([groupId, 'session', memberId])
}

function joinKey(groupId: string): string {
  return JSON.stringify([groupId, 'join'])
}

function syncKey(groupId: string): string {
  return JSON.stringify([groupId, 'sync'])
}
