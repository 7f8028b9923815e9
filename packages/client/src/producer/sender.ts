/**
 * Owns the way of batches to the brokers: gathers what is due into one Produce request for each leader, at most five
 * under way to each, and gives every answer's verdict back to the partition's queue.
 *
 * One pass looks at all partitions with work. Passes run at the end of a turn in which something was added, after
 * each answer, and when a wait is over; one timer serves all waits.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Timer } from '@ottla/base/timers.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import type { RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import type { BrokerConnection } from '../connection.ts'
import { DeliveryTimeoutError } from '../errors.ts'
import type { ToldLeader } from '../metadata.ts'
import { backoffMs, isRetriable } from '../retry.ts'
import { Identities } from './identities.ts'
import type { OutgoingBatch } from './outgoing-batch.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { isFenced, isSequenceLost, refusal } from './refusal.ts'

export interface SenderOptions {
  readonly client: Client
  /** −1 all in-sync replicas, 1 the leader, 0 nobody answers. */
  readonly acks: -1 | 0 | 1
  readonly requestBytesMax: number
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
  /** Called for each batch that has its outcome. */
  readonly onSettled: (batch: OutgoingBatch) => void
}

/** Requests under way to one broker. */
const REQUESTS_MAX = 5
/** Of the look for batches that have waited too long, in ms. */
const SWEEP_INTERVAL_MS = 1000
/** A broker waits for its replicas a little less long than we wait for it, in ms. */
const ANSWER_MARGIN_MS = 1000

/** A batch in a request, and where its verdict goes. */
interface Sent {
  readonly queue: PartitionQueue
  readonly batch: OutgoingBatch
  readonly topicId: string
}

interface Target {
  readonly nodeId: number
  readonly connection: BrokerConnection
}

/** Who answered, and which brokers the answer named. */
type Answerer = Omit<ToldLeader, 'leader'>

type PartitionAnswer = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]

export class Sender {
  readonly #options: SenderOptions
  readonly #client: Client
  readonly #identities: Identities
  readonly #active = new Set<PartitionQueue>()
  readonly #requests = new Map<number, number>()
  readonly #connecting = new Set<number>()
  readonly #disposing = new AbortController()
  #isScheduled = false
  #isObtaining = false
  #isRefreshing = false
  #timer: Timer | null = null
  #timerMs = Number.POSITIVE_INFINITY
  #sweptMs = 0
  flushing = 0

  constructor(options: SenderOptions) {
    this.#options = options
    this.#client = options.client
    this.#identities = new Identities(options.client.connections)
  }

  /** The queue has work: a pass runs at the end of this turn. */
  wake(queue: PartitionQueue): void {
    this.#active.add(queue)
    this.schedule()
  }

  schedule(): void {
    if (this.#isScheduled || this.#disposing.signal.aborted) return
    this.#isScheduled = true
    this.#client.ports.timers.endOfTurn(() => {
      this.#isScheduled = false
      if (!this.#disposing.signal.aborted) this.#pass()
    })
  }

