/**
 * Owns a program's side of producing: takes records, gathers them by partition, holds callers back while too much
 * waits, and tells them what became of their records. Batches travel by sender.ts.
 *
 * Records of one topic are taken in the order of the calls, also while its metadata is still being asked for or there
 * is no room.
 */
import { BoundedQueue } from '@ottla/base/bounded-queue.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { BatchBuilder, type NewRecordHeader, type RecordBytes } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import type { Client } from '../client.ts'
import { unlessAborted } from '../connections.ts'
import { DisposedError, OverloadError, RecordTooLargeError } from '../errors.ts'
import { BatchReport, type BatchResult, type RecordMetadata, RecordReport } from './delivery.ts'
import { type Delivery, OutgoingBatch } from './outgoing-batch.ts'
import { PartitionQueue, PENDING_MAX } from './partition-queue.ts'
import { Partitioner, type PartitionView } from './partitioner.ts'
import { Sender } from './sender.ts'

export interface ProducerOptions {
  /** `all` in-sync replicas (the default), 1 the leader alone, 0 nobody. Only `all` is idempotent. */
  readonly acks?: 'all' | 1 | 0
  /** `none` when left out. */
  readonly compression?: Codec
  /** Of gzip (1 to 9) and zstd (1 to 22). */
  readonly compressionLevel?: number
  /** How long an open batch waits for more, in ms. 0 when left out: it leaves as soon as nothing else is under way. */
  readonly lingerMs?: number
  /** Of a batch before compression. 256 KiB when left out. */
  readonly batchBytesMax?: number
  /** Of a request, and so of the largest record. 1,000,000 when left out, a little less than brokers take. */
  readonly requestBytesMax?: number
  /** Of records that wait for their acknowledgement; beyond it send and sendBatch wait. 32 MiB when left out. */
  readonly bufferBytesMax?: number
  /** Calls that wait for room; further ones fail with OverloadError. 100,000 when left out. */
  readonly waitingSendsMax?: number
  /** From taking a record to giving it up, in ms. 120,000 when left out. */
  readonly deliveryTimeoutMs?: number
  /** 30,000 ms when left out. */
  readonly requestTimeoutMs?: number
  /** How long to look for a topic that does not exist (yet), in ms. 5,000 when left out. */
  readonly topicTimeoutMs?: number
  /** Lets the broker create a missing topic where it is set to. True when left out, as in Kafka. */
  readonly autoCreateTopics?: boolean
}

export interface ProducerRecord {
  /** Chosen by the key, or evenly without one, when left out. */
  readonly partition?: number
  readonly key?: RecordBytes | null
  readonly value: RecordBytes | null
  readonly headers?: readonly NewRecordHeader[]
  /** In ms since 1970; now when left out. */
  readonly timestampMs?: number
}

type Settings = Required<Omit<ProducerOptions, 'compressionLevel'>> & Pick<ProducerOptions, 'compressionLevel'>

const DEFAULTS: Settings = {
  acks: 'all',
  compression: 'none',
  lingerMs: 0,
  batchBytesMax: 256 * 1024,
  requestBytesMax: 1_000_000,
  bufferBytesMax: 32 * 1024 * 1024,
  waitingSendsMax: 100_000,
  deliveryTimeoutMs: 120_000,
  requestTimeoutMs: 30_000,
  topicTimeoutMs: 5_000,
  autoCreateTopics: true,
}

/** Around keys, values and headers, at most: lengths, timestamp, offset, the batch's header. */
const RECORD_OVERHEAD_BYTES = 100
/** Builders that are kept for further batches. */
const SPARE_BUILDERS_MAX = 64

/** A call whose records are not all taken yet. */
interface Call {
  readonly records: readonly ProducerRecord[]
  readonly delivery: Delivery
  taken: number
}

interface TopicState {
  readonly name: string
  readonly queues: PartitionQueue[]
  readonly view: PartitionView
  readonly partitioner: Partitioner
  readonly calls: BoundedQueue<Call>
  isPumping: boolean
}

export class Producer {
  readonly #client: Client
  readonly #options: Settings
  readonly #sender: Sender
  readonly #topics = new Map<string, TopicState>()
  readonly #unsettled = new Set<OutgoingBatch>()
  readonly #spares: BatchBuilder[] = []
  readonly #disposing = new AbortController()
  #bufferedBytes = 0
  #room: Deferred<void> | null = null

