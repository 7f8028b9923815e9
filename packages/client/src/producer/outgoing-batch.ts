/**
 * Owns one batch of records on its way to a partition: its bytes, its place in the producer's sequence, and whom to
 * tell what became of it. When it is sent is partition-queue.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { BatchBuilder, NewRecord } from '@ottla/protocol/records/batch-builder.ts'

/** Who sends, for brokers to recognize what they have already (KIP-98); null without idempotence. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
}

/** Where a batch was stored. Offsets are −1 where the broker does not answer (acks 0). */
export interface Stored {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  /** The broker's clock where the topic stamps records with it, else −1, in ms since 1970. */
  readonly logAppendTimeMs: number
}

/** One call of send or sendBatch, told of each batch that its records went into. */
export interface Delivery {
  stored(stored: Stored, firstIndex: number, count: number): void
  failed(error: Error, count: number): void
}

/** Records of one delivery that lie behind each other in a batch. */
interface Span {
  readonly delivery: Delivery
  readonly firstIndex: number
  count: number
}

export class OutgoingBatch {
  readonly createdMs: number
  readonly builder: BatchBuilder
  /** Resolves once every record's fate was told; never rejects. */
  readonly settled: Deferred<void> = deferred<void>()
  readonly #spans: Span[] = []
  /** −1 until the batch has its place. */
  baseSequence = -1
  isInFlight = false
  /** True once it may be at the broker, whatever was answered. */
  wasSent = false
  isSettled = false
  /** It was acknowledged: nobody holds its bytes any more. */
  wasStored = false
  lastError: Error | null = null
  #bytes: Buffer | null = null

  constructor(builder: BatchBuilder, createdMs: number) {
    this.builder = builder
    this.createdMs = createdMs
  }

  get recordCount(): number {
    return this.builder.recordCount
  }

  /** Before compression. */
  get sizeBytes(): number {
    return this.builder.sizeBytes
  }

  /** False where the batch is full; nothing was changed then. */
  append(record: NewRecord, delivery: Delivery): boolean {
    assert(this.#bytes === null, 'A batch that was built takes no more records')
    const index = this.builder.recordCount
    if (!this.builder.append(record)) return false
    const last = this.#spans.at(-1)
    if (last?.delivery === delivery) last.count++
    else this.#spans.push({ delivery, firstIndex: index, count: 1 })
    return true
  }

  /** Gives the batch its place, once, or another one after the epoch was bumped. */
  place(identity: ProducerIdentity | null, baseSequence: number): void {
    assert(!this.isInFlight, 'A batch that is under way keeps its place')
    this.baseSequence = identity === null ? -1 : baseSequence
    const { producerId, epoch: producerEpoch } = identity ?? { producerId: -1, epoch: -1 }
    this.#bytes = this.builder.build({ producerId, producerEpoch, baseSequence: this.baseSequence })
  }

  /** The same bytes at every attempt, so that a broker recognizes what it has. */
  bytes(): Buffer {
    assert(this.#bytes !== null, 'A batch has its place before it is sent')
    return this.#bytes
  }

  succeed(stored: Stored): void {
    this.wasStored = true
    this.#settle()
    for (const span of this.#spans) span.delivery.stored(stored, span.firstIndex, span.count)
  }

  fail(error: Error): void {
    this.#settle()
    for (const span of this.#spans) span.delivery.failed(error, span.count)
  }

  #settle(): void {
    assert(!this.isSettled, 'A batch has one fate')
    this.isSettled = true
    this.isInFlight = false
    this.settled.resolve()
  }
}
