/**
 * DeleteRecords (21): raises the log start offset of partitions; what is below is gone for every reader once the reply
 * is there, and after any crash. Segments that lie wholly below are removed from the disk.
 */
import type { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { findPartition } from './partition-errors.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DeleteRecords>
type Response = ResponseInputOf<typeof DeleteRecords>
type Parts = Pick<BrokerParts, 'image' | 'partitions'>

export function deleteRecords(parts: Parts): Handler<Request, Response> {
  return (context, request) => inOrder(deleteAll(parts, context, request))
}

async function deleteAll(parts: Parts, context: RequestContext, { topics }: Request): Promise<Response> {
  const answers = topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(
      partitions.map(async ({ partitionIndex, offset }) => {
        const outcome = await deleteOne(parts, context, { name, partitionIndex, offset })
        return typeof outcome === 'number'
          ? { partitionIndex, lowWatermark: outcome, errorCode: 0 }
          : { partitionIndex, lowWatermark: -1, errorCode: errorCode(outcome) }
      }),
    ),
  }))
  return { topics: await Promise.all(answers) }
}

/** The partition's new start, or why it is the old one. */
async function deleteOne(
  parts: Parts,
  context: RequestContext,
  asked: { name: string; partitionIndex: number; offset: number },
): Promise<number | ErrorName> {
  if (!context.authorize('delete', 'topic', asked.name)) return 'TOPIC_AUTHORIZATION_FAILED'
  const topic = parts.image().topicsByName.get(asked.name)
  if (topic === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const partition = findPartition(parts.partitions, topic, asked.partitionIndex)
  if (typeof partition === 'string') return partition
  if (topic.internal) return 'INVALID_TOPIC_EXCEPTION'
  if (!partition.isLeader) return 'NOT_LEADER_OR_FOLLOWER'
  if (!partition.rules.deletable) return 'POLICY_VIOLATION'
  try {
    return await parts.partitions.deleteRecords(partition, asked.offset)
  } catch (error) {
    if (error instanceof ProtocolError) return error.error
    throw error
  }
}
