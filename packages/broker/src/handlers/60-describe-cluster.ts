/** DescribeCluster: the cluster's id and its brokers on the client's listener. The controller id is this broker's. */
import type { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { endpointOf } from '../metadata/image.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { authorizedOperations, errorFields, OPERATIONS_NOT_ASKED } from './admin-replies.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DescribeCluster>
type Response = ResponseInputOf<typeof DescribeCluster>

const ENDPOINT_BROKERS = 1
const ENDPOINT_CONTROLLERS = 2

export function describeCluster(parts: Pick<BrokerParts, 'brokerId' | 'image'>): Handler<Request, Response> {
  return (context, request) => {
    const problem = endpointProblem(request.endpointType)
    if (problem !== null) return answered({ ...errorFields(problem), clusterId: '', brokers: [] })
    const { clusterId, brokers } = parts.image()
    const shown = [...brokers.values()]
      .filter((broker) => !broker.fenced || request.includeFencedBrokers)
      .sort((a, b) => a.id - b.id)
    return answered({
      ...{ ...errorFields(null), clusterId, controllerId: parts.brokerId },
      brokers: shown.flatMap((broker) => {
        const endpoint = endpointOf(broker, context.listener)
        if (endpoint === undefined) return []
        const { host, port } = endpoint
        return [{ brokerId: broker.id, host, port, rack: broker.rack, isFenced: broker.fenced }]
      }),
      clusterAuthorizedOperations: clusterOperations(context, request),
    })
  }
}

function endpointProblem(endpointType: number): ProtocolError | null {
  if (endpointType === ENDPOINT_BROKERS) return null
  if (endpointType !== ENDPOINT_CONTROLLERS) return new ProtocolError('UNSUPPORTED_ENDPOINT_TYPE')
  return new ProtocolError(
    'MISMATCHED_ENDPOINT_TYPE',
    'The request was sent to an endpoint of brokers, not of controllers.',
  )
}

function clusterOperations(context: RequestContext, request: Request): number {
  if (!request.includeClusterAuthorizedOperations) return OPERATIONS_NOT_ASKED
  if (!context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)) return 0
  return authorizedOperations(context, 'cluster', CLUSTER_RESOURCE_NAME)
}
