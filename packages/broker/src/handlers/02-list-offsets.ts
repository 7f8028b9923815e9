/**
 * ListOffsets (2): offsets by time. Special timestamps: −1 latest, −2 earliest, −3 the record with the largest
 * timestamp (version 7), −4 the earliest on local disks (8), −5 the last that was tiered (9), −6 the earliest that waits
 * for upload (11). There is no tiered storage: −4 is the earliest, −5 and −6 find nothing, as in Kafka without it.
 *
 * A leader just elected does not know yet how much is committed: until its high watermark has reached the start of its
 * epoch the end, and what lies beyond, is OFFSET_NOT_AVAILABLE (KIP-207), lest a consumer sees the log's end go back.
 *
 * A look-up by time reads the log; those of one request run one after the other.
 */
import type { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import type { Partition } from '../partition/partition.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { findPartition, readError } from './partition-errors.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ListOffsets>
type Response = ResponseInputOf<typeof ListOffsets>
type Parts = Pick<BrokerParts, 'image' | 'partitions'>
type Asked = Request['topics'][number]['partitions'][number]
type Answer = Response['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** The first version that knows each special timestamp. */
const KNOWN_FROM: ReadonlyMap<number, number> = new Map([
  [LATEST, 0],
  [EARLIEST, 0],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])
/** What nothing is ever found by, in a broker without tiered storage. */
const FOUND_NOWHERE: ReadonlySet<number> = new Set([LATEST_TIERED, EARLIEST_PENDING_UPLOAD])
const LEADER_EPOCH_FROM = 4
const NOT_AVAILABLE_FROM = 5
/** A tool that asks any replica, leader or not. */
const DEBUG_REPLICA = -2
const CONSUMER = -1

interface Found {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

const NOT_FOUND: Found = { offset: -1, timestamp: -1, leaderEpoch: -1 }

export function listOffsets(parts: Parts): Handler<Request, Response> {
  return (context, request) => inOrder(listAll(parts, context, request))
}

async function listAll(parts: Parts, context: RequestContext, request: Request): Promise<Response> {
  const topics: Response['topics'][number][] = []
  const twice = askedTwice(request)
  for (const { name, partitions } of request.topics) {
    const answers: Answer[] = []
    for (const asked of partitions) {
      const found = await listOne(parts, context, { name, asked, request, isTwice: twice.has(keyOf(name, asked)) })
      answers.push(answerOf(asked, found, context.apiVersion))
    }
    topics.push({ name, partitions: answers })
  }
  return { topics }
}

/** Partitions that the request names more than once, be it under one entry of their topic or under several. */
function askedTwice({ topics }: Request): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { name, partitions } of topics) {
    for (const asked of partitions) {
      const key = keyOf(name, asked)
      if (seen.has(key)) twice.add(key)
      seen.add(key)
    }
  }
  return twice
}

function keyOf(name: string, { partitionIndex }: Asked): string {
  return `${partitionIndex} ${name}`
}

function answerOf({ partitionIndex }: Asked, found: Found | ErrorName, apiVersion: number): Answer {
  if (typeof found === 'string') return { partitionIndex, errorCode: errorCode(found) }
  const { offset, timestamp, leaderEpoch } = found
  if (apiVersion < LEADER_EPOCH_FROM) return { partitionIndex, errorCode: 0, offset, timestamp }
  return { partitionIndex, errorCode: 0, offset, timestamp, leaderEpoch }
}

async function listOne(
  parts: Parts,
  context: RequestContext,
  { name, asked, request, isTwice }: { name: string; asked: Asked; request: Request; isTwice: boolean },
): Promise<Found | ErrorName> {
  if (!context.authorize('describe', 'topic', name)) return 'TOPIC_AUTHORIZATION_FAILED'
  if (isTwice) return 'INVALID_REQUEST'
  const { timestamp } = asked
  if (timestamp < 0 && context.apiVersion < (KNOWN_FROM.get(timestamp) ?? Infinity)) return 'UNSUPPORTED_VERSION'
  const topic = parts.image().topicsByName.get(name)
  if (topic === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const partition = findPartition(parts.partitions, topic, asked.partitionIndex)
  if (typeof partition === 'string') return partition
  const epochError = partition.checkLeaderEpoch(asked.currentLeaderEpoch)
  if (epochError) return epochError
  if (!partition.isLeader && request.replicaId !== DEBUG_REPLICA) return 'NOT_LEADER_OR_FOLLOWER'
  if (partition.isOffline) return 'KAFKA_STORAGE_ERROR'
  const bound = boundOf(partition, request)
  const isLagging = request.replicaId === CONSUMER && partition.lagsBehindElection
  try {
    const found = isLagging && timestamp === LATEST ? NOT_FOUND : await find(partition, timestamp, bound)
    if (found !== NOT_FOUND || !isLagging || FOUND_NOWHERE.has(timestamp)) return found
    return context.apiVersion >= NOT_AVAILABLE_FROM ? 'OFFSET_NOT_AVAILABLE' : 'LEADER_NOT_AVAILABLE'
  } catch (error) {
    return readError(partition, error)
  }
}

/** What the asker may see: consumers what is committed, replicas everything. */
function boundOf(partition: Partition, { replicaId, isolationLevel }: Request): number {
  if (replicaId !== CONSUMER) return partition.logEndOffset
  return isolationLevel === 1 ? partition.lastStableOffset : partition.highWatermark
}

async function find(partition: Partition, timestamp: number, bound: number): Promise<Found> {
  const { log } = partition
  switch (timestamp) {
    case LATEST:
      return { offset: bound, timestamp: -1, leaderEpoch: partition.leaderEpoch }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: log.logStartOffset, timestamp: -1, leaderEpoch: log.leaderEpochs.epochAt(log.logStartOffset) }
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return NOT_FOUND
    default: {
      const found = await (timestamp === MAX_TIMESTAMP ? log.maxTimestampOffset() : log.offsetForTimestamp(timestamp))
      if (found === null || found.offset >= bound) return NOT_FOUND
      return { ...found, leaderEpoch: log.leaderEpochs.epochAt(found.offset) }
    }
  }
}
