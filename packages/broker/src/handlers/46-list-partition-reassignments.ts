/**
 * ListPartitionReassignments: the moves that are under way, as the controller knows them; partitions that are not moving
 * or not there are left out, as are topics without any that is (KIP-455).
 */
import type { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ListPartitionReassignments>
type Response = ResponseInputOf<typeof ListPartitionReassignments>

export function listPartitionReassignments(parts: Pick<BrokerParts, 'controller'>): Handler<Request, Response> {
  return (context, request) => inOrder(list(parts, context, request))
}

async function list(
  { controller }: Pick<BrokerParts, 'controller'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  if (!context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return listRefused(request, new ProtocolError('CLUSTER_AUTHORIZATION_FAILED'))
  }
  const asked = request.topics?.flatMap(({ name: topic, partitionIndexes }) =>
    partitionIndexes.map((index) => ({ topic, index })),
  )
  const outcome = await controller.listReassignments(asked ?? null)
  if (outcome instanceof ProtocolError) return listRefused(request, outcome)
  const byTopic = Map.groupBy(outcome, ({ topic }) => topic)
  return {
    ...errorFields(null),
    topics: [...byTopic].map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ index, replicas, adding, removing }) => ({
        partitionIndex: index,
        replicas,
        addingReplicas: adding,
        removingReplicas: removing,
      })),
    })),
  }
}

/** Kafka names the partitions that were asked for, as if nothing held them. */
export function listRefused(
  { topics }: Request,
  { code, message }: { readonly code: number; readonly message: string },
): Response {
  const nobody = { replicas: [], addingReplicas: [], removingReplicas: [] }
  return {
    ...{ errorCode: code, errorMessage: message },
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...nobody })),
    })),
  }
}
