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
  { topics, allowReplicationFactorChange }: Request,
): Promise<Response> {
  const echo = context.apiVersion >= FACTOR_CHANGE_SINCE ? { allowReplicationFactorChange } : {}
  const refused = (error: ProtocolError): Response => ({ ...echo, ...errorFields(error), responses: [] })
  if (!context.authorize('alter', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return refused(new ProtocolError('CLUSTER_AUTHORIZATION_FAILED'))
  }
  const wanted = topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: index, replicas }) => ({ topic, index, replicas })),
  )
  const command = { allowsFactorChange: allowReplicationFactorChange, partitions: wanted }
  const outcome = await parts.controller.alterReassignments(command)
  if (outcome instanceof ProtocolError) return refused(outcome)
  const answers = outcome.values()
  return {
    ...{ ...echo, errorCode: errorCode('NONE'), errorMessage: null },
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
