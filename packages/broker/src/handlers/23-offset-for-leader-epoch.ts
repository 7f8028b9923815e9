/**
 * OffsetForLeaderEpoch (23): where an epoch ended, so that a client finds out whether its position was lost in a
 * change of leaders (KIP-320). Only the leader answers.
 */
import type { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import { findPartition } from './partition-errors.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof OffsetForLeaderEpoch>
type Response = ResponseInputOf<typeof OffsetForLeaderEpoch>
type Parts = Pick<BrokerParts, 'image' | 'partitions'>
type Asked = Request['topics'][number]['partitions'][number]

const NOTHING_KNOWN = { epoch: -1, endOffset: -1 }

export function offsetForLeaderEpoch(parts: Parts): Handler<Request, Response> {
  return (context, { topics }) =>
    answered({
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map((asked) => {
          const end = endOf(parts, context, topic, asked)
          const { epoch, endOffset } = typeof end === 'string' ? NOTHING_KNOWN : end
          const code = typeof end === 'string' ? errorCode(end) : 0
          return { errorCode: code, partition: asked.partition, leaderEpoch: epoch, endOffset }
        }),
      })),
    })
}

function endOf(
  parts: Parts,
  context: RequestContext,
  name: string,
  asked: Asked,
): { epoch: number; endOffset: number } | ErrorName {
  if (!context.authorize('describe', 'topic', name)) return 'TOPIC_AUTHORIZATION_FAILED'
  const topic = parts.image().topicsByName.get(name)
  if (topic === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const partition = findPartition(parts.partitions, topic, asked.partition)
  if (typeof partition === 'string') return partition
  const epochError = partition.checkLeaderEpoch(asked.currentLeaderEpoch)
  if (epochError) return epochError
  if (!partition.isLeader) return 'NOT_LEADER_OR_FOLLOWER'
  if (partition.isOffline) return 'KAFKA_STORAGE_ERROR'
  return partition.log.leaderEpochs.endOffsetFor(asked.leaderEpoch, partition.logEndOffset) ?? NOTHING_KNOWN
}
