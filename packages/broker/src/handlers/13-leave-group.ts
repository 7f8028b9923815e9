/** LeaveGroup (13): one member, or from version 3 on many, of which each has an error of its own. */
import type { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type Handler, inOrder } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof LeaveGroup>
type Response = ResponseInputOf<typeof LeaveGroup>

export function leaveGroup(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('read', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    return inOrder(parts.groups.leave(request, callerOf(context)))
  }
}
