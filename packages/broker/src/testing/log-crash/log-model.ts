/**
 * For the log's crash suite: what one partition's log has to hold, through all lives of its broker. Pure.
 *
 * A batch is remembered as the log was told to keep it, byte by byte. What is certain is told by three ends:
 * `durableEnd` (no crash may take anything below), `writtenEnd` (nor the end of the process alone) and `logEndOffset`
 * (nothing beyond was ever appended).
 */
import assert from 'node:assert/strict'
import {
  assignOffset,
  batchBaseSequence,
  batchLastOffset,
  batchLastSequence,
  batchProducerEpoch,
  batchProducerId,
} from '@ottla/protocol/records/batch.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'

/** As many as a client may have in flight: what a log remembers of each producer. */
const RETRIES_MAX = 5

export interface ModelRecord {
  readonly offset: number
  readonly timestamp: number
}

export interface ModelBatch {
  /** As its producer sent it. */
  readonly source: Buffer
  /** As the log has to keep it. */
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  readonly acks: -1 | 0 | 1
  readonly leaderEpoch: number
  readonly records: readonly ModelRecord[]
}

export interface ModelProducer {
  epoch: number
  nextSequence: number
  /** Of this epoch, the oldest first. */
  recent: ModelBatch[]
  /** Its last batch was deleted before a crash: whether the log still knows of it is left open, so it begins an epoch. */
  mustBeginEpoch: boolean
}

export class LogModel {
  readonly name: string
  readonly writeCaching: boolean
  batches: ModelBatch[] = []
  durableEnd = 0
  writtenEnd = 0
  /** The largest that anybody was told, and that anybody has asked for. */
  startTold = 0
  startAsked = 0
  /** A truncation to here is under way: a crash leaves the end on either side of it. */
  truncatingTo: number | null = null
  leaderEpoch = 0
  /** Retention is on: it may have deleted whatever is committed. */
  isRetained = false
  /** As it was seen in this life. */
  highWatermark = 0
  readonly producers = new Map<number, ModelProducer>()

  constructor(name: string, options: { writeCaching: boolean }) {
    this.name = name
    this.writeCaching = options.writeCaching
  }

  get logEndOffset(): number {
    return Math.max(this.startTold, (this.batches.at(-1)?.lastOffset ?? -1) + 1)
  }

  producer(id: number): ModelProducer {
    const known = this.producers.get(id) ?? { epoch: 0, nextSequence: 0, recent: [], mustBeginEpoch: false }
    this.producers.set(id, known)
    return known
  }

  /** The log has taken the batch, or died of it. */
  appended(source: Buffer, acks: -1 | 0 | 1): ModelBatch {
    const bytes = Buffer.from(source)
    const baseOffset = this.logEndOffset
    assignOffset(bytes, 0, baseOffset, this.leaderEpoch)
    const records = readRecords(bytes).map(({ offset, timestamp }) => ({ offset, timestamp: Number(timestamp) }))
    const batch: ModelBatch = {
      ...{ source, bytes, baseOffset, acks, records, leaderEpoch: this.leaderEpoch },
      lastOffset: batchLastOffset(bytes, 0),
    }
    this.batches.push(batch)
    this.#sequenced(batch)
    return batch
  }

  acknowledged({ acks, lastOffset }: ModelBatch): void {
    if (acks === -1 && !this.writeCaching) this.durable(lastOffset + 1)
  }

  /** Everything below is durable. */
  durable(end: number): void {
    this.durableEnd = Math.max(this.durableEnd, end)
  }

  /** The log has deleted what lies below, or was seen to have. */
  startSeen(offset: number): void {
    assert.ok(offset >= this.startTold, `${this.name}: the start went back from ${this.startTold} to ${offset}`)
    const asked = this.isRetained ? this.logEndOffset : this.startAsked
    assert.ok(offset <= asked, `${this.name}: starts at ${offset}, and nobody has asked for more than ${asked}`)
    this.startTold = offset
  }

  /** The batches that a reader finds from an offset on, below a limit. */
  from(offset: number, limit = Number.POSITIVE_INFINITY): ModelBatch[] {
    return this.batches.filter(({ baseOffset, lastOffset }) => lastOffset >= offset && baseOffset < limit)
  }

  /** The first record from the log's start on with this timestamp or a larger one. */
  offsetForTimestamp(timestamp: number, startOffset: number): ModelRecord | null {
    return this.#records(startOffset).find((record) => record.timestamp >= timestamp) ?? null
  }

  /** The first record that has the largest timestamp. */
  maxTimestampOffset(startOffset: number): ModelRecord | null {
    const records = this.#records(startOffset)
    const largest = records.reduce((max, { timestamp }) => Math.max(max, timestamp), -1)
    return records.find(({ timestamp }) => timestamp === largest) ?? null
  }

  /** Base offset of the first acks=all batch that is not durable as the log tells it; Infinity without one. */
  firstUnsyncedAll(syncedOffset: number): number {
    const first = this.from(syncedOffset).find(({ acks }) => acks === -1)
    return first?.baseOffset ?? Number.POSITIVE_INFINITY
  }

  /** These batches are the whole history now, and durable: after a recovery, a truncation or an orderly stop. */
  settle(logEndOffset: number, logStartOffset: number): void {
    this.batches = this.batches.filter(({ lastOffset }) => lastOffset < logEndOffset)
    this.startTold = logStartOffset
    this.startAsked = Math.max(this.startAsked, logStartOffset)
    assert.equal(this.logEndOffset, logEndOffset, `${this.name}: the log ends where a batch does`)
    this.durableEnd = logEndOffset
    this.writtenEnd = logEndOffset
    this.highWatermark = logEndOffset
    this.truncatingTo = null
    this.producers.clear()
    for (const batch of this.batches) this.#sequenced(batch)
    for (const producer of this.producers.values()) {
      producer.mustBeginEpoch = (producer.recent.at(-1)?.lastOffset ?? -1) < logStartOffset
    }
  }

  #records(startOffset: number): ModelRecord[] {
    return this.from(startOffset)
      .flatMap(({ records }) => records)
      .filter(({ offset }) => offset >= startOffset)
  }

  #sequenced(batch: ModelBatch): void {
    const id = batchProducerId(batch.bytes, 0)
    if (id < 0) return
    const producer = this.producer(id)
    const epoch = batchProducerEpoch(batch.bytes, 0)
    if (epoch !== producer.epoch) producer.recent = []
    assert.ok(batchBaseSequence(batch.bytes, 0) >= 0, 'A producer numbers its batches')
    producer.epoch = epoch
    producer.mustBeginEpoch = false
    producer.nextSequence = batchLastSequence(batch.bytes, 0) + 1
    producer.recent = [...producer.recent, batch].slice(-RETRIES_MAX)
  }
}
