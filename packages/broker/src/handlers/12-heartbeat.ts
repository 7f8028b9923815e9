/**
 * Heartbeat (12): keeps a member of a classic group, and tells it of a rebalance. While the group is being loaded all is
 * well: a member that were told otherwise would join again for nothing.
 */
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { type Handler, inOrder } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof Heartbeat>
type Response = ResponseInputOf<typeof Heartbeat>

export function heartbeat(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('read', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    return inOrder(parts.groups.heartbeat(request, callerOf(context)).catch(wellWhileLoading))
  }
}

function wellWhileLoading(error: unknown): Response {
  if (error instanceof ProtocolError && error.error === 'COORDINATOR_LOAD_IN_PROGRESS') {
    return { errorCode: errorCode('NONE') }
  }
  throw error
}
