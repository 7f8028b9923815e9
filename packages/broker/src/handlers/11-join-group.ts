/**
 * JoinGroup (11): enters a classic group and takes part in a rebalance. Answered when the group's members have joined,
 * which may take minutes; what the connection sends meanwhile waits, as with Kafka.
 */
import type { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type Handler, inOrder } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof JoinGroup>
type Response = ResponseInputOf<typeof JoinGroup>

export function joinGroup(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('read', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    return inOrder(parts.groups.join(request, callerOf(context)))
  }
}