  constructor(client: Client, options: ProducerOptions = {}) {
    this.#client = client
    this.#options = { ...DEFAULTS, ...options }
    const { acks, requestBytesMax, requestTimeoutMs, deliveryTimeoutMs } = this.#options
    this.#sender = new Sender({
      client,
      acks: acks === 'all' ? -1 : acks,
      requestBytesMax,
      requestTimeoutMs,
      deliveryTimeoutMs,
      onSettled: (batch) => this.#onSettled(batch),
    })
  }

  /** Bytes of records, before compression, that have no outcome yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /**
   * Resolves once the record is acknowledged as `acks` asks. Rejects with ProtocolError, DeliveryTimeoutError,
   * RecordTooLargeError, OverloadError or DisposedError.
   */
  async send(topic: string, record: ProducerRecord): Promise<RecordMetadata> {
    const report = new RecordReport()
    this.#take(topic, { records: [record], delivery: report, taken: 0 })
    return await report.outcome
  }

  /**
   * Resolves once all records are acknowledged; rejects with the first error when all have an outcome. One promise
   * however many records: wait for `writable` between calls, or await each, to keep memory bounded.
   */
  async sendBatch(topic: string, records: readonly ProducerRecord[]): Promise<BatchResult> {
    const report = new BatchReport(records.length)
    if (records.length > 0) this.#take(topic, { records, delivery: report, taken: 0 })
    return await report.outcome
  }

  /** Resolves once there is room for more, at once where there is. */
  async writable(options: { signal?: AbortSignal } = {}): Promise<void> {
    while (this.#bufferedBytes >= this.#options.bufferBytesMax) await unlessAborted(this.#whenRoom(), options.signal)
  }

  /** Sends what has been taken without further waiting; resolves once all of it has an outcome, good or bad. */
  async flush(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#sender.flushing++
    this.#sender.schedule()
    try {
      await unlessAborted(Promise.all([...this.#unsettled].map((batch) => batch.settled.promise)), options.signal)
    } finally {
      this.#sender.flushing--
    }
  }

  /** Fails what has no outcome yet; `flush` first to wait for it. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const error = new DisposedError('producer')
    this.#disposing.abort(error)
    this.#sender.dispose(error)
    for (const topic of this.#topics.values()) this.#rejectCalls(topic, error)
  }

  #take(name: string, call: Call): void {
    this.#disposing.signal.throwIfAborted()
    const topic = this.#topicState(name)
    const isReady = topic.calls.length === 0 && this.#client.metadata.topic(name)?.error === 'NONE'
    if (isReady && this.#appendAll(topic, call)) return
    if (!topic.calls.push(call)) {
      const reason = `${topic.calls.lengthMax} calls wait already: await earlier sends, or raise waitingSendsMax`
      throw new OverloadError(`Cannot send to "${name}": ${reason}`)
    }
    if (!topic.isPumping) void this.#pump(topic)
  }

  #topicState(name: string): TopicState {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const calls = new BoundedQueue<Call>({ lengthMax: this.#options.waitingSendsMax })
      const queues: PartitionQueue[] = []
      const view = this.#viewOf(name, queues)
      topic = { name, queues, view, partitioner: new Partitioner(this.#client.ports.random), calls, isPumping: false }
      this.#topics.set(name, topic)
    }
    return topic
  }

  #viewOf(topic: string, queues: readonly PartitionQueue[]): PartitionView {
    const { metadata } = this.#client
    return {
      get partitionCount() {
        return metadata.topic(topic)?.partitions.length ?? 0
      },
      hasOpenBatch: (partition) => (queues[partition]?.openBatch ?? null) !== null,
      hasLeader: (partition) => metadata.leader(topic, partition) !== undefined,
    }
  }

  /** Takes the waiting calls of one topic in order, as its metadata and the room allow. */
  async #pump(topic: TopicState): Promise<void> {
    topic.isPumping = true
    const { signal } = this.#disposing
    const { topicTimeoutMs: timeoutMs, autoCreateTopics: autoCreate } = this.#options
    try {
      await this.#client.metadata.find(topic.name, { timeoutMs, autoCreate, signal })
      for (let call = topic.calls.peek(); call !== undefined; call = topic.calls.peek()) {
        if (this.#appendAll(topic, call)) topic.calls.shift()
        else await unlessAborted(this.#whenRoom(), signal)
      }
    } catch (error) {
      this.#rejectCalls(topic, error instanceof Error ? error : new Error(String(error)))
    } finally {
      topic.isPumping = false
    }
  }

  #rejectCalls(topic: TopicState, error: Error): void {
    for (let call = topic.calls.shift(); call !== undefined; call = topic.calls.shift()) {
      call.delivery.failed(error, call.records.length - call.taken)
    }
  }

  /** False where the room ran out before the call's last record. */
  #appendAll(topic: TopicState, call: Call): boolean {
    const { bufferBytesMax } = this.#options
    const nowMs = this.#client.ports.clock.wallMs()
    for (; call.taken < call.records.length; call.taken++) {
      if (this.#bufferedBytes >= bufferBytesMax) return false
      this.#append(topic, call.records[call.taken]!, { delivery: call.delivery, nowMs })
    }
    return true
  }

  #append(topic: TopicState, record: ProducerRecord, context: { delivery: Delivery; nowMs: number }): void {
    const { key = null, value, headers } = record
    const { delivery, nowMs } = context
    const partition = this.#partitionOf(topic, record, key)
    const error = this.#recordError(topic, record, partition)
    if (error !== null) {
      delivery.failed(error, 1)
      return
    }
    const queue = this.#queueOf(topic, partition)
    const openBatch = queue.openBatch
    const timestampMs = record.timestampMs ?? nowMs
    const wire = headers === undefined ? { timestampMs, key, value } : { timestampMs, key, value, headers }
    const before = openBatch?.sizeBytes ?? 0
    if (openBatch !== null && queue.append(wire, delivery)) {
      this.#bufferedBytes += openBatch.sizeBytes - before
      return
    }
    if (openBatch !== null) topic.partitioner.batchFull(partition)
    const batch = this.#beginBatch(topic, queue)
    batch.append(wire, delivery)
    this.#bufferedBytes += batch.sizeBytes
    this.#sender.wake(queue)
  }

  #partitionOf(topic: TopicState, record: ProducerRecord, key: RecordBytes | null): number {
    if (record.partition !== undefined) return record.partition
    // A topic that was deleted meanwhile has none left: the check behind this one says so.
    return topic.view.partitionCount === 0 ? 0 : topic.partitioner.partitionOf(key, topic.view)
  }

  #recordError({ name: topic, view }: TopicState, record: ProducerRecord, partition: number): Error | null {
    const count = view.partitionCount
    if (!Number.isInteger(partition) || partition < 0 || partition >= count) {
      return new RangeError(`Cannot send to partition ${partition} of "${topic}": it has ${count}, numbered from 0`)
    }
    const size = sizeOf(record)
    const { requestBytesMax } = this.#options
    if (size <= requestBytesMax) return null
    const advice = "raise requestBytesMax and the topic's max.message.bytes, or send a smaller record"
    return new RecordTooLargeError(
      `Cannot send a record of ${size} bytes to "${topic}": at most ${requestBytesMax}; ${advice}`,
    )
  }

  #queueOf(topic: TopicState, partition: number): PartitionQueue {
    const { acks, lingerMs } = this.#options
    const idempotent = acks === 'all'
    const pendingMax = idempotent ? PENDING_MAX : 1
    topic.queues[partition] ??= new PartitionQueue({ topic: topic.name, partition, pendingMax, idempotent, lingerMs })
    return topic.queues[partition]
  }

  #beginBatch(topic: TopicState, queue: PartitionQueue): OutgoingBatch {
    const { compression: codec, compressionLevel: level, batchBytesMax: bytesMax } = this.#options
    const options = level === undefined ? { codec, bytesMax } : { codec, bytesMax, level }
    const builder = this.#spares.pop() ?? new BatchBuilder(options)
    const batch = new OutgoingBatch(builder, this.#client.ports.clock.monotonicMs())
    queue.begin(batch)
    this.#unsettled.add(batch)
    topic.partitioner.batchBegun(queue.partition)
    return batch
  }

  #onSettled(batch: OutgoingBatch): void {
    this.#unsettled.delete(batch)
    this.#bufferedBytes -= batch.sizeBytes
    // A socket may still hold the bytes of a batch that failed; one that was acknowledged has left.
    if (batch.wasStored && this.#spares.length < SPARE_BUILDERS_MAX) {
      batch.builder.reset()
      this.#spares.push(batch.builder)
    }
    if (this.#room !== null && this.#bufferedBytes < this.#options.bufferBytesMax) {
      this.#room.resolve()
      this.#room = null
    }
  }

  #whenRoom(): Promise<void> {
    if (this.#bufferedBytes < this.#options.bufferBytesMax) return Promise.resolve()
    this.#room ??= deferred<void>()
    return this.#room.promise
  }
}

/** At most what the record takes in a batch of its own, in bytes. */
function sizeOf(record: ProducerRecord): number {
  let size = RECORD_OVERHEAD_BYTES + bytesOf(record.key ?? null) + bytesOf(record.value)
  for (const header of record.headers ?? []) size += 10 + bytesOf(header.key) + bytesOf(header.value)
  return size
}

function bytesOf(bytes: RecordBytes | null): number {
  if (bytes === null) return 0
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}
