/**
 * Metadata: brokers, topics, partitions and their leaders, by name, by id, or all.
 *
 * A topic that is missing is created where the client, the broker's settings and the permissions allow it. Kafka answers
 * UNKNOWN_TOPIC_OR_PARTITION meanwhile and lets the client retry; here the reply waits the few milliseconds until the
 * topic is there and tells it at once, which every client takes as the answer to its second try. Where creation fails,
 * the answer is Kafka's: UNKNOWN_TOPIC_OR_PARTITION, or INVALID_TOPIC_EXCEPTION for a name that is not legal.
 * The controller id is this broker's: every broker takes admin requests.
 */

import type { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import {
  aliveBrokers,
  endpointOf,
  isInternalTopic,
  type MetadataImage,
  NO_LEADER,
  type TopicImage,
  ZERO_UUID,
} from '../metadata/image.ts'
import { automaticTopic } from '../metadata/internal-topics.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import type { Partitions } from '../partition/partitions.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from './admin-replies.ts'
import { answered, type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'
import { isOnline, leaderState, offlineReplicas, type SeenPartition, seenHere } from './topic-partitions.ts'

type Request = RequestOf<typeof Metadata>
type Response = ResponseInputOf<typeof Metadata>
type TopicReply = NonNullable<Response['topics']>[number]
type PartitionReply = NonNullable<TopicReply['partitions']>[number]

/** Replies may name topics by null and requests by id from here on. */
const IDS_SINCE = 12

type Parts = Pick<BrokerParts, 'brokerId' | 'config' | 'image' | 'controller'> & {
  readonly partitions: Pick<Partitions, 'find' | 'isOffline'>
}

export function metadata(parts: Parts): Handler<Request, Response> {
  return (context, request) => {
    const reply = (topics: TopicReply[]) => respond(parts, context, { request, topics })
    const wanted = request.topics
    if (wanted === null || (context.apiVersion === 0 && wanted.length === 0))
      return answered(reply(all(parts, context, request)))
    if (context.apiVersion < IDS_SINCE && wanted.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)) {
      throw new ProtocolError('INVALID_REQUEST', `Topics have names and no ids before version ${IDS_SINCE}`)
    }
    const ids = wanted.map(({ topicId }) => topicId).filter((id) => id !== ZERO_UUID)
    if (ids.length > 0) return answered(reply([...new Set(ids)].map((id) => byId(parts, context, { request, id }))))
    const names = [...new Set(wanted.map(({ name }) => name ?? ''))]
    const named = () => reply(names.map((name) => byName(parts, context, { request, name })))
    const missing = names.filter((name) => isCreatable(parts, context, { request, name }))
    if (missing.length === 0) return answered(named())
    return inOrder(createMissing(parts, missing).then(named))
  }
}

interface Asked {
  readonly request: Request
}

function all(parts: Parts, context: RequestContext, request: Request): TopicReply[] {
  const visible = [...parts.image().topicsByName.values()].filter(({ name }) =>
    context.authorize('describe', 'topic', name),
  )
  return visible.map((topic) => describe(parts, context, { request, topic }))
}

function byId(parts: Parts, context: RequestContext, asked: Asked & { id: string }): TopicReply {
  const topic = parts.image().topicsById.get(asked.id)
  if (topic === undefined) return failed('UNKNOWN_TOPIC_ID', { name: null, topicId: asked.id })
  if (!context.authorize('describe', 'topic', topic.name)) {
    return failed('TOPIC_AUTHORIZATION_FAILED', { name: null, topicId: asked.id })
  }
  return describe(parts, context, { request: asked.request, topic })
}

function byName(parts: Parts, context: RequestContext, asked: Asked & { name: string }): TopicReply {
  const { request, name } = asked
  if (!context.authorize('describe', 'topic', name)) return failed('TOPIC_AUTHORIZATION_FAILED', { name })
  const topic = parts.image().topicsByName.get(name)
  if (topic !== undefined) return describe(parts, context, { request, topic })
  const operations = topicOperations(context, request, name)
  if (topicNameProblem(name) !== null) return { ...failed('INVALID_TOPIC_EXCEPTION', { name }), ...operations }
  const isRefused = mayCreate(parts, request) && !isAllowedToCreate(context, name)
  if (isRefused) return failed('TOPIC_AUTHORIZATION_FAILED', { name })
  // A name alone tells whether a topic will be internal; Kafka says so of topics to come.
  return { ...failed('UNKNOWN_TOPIC_OR_PARTITION', { name }), isInternal: isInternalTopic(name), ...operations }
}

function mayCreate(parts: Pick<BrokerParts, 'config'>, request: Request): boolean {
  return request.allowAutoTopicCreation && parts.config().autoCreateTopics
}

function isAllowedToCreate(context: RequestContext, name: string): boolean {
  return context.authorize('create', 'cluster', CLUSTER_RESOURCE_NAME) || context.authorize('create', 'topic', name)
}

function isCreatable(
  parts: Pick<BrokerParts, 'image' | 'config'>,
  context: RequestContext,
  { request, name }: Asked & { name: string },
): boolean {
  if (parts.image().topicsByName.has(name) || !mayCreate(parts, request)) return false
  if (topicNameProblem(name) !== null || !context.authorize('describe', 'topic', name)) return false
  return isAllowedToCreate(context, name)
}

/** Whatever fails shows as a topic that is still missing; a topic that another client made meanwhile is there. */
async function createMissing(
  parts: Pick<BrokerParts, 'config' | 'controller' | 'image'>,
  names: readonly string[],
): Promise<void> {
  const brokerCount = parts.image().brokers.size
  const commands = names.map((name) => automaticTopic(name, parts.config(), brokerCount))
  await parts.controller.createTopics(commands, { validateOnly: false })
}

function failed(error: ErrorName, topic: { name: string | null; topicId?: string }): TopicReply {
  return { errorCode: errorCode(error), ...topic, partitions: [], topicAuthorizedOperations: OPERATIONS_NOT_ASKED }
}

function describe(
  parts: Parts,
  context: RequestContext,
  { request, topic }: Asked & { topic: TopicImage },
): TopicReply {
  return {
    errorCode: errorCode('NONE'),
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map((partition) =>
      describePartition(parts.image(), context, seenHere(parts, topic.id, partition)),
    ),
    ...topicOperations(context, request, topic.name),
  }
}

function topicOperations(context: RequestContext, request: Request, name: string) {
  const isAsked = request.includeTopicAuthorizedOperations
  return { topicAuthorizedOperations: isAsked ? authorizedOperations(context, 'topic', name) : OPERATIONS_NOT_ASKED }
}

function describePartition(image: MetadataImage, context: RequestContext, partition: SeenPartition): PartitionReply {
  const { listener, apiVersion } = context
  // The first clients could not connect to a broker that they were not told of, so version 0 hides dead replicas.
  const shown = (ids: readonly number[]) => (apiVersion === 0 ? ids.filter((id) => isOnline(image, id, listener)) : ids)
  const error = partitionError(image, context, partition)
  return {
    errorCode: errorCode(error),
    partitionIndex: partition.index,
    leaderId: error === 'NONE' || error === 'REPLICA_NOT_AVAILABLE' ? partition.leader : NO_LEADER,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: shown(partition.replicas),
    isrNodes: shown(partition.isr),
    offlineReplicas: offlineReplicas(image, partition, listener),
  }
}

function partitionError(image: MetadataImage, context: RequestContext, partition: SeenPartition): ErrorName {
  const { listener, apiVersion } = context
  const state = leaderState(image, partition, listener)
  if (state === 'not on this listener') return apiVersion >= 6 ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE'
  if (state === 'unavailable') return 'LEADER_NOT_AVAILABLE'
  const hidesReplicas = apiVersion === 0 && offlineReplicas(image, partition, listener).length > 0
  return hidesReplicas ? 'REPLICA_NOT_AVAILABLE' : 'NONE'
}

function respond(
  parts: Pick<BrokerParts, 'brokerId' | 'image'>,
  context: RequestContext,
  { request, topics }: Asked & { topics: TopicReply[] },
): Response {
  const image = parts.image()
  const brokers = aliveBrokers(image).flatMap((broker) => {
    const endpoint = endpointOf(broker, context.listener)
    return endpoint === undefined
      ? []
      : [{ nodeId: broker.id, host: endpoint.host, port: endpoint.port, rack: broker.rack }]
  })
  return {
    brokers,
    clusterId: image.clusterId,
    controllerId: parts.brokerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(context)
      : OPERATIONS_NOT_ASKED,
  }
}

function clusterOperations(context: RequestContext): number {
  if (!context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)) return 0
  return authorizedOperations(context, 'cluster', CLUSTER_RESOURCE_NAME)
}
