/** Heartbeat to a classic group, and the commit of offsets, which counts as a sign of life too. */
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { CommitCheck, CommitRequest } from '../group.ts'
import type { GroupState } from './group-state.ts'
import { startSession, timerStart } from './timers.ts'
import type { Turn } from './turn.ts'

/** The error of the reply; a member learns here that it is to join again. */
export function heartbeat(turn: Turn, request: RequestOf<typeof Heartbeat>): ErrorName {
  const { group } = turn
  const { memberId, groupInstanceId, generationId } = request
  const error = group.members.check(memberId, groupInstanceId)
  if (error !== null) return error
  if (generationId !== group.generation) return 'ILLEGAL_GENERATION'
  startSession(turn, group.members.get(memberId)!)
  return group.phase === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
}

export function checkCommit(group: GroupState, request: CommitRequest): CommitCheck {
  const error = commitError(group, request)
  const member = group.members.get(request.memberId)
  const keepsAlive = group.phase === 'Stable' || group.phase === 'PreparingRebalance'
  if (error !== null || request.isTransactional || member === undefined || !keepsAlive) return { error, timers: [] }
  const { memberId, terms } = member
  return { error, timers: [timerStart(group, { kind: 'session', memberId }, terms.sessionTimeoutMs)] }
}

/** Producers before KIP-447 know nothing of members, so what is asked of a transaction is less. */
function commitError(group: GroupState, request: CommitRequest): ErrorName | null {
  const { memberId, groupInstanceId, generationOrEpoch, isTransactional } = request
  if (generationOrEpoch < 0 && group.phase === 'Empty') return null
  if (generationOrEpoch >= 0 || memberId !== '' || groupInstanceId !== null) {
    const error = group.members.check(memberId, groupInstanceId)
    if (error !== null) return error
    if (generationOrEpoch !== group.generation) return 'ILLEGAL_GENERATION'
  } else if (!isTransactional) return 'UNKNOWN_MEMBER_ID'
  return !isTransactional && group.phase === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null
}
