/**
 * Produce (0): appends one batch per partition. A partition that fails does not hold up the others; the reply waits for
 * all of them to be as safe as `acks` asks for. acks=0 has no reply; an error then closes the connection.
 *
 * The batches are appended before the handler returns, so the next request of the connection starts at once.
 *
 * Differences from Kafka: a transactional batch is answered NOT_ENOUGH_REPLICAS, Kafka's retriable answer while there is
 * no transaction coordinator: transactions are not there yet.
 */
import type { Produce } from '@ottla/protocol/apis/00-produce.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { batchAttributes, batchProducerId, isTransactional } from '@ottla/protocol/records/batch.ts'
import type { TopicImage } from '../metadata/image.ts'
import type { AppendResult, Partition } from '../partition/partition.ts'
import { checkProducedRecords, startsTransactional } from '../partition/produced-records.ts'
import { ConnectionCloseError } from './connection-close.ts'
import type { Draft, Handler, RequestContext } from './context.ts'
import { LeaderHints } from './leader-hint.ts'
import { findPartition } from './partition-errors.ts'
import type { BrokerParts } from './parts.ts'
import { missingTopic, resolveTopic } from './topics.ts'

type Request = RequestOf<typeof Produce>
type Response = ResponseInputOf<typeof Produce>
type PartitionResponse = Draft<Response['responses'][number]['partitionResponses'][number]>

/** Kafka's admin client writes to internal topics under this client id, nobody else does. */
const ADMIN_CLIENT_ID = '__admin_client'

/** From these versions on a producer is told who leads, and topics are named by id. */
const HINTS_FROM = 10
const TOPIC_IDS_FROM = 13
const NOT_LEADER = errorCode('NOT_LEADER_OR_FOLLOWER')

/** Errors with which Kafka does not tell where the log begins; with all others that an append may meet it does. */
const TELLS_NO_LOG_START: ReadonlySet<ErrorName> = new Set([
  ...(['NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR', 'CORRUPT_MESSAGE'] as const),
  ...(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'] as const),
])

interface Waiting {
  readonly partition: Partition
  readonly response: PartitionResponse
  readonly done: Promise<void>
}

export function produce(parts: Pick<BrokerParts, 'image' | 'partitions'>): Handler<Request, Response> {
  return (context, request) => {
    const image = parts.image()
    const waiting: Waiting[] = []
    const refusal = refusalOfAll(context, request)
    const response: Draft<Response> = {
      responses: request.topicData.map((data) => {
        const topic = resolveTopic(image, data, context.apiVersion >= TOPIC_IDS_FROM)
        const partitionResponses = data.partitionData.map(({ index, records }) => {
          if (refusal) return failed(index, refusal)
          if (typeof topic === 'string') return failed(index, missing(context, topic, data.name))
          const partition = findPartition(parts.partitions, topic, index)
          const checked = check({ context, request, topic, partition, records })
          if ('error' in checked) return failed(index, checked.error, checked.message)
          const { acks, timeoutMs } = request
          const result = checked.partition.append({ ...checked.batch, acks: acks as -1 | 0 | 1, timeoutMs })
          return appended(checked.partition, result, waiting)
        })
        return { name: data.name, topicId: data.topicId, partitionResponses }
      }),
    }
    if (request.acks === 0) return { ordered: null, reply: closedOnError(response) }
    hintLeaders(parts, context, response)
    if (waiting.length === 0) return { ordered: null, reply: response }
    // Who is no leader any more by then knows who is.
    return { ordered: null, reply: settled(waiting, response, () => hintLeaders(parts, context, response)) }
  }
}

/** One transactional batch makes the whole request transactional. */
function refusalOfAll(context: RequestContext, { transactionalId, topicData }: Request): ErrorName | null {
  let transactional = false
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      // Kafka does not handle null either: the request as a whole fails.
      if (records === null) throw new Error('Produce without records')
      transactional ||= startsTransactional(records)
    }
  }
  if (!transactional) return null
  const mayWrite = transactionalId !== null && context.authorize('write', 'transactionalId', transactionalId)
  return mayWrite ? null : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
}

interface PartitionCheck {
  readonly context: RequestContext
  readonly request: Request
  readonly topic: TopicImage
  readonly partition: Partition | ErrorName
  readonly records: Buffer | null
}

interface Batch {
  readonly buffer: Buffer
  readonly at: number
  readonly end: number
}

type Checked =
  | { readonly partition: Partition; readonly batch: Batch }
  | { readonly error: ErrorName; readonly message: string | null }