  /** Fails everything that has no outcome. */
  dispose(error: Error): void {
    this.#disposing.abort(error)
    this.#timer?.cancel()
    const batches = [...this.#active].flatMap((queue) => queue.unsettled())
    for (const batch of batches) this.#settle(batch, () => batch.fail(error))
    this.#active.clear()
  }

  #pass(): void {
    const nowMs = this.#client.ports.clock.monotonicMs()
    if (nowMs - this.#sweptMs >= SWEEP_INTERVAL_MS) this.#sweep(nowMs)
    this.#client.metadata.refreshIfOld()
    while (this.#sendRound(nowMs)) {}
    this.#armTimer(nowMs)
  }

  /** At most one batch of each partition, since a request takes no more. True where there may be more to send. */
  #sendRound(nowMs: number): boolean {
    const groups = new Map<number, Sent[]>()
    const bytes = new Map<number, number>()
    for (const queue of [...this.#active]) {
      const leader = this.#leaderOf(queue)
      if (leader === null || (bytes.get(leader) ?? 0) >= this.#options.requestBytesMax) continue
      const batch = queue.next(nowMs, { flushing: this.flushing > 0 })
      if (batch === null) continue
      const topicId = this.#client.metadata.topic(queue.topic)!.topicId
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [{ queue, batch, topicId }])
      else group.push({ queue, batch, topicId })
      bytes.set(leader, (bytes.get(leader) ?? 0) + batch.sizeBytes)
      // To the end, so that a full request does not always leave out the same partitions.
      this.#active.delete(queue)
      this.#active.add(queue)
    }
    for (const [leader, group] of groups) void this.#send(leader, group)
    return groups.size > 0
  }

  /** The broker to send to, if everything is there for it; else what is missing is being fetched. */
  #leaderOf(queue: PartitionQueue): number | null {
    if (queue.isEmpty) {
      this.#active.delete(queue)
      return null
    }
    if (queue.needsIdentity) this.#provideIdentity(queue)
    const leader = this.#client.metadata.leader(queue.topic, queue.partition)
    if (leader === undefined) this.#refresh()
    else if ((this.#requests.get(leader.leaderId) ?? 0) >= REQUESTS_MAX) return null
    else if (this.#client.connections.ready(leader.leaderId, 'main') === null) this.#connect(leader.leaderId)
    else return leader.leaderId
    return null
  }

  #provideIdentity(queue: PartitionQueue): void {
    const { current } = this.#identities
    if (current !== null) queue.adopt(current)
    else if (!this.#isObtaining) {
      this.#isObtaining = true
      void this.#obtainIdentity()
    }
  }

  /** Tried until it succeeds; batches meanwhile run out of their delivery time. */
  async #obtainIdentity(): Promise<void> {
    const { signal } = this.#disposing
    try {
      await this.#identities.obtain({ signal })
      this.schedule()
    } catch (error) {
      if (signal.aborted) return
      if (!isRetriable(error)) this.#failAll(error instanceof Error ? error : new Error(String(error)))
      else this.#later(this.#client.backoff.firstMs)
    } finally {
      this.#isObtaining = false
    }
  }

  /** One at a time; afterwards partitions that had no leader are looked at again. */
  #refresh(): void {
    if (this.#isRefreshing || this.#disposing.signal.aborted) return
    this.#isRefreshing = true
    const again = (delayMs: number) => (): void => {
      this.#isRefreshing = false
      this.#later(delayMs)
    }
    const { firstMs, maxMs } = this.#client.backoff
    this.#client.metadata.refresh({ signal: this.#disposing.signal }).then(again(firstMs), again(maxMs))
  }

  #connect(nodeId: number): void {
    if (this.#connecting.has(nodeId)) return
    this.#connecting.add(nodeId)
    const done = (): void => {
      this.#connecting.delete(nodeId)
      this.schedule()
    }
    // A broker that cannot be reached may have lost its leaderships, or moved.
    const failed = (): void => {
      this.#refresh()
      done()
    }
    this.#client.connections.to(nodeId, 'main', { signal: this.#disposing.signal }).then(done, failed)
  }

  async #send(nodeId: number, group: readonly Sent[]): Promise<void> {
    const connection = this.#client.connections.ready(nodeId, 'main')
    assert(connection !== null, 'A group is gathered for an open connection')
    this.#requests.set(nodeId, (this.#requests.get(nodeId) ?? 0) + 1)
    try {
      await this.#exchange({ nodeId, connection }, group)
    } catch (error) {
      for (const sent of group) this.#judge(sent, error instanceof Error ? error : new Error(String(error)))
      if (isRetriable(error)) this.#refresh()
    } finally {
      this.#requests.set(nodeId, this.#requests.get(nodeId)! - 1)
      this.schedule()
    }
  }

  async #exchange({ nodeId, connection }: Target, group: readonly Sent[]): Promise<void> {
    const { acks, requestTimeoutMs } = this.#options
    const timeoutMs = Math.max(1, requestTimeoutMs - ANSWER_MARGIN_MS)
    const request = { transactionalId: null, acks, timeoutMs, topicData: topicData(group) }
    // Version 13 names topics by id, which brokers before 2.8 do not tell.
    const versionMax = group.some((sent) => sent.topicId === ZERO_UUID) ? { versionMax: 12 } : {}
    const options = { timeoutMs: requestTimeoutMs, ...versionMax }
    if (acks === 0) {
      await connection.send(Produce, request, options)
      for (const sent of group) this.#stored(sent, { baseOffset: -1, logAppendTimeMs: -1 })
      return
    }
    const response = await connection.request(Produce, request, options)
    const answers = answersOf(response)
    for (const sent of group) this.#onAnswer(sent, answers, { by: nodeId, endpoints: response.nodeEndpoints })
  }

