/**
 * InitProducerId (22): gives an idempotent producer its id, with epoch 0. A transactional one is answered
 * COORDINATOR_NOT_AVAILABLE, which clients retry: there is no transaction coordinator yet.
 */
import type { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof InitProducerId>
type Response = ResponseInputOf<typeof InitProducerId>

export function initProducerId(parts: Pick<BrokerParts, 'producerIds' | 'image'>): Handler<Request, Response> {
  return (context, request) => inOrder(answer(parts, context, request))
}

async function answer(
  parts: Pick<BrokerParts, 'producerIds' | 'image'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const refusal = check(parts, context, request)
  if (refusal) return refused(refusal)
  try {
    return { errorCode: 0, producerId: await parts.producerIds.next(), producerEpoch: 0 }
  } catch (error) {
    if (error instanceof ProtocolError) return refused(error.error)
    throw error
  }
}

function check(
  parts: Pick<BrokerParts, 'image'>,
  context: RequestContext,
  { transactionalId, producerId, producerEpoch }: Request,
): ErrorName | null {
  if (
    transactionalId !== null &&
    transactionalId !== '' &&
    !context.authorize('write', 'transactionalId', transactionalId)
  ) {
    return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  }
  if (transactionalId === null && !mayWriteSomewhere(parts, context)) return 'CLUSTER_AUTHORIZATION_FAILED'
  if (transactionalId === '') return 'INVALID_REQUEST'
  if ((producerId === -1) !== (producerEpoch === -1)) return 'INVALID_REQUEST'
  return transactionalId === null ? null : 'COORDINATOR_NOT_AVAILABLE'
}

/** IdempotentWrite on the cluster, or Write on any topic. */
function mayWriteSomewhere(parts: Pick<BrokerParts, 'image'>, context: RequestContext): boolean {
  if (context.authorize('idempotentWrite', 'cluster', CLUSTER_RESOURCE_NAME)) return true
  for (const name of parts.image().topicsByName.keys()) if (context.authorize('write', 'topic', name)) return true
  return false
}

function refused(error: ErrorName): Response {
  return { errorCode: errorCode(error), producerId: -1, producerEpoch: -1 }
}
