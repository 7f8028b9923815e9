/** ListPartitionReassignments: which partitions get other replicas at the moment, as far as this broker knows (KIP-455). */
import type { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { isReassigned, type PartitionImage, type TopicImage } from '../metadata/image.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { errorFields } from './admin-replies.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ListPartitionReassignments>
type Response = ResponseInputOf<typeof ListPartitionReassignments>

export function listPartitionReassignments(parts: Pick<BrokerParts, 'image'>): Handler<Request, Response> {
  return (context, request) => answered(list(parts, context, request))
}

/** Topics and partitions that do not exist, or stay where they are, are left out. */
function list(parts: Pick<BrokerParts, 'image'>, context: RequestContext, { topics }: Request): Response {
  if (!context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return { ...errorFields(new ProtocolError('CLUSTER_AUTHORIZATION_FAILED')), topics: [] }
  }
  const { topicsByName } = parts.image()
  const asked = topics?.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.flatMap((index) => topicsByName.get(name)?.partitions[index] ?? []),
  }))
  const found = (asked ?? Array.from(topicsByName.values(), allOf)).map(({ name, partitions }) => ({
    name,
    partitions: partitions.filter(isReassigned).map(rowOf),
  }))
  return {
    ...{ errorCode: errorCode('NONE'), errorMessage: null },
    topics: found.filter(({ partitions }) => partitions.length > 0),
  }
}

function allOf({ name, partitions }: TopicImage): { name: string; partitions: readonly PartitionImage[] } {
  return { name, partitions }
}

function rowOf({ index, replicas, addingReplicas = [], removingReplicas = [] }: PartitionImage) {
  return { partitionIndex: index, replicas, addingReplicas, removingReplicas }
}
