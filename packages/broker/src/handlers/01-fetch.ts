/**
 * Fetch (1): reads whole batches, from the one that holds the offset asked for, for consumers. Replies at once when
 * there are `minBytes`, an error, or nothing to wait for, else parks until the high watermark of a partition moves or
 * `maxWaitMs` is over (fetch-operation.ts). Sessions: fetch-sessions.ts.
 *
 * The next request of the connection starts while a fetch is parked; Kafka would hold it back. Replies keep their
 * order all the same.
 *
 * A follower fetches as consumers do, but reads what is not committed yet, and its offset tells what it has synced.
 *
 * Differences from Kafka: batches are never cut, so no reply ends in a partial batch.
 */
import type { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import { FetchOperation, type FetchRequest } from './fetch-operation.ts'
import type { FetchPartition, FetchSessionRequest } from './fetch-sessions.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof Fetch>
export type FetchResponse = ResponseInputOf<typeof Fetch>

/** From this version on topics are named by id. */
const TOPIC_IDS_FROM = 13

/** From this version on consumers may read from followers, and be sent to one (KIP-392). */
const FOLLOWER_READS_FROM = 11
const MARK_MAX = BigInt(Number.MAX_SAFE_INTEGER)

export function fetch(
  parts: Pick<BrokerParts, 'image' | 'partitions' | 'fetchSessions' | 'replyBytes' | 'config' | 'timers' | 'clock'>,
): Handler<Request, FetchResponse> {
  return (context, request) => {
    const session = parts.fetchSessions.start(sessionRequest(context, request))
    if (session.kind === 'refused') {
      return answered({ errorCode: errorCode(session.error), sessionId: 0, responses: [] })
    }
    const operation = new FetchOperation(parts, {
      context,
      session,
      maxWaitMs: request.maxWaitMs,
      minBytes: request.minBytes,
      maxBytes: Math.min(request.maxBytes, parts.config().fetchBytesMax),
      readCommitted: request.isolationLevel === 1,
      follower: followerOf(request),
      mayReadFollowers: context.apiVersion >= FOLLOWER_READS_FROM,
      rack: request.rackId,
    })
    const reply = operation.run()
    return { ordered: operation.isShort ? reply : null, reply, release: operation.release }
  }
}

/** Null: a consumer. Below version 15 a follower does not tell its broker's epoch: any counts then. */
function followerOf({ replicaId, replicaState }: Request): FetchRequest['follower'] {
  if (replicaState.replicaId >= 0) return { replicaId: replicaState.replicaId, brokerEpoch: replicaState.replicaEpoch }
  return replicaId >= 0 ? { replicaId, brokerEpoch: -1 } : null
}

function sessionRequest(context: RequestContext, request: Request): FetchSessionRequest {
  const partitions: FetchPartition[] = []
  for (const topic of request.topics) {
    for (const asked of topic.partitions) {
      partitions.push({
        topicId: topic.topicId,
        topicName: topic.topic,
        partition: asked.partition,
        fetchOffset: asked.fetchOffset,
        maxBytes: asked.partitionMaxBytes,
        currentLeaderEpoch: asked.currentLeaderEpoch,
        lastFetchedEpoch: asked.lastFetchedEpoch,
        logStartOffset: asked.logStartOffset,
        // Long.MAX: from before version 18, or of a follower that does not want to be told (KIP-1166).
        knownHighWatermark: asked.highWatermark > MARK_MAX ? -1 : Number(asked.highWatermark),
      })
    }
  }
  return {
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    usesTopicIds: context.apiVersion >= TOPIC_IDS_FROM,
    partitions,
    forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
      partitions.map((partition) => ({ topicId: topicId ?? ZERO_UUID, topicName: topic, partition })),
    ),
  }
}
