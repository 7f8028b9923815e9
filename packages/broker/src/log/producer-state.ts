/**
 * Owns what a log knows of its idempotent producers: the epoch and the last five batches of each. Pure: no disk, no
 * clock. `check` decides about a batch, `applied` takes note of one that is in the log; live, on followers and on
 * replay alike, so that the state is a function of the log.
 *
 * `<offset>.snapshot` holds the state as of that offset (the file is producer-snapshots.ts's):
 *
 * | offset | bytes | field                                                                              |
 * | ------ | ----- | ---------------------------------------------------------------------------------- |
 * | 0      | 2     | version = 1                                                                        |
 * | 2      | 4     | CRC-32C of byte 6 to the end                                                       |
 * | 6      | 4     | how many entries follow                                                            |
 * | 10     | 46 ×  | producerId 8, epoch 2, lastSequence 4, lastOffset 8, offsetDelta 4, timestamp 8,    |
 * |        |       | coordinatorEpoch 4, currentTxnFirstOffset 8 (−1 none), each                         |
 *
 * Kafka writes one entry for each producer, its last batch, and so takes the retry of an earlier one for an error after
 * a restart. Here each batch that is remembered has an entry, the oldest first; Kafka believes the last one it reads.
 * A snapshot with another version, size or checksum is worth nothing: an older one and the log's batches replace it.
 */
import { assert } from '@ottla/base/assert.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchLastOffsetDelta,
  batchLastSequence,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  isControl,
  isTransactional,
} from '@ottla/protocol/records/batch.ts'
import { crc32c } from '@ottla/protocol/records/crc32c.ts'
import { readInt64, writeInt64 } from '@ottla/protocol/records/int64.ts'
import type { LastOfProducer } from './compaction/compaction-job.ts'

/** How many of a producer's batches are remembered: as many as a client may have in flight. */
export const BATCHES_REMEMBERED_MAX = 5

const SNAPSHOT_VERSION = 1
const CRC_AT = 2
const COUNT_AT = 6
const ENTRIES_AT = 10
const ENTRY_BYTES = 46
/** The number of sequence numbers: after 2147483647 comes 0. */
const SEQUENCES = 0x8000_0000

