/**
 * One fetch, from the first look to the reply: reads its partitions in order within the byte limits, and when that is
 * not enough parks at those partitions as one object, woken at most once a turn, with one timer.
 *
 * What it holds while its reply is not sent: the leases of what it read, and their bytes in the broker's share of reply
 * bytes. A client that asks and does not read so holds a bounded part of that share, and less the fuller it is.
 */
import { deferred } from '@ottla/base/deferred.ts'
import type { Timer } from '@ottla/base/timers.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { EMPTY_LEASE, type ReadLease } from '../log/lease.ts'
import type { FetchWaiter, Partition } from '../partition/partition.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import type { FetchResponse } from './01-fetch.ts'
import { ConnectionCloseError } from './connection-close.ts'
import type { Draft, RequestContext } from './context.ts'
import type { FetchPartition, SessionPartition, SessionStart } from './fetch-sessions.ts'
import { LeaderHints } from './leader-hint.ts'
import { nearerReplica } from './nearest-replica.ts'
import { findPartition, readError } from './partition-errors.ts'
import type { BrokerParts } from './parts.ts'
import { SendingThrottle } from './sending-throttle.ts'
import { missingTopic, resolveTopic } from './topics.ts'

type Parts = Pick<BrokerParts, 'image' | 'partitions' | 'replyBytes' | 'timers' | 'clock' | 'config'>
type PartitionResponse = Draft<FetchResponse['responses'][number]['partitions'][number]>

/** What a fetch may take of the share of reply bytes when it is nearly used up. */
const GRANT_BYTES_MIN = 65_536
/** A fetch takes at most this part of what is free, so that there is always something left for the next one. */
const GRANT_DIVISOR = 4
/** From these versions on topics are named by id, and a client is told the leader's address (KIP-951). */
const TOPIC_IDS_FROM = 13
const ENDPOINTS_FROM = 16
const STORAGE_ERROR_FROM = 6

export interface FetchRequest {
  readonly context: RequestContext
  readonly session: Extract<SessionStart, { kind: 'started' }>
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly readCommitted: boolean
  /** Null: a consumer. */
  readonly follower: { readonly replicaId: number; readonly brokerEpoch: number } | null
  /** Whether a consumer may come to a replica that does not lead. */
  readonly mayReadFollowers: boolean
  /** The consumer's; empty: it has none. */
  readonly rack: string
}

interface PartitionResult {
  readonly target: SessionPartition
  readonly partition: Partition | null
  /** Of the partition when it was read, as the end is; −1 where there was none. */
  readonly leaderEpoch: number
  readonly logEndOffset: number
  readonly response: PartitionResponse
  readonly lease: ReadLease
}

type Reading = PartitionResult | Promise<PartitionResult>

export class FetchOperation implements FetchWaiter {
  readonly #parts: Parts
  readonly #request: FetchRequest
  readonly #throttle: SendingThrottle | null
  #results: PartitionResult[] = []
  /** What this reading may take: the client's limit, or less where the share is nearly used up. */
  #limitBytes = 0
  /** What this operation has counted in the share. */
  #countedBytes = 0
  #readBytes = 0
  /** What the reads of history under way may bring at most. */
  #readingBytes = 0
  #released = false
  /** What a follower has is as of its request: it is told to the partitions once, however often they are read. */
  #isObserved = false
  /** Set while parked. */
  #wakeUp: (() => void) | null = null
  #wakeAsked = false

  constructor(parts: Parts, request: FetchRequest) {
    this.#parts = parts
    this.#request = request
    const { follower } = request
    this.#throttle = follower && new SendingThrottle(follower.replicaId, parts)
  }

  get isFollower(): boolean {
    return this.#request.follower !== null
  }

  /** Rejects with ConnectionCloseError where the client has gone meanwhile, or is sent away because the broker stops. */
  async run(): Promise<FetchResponse> {
    const { context, maxWaitMs, session } = this.#request
    const deadlineMs = context.receivedMs + maxWaitMs
    await this.#readAll()
    while (!this.#isSatisfied() && session.partitions.length > 0) {
      const remainingMs = deadlineMs - this.#parts.clock.monotonicMs()
      if (remainingMs <= 0 || context.closed.aborted) break
      await this.#park(remainingMs)
      await this.#readAll()
    }
    // No reply and others behind it: the client would take them for this one's.
    if (context.closed.aborted) throw new ConnectionCloseError('The connection is closing')
    return this.#respond()
  }

