/**
 * AlterPartitionReassignments: gives partitions other replicas, or takes that back (KIP-455, KIP-860). Answers once this
 * broker knows of it; the moving itself goes on for as long as it takes, see ListPartitionReassignments.
 */
import type { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof AlterPartitionReassignments>
type Response = ResponseInputOf<typeof AlterPartitionReassignments>

/** Before this version a request says nothing of the replication factor, and any goes. */
const FACTOR_CHANGE_SINCE = 1

export function alterPartitionReassignments(parts: Pick<BrokerParts, 'controller'>): Handler<Request, Response> {
  return (context, request) => inOrder(alter(parts, context, request))
}

async function alter(
  parts: Pick<BrokerParts, 'controller'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const { topics, allowReplicationFactorChange } = request
  const { apiVersion: version } = context
  const refused = ({ code, message }: ProtocolError): Response =>
    reassignmentsRefused(request, { code, message, version })
  if (!context.authorize('alter', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return refused(new ProtocolError('CLUSTER_AUTHORIZATION_FAILED'))
  }
  // As Kafka's controller, which looks at nothing then.
  if (topics.length === 0) return { errorCode: errorCode('NONE'), errorMessage: '', responses: [] }
  const wanted = topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: index, replicas }) => ({ topic, index, replicas })),
  )
  const command = { allowsFactorChange: allowReplicationFactorChange, partitions: wanted }
  const outcome = await parts.controller.alterReassignments(command)
  if (outcome instanceof ProtocolError) return refused(outcome)
  const answers = outcome.values()
  return {
    ...{ ...echoed(request, version), ...errorFields(null) },
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const { error } = answers.next().value!
        return {
          partitionIndex,
          errorCode: errorCode(error?.name ?? 'NONE'),
          errorMessage: error?.message ?? null,
        }
      }),
    })),
  }
}

/** The request as a whole cannot be, and so none of its partitions. */
export function reassignmentsRefused(
  request: Request,
  { code, message, version }: { readonly code: number; readonly message: string; readonly version: number },
): Response {
  const error = { errorCode: code, errorMessage: message }
  return {
    ...{ ...echoed(request, version), ...error },
    responses: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...error })),
    })),
  }
}

function echoed({ allowReplicationFactorChange }: Request, version: number) {
  return version >= FACTOR_CHANGE_SINCE ? { allowReplicationFactorChange } : {}
}
