/** ConsumerGroupHeartbeat (68): joins, stays in and leaves a group of the consumer protocol (KIP-848). */
import type { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ConsumerGroupHeartbeat>
type Response = ResponseInputOf<typeof ConsumerGroupHeartbeat>

export function consumerGroupHeartbeat(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => {
    const error = refusal(parts, context, request)
    if (error !== null) return inOrder(refuse(error))
    return inOrder(parts.groups.consumerHeartbeat(request, callerOf(context)))
  }
}

/** A regular expression names no topics: those it matches are filtered, not refused. */
function refusal(
  { groups }: Pick<BrokerParts, 'groups'>,
  context: RequestContext,
  { groupId, subscribedTopicNames }: Request,
): ErrorName | null {
  if (!groups.speaksConsumerProtocol) return 'UNSUPPORTED_VERSION'
  if (!context.authorize('read', 'group', groupId)) return 'GROUP_AUTHORIZATION_FAILED'
  const mayDescribeAll = subscribedTopicNames?.every((name) => context.authorize('describe', 'topic', name)) ?? true
  return mayDescribeAll ? null : 'TOPIC_AUTHORIZATION_FAILED'
}
