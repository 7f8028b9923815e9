/** SyncGroup (14): hands in the leader's assignment, and answers each member with its own once the leader has. */
import type { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { syncRequestError } from '../coordinator/group/classic/sync.ts'
import { type Handler, inOrder } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof SyncGroup>
type Response = ResponseInputOf<typeof SyncGroup>

export function syncGroup(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => {
    const caller = callerOf(context)
    const error = syncRequestError(request, caller)
    if (error !== null) return inOrder(refuse(error))
    if (!context.authorize('read', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    return inOrder(parts.groups.sync(request, caller))
  }
}