  /** Whether the share is nearly used up: then a connection gets one fetch at a time, as it always does in Kafka. */
  get isShort(): boolean {
    return this.#parts.replyBytes.freeBytes < GRANT_BYTES_MIN * GRANT_DIVISOR
  }

  /** The reply's bytes have left, or nobody wants them any more. */
  readonly release = (): void => {
    this.#released = true
    this.#dropResults()
  }

  /** The high watermark of a partition has moved: several in one turn count as one. */
  wake(): void {
    if (this.#wakeUp === null || this.#wakeAsked) return
    this.#wakeAsked = true
    this.#parts.timers.soon(this.#wakeUp)
  }

  async #park(remainingMs: number): Promise<void> {
    const { closed } = this.#request.context
    const { promise, resolve } = deferred<void>()
    this.#wakeAsked = false
    this.#wakeUp = resolve
    const timer: Timer = this.#parts.timers.after(remainingMs, resolve)
    closed.addEventListener('abort', this.#onClosed, { once: true })
    const parkedAt = this.#results.flatMap(({ partition }) => (this.#waitsAt(partition) ? [partition] : []))
    for (const partition of parkedAt) partition.addFetchWaiter(this)
    // A read of history let time pass: what was committed or lost meanwhile told nobody.
    if (this.#results.some((result) => this.#hasMoved(result))) resolve()
    // What it has is too little, and is read again: who waits holds nothing.
    this.#dropResults()
    await promise
    this.#wakeUp = null
    for (const partition of parkedAt) partition.removeFetchWaiter(this)
    closed.removeEventListener('abort', this.#onClosed)
    timer.cancel()
  }

  readonly #onClosed = (): void => {
    this.#wakeUp?.()
  }

  /** Of a partition without quota every append would wake it for nothing: the fetch's own time ends that wait. */
  #waitsAt(partition: Partition | null): partition is Partition {
    return partition !== null && this.#throttle?.hasHeldBack(partition) !== true
  }

  /** Whether there is more to read at the partition than there was, or it is not here any more. */
  #hasMoved({ partition, response, leaderEpoch, logEndOffset }: PartitionResult): boolean {
    if (!this.#waitsAt(partition)) return false
    // Not what it asked for: where that was too little, or is being cut, who looks again at once never lets go.
    if (this.isFollower && partition.logEndOffset !== logEndOffset) return true
    if (partition.highWatermark > response.highWatermark || partition.leaderEpoch !== leaderEpoch) return true
    return partition.isOffline || this.#parts.partitions.find(partition.topicId, partition.index) !== partition
  }

  #isSatisfied(): boolean {
    if (this.#readBytes >= Math.min(this.#request.minBytes, this.#limitBytes)) return true
    // As Kafka: a partition that is not here is told with the rest, and does not make its client ask in a circle.
    const found = this.#results.filter(isFound)
    if (found.length === 0) return true
    return found.some((result) => isUrgent(result) || this.#owesHighWatermark(result))
  }

  /**
   * Who reads at a follower sees what is committed as soon as the follower knows: where clients are sent to followers,
   * these are told of a high watermark at once instead of with the next records. Once for each, or a follower that
   * cannot follow it would ask in a circle.
   */
  #owesHighWatermark({ target, response }: PartitionResult): boolean {
    if (!this.isFollower || target.asked.knownHighWatermark < 0 || !this.#selectsNearest) return false
    return response.highWatermark > target.asked.knownHighWatermark && response.highWatermark !== target.highWatermark
  }

  get #selectsNearest(): boolean {
    return this.#parts.config().selectsNearestReplica
  }

  async #readAll(): Promise<void> {
    const { session } = this.#request
    this.#limitBytes = this.#limit()
    this.#throttle?.begin()
    // Reserved before: reads of history that run at one time must not each find the same bytes free.
    this.#count(this.#limitBytes)
    let reading: Reading[] = []
    for (const target of session.partitions) {
      // Reads of history run side by side as long as the limit holds them all, however much each of them brings.
      if (this.#readingBytes > 0 && this.#roomBytes <= 0) {
        await this.#finish(reading)
        reading = []
      }
      const result = this.#readOne(target, this.#roomBytes)
      reading.push(result)
      if (result instanceof Promise) this.#readingBytes += Math.max(1, Math.min(target.asked.maxBytes, this.#roomBytes))
      else this.#readBytes += result.lease.bytes
    }
    await this.#finish(reading)
    this.#isObserved = true
    this.#count(this.#readBytes)
    if (this.#released) this.#dropResults()
  }

  /** What the limit has left when every read under way brings as much as it may. */
  get #roomBytes(): number {
    return this.#limitBytes - this.#readBytes - this.#readingBytes
  }