export type SequenceCheck =
  | { readonly kind: 'append' }
  | {
      readonly kind: 'duplicate'
      readonly baseOffset: number
      readonly lastOffset: number
      /** The batch's largest timestamp: with LogAppendTime, when it was appended. */
      readonly appendTimeMs: number
    }
  | { readonly kind: 'error'; readonly error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' | 'INVALID_PRODUCER_EPOCH' }

export const APPEND: SequenceCheck = { kind: 'append' }
const OUT_OF_ORDER: SequenceCheck = { kind: 'error', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
const INVALID_EPOCH: SequenceCheck = { kind: 'error', error: 'INVALID_PRODUCER_EPOCH' }

interface RememberedBatch {
  lastSequence: number
  lastOffset: number
  offsetDelta: number
  timestampMs: number
}

class ProducerState {
  epoch: number
  coordinatorEpoch = -1
  currentTxnFirstOffset = -1
  lastTimestampMs = -1
  /** When its last batch was appended or replayed, by this broker's clock; −1: it is known from a snapshot alone. */
  seenMs = -1
  /** The oldest first. */
  readonly batches: RememberedBatch[] = []

  constructor(epoch: number) {
    this.epoch = epoch
  }

  /** The one with exactly these sequence numbers. */
  find(baseSequence: number, lastSequence: number): RememberedBatch | undefined {
    return this.batches.find((known) => known.lastSequence === lastSequence && baseSequenceOf(known) === baseSequence)
  }

  remember(batch: RememberedBatch): void {
    this.lastTimestampMs = batch.timestampMs
    if (this.batches.length < BATCHES_REMEMBERED_MAX) {
      this.batches.push(batch)
      return
    }
    // The oldest one's object becomes the newest: a busy producer makes no garbage here.
    const oldest = this.batches.shift()!
    this.batches.push(Object.assign(oldest, batch))
  }
}

export class ProducerStates {
  readonly #states = new Map<number, ProducerState>()
  readonly #expirationMs: number

  /** `producer.id.expiration.ms`: how long a producer is remembered after its last batch. */
  constructor(expirationMs: number) {
    this.#expirationMs = expirationMs
  }

  get count(): number {
    return this.#states.size
  }

  /** Where the oldest open transaction began; Infinity without any. O(producers). */
  get firstUnstableOffset(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { currentTxnFirstOffset } of this.#states.values()) {
      if (currentTxnFirstOffset >= 0 && currentTxnFirstOffset < first) first = currentTxnFirstOffset
    }
    return first
  }

  /** What the log's batches must go on telling of each producer. O(producers). */
  lastOfEach(): Map<number, LastOfProducer> {
    const last = new Map<number, LastOfProducer>()
    for (const [producerId, { batches, epoch }] of this.#states) {
      last.set(producerId, { lastDataOffset: batches.at(-1)?.lastOffset ?? -1, epoch })
    }
    return last
  }

  /** What becomes of a batch that a client sends; changes nothing. One without a producer id is always appended. */
  check(buffer: Buffer, at: number, nowMs: number): SequenceCheck {
    const state = this.#states.get(batchProducerId(buffer, at))
    if (state === undefined || this.#isExpired(state, nowMs)) return APPEND
    const baseSequence = batchBaseSequence(buffer, at)
    assert(baseSequence >= 0, 'A batch with a producer id has a sequence')
    const epoch = batchProducerEpoch(buffer, at)
    if (epoch < state.epoch) return INVALID_EPOCH
    if (epoch > state.epoch) return baseSequence === 0 ? APPEND : OUT_OF_ORDER
    const known = state.find(baseSequence, batchLastSequence(buffer, at))
    if (known !== undefined) {
      const { lastOffset, offsetDelta, timestampMs } = known
      return { kind: 'duplicate', baseOffset: lastOffset - offsetDelta, lastOffset, appendTimeMs: timestampMs }
    }
    const last = state.batches.at(-1)
    // Only a transaction marker has made this epoch known: any sequence may be its first.
    if (last === undefined) return APPEND
    return baseSequence === (last.lastSequence + 1) % SEQUENCES ? APPEND : OUT_OF_ORDER
  }

  /** Takes note of a batch of the log, with its final offset. Batches without a producer id say nothing. */
  applied(buffer: Buffer, at: number, nowMs: number): void {
    const producerId = batchProducerId(buffer, at)
    if (producerId < 0) return
    const state = this.#stateFor(producerId, batchProducerEpoch(buffer, at))
    state.seenMs = nowMs
    const attributes = batchAttributes(buffer, at)
    if (isControl(attributes)) {
      state.currentTxnFirstOffset = -1
      state.lastTimestampMs = batchMaxTimestamp(buffer, at)
      return
    }
    const baseOffset = batchBaseOffset(buffer, at)
    if (isTransactional(attributes) && state.currentTxnFirstOffset < 0) state.currentTxnFirstOffset = baseOffset
    if (batchBaseSequence(buffer, at) < 0) return
    const offsetDelta = batchLastOffsetDelta(buffer, at)
    state.remember({
      lastSequence: batchLastSequence(buffer, at),
      lastOffset: baseOffset + offsetDelta,
      offsetDelta,
      timestampMs: batchMaxTimestamp(buffer, at),
    })
  }

  /** Forgets producers whose last batch is too old, unless a transaction of theirs is open. */
  removeExpired(nowMs: number): void {
    for (const [producerId, state] of this.#states) {
      if (this.#isExpired(state, nowMs)) this.#states.delete(producerId)
    }
  }

  clear(): void {
    this.#states.clear()
  }

  toSnapshot(): Buffer {
    let entries = 0
    for (const { batches } of this.#states.values()) entries += Math.max(1, batches.length)
    const bytes = Buffer.alloc(ENTRIES_AT + entries * ENTRY_BYTES)
    bytes.writeInt16BE(SNAPSHOT_VERSION, 0)
    bytes.writeInt32BE(entries, COUNT_AT)
    let at = ENTRIES_AT
    for (const [producerId, state] of this.#states) {
      for (let i = 0; i < Math.max(1, state.batches.length); i++) {
        writeEntry(bytes, at, { producerId, state, batch: state.batches[i] })
        at += ENTRY_BYTES
      }
    }
    bytes.writeUInt32BE(crc32c(bytes, COUNT_AT), CRC_AT)
    return bytes
  }

  /** Replaces the state by a snapshot's. False, and nothing changed, when the bytes are no valid snapshot. */
  loadSnapshot(bytes: Buffer): boolean {
    if (!isSnapshot(bytes)) return false
    this.#states.clear()
    for (const stored of storedProducers(bytes)) this.#take(stored)
    return true
  }

  /** Asserts that each producer's batches follow one another and end before the log does. */
  verify(logEndOffset: number): void {
    for (const { batches, currentTxnFirstOffset } of this.#states.values()) {
      assert(batches.length <= BATCHES_REMEMBERED_MAX, 'Few batches are remembered')
      assert(currentTxnFirstOffset < logEndOffset, 'An open transaction began in the log')
      let lastOffset = -1
      for (const batch of batches) {
        assert(batch.lastOffset - batch.offsetDelta > lastOffset, 'Batches of a producer are in order')
        lastOffset = batch.lastOffset
      }
      assert(lastOffset < logEndOffset, 'Only batches of the log are remembered')
    }
  }

  /**
   * Producers may send records of long ago, as when a topic is filled anew from elsewhere: the time of the append counts
   * then, or their retries would be written twice.
   */
  #isExpired(state: ProducerState, nowMs: number): boolean {
    const newestMs = Math.max(state.lastTimestampMs, state.seenMs)
    return state.currentTxnFirstOffset < 0 && nowMs - newestMs >= this.#expirationMs
  }

  #stateFor(producerId: number, epoch: number): ProducerState {
    let state = this.#states.get(producerId)
    if (state === undefined) {
      state = new ProducerState(epoch)
      this.#states.set(producerId, state)
    } else if (state.epoch !== epoch) {
      state.epoch = epoch
      state.batches.length = 0
    }
    return state
  }

  #take(stored: StoredProducer): void {
    const { lastSequence, lastOffset, offsetDelta, timestampMs } = stored
    const state = this.#stateFor(stored.producerId, stored.producerEpoch)
    state.coordinatorEpoch = stored.coordinatorEpoch
    state.currentTxnFirstOffset = stored.currentTxnFirstOffset
    state.lastTimestampMs = timestampMs
    if (lastSequence >= 0) state.remember({ lastSequence, lastOffset, offsetDelta, timestampMs })
  }
}

/** An entry of a snapshot. */
export interface StoredProducer {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly currentTxnFirstOffset: number
  /** Negative where a transaction marker is all that is known. */
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestampMs: number
}

/** Of a snapshot that `isSnapshot` refuses, the entries that are whole. */
export function* storedProducers(bytes: Buffer): Generator<StoredProducer> {
  for (let at = ENTRIES_AT; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    yield {
      producerId: readInt64(bytes, at),
      producerEpoch: bytes.readInt16BE(at + 8),
      coordinatorEpoch: bytes.readInt32BE(at + 34),
      currentTxnFirstOffset: readInt64(bytes, at + 38),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      timestampMs: readInt64(bytes, at + 26),
    }
  }
}

interface SnapshotEntry {
  readonly producerId: number
  readonly state: ProducerState
  /** Undefined where a transaction marker is all that is known. */
  readonly batch: RememberedBatch | undefined
}

function writeEntry(bytes: Buffer, at: number, { producerId, state, batch }: SnapshotEntry): void {
  // A marker may be newer than the last batch.
  const timestampMs = batch === state.batches.at(-1) ? state.lastTimestampMs : batch!.timestampMs
  writeInt64(bytes, producerId, at)
  bytes.writeInt16BE(state.epoch, at + 8)
  bytes.writeInt32BE(batch?.lastSequence ?? -1, at + 10)
  writeInt64(bytes, batch?.lastOffset ?? -1, at + 14)
  bytes.writeInt32BE(batch?.offsetDelta ?? 0, at + 22)
  writeInt64(bytes, timestampMs, at + 26)
  bytes.writeInt32BE(state.coordinatorEpoch, at + 34)
  writeInt64(bytes, state.currentTxnFirstOffset, at + 38)
}

/** Whether version, size and checksum are right. */
export function isSnapshot(bytes: Buffer): boolean {
  if (bytes.length < ENTRIES_AT || bytes.readInt16BE(0) !== SNAPSHOT_VERSION) return false
  if (bytes.length !== ENTRIES_AT + bytes.readInt32BE(COUNT_AT) * ENTRY_BYTES) return false
  return bytes.readUInt32BE(CRC_AT) === crc32c(bytes, COUNT_AT)
}

function baseSequenceOf(batch: RememberedBatch): number {
  return (batch.lastSequence - batch.offsetDelta + SEQUENCES) % SEQUENCES
}