  #onAnswer(sent: Sent, answers: ReadonlyMap<string, PartitionAnswer>, from: Answerer): void {
    const { queue, topicId } = sent
    const answer =
      answers.get(answerKey(queue.topic, queue.partition)) ?? answers.get(answerKey(topicId, queue.partition))
    const error = answer === undefined ? 'UNKNOWN_SERVER_ERROR' : errorName(answer.errorCode)
    // A duplicate is stored already, at an offset that the broker has forgotten.
    if (answer !== undefined && (error === 'NONE' || error === 'DUPLICATE_SEQUENCE_NUMBER')) this.#stored(sent, answer)
    else this.#refused(sent, error, { answer, from })
  }

  #refused(
    sent: Sent,
    error: ErrorName,
    { answer, from }: { answer: PartitionAnswer | undefined; from: Answerer },
  ): void {
    const { queue, topicId } = sent
    const reason = answer?.recordErrors[0]?.batchIndexErrorMessage ?? answer?.errorMessage ?? null
    const refused = refusal(sent, error, answer === undefined ? 'the broker left it out' : reason)
    if (refused.retriable) this.#refresh()
    const place = { topic: queue.topic, topicId, partition: queue.partition }
    const told = answer && { ...from, leader: answer.currentLeader }
    const isTold = told !== undefined && this.#client.metadata.learnLeader(place, told)
    this.#judge(sent, refused, { atOnce: isTold })
  }

  #stored({ queue, batch }: Sent, answer: { baseOffset: number; logAppendTimeMs: number }): void {
    if (batch.isSettled) return
    const { baseOffset, logAppendTimeMs } = answer
    const { topic, partition } = queue
    this.#settle(batch, () => queue.succeeded(batch, { topic, partition, baseOffset, logAppendTimeMs }))
  }

  /** Sends again what may succeed then, and fails the rest. */
  #judge({ queue, batch }: Sent, error: Error, { atOnce } = { atOnce: false }): void {
    if (batch.isSettled) return
    const nowMs = this.#client.ports.clock.monotonicMs()
    const isLost = isSequenceLost(error)
    const isLate = nowMs - batch.createdMs >= this.#options.deliveryTimeoutMs
    if (isLate || !(isLost || isRetriable(error))) {
      this.#settle(batch, () => queue.failed(batch, isLate ? this.#timeoutError(queue, error) : error))
      return
    }
    if (isLost) this.#loseSequence(queue, batch, error)
    const { random } = this.#client.ports
    const waitMs = atOnce ? 0 : backoffMs(queue.failures + 1, { backoff: this.#client.backoff, random })
    queue.retry(batch, error, nowMs + waitMs)
  }

  /** Behind a batch that failed itself, out of order is only its echo. */
  #loseSequence(queue: PartitionQueue, batch: OutgoingBatch, error: Error): void {
    const renew = isFenced(error)
    if (!renew && !queue.isHead(batch)) return
    if (renew && queue.identity !== null) this.#identities.discard(queue.identity)
    queue.loseSequence({ renew })
  }

  #settle(batch: OutgoingBatch, settle: () => void): void {
    settle()
    this.#options.onSettled(batch)
  }

  /** Gives up what has waited longer than it may. */
  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs
    for (const queue of this.#active) {
      for (const batch of queue.expire(nowMs - this.#options.deliveryTimeoutMs)) {
        this.#settle(batch, () => batch.fail(this.#timeoutError(queue, batch.lastError)))
      }
    }
  }

  #timeoutError(queue: PartitionQueue, cause: Error | null): DeliveryTimeoutError {
    const error = this.#client.metadata.topic(queue.topic)?.error ?? 'NONE'
    const reason =
      cause?.message ?? (error === 'NONE' ? 'its leader could not be reached' : `the topic answers ${error}`)
    const where = `"${queue.topic}-${queue.partition}"`
    const text = `Cannot deliver to ${where} in ${this.#options.deliveryTimeoutMs} ms: ${reason}`
    return new DeliveryTimeoutError(text, cause === null ? {} : { cause })
  }

  #failAll(error: Error): void {
    for (const queue of this.#active) {
      for (const batch of queue.expire(Number.POSITIVE_INFINITY)) this.#settle(batch, () => batch.fail(error))
    }
  }

  #later(delayMs: number): void {
    if (!this.#disposing.signal.aborted) this.#armAt(this.#client.ports.clock.monotonicMs() + delayMs)
  }

  #armTimer(nowMs: number): void {
    if (this.#active.size === 0) return
    let wakeMs = this.#sweptMs + SWEEP_INTERVAL_MS
    for (const queue of this.#active) {
      const queueMs = queue.wakeMs()
      if (queueMs > nowMs) wakeMs = Math.min(wakeMs, queueMs)
    }
    this.#armAt(Math.max(wakeMs, nowMs + 1))
  }

  #armAt(atMs: number): void {
    if (this.#timer !== null && this.#timerMs <= atMs) return
    this.#timer?.cancel()
    this.#timerMs = atMs
    const delayMs = Math.max(0, atMs - this.#client.ports.clock.monotonicMs())
    this.#timer = this.#client.ports.timers.after(delayMs, () => {
      this.#timer = null
      this.schedule()
    })
  }
}

function topicData(group: readonly Sent[]): RequestInputOf<typeof Produce>['topicData'] {
  const topics = new Map<
    string,
    { name: string; topicId: string; partitionData: { index: number; records: Buffer }[] }
  >()
  for (const { queue, batch, topicId } of group) {
    const row = { index: queue.partition, records: batch.bytes() }
    const topic = topics.get(queue.topic)
    if (topic === undefined) topics.set(queue.topic, { name: queue.topic, topicId, partitionData: [row] })
    else topic.partitionData.push(row)
  }
  return [...topics.values()]
}

/** By the topic's name or, from version 13 on, its id. */
function answersOf(response: ResponseOf<typeof Produce>): Map<string, PartitionAnswer> {
  const answers = new Map<string, PartitionAnswer>()
  for (const topic of response.responses) {
    const key = topic.name === '' ? topic.topicId : topic.name
    for (const partition of topic.partitionResponses) answers.set(answerKey(key, partition.index), partition)
  }
  return answers
}

function answerKey(topic: string, partition: number): string {
  return `${topic} ${partition}`
}