  /** Takes over what was read, in the order of the request; a read that failed leaves none of the others' leases behind. */
  async #finish(reading: readonly Reading[]): Promise<void> {
    if (this.#readingBytes === 0) {
      this.#results.push(...(reading as PartitionResult[]))
      return
    }
    const outcomes = await Promise.allSettled(reading)
    this.#readingBytes = 0
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') continue
      this.#results.push(outcome.value)
      if (reading[index] instanceof Promise) this.#readBytes += outcome.value.lease.bytes
    }
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** At least one batch is served whatever is free, or a full share would stop every consumer for good. */
  #limit(): number {
    const { replyBytes } = this.#parts
    const free = Math.max(GRANT_BYTES_MIN, Math.floor(replyBytes.freeBytes / GRANT_DIVISOR))
    return Math.max(0, Math.min(this.#request.maxBytes, free))
  }

  /** What this operation holds of the share is now this. */
  #count(bytes: number): void {
    const more = bytes - this.#countedBytes
    this.#countedBytes = bytes
    if (more > 0) this.#parts.replyBytes.add(more)
    else if (more < 0) this.#parts.replyBytes.remove(-more)
  }

  #dropResults(): void {
    for (const { lease } of this.#results) lease.release()
    this.#count(0)
    this.#results = []
    this.#readBytes = 0
  }

  #readOne(target: SessionPartition, bytesLeft: number): PartitionResult | Promise<PartitionResult> {
    const { asked } = target
    const found = this.#find(asked)
    if (typeof found === 'string') return failedResult(target, null, found, asked)
    const refusal = this.#check(found, asked)
    if (refusal) return failedResult(target, found, refusal, asked)
    const nearer = this.#nearerReplica(found, asked)
    if (nearer !== null) return this.#sentTo(nearer, target, found)
    const diverging = divergence(found, asked)
    if (diverging) return this.#result(target, found, EMPTY_LEASE, diverging)
    if (isOutOfRange(found, asked)) return failedResult(target, found, 'OFFSET_OUT_OF_RANGE', asked)
    const { follower } = this.#request
    if (follower !== null && !this.#isObserved) {
      const { fetchOffset, logStartOffset } = asked
      found.observeFollower({ ...follower, fetchOffset, logStartOffset })
    }
    const readableEnd = follower === null ? found.highWatermark : found.logEndOffset
    // A log that is being cut is read when that is done.
    const isReadable = asked.fetchOffset < readableEnd && found.log.isUsable
    const wantedBytes = Math.min(asked.maxBytes, bytesLeft)
    const grant = (isReadable ? this.#throttle?.grant(found, wantedBytes) : undefined) ?? wantedBytes
    const minOneBatch = this.#readBytes === 0 && this.#readingBytes === 0
    // A quota smaller than a batch gets one all the same, and pays it back.
    const isCut = grant < wantedBytes
    const nothingToRead = !isReadable || (grant <= 0 && (isCut || !minOneBatch))
    // What comes next may come at another leader.
    if (nothingToRead && follower === null && found.isUnheard)
      return failedResult(target, found, 'NOT_LEADER_OR_FOLLOWER', asked)
    if (nothingToRead) return this.#result(target, found, EMPTY_LEASE)
    const read = { offset: asked.fetchOffset, maxBytes: Math.max(0, grant), minOneBatch: minOneBatch || isCut }
    return this.#readLog(target, found, read)
  }

  #readLog(
    target: SessionPartition,
    partition: Partition,
    read: { offset: number; maxBytes: number; minOneBatch: boolean },
  ): PartitionResult | Promise<PartitionResult> {
    const { logEndOffset } = partition
    try {
      const lease = partition.read(read, this.isFollower ? 'follower' : 'consumer')
      if (!(lease instanceof Promise)) return this.#result(target, partition, lease)
      return lease.then(
        (loaded) => ({ ...this.#result(target, partition, loaded), logEndOffset }),
        (error) => this.#readFailed(target, partition, error),
      )
    } catch (error) {
      return this.#readFailed(target, partition, error)
    }
  }

  #readFailed(target: SessionPartition, partition: Partition, error: unknown): PartitionResult {
    const told = readError(partition, error)
    return failedResult(target, partition, told === 'KAFKA_STORAGE_ERROR' ? this.#storageError() : told, target.asked)
  }

  #storageError(): ErrorName {
    const { apiVersion } = this.#request.context
    return apiVersion >= STORAGE_ERROR_FROM ? 'KAFKA_STORAGE_ERROR' : 'NOT_LEADER_OR_FOLLOWER'
  }

  #find(asked: FetchPartition): Partition | ErrorName {
    const { isFollower } = this
    const { context } = this.#request
    const isStranger = isFollower && !context.authorize('clusterAction', 'cluster', CLUSTER_RESOURCE_NAME)
    if (isStranger) return 'TOPIC_AUTHORIZATION_FAILED'
    const { topicName: name, topicId } = asked
    const topic = resolveTopic(this.#parts.image(), { name, topicId }, context.apiVersion >= TOPIC_IDS_FROM)
    if (typeof topic === 'string') {
      return isFollower ? topic : missingTopic(context, { error: topic, name, operation: 'read' })
    }
    if (!isFollower && !context.authorize('read', 'topic', topic.name)) return 'TOPIC_AUTHORIZATION_FAILED'
    const found = findPartition(this.#parts.partitions, topic, asked.partition)
    return found === 'KAFKA_STORAGE_ERROR' ? this.#storageError() : found
  }

  #check(partition: Partition, asked: FetchPartition): ErrorName | null {
    const epochError = partition.checkLeaderEpoch(asked.currentLeaderEpoch)
    if (epochError) return epochError
    const mayRead = partition.isLeader || (!this.isFollower && this.#request.mayReadFollowers)
    if (!mayRead || this.#isOfStranger(partition)) return 'NOT_LEADER_OR_FOLLOWER'
    if (partition.isOffline) return this.#storageError()
    return null
  }

  #nearerReplica(partition: Partition, { fetchOffset }: FetchPartition): number | null {
    const { rack, mayReadFollowers, context } = this.#request
    if (this.isFollower || !mayReadFollowers || rack === '' || !this.#selectsNearest) return null
    return nearerReplica(partition, { image: this.#parts.image(), listener: context.listener, rack, fetchOffset })
  }

  /** A replica that the leader does not know of, or the leader itself. */
  #isOfStranger(partition: Partition): boolean {
    const { follower } = this.#request
    if (follower === null) return false
    const { replicas, leader } = partition.image
    return follower.replicaId === leader || !replicas.includes(follower.replicaId)
  }

  #result(
    target: SessionPartition,
    partition: Partition,
    lease: ReadLease,
    divergingEpoch?: { epoch: number; endOffset: number },
  ): PartitionResult {
    const response: PartitionResponse = {
      partitionIndex: partition.index,
      errorCode: 0,
      highWatermark: partition.highWatermark,
      lastStableOffset: partition.lastStableOffset,
      logStartOffset: partition.logStartOffset,
      abortedTransactions: this.#request.readCommitted ? [] : null,
      records: lease.parts as Buffer[],
    }
    if (divergingEpoch) response.divergingEpoch = divergingEpoch
    const { leaderEpoch, logEndOffset } = partition
    return { target, partition, leaderEpoch, logEndOffset, response, lease }
  }

  #sentTo(preferredReadReplica: number, target: SessionPartition, partition: Partition): PartitionResult {
    const result = this.#result(target, partition, EMPTY_LEASE)
    return { ...result, response: { ...result.response, preferredReadReplica, abortedTransactions: null } }
  }

  #respond(): FetchResponse {
    const { session } = this.#request
    const told = session.incremental ? this.#results.filter(hasNews) : this.#results
    const response: Draft<FetchResponse> = { errorCode: 0, sessionId: session.sessionId, responses: groupByTopic(told) }
    this.#hintLeaders(told, response)
    for (const { target, partition: from, response: partition, lease } of told) {
      // Unknown (−1) where the partition failed: it is told again when it does not.
      target.highWatermark = partition.highWatermark
      target.logStartOffset = partition.logStartOffset ?? -1
      if (lease.bytes === 0) continue
      session.served(target)
      this.#throttle?.sent(from!, lease.bytes)
    }
    return response
  }

  #hintLeaders(told: readonly PartitionResult[], response: Draft<FetchResponse>): void {
    const { context } = this.#request
    if (context.apiVersion < ENDPOINTS_FROM) return
    const hints = new LeaderHints(this.#parts.image(), context.listener)
    for (const { target, partition, response: own } of told) {
      if (partition?.isUnheard === true) continue
      const leader = HINTED.has(own.errorCode) ? hints.of(target.asked.topicId, own.partitionIndex) : undefined
      if (leader !== undefined) own.currentLeader = leader
    }
    const { endpoints } = hints
    if (endpoints.length > 0) response.nodeEndpoints = endpoints
  }
}

