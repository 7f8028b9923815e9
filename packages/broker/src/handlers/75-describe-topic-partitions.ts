/**
 * DescribeTopicPartitions: topics in the order of their names, cut after a number of partitions, with a cursor from where
 * the next request goes on. A partition without a leader is told with leader -1 and no error.
 */
import type { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { isInternalTopic, type MetadataImage, NO_LEADER, ZERO_UUID } from '../metadata/image.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import type { Partitions } from '../partition/partitions.ts'
import { authorizedOperations } from './admin-replies.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'
import { leaderState, offlineReplicas, type SeenPartition, seenHere } from './topic-partitions.ts'

type Request = RequestOf<typeof DescribeTopicPartitions>
type Response = ResponseInputOf<typeof DescribeTopicPartitions>
type TopicReply = NonNullable<Response['topics']>[number]
type Cursor = NonNullable<Request['cursor']>

type Parts = Pick<BrokerParts, 'brokerId' | 'config' | 'image'> & {
  readonly partitions: Pick<Partitions, 'find' | 'isOffline'>
}

export function describeTopicPartitions(parts: Parts): Handler<Request, Response> {
  return (context, request) => {
    const image = parts.image()
    const names = wantedNames(image, request)
    if (isInvalid(request, names)) {
      return answered({ topics: request.topics.map(({ name }) => failed('INVALID_REQUEST', name)), nextCursor: null })
    }
    const visible = names.filter((name) => context.authorize('describe', 'topic', name))
    const hidden = request.topics.length === 0 ? [] : names.filter((name) => !visible.includes(name))
    const limit = Math.max(1, Math.min(request.responsePartitionLimit, parts.config().describedPartitionsMax))
    const { topics, nextCursor } = page(parts, context, { names: visible, cursor: request.cursor, limit })
    return answered({
      topics: [...topics, ...hidden.map((name) => failed('TOPIC_AUTHORIZATION_FAILED', name))],
      nextCursor,
    })
  }
}

/** Sorted, each once, from the cursor's topic on. */
function wantedNames(image: MetadataImage, request: Request): string[] {
  const asked = request.topics.map(({ name }) => name)
  const names = asked.length === 0 ? [...image.topicsByName.keys()] : [...new Set(asked)]
  const from = request.cursor?.topicName ?? ''
  return names.filter((name) => name >= from).sort()
}

function isInvalid({ cursor, topics }: Request, names: readonly string[]): boolean {
  if (cursor === null) return false
  // Of all topics, the one of the cursor may have been deleted since the last page.
  const isElsewhere = topics.length > 0 && !names.includes(cursor.topicName)
  return isElsewhere || cursor.partitionIndex < 0
}

function page(
  parts: Parts,
  context: RequestContext,
  { names, cursor, limit }: { names: readonly string[]; cursor: Cursor | null; limit: number },
): { topics: TopicReply[]; nextCursor: Cursor | null } {
  const topics: TopicReply[] = []
  let left = limit
  for (const topicName of names) {
    const from = cursor?.topicName === topicName ? cursor.partitionIndex : 0
    if (left === 0) return { topics, nextCursor: { topicName, partitionIndex: from } }
    const count = parts.image().topicsByName.get(topicName)?.partitions.length ?? 0
    const to = Math.min(count, from + left)
    topics.push(describe(parts, context, { name: topicName, from, to }))
    if (to < count) return { topics, nextCursor: { topicName, partitionIndex: to } }
    left -= Math.max(0, to - from)
  }
  return { topics, nextCursor: null }
}

function describe(
  parts: Parts,
  context: RequestContext,
  { name, from, to }: { name: string; from: number; to: number },
): TopicReply {
  const topic = parts.image().topicsByName.get(name)
  if (topic === undefined) {
    const error = topicNameProblem(name) === null ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
    const topicAuthorizedOperations = authorizedOperations(context, 'topic', name)
    // A name alone tells whether a topic will be internal; Kafka says so of topics to come.
    return { ...failed(error, name), isInternal: isInternalTopic(name), topicAuthorizedOperations }
  }
  return {
    ...{ errorCode: errorCode('NONE'), name, topicId: topic.id, isInternal: topic.internal },
    partitions: topic.partitions
      .slice(from, to)
      .map((partition) => describePartition(parts.image(), context, seenHere(parts, topic.id, partition))),
    topicAuthorizedOperations: authorizedOperations(context, 'topic', name),
  }
}

function describePartition(
  image: MetadataImage,
  { listener }: RequestContext,
  partition: SeenPartition,
): TopicReply['partitions'][number] {
  return {
    errorCode: errorCode('NONE'),
    partitionIndex: partition.index,
    leaderId: leaderState(image, partition, listener) === 'reachable' ? partition.leader : NO_LEADER,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: offlineReplicas(image, partition, listener),
  }
}

function failed(error: ErrorName, name: string): TopicReply {
  return { errorCode: errorCode(error), name, topicId: ZERO_UUID, partitions: [] }
}
