/**
 * ElectLeaders: gives partitions their preferred leader back, or a leader at any price (unclean), KIP-183 and KIP-460.
 * Answers once this broker knows the new leaders. Version 0 knows preferred elections only.
 */
import type { ElectLeaders } from '@ottla/protocol/apis/43-elect-leaders.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, errorMessage, errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ElectedPartition } from '../metadata/controller-client.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ElectLeaders>
type Response = ResponseInputOf<typeof ElectLeaders>

const ELECTIONS = ['preferred', 'unclean'] as const

export function electLeaders(parts: Pick<BrokerParts, 'controller' | 'image'>): Handler<Request, Response> {
  return (context, request) => inOrder(elect(parts, context, request))
}

async function elect(
  parts: Pick<BrokerParts, 'controller' | 'image'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const { electionType, topicPartitions } = request
  const { apiVersion: version } = context
  const refused = (error: ErrorName): Response => electionsRefused(request, { code: errorCode(error), version })
  if (!context.authorize('alter', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return refused('CLUSTER_AUTHORIZATION_FAILED')
  }
  // Even of an election that there is not.
  if (topicPartitions?.length === 0) return electionsRefused(request, { code: errorCode('NONE'), version })
  const election = ELECTIONS[electionType]
  if (election === undefined) return refused('INVALID_REQUEST')
  const partitions = topicPartitions?.flatMap(({ topic, partitions }) => partitions.map((index) => ({ topic, index })))
  const outcome = await parts.controller.electLeaders({ election, partitions: partitions ?? null })
  if (outcome instanceof ProtocolError) return refused(outcome.error)
  // Kafka tells of each topic, also of one that has nothing to tell.
  const topics = topicPartitions?.map(({ topic }) => topic) ?? [...parts.image().topicsByName.keys()]
  const results = Map.groupBy(outcome, ({ topic }) => topic)
  return {
    ...(version === 0 ? {} : { errorCode: errorCode('NONE') }),
    replicaElectionResults: [...new Set(topics)].map((topic) => ({
      topic,
      partitionResult: (results.get(topic) ?? []).map(resultOf),
    })),
  }
}

function resultOf({ index, error }: ElectedPartition) {
  return {
    partitionId: index,
    errorCode: errorCode(error ?? 'NONE'),
    errorMessage: error === null ? null : errorMessage(error),
  }
}

/** The request as a whole cannot be: version 0 can say so of each partition only. */
export function electionsRefused(
  { topicPartitions }: Request,
  { code, version }: { code: number; version: number },
): Response {
  return {
    ...(version === 0 ? {} : { errorCode: code }),
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        errorCode: code,
        errorMessage: errorMessage(errorName(code)),
      })),
    })),
  }
}
