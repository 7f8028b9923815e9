/**
 * For crash tests: producers. A plain one sends each batch once. An idempotent one keeps what was not acknowledged and
 * sends it again, in order, whenever an answer was bad or did not come: over new connections and over any number of
 * lives of the broker.
 */
import assert from 'node:assert/strict'
import type { Produce } from '@ottla/protocol/apis/00-produce.ts'
import type { RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import type { PartitionModel } from './crash-model.ts'

/** From the first that is not acknowledged on, as in Kafka's producers: the broker remembers that many of each. */
const WINDOW_BATCHES_MAX = 5

export interface ProducedBatch {
  readonly partition: PartitionModel
  readonly bytes: Buffer
  readonly acks: -1 | 1
  /** With the base offset, an error, or null when the answer never comes. */
  readonly settled: (outcome: number | ErrorName | null) => void
}

export interface BatchPlan {
  readonly sizes: readonly number[]
  readonly timestampMs: number
  readonly codec: 'none' | 'gzip'
}

interface WindowBatch {
  readonly bytes: Buffer
  readonly values: readonly string[]
  isAcknowledged: boolean
}

/** What a broker may answer without having done anything wrong. */
const EXPECTED: ReadonlySet<ErrorName> = new Set(['REQUEST_TIMED_OUT'])
/** And of a topic that is being deleted. */
const EXPECTED_OF_DOOMED: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_ID',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'KAFKA_STORAGE_ERROR',
])

/** The batches of one idempotent producer for one partition. */
export class IdempotentQueue {
  readonly partition: PartitionModel
  readonly #name: string
  readonly #producerId: number
  readonly #hasCrashed: () => boolean
  /** In order; begins with one that is not acknowledged. */
  #window: WindowBatch[] = []
  #inFlight = 0
  #nextSequence = 0
  #mustSendAgain = false
  /** What of it was deleted is not remembered over a crash: its retry is refused, and the application is told. */
  #isGivenUp = false

  constructor(options: {
    partition: PartitionModel
    name: string
    producerId: number
    hasCrashed: () => boolean
  }) {
    this.partition = options.partition
    this.#name = options.name
    this.#producerId = options.producerId
    this.#hasCrashed = options.hasCrashed
  }

  get isIdle(): boolean {
    return this.#window.length === 0 || this.#isGivenUp || this.partition.topic.isDoomed
  }

  /** What to send next: everything again where that is due, else a new batch where there is room; or nothing. */
  next(plan: BatchPlan | null): ProducedBatch[] {
    if (this.#isGivenUp) return []
    if (this.#mustSendAgain) return this.#sendAgain()
    if (plan === null || this.#window.length >= WINDOW_BATCHES_MAX) return []
    const values = this.partition.newValues(this.#name, plan.sizes)
    const fields = { producerId: this.#producerId, producerEpoch: 0, baseSequence: this.#nextSequence }
    this.#nextSequence += values.length
    const batch = { bytes: batchOf(plan, values, fields), values, isAcknowledged: false }
    this.#window.push(batch)
    return [this.#send(batch)]
  }

  #sendAgain(): ProducedBatch[] {
    if (this.#inFlight > 0) return []
    this.#mustSendAgain = false
    return this.#window.filter((batch) => !batch.isAcknowledged).map((batch) => this.#send(batch))
  }

  #send(batch: WindowBatch): ProducedBatch {
    this.#inFlight++
    const settled = (outcome: number | ErrorName | null) => this.#settled(batch, outcome)
    return { partition: this.partition, bytes: batch.bytes, acks: -1, settled }
  }

  #settled(batch: WindowBatch, outcome: number | ErrorName | null): void {
    this.#inFlight--
    const { partition } = this
    const isFirst = this.#window[0] === batch
    if (typeof outcome === 'number') {
      batch.isAcknowledged = true
      while (this.#window[0]?.isAcknowledged) this.#window.shift()
      return partition.acknowledged(outcome, batch.values)
    }
    this.#mustSendAgain = true
    if (outcome === null) return
    // A batch before this one was refused: this one comes too early.
    if (outcome === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && (!isFirst || this.#isGivenUp)) return
    if (outcome === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && partition.logStartAsked > 0) {
      this.#isGivenUp = true
      return
    }
    checkError(partition, outcome, this.#hasCrashed())
  }
}

/** One batch that is sent once. */
export function plainBatch(
  partition: PartitionModel,
  options: { name: string; acks: -1 | 1; plan: BatchPlan; hasCrashed: () => boolean },
): ProducedBatch {
  const { name, acks, plan, hasCrashed } = options
  const values = partition.newValues(name, plan.sizes)
  const settled = (outcome: number | ErrorName | null) => {
    if (typeof outcome === 'string') checkError(partition, outcome, hasCrashed())
    else if (outcome !== null && acks === -1) partition.acknowledged(outcome, values)
    else if (outcome !== null) partition.written(outcome, values)
  }
  return { partition, bytes: batchOf(plan, values), acks, settled }
}

/** One request for all of them; they share their acks. */
export function produceRequest(
  batches: readonly ProducedBatch[],
  options: { timeoutMs: number },
): RequestInputOf<typeof Produce> {
  return {
    acks: batches[0]!.acks,
    timeoutMs: options.timeoutMs,
    topicData: batches.map(({ partition, bytes }) => ({
      topicId: partition.topic.id,
      partitionData: [{ index: partition.index, records: bytes }],
    })),
  }
}

export function settleAll(batches: readonly ProducedBatch[], reply: ResponseOf<typeof Produce> | null): void {
  for (const [i, { settled }] of batches.entries()) {
    const partition = reply?.responses[i]?.partitionResponses[0]
    if (partition === undefined) settled(null)
    else settled(partition.errorCode === 0 ? partition.baseOffset : errorName(partition.errorCode))
  }
}

function checkError({ place, topic }: PartitionModel, error: ErrorName, hasCrashed: boolean): void {
  if (EXPECTED.has(error) || (topic.isDoomed && EXPECTED_OF_DOOMED.has(error))) return
  assert.ok(error === 'KAFKA_STORAGE_ERROR' && hasCrashed, `${place}: a batch was refused with ${error}`)
}

function batchOf({ timestampMs, codec }: BatchPlan, values: readonly string[], fields = {}): Buffer {
  const builder = new BatchBuilder({ codec })
  for (const value of values) builder.append({ timestampMs, key: null, value })
  return Buffer.from(builder.build(fields))
}
