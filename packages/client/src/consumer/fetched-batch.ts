/**
 * Owns what a consumer hands out: whole batches of one partition, decoded when asked for. Records are views of the
 * fetched bytes; they stay valid for as long as somebody holds them, and hold the whole fetched answer in memory.
 */
import { type BatchHeader, batchLastOffset, readBatchHeader } from '@ottla/protocol/records/batch.ts'
import { type LogRecord, type RecordHeader, readRecords } from '@ottla/protocol/records/record.ts'

export interface ConsumerRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The producer's clock, or the broker's where the topic says so, in ms since 1970. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export interface FetchedBatchOptions {
  readonly topic: string
  /** Tells two topics of one name apart; the zero uuid where brokers have no ids. */
  readonly topicId: string
  readonly partition: number
  /** The whole batch as it came. */
  readonly bytes: Buffer
  /** Records below it were not asked for. */
  readonly fromOffset: number
  /** Records from it on were not asked for either; Infinity for all. */
  readonly untilOffset: number
  /** Of the partition when the batch came. */
  readonly highWatermark: number
}

export class FetchedBatch {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly highWatermark: number
  readonly bytes: Buffer
  readonly #fromOffset: number
  readonly #untilOffset: number

  constructor(options: FetchedBatchOptions) {
    this.topic = options.topic
    this.topicId = options.topicId
    this.partition = options.partition
    this.highWatermark = options.highWatermark
    this.bytes = options.bytes
    this.#fromOffset = options.fromOffset
    this.#untilOffset = options.untilOffset
  }

  /** The same without the records below this offset. */
  startingAt(fromOffset: number): FetchedBatch {
    const { topic, topicId, partition, bytes, highWatermark } = this
    const place = { topic, topicId, partition }
    return new FetchedBatch({ ...place, bytes, highWatermark, fromOffset, untilOffset: this.#untilOffset })
  }

  get header(): BatchHeader {
    return readBatchHeader(this.bytes, 0)
  }

  /** Where to go on after this batch. */
  get nextOffset(): number {
    return Math.min(batchLastOffset(this.bytes, 0) + 1, this.#untilOffset)
  }

  /**
   * The batch's records in order of offsets, without those that were not asked for. Decodes each time. Throws
   * RecordFormatError, or DecompressionError.
   */
  records(): ConsumerRecord[] {
    const { topic, partition } = this
    const records: ConsumerRecord[] = []
    for (const record of readRecords(this.bytes)) {
      if (record.offset >= this.#fromOffset && record.offset < this.#untilOffset)
        records.push(toConsumer(record, topic, partition))
    }
    return records
  }
}

function toConsumer(record: LogRecord, topic: string, partition: number): ConsumerRecord {
  const { offset, timestamp: timestampMs, key, value, headers } = record
  return { topic, partition, offset, timestampMs, key, value, headers }
}