/** Errors of partitions that are not open here, though there are such. */
const ELSEWHERE = new Set((['NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR'] as const).map(errorCode))
const HINTED = new Set([errorCode('NOT_LEADER_OR_FOLLOWER'), errorCode('FENCED_LEADER_EPOCH')])

/** An epoch that the log does not know is out of range too: nobody can tell where the histories part. */
function isOutOfRange(partition: Partition, asked: FetchPartition): boolean {
  const { lastFetchedEpoch, fetchOffset } = asked
  if (fetchOffset < partition.logStartOffset || fetchOffset > partition.logEndOffset) return true
  return lastFetchedEpoch >= 0 && endOfEpoch(partition, lastFetchedEpoch) === null
}

function isFound({ partition, response }: PartitionResult): boolean {
  return partition !== null || ELSEWHERE.has(response.errorCode)
}

/** What a client should know at once. */
function isUrgent({ response }: PartitionResult): boolean {
  const { errorCode, divergingEpoch, preferredReadReplica } = response
  return errorCode !== 0 || divergingEpoch !== undefined || preferredReadReplica !== undefined
}

function endOfEpoch(partition: Partition, epoch: number): { epoch: number; endOffset: number } | null {
  return partition.log.leaderEpochs.endOffsetFor(epoch, partition.logEndOffset)
}

