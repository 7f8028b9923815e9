/**
 * Owns where a consumer is in one partition, and what of a fetched answer it takes: whole batches, from the asked
 * offset on, without control batches and, for read_committed, without what aborted transactions wrote. Pure: no
 * network, no timers.
 */
import { assert } from '@ottla/base/assert.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import {
  BATCH_MALFORMED,
  batchAttributes,
  batchLastOffset,
  batchLeaderEpoch,
  batchProducerId,
  checkCrc,
  isControl,
  isTransactional,
  nextBatchAt,
} from '@ottla/protocol/records/batch.ts'
import { readControlRecord } from '@ottla/protocol/records/control.ts'
import { FetchedBatch } from './fetched-batch.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface FetchedPart {
  /** Batches one behind another; the last may be cut off. */
  readonly records: Buffer | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

/** What a broker sent is no batch, or fails its checksum. */
export class CorruptBatchError extends Error {
  constructor(where: string, reason: string) {
    super(`Cannot read ${where}: ${reason}; the broker's log or the network is damaged`)
    this.name = 'CorruptBatchError'
  }
}

export class PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** Where the consumer stops; Infinity to go on for ever. */
  readonly untilOffset: number
  /** Of the topic that `offset` belongs to; the zero uuid until the first fetch, and where brokers have no ids. */
  topicId: string = ZERO_UUID
  /** The next offset to fetch. */
  offset: number
  /** Of the newest record taken; −1 before the first. Tells a new leader where we were (KIP-320). */
  lastEpoch = -1
  /** Of the leader that gave us the newest record. */
  leaderEpoch = -1
  /** −1 until the first answer. */
  highWatermark = -1
  lastStableOffset = -1
  logStartOffset = -1
  /** No fetch before this, after an error; in ms. */
  notBeforeMs = 0
  failures = 0
  failingSinceMs = 0
  isFetching = false
  /** The replica of our own rack that the leader has sent us to, and until when (KIP-392). */
  #nearest: { readonly brokerId: number; readonly untilMs: number } | null = null
  /** Nobody reads it any more: an answer that is still to come is let fall. */
  isRemoved = false
  /** Taken so far, those that are not shown left out. */
  batchCount = 0

  constructor(place: { topic: string; partition: number; offset: number; untilOffset: number }) {
    assert(place.offset >= 0, 'A position is resolved before it is used')
    this.topic = place.topic
    this.partition = place.partition
    this.offset = place.offset
    this.untilOffset = place.untilOffset
  }

  get isFinished(): boolean {
    return this.offset >= this.untilOffset
  }

  /** Whether the topic of this id is another one, made under the name of a deleted one that was read so far. */
  isOfAnother(topicId: string): boolean {
    return this.topicId !== ZERO_UUID && topicId !== ZERO_UUID && topicId !== this.topicId
  }

  /** Nothing that was read of the old topic says where to go on in the new one. */
  beginAnew(topicId: string, offset: number): void {
    this.topicId = topicId
    this.offset = offset
    this.lastEpoch = -1
    this.leaderEpoch = -1
    this.batchCount = 0
  }

  /** The broker to read from rather than from the leader; null: the leader. */
  nearest(nowMs: number): number | null {
    return this.#nearest !== null && nowMs < this.#nearest.untilMs ? this.#nearest.brokerId : null
  }

  readFrom(brokerId: number, untilMs: number): void {
    this.#nearest = { brokerId, untilMs }
  }

  /** Back to the leader, which may send us elsewhere again. False where we read there already. */
  readFromLeader(): boolean {
    const wasElsewhere = this.#nearest !== null
    this.#nearest = null
    return wasElsewhere
  }

  /** Takes an answer to a fetch at the present offset, and moves behind it. Throws CorruptBatchError. */
  take(part: FetchedPart): FetchedBatch[] {
    this.highWatermark = part.highWatermark
    this.lastStableOffset = part.lastStableOffset
    this.logStartOffset = part.logStartOffset
    if (part.records === null) return []
    const aborted = new AbortedProducers(part.abortedTransactions ?? [])
    const batches: FetchedBatch[] = []
    let at = 0
    for (let next = nextBatchAt(part.records, at); next > 0; next = nextBatchAt(part.records, at)) {
      if (this.isFinished) return batches
      this.#takeBatch(part.records.subarray(at, next), aborted, batches)
      at = next
    }
    if (nextBatchAt(part.records, at) === BATCH_MALFORMED) throw this.#corrupt('it is no batch of format 2')
    return batches
  }

  #takeBatch(bytes: Buffer, aborted: AbortedProducers, batches: FetchedBatch[]): void {
    const lastOffset = batchLastOffset(bytes, 0)
    const isVisible = aborted.admits(bytes)
    // The batch around the asked offset may begin, and after compaction even end, below it.
    if (lastOffset < this.offset) return
    if (!checkCrc(bytes, 0)) throw this.#corrupt('its checksum is wrong')
    const { topic, topicId, partition, offset: fromOffset, untilOffset, highWatermark } = this
    if (isVisible) {
      batches.push(new FetchedBatch({ topic, topicId, partition, bytes, fromOffset, untilOffset, highWatermark }))
      this.batchCount++
    }
    this.lastEpoch = batchLeaderEpoch(bytes, 0)
    this.offset = lastOffset + 1
  }

  #corrupt(reason: string): CorruptBatchError {
    return new CorruptBatchError(`the batch at offset ${this.offset} of "${this.topic}-${this.partition}"`, reason)
  }
}

/** Walks along with the batches: whose records are of a transaction that was aborted later. */
class AbortedProducers {
  readonly #coming: AbortedTransaction[]
  readonly #current = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#coming = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** False for control batches and for records of an aborted transaction. */
  admits(batch: Buffer): boolean {
    const attributes = batchAttributes(batch, 0)
    if (!isTransactional(attributes)) return !isControl(attributes)
    while (this.#coming[0] !== undefined && this.#coming[0].firstOffset <= batchLastOffset(batch, 0)) {
      this.#current.add(this.#coming.shift()!.producerId)
    }
    const producerId = batchProducerId(batch, 0)
    if (!isControl(attributes)) return !this.#current.has(producerId)
    if (this.#current.has(producerId) && isAbort(batch)) this.#current.delete(producerId)
    return false
  }
}

function isAbort(batch: Buffer): boolean {
  const record = readControlRecord(batch)
  return record.kind === 'end-transaction' && !record.commit
}
