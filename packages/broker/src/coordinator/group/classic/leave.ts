/**
 * LeaveGroup to a classic group: of one member up to version 2, of many from then on, each with an error of its own. An
 * administrator removes static members by their instance id alone.
 */
import type { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import type { Caller } from '../world.ts'
import { endJoinPhaseIfComplete, rebalance, removeMember } from './rebalance.ts'
import { stopSession } from './timers.ts'
import type { Turn } from './turn.ts'

export type LeaveRequest = RequestOf<typeof LeaveGroup>
export type LeaveReply = ResponseInputOf<typeof LeaveGroup>

interface Leaver {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

const LEAVE_VERSION_WITH_MEMBERS = 3

export function leaveGroup(turn: Turn, request: LeaveRequest, caller: Caller): LeaveReply {
  const countBefore = turn.group.members.count
  const reply = leaveReply(request, caller, (leaver) => remove(turn, leaver))
  // An id that was only handed out held up a join phase at most.
  if (turn.group.members.count === countBefore) endJoinPhaseIfComplete(turn)
  else rebalance(turn)
  return reply
}

/** The reply in the form of its version: `leave` is called once for each who leaves. */
export function leaveReply(request: LeaveRequest, caller: Caller, leave: (leaver: Leaver) => ErrorName): LeaveReply {
  if (caller.apiVersion < LEAVE_VERSION_WITH_MEMBERS) {
    return { errorCode: errorCode(leave({ memberId: request.memberId, groupInstanceId: null })) }
  }
  const members = request.members.map(({ memberId, groupInstanceId }) => {
    const error = leave({ memberId, groupInstanceId })
    return { memberId, groupInstanceId, errorCode: errorCode(error) }
  })
  return { errorCode: errorCode('NONE'), members }
}

function remove(turn: Turn, { memberId, groupInstanceId }: Leaver): ErrorName {
  const { members } = turn.group
  if (members.pending.delete(memberId)) {
    stopSession(turn, memberId)
    return 'NONE'
  }
  const holder = memberId === '' && groupInstanceId !== null ? members.idOfInstance(groupInstanceId) : memberId
  const error = members.check(holder ?? '', groupInstanceId)
  if (error !== null) return error
  removeMember(turn, members.get(holder!)!)
  return 'NONE'
}
