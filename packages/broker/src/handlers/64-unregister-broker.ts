/**
 * UnregisterBroker: forgets a broker that does not come back. Beyond Kafka's checks, a broker that lives is refused (it
 * would come back at once), and so is the only one that has all of some partition.
 */
import type { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof UnregisterBroker>
type Response = ResponseInputOf<typeof UnregisterBroker>

export function unregisterBroker(parts: Pick<BrokerParts, 'controller'>): Handler<Request, Response> {
  return (context, request) => inOrder(unregister(parts, context, request))
}

async function unregister(
  parts: Pick<BrokerParts, 'controller'>,
  context: RequestContext,
  { brokerId }: Request,
): Promise<Response> {
  if (!context.authorize('alter', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return errorFields(new ProtocolError('CLUSTER_AUTHORIZATION_FAILED'))
  }
  return errorFields(await parts.controller.unregisterBroker(brokerId))
}