/** Where a client's history differs from the log's it is told the last epoch and offset that they share (KIP-320). */
function divergence(partition: Partition, asked: FetchPartition): { epoch: number; endOffset: number } | null {
  if (asked.lastFetchedEpoch < 0) return null
  const end = endOfEpoch(partition, asked.lastFetchedEpoch)
  if (end === null || (end.epoch === asked.lastFetchedEpoch && end.endOffset >= asked.fetchOffset)) return null
  return end
}

/** Whether an incremental reply has to name the partition. */
function hasNews(result: PartitionResult): boolean {
  const { target, response, lease } = result
  return (
    lease.bytes > 0 ||
    isUrgent(result) ||
    response.highWatermark !== target.highWatermark ||
    response.logStartOffset !== target.logStartOffset
  )
}

function failedResult(
  target: SessionPartition,
  partition: Partition | null,
  error: ErrorName,
  { partition: partitionIndex }: FetchPartition,
): PartitionResult {
  const response: PartitionResponse = {
    partitionIndex,
    errorCode: errorCode(error),
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    // As Kafka: null is of a partition that was found, whatever is wrong with the rest of the request.
    abortedTransactions: partition === null ? [] : null,
    records: [],
  }
  const { leaderEpoch, logEndOffset } = partition ?? { leaderEpoch: -1, logEndOffset: -1 }
  return { target, partition, leaderEpoch, logEndOffset, response, lease: EMPTY_LEASE }
}

function groupByTopic(results: readonly PartitionResult[]): FetchResponse['responses'] {
  const topics = new Map<string, FetchResponse['responses'][number]>()
  for (const { target, response } of results) {
    const { topicName: topic, topicId } = target.asked
    const key = `${topicId} ${topic}`
    const group = topics.get(key)
    if (group) (group.partitions as PartitionResponse[]).push(response)
    else topics.set(key, { topic, topicId, partitions: [response] })
  }
  return [...topics.values()]
}