/** Kafka's order: authorisation, existence, shape of the records, acks, internal topics, transactions. */
function check({ context, request, topic, partition, records }: PartitionCheck): Checked {
  if (!context.authorize('write', 'topic', topic.name)) return refuse('TOPIC_AUTHORIZATION_FAILED')
  if (typeof partition === 'string') return refuse(partition)
  if (partition.isUnheard) return refuse('NOT_LEADER_OR_FOLLOWER')
  const batch = checkProducedRecords(records as Buffer, { zstdAllowed: context.apiVersion >= 7 })
  if ('error' in batch) return batch
  if (request.acks < -1 || request.acks > 1) return refuse('INVALID_REQUIRED_ACKS')
  if (topic.internal && context.clientId !== ADMIN_CLIENT_ID) return refuse('INVALID_TOPIC_EXCEPTION')
  const transactional = isTransactional(batchAttributes(batch.buffer, batch.at))
  if (transactional && batchProducerId(batch.buffer, batch.at) >= 0) return refuse('NOT_ENOUGH_REPLICAS')
  return { partition, batch }
}

function missing(context: RequestContext, error: ErrorName, name: string): ErrorName {
  return missingTopic(context, { error, name, operation: 'write' })
}

function refuse(error: ErrorName): Checked {
  return { error, message: null }
}

function failed(index: number, error: ErrorName, message: string | null = null): PartitionResponse {
  return { index, errorCode: errorCode(error), baseOffset: -1, errorMessage: message }
}

function appended(partition: Partition, result: AppendResult, waiting: Waiting[]): PartitionResponse {
  if (result.kind === 'refused') {
    const { error, message, recordErrors } = result
    return {
      ...failed(partition.index, error, message),
      logStartOffset: TELLS_NO_LOG_START.has(error) ? -1 : partition.logStartOffset,
      recordErrors: recordErrors.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message })),
    }
  }
  const response = {
    index: partition.index,
    errorCode: 0,
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: partition.logStartOffset,
  }
  if (result.done) waiting.push({ partition, response, done: result.done })
  return response
}

/** The reply once every append has settled; one that fails then (time-out, a disk) spoils only its own partition. */
function settled(waiting: readonly Waiting[], response: Response, onFailed: () => void): Promise<Response> {
  if (waiting.length > 1) {
    return Promise.all(waiting.map((one) => settled([one], response, onFailed))).then(() => response)
  }
  const { response: own, done, partition } = waiting[0]!
  return done.then(
    () => response,
    (error) => {
      Object.assign(own, failed(own.index, failure(partition, error)))
      onFailed()
      return response
    },
  )
}

/** Who waits in vain for a leader that nobody hears is to look for another one, not to wait here again. */
function failure(partition: Partition, error: unknown): ErrorName {
  if (!(error instanceof ProtocolError)) return 'KAFKA_STORAGE_ERROR'
  return error.error === 'REQUEST_TIMED_OUT' && partition.isUnheard ? 'NOT_LEADER_OR_FOLLOWER' : error.error
}

function closedOnError(response: Response): null {
  for (const { partitionResponses } of response.responses) {
    const bad = partitionResponses.find(({ errorCode }) => errorCode !== 0)
    if (bad) throw new ConnectionCloseError(`a batch sent with acks=0 failed with error ${bad.errorCode}`)
  }
  return null
}

/** From version 10 on a producer that came to the wrong broker is told the right one (KIP-951), where this one knows it. */
function hintLeaders(
  { image: imageNow, partitions }: Pick<BrokerParts, 'image' | 'partitions'>,
  context: RequestContext,
  response: Draft<Response>,
): void {
  if (context.apiVersion < HINTS_FROM) return
  const image = imageNow()
  const hints = new LeaderHints(image, context.listener)
  for (const topic of response.responses) {
    for (const partition of topic.partitionResponses as readonly PartitionResponse[]) {
      if (partition.errorCode !== NOT_LEADER) continue
      const asked = { name: topic.name ?? '', topicId: topic.topicId ?? '' }
      const found = resolveTopic(image, asked, context.apiVersion >= TOPIC_IDS_FROM)
      if (typeof found === 'string' || partitions.find(found.id, partition.index)?.isUnheard === true) continue
      const leader = hints.of(found.id, partition.index)
      if (leader !== undefined) partition.currentLeader = leader
    }
  }
  const { endpoints } = hints
  if (endpoints.length > 0) response.nodeEndpoints = endpoints
}
