/**
 * FindCoordinator (10): advertised because librdkafka reads from it whether a broker takes lz4; there are no
 * coordinators yet, so every well-formed question is answered COORDINATOR_NOT_AVAILABLE, which clients retry.
 */
import type { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, errorMessage } from '@ottla/protocol/errors.ts'
import { answered, type Handler, type RequestContext } from './context.ts'

type Request = RequestOf<typeof FindCoordinator>
type Response = ResponseInputOf<typeof FindCoordinator>

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
/** From these versions on: many keys in one request; share groups. */
const BATCHES_FROM = 4
const SHARE_FROM = 6
/** `group:topicUuid:partition` */
const SHARE_KEY = /^.+:[A-Za-z0-9_-]{22}:\d+$/
const NOWHERE = { nodeId: -1, host: '', port: -1 }

export function findCoordinator(): Handler<Request, Response> {
  return (context, request) => {
    if (context.apiVersion < BATCHES_FROM) {
      const error = errorOf(context, request.keyType, request.key)
      return answered({ errorCode: errorCode(error), errorMessage: errorMessage(error), ...NOWHERE })
    }
    const coordinators = request.coordinatorKeys.map((key) => {
      const error = errorOf(context, request.keyType, key)
      return { key, ...NOWHERE, errorCode: errorCode(error), errorMessage: errorMessage(error) }
    })
    return answered({ coordinators })
  }
}

function errorOf(context: RequestContext, keyType: number, key: string): ErrorName {
  switch (keyType) {
    case GROUP:
      return context.authorize('describe', 'group', key) ? 'COORDINATOR_NOT_AVAILABLE' : 'GROUP_AUTHORIZATION_FAILED'
    case TRANSACTION:
      return context.authorize('describe', 'transactionalId', key)
        ? 'COORDINATOR_NOT_AVAILABLE'
        : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    case SHARE:
      if (context.apiVersion < SHARE_FROM || !SHARE_KEY.test(key)) return 'INVALID_REQUEST'
      return context.authorize('clusterAction', 'cluster', 'kafka-cluster')
        ? 'COORDINATOR_NOT_AVAILABLE'
        : 'CLUSTER_AUTHORIZATION_FAILED'
    default:
      return 'INVALID_REQUEST'
  }
}
