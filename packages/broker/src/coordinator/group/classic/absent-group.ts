/** What the classic protocol's requests are answered when there is no group of their id; only a join may make one. */
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { answer, type Step, step, type Ticket } from '../../machine.ts'
import type { Caller, GroupWorld } from '../world.ts'
import { ClassicGroup } from './classic-group.ts'
import type { DescribedGroup } from './describe.ts'
import { type JoinEvent, joinRequestError } from './join.ts'
import { type LeaveReply, type LeaveRequest, leaveReply } from './leave.ts'
import { joinRefusal, syncRefusal } from './replies.ts'
import { type SyncEvent, syncRequestError } from './sync.ts'

/** The group is to be kept from now on; should its first record be refused, it is Dead after `refused`. */
export interface JoinedAbsentGroup {
  readonly group: ClassicGroup | null
  readonly step: Step
}

export function joinAbsentGroup(world: GroupWorld, event: JoinEvent, nowMs: number): JoinedAbsentGroup {
  const { request, caller, ticket } = event
  const error = joinRequestError(request, world.settings(request.groupId)) ?? unknownUnlessNew(request.memberId)
  if (error !== null) {
    const reply = joinRefusal(caller.apiVersion, error, request.memberId)
    return { group: null, step: step({ answers: [answer(ticket, reply)] }) }
  }
  const group = ClassicGroup.created(request.groupId, world)
  return { group, step: group.join(request, caller, ticket, nowMs) }
}

export function syncAbsentGroup({ request, caller, ticket }: SyncEvent): Step {
  const error = syncRequestError(request, caller) ?? 'UNKNOWN_MEMBER_ID'
  return step({ answers: [answer(ticket, syncRefusal(error))] })
}

export function heartbeatAbsentGroup(ticket: Ticket<ResponseInputOf<typeof Heartbeat>>): Step {
  return step({ answers: [answer(ticket, { errorCode: errorCode('UNKNOWN_MEMBER_ID') })] })
}

export function leaveAbsentGroup(event: { request: LeaveRequest; caller: Caller; ticket: Ticket<LeaveReply> }): Step {
  const reply = leaveReply(event.request, event.caller, () => 'UNKNOWN_MEMBER_ID')
  return step({ answers: [answer(event.ticket, reply)] })
}

const DESCRIBE_VERSION_WITH_NOT_FOUND = 6

/** Also of a group of another kind. */
export function describeAbsentGroup(groupId: string, apiVersion: number): DescribedGroup {
  const dead = { groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
  if (apiVersion < DESCRIBE_VERSION_WITH_NOT_FOUND) return { ...dead, errorCode: errorCode('NONE') }
  return { ...dead, errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: `Group ${groupId} not found.` }
}

function unknownUnlessNew(memberId: string) {
  return memberId === '' ? null : 'UNKNOWN_MEMBER_ID'
}
