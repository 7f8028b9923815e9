/**
 * For crash tests: what goes on while a broker waits for its crash, drawn from one random source: producers, a
 * consumer, topics that come and go under few names, deletions of records, checkpoints, and stops in order. It lives
 * through all lives of the broker, and after each start it checks what is there against what it knows.
 */
import assert from 'node:assert/strict'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchBaseSequence, batchProducerId, batchRecordCount } from '@ottla/protocol/records/batch.ts'
import type { CrashConnection } from './crash-connection.ts'
import type { Life } from './crash-life.ts'
import { type FoundRecord, type PartitionModel, recordsIn, TopicModel } from './crash-model.ts'
import {
  type BatchPlan,
  IdempotentQueue,
  type ProducedBatch,
  plainBatch,
  produceRequest,
  settleAll,
} from './crash-producers.ts'

const TOPIC_NAMES = ['a', 'b', 'c']
const PARTITIONS_MAX = 3
const EARLIEST = -2
const LATEST = -1
const SETTLING_ROUNDS_MAX = 200

interface Connections {
  readonly producers: CrashConnection
  readonly consumer: CrashConnection
  readonly admins: readonly CrashConnection[]
}

export class CrashWorkload {
  readonly #random: Random
  /** Every topic that was ever acknowledged or found, by id. */
  readonly #topics = new Map<string, TopicModel>()
  readonly #queues = new Map<string, IdempotentQueue>()
  readonly #producerIds = new Map<string, number>()
  readonly #transcript: string[] = []
  readonly #witness: (line: string) => void
  #life!: Life
  #connections!: Connections
  #isFetching = false
  /** Requests in flight that name a topic, by name: one that deletes records must not meet a successor unawares. */
  readonly #naming = new Map<string, { records: number; topics: number }>()

  /** `witness` is told each line of the transcript at once. */
  constructor(seed: string, options: { witness: (line: string) => void }) {
    this.#random = seededRandom(`workload ${seed}`)
    this.#witness = options.witness
  }

  /** What has happened, line by line: the same for the same seed. */
  get transcript(): readonly string[] {
    return this.#transcript
  }

  /** How many batches were acknowledged as durable, in all: a run in which there are none shows nothing. */
  acknowledgedBatches = 0

  /** Goes on in a new life: everything that is there is checked first. Throws LifeEnded. */
  async begin(life: Life, options: { machineCrashed: boolean }): Promise<void> {
    this.#life = life
    this.#isFetching = false
    this.#naming.clear()
    this.#note('started')
    this.#connections = await this.#connect()
    await this.#findTopics()
    for (const partition of this.#partitions()) await this.#checkPartition(partition, options)
  }

  /** One thing happens, and perhaps some time goes by. Throws LifeEnded. */
  async step(): Promise<void> {
    const kind = this.#random.below(100)
    if (kind < 40) await this.#produceIdempotent()
    else if (kind < 60) this.#producePlain()
    else if (kind < 72) this.#fetch()
    else if (kind < 77) this.#deleteRecords()
    else if (kind < 83) this.#createTopic()
    else if (kind < 86) this.#deleteTopic()
    else if (kind < 87) await this.#reconnect()
    else await this.#life.run(this.#random.below(this.#random.below(10) === 0 ? 100 : 6))
    if (this.#random.below(2) === 0) await this.#life.run(0)
  }

  /** Until every idempotent producer has been told of all it has sent. Throws LifeEnded. */
  async finish(): Promise<void> {
    for (let round = 0; !this.#isIdle; round++) {
      assert.ok(round < SETTLING_ROUNDS_MAX, 'Every batch is acknowledged in the end')
      for (const queue of this.#queues.values()) this.#send(queue.isIdle ? [] : queue.next(null), { timeoutMs: 1000 })
      await this.#life.run(20)
    }
    await this.#life.run(500)
    for (const queue of this.#queues.values()) assert.ok(queue.isIdle)
  }

  /** Names of the directories that the partitions have to have. */
  get directoryNames(): string[] {
    return this.#partitions().map(({ topic, index }) => `${topic.name}-${index}`)
  }

  get #isIdle(): boolean {
    return Array.from(this.#queues.values()).every((queue) => queue.isIdle)
  }

  async #connect(): Promise<Connections> {
    const life = this.#life
    const admins = [await life.connect(), await life.connect()]
    return { producers: await life.connect(), consumer: await life.connect(), admins }
  }

  #partitions(): PartitionModel[] {
    return Array.from(this.#topics.values()).flatMap(({ partitions, isDoomed }) => (isDoomed ? [] : partitions))
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.#random.below(from.length)]
  }

  #note(what: string): void {
    const line = `${this.#life.time.wallMs()} ${what}`
    this.#transcript.push(line)
    this.#witness(line)
  }

  // After a start.

  async #findTopics(): Promise<void> {
    const request = { topics: null }
    const reply = await this.#life.ask(this.#connections.consumer, { api: Metadata, version: 12, request })
    const found = new Map(reply.topics.map((topic) => [topic.topicId, topic]))
    for (const { topicId, name, partitions } of reply.topics) {
      const known = this.#topics.get(topicId)
      assert.ok(!known?.isDeleted, `Topic ${name} is back from its acknowledged deletion`)
      if (known === undefined) this.#addTopic({ id: topicId, name: name!, partitionCount: partitions.length })
      else known.isDoomed = false
    }
    for (const topic of this.#topics.values()) {
      assert.ok(found.has(topic.id) || topic.isDoomed, `Topic ${topic.name} is gone`)
      if (!found.has(topic.id)) topic.isDeleted = true
    }
  }

  async #checkPartition(partition: PartitionModel, options: { machineCrashed: boolean }): Promise<void> {
    const logStartOffset = await this.#offsetOf(partition, EARLIEST)
    const logEndOffset = await this.#offsetOf(partition, LATEST)
    const found: FoundRecord[] = []
    for (let offset = logStartOffset; offset < logEndOffset; offset = found.at(-1)!.offset + 1) {
      const partitionMaxBytes = 1 + this.#random.below(4000)
      const request = fetchRequest(partition, { offset, maxWaitMs: 0, partitionMaxBytes })
      const reply = await this.#life.ask(this.#connections.consumer, { api: Fetch, version: 13, request })
      const { errorCode, records } = reply.responses[0]!.partitions[0]!
      assert.equal(errorName(errorCode), 'NONE')
      const read = recordsIn(records)
      assert.ok(read.length > 0, `${partition.place}: nothing at ${offset} of ${logEndOffset}`)
      found.push(...read)
    }
    this.#note(`found ${partition.place} ${logStartOffset} ${logEndOffset}`)
    partition.recovered(found, { logStartOffset, logEndOffset, ...options })
  }

  async #offsetOf({ topic, index }: PartitionModel, timestamp: number): Promise<number> {
    const topics = [{ name: topic.name, partitions: [{ partitionIndex: index, timestamp }] }]
    const call = { api: ListOffsets, version: 7, request: { replicaId: -1, topics } }
    const reply = await this.#life.ask(this.#connections.consumer, call)
    const partition = reply.topics[0]!.partitions[0]!
    assert.equal(errorName(partition.errorCode), 'NONE')
    return partition.offset
  }

  // Producers.

  async #produceIdempotent(): Promise<void> {
    const partition = this.#pick(this.#partitions())
    if (partition === undefined) return
    const queue = await this.#queueOf(partition, `i${this.#random.below(2)}`)
    this.#send(queue.next(this.#plan()), { timeoutMs: this.#timeoutMs() })
  }

  async #queueOf(partition: PartitionModel, name: string): Promise<IdempotentQueue> {
    const key = `${partition.place} ${name}`
    const known = this.#queues.get(key)
    if (known !== undefined) return known
    const producerId = this.#producerIds.get(name) ?? (await this.#newProducerId(name))
    const queue = new IdempotentQueue({ partition, name, producerId, hasCrashed: () => this.#life.hasCrashed })
    this.#queues.set(key, queue)
    return queue
  }

  async #newProducerId(name: string): Promise<number> {
    const request = { transactionalId: null, transactionTimeoutMs: 1000 }
    const reply = await this.#life.ask(this.#connections.admins[0]!, { api: InitProducerId, version: 4, request })
    assert.equal(errorName(reply.errorCode), 'NONE')
    assert.ok(![...this.#producerIds.values()].includes(reply.producerId), 'A producer id is given once')
    this.#producerIds.set(name, reply.producerId)
    return reply.producerId
  }

  #producePlain(): void {
    const acks = this.#random.below(2) === 0 ? -1 : 1
    const name = acks === 1 ? 'o' : 'p'
    const chosen = new Set([this.#pick(this.#partitions()), this.#pick(this.#partitions())])
    const batches: ProducedBatch[] = []
    for (const partition of chosen) {
      if (partition === undefined) continue
      const options = { name, acks, plan: this.#plan(), hasCrashed: () => this.#life.hasCrashed } as const
      batches.push(plainBatch(partition, options))
    }
    if (batches.length > 0) this.#sendTogether(batches, { timeoutMs: this.#timeoutMs() })
  }

  /** One request each, pipelined. */
  #send(batches: readonly ProducedBatch[], options: { timeoutMs: number }): void {
    for (const batch of batches) this.#sendTogether([batch], options)
  }

  #sendTogether(batches: readonly ProducedBatch[], options: { timeoutMs: number }): void {
    for (const { partition, bytes, acks } of batches) {
      const producer = `${batchProducerId(bytes, 0)} from ${batchBaseSequence(bytes, 0)}`
      this.#note(`produce ${partition.place} ${acks} ${producer} ${batchRecordCount(bytes, 0)} ${options.timeoutMs}`)
    }
    const request = produceRequest(batches, options)
    this.#connections.producers.send({ api: Produce, version: 13, request }, (reply) => {
      for (const { partitionResponses } of reply?.responses ?? []) {
        const { index, errorCode, baseOffset } = partitionResponses[0]!
        this.#note(`produced ${index} ${errorCode} ${baseOffset}`)
        if (errorCode === 0 && request.acks === -1) this.acknowledgedBatches++
      }
      settleAll(batches, reply)
    })
  }

  #plan(): BatchPlan {
    const random = this.#random
    const bytesMax = random.below(12) === 0 ? 270 : 60
    const sizes = Array.from({ length: 1 + random.below(4) }, () => random.below(bytesMax))
    return { sizes, timestampMs: this.#life.time.wallMs(), codec: random.below(10) === 0 ? 'gzip' : 'none' }
  }

  #timeoutMs(): number {
    return this.#random.below(5) === 0 ? 1 + this.#random.below(4) : 1000
  }

  // The consumer.

  #fetch(): void {
    const partition = this.#pick(this.#partitions())
    if (partition === undefined || this.#isFetching) return
    const again = this.#random.below(4) === 0
    const low = partition.logStartTold
    const from = again
      ? low + this.#random.below(Math.max(1, partition.position - low))
      : Math.max(low, partition.position)
    const maxWaitMs = this.#random.below(3) * 5
    const request = fetchRequest(partition, { offset: from, maxWaitMs, partitionMaxBytes: 2000 })
    const asked = { from, logStartKnown: partition.logStartTold }
    this.#isFetching = true
    this.#connections.consumer.send({ api: Fetch, version: 13, request }, (reply) => {
      this.#isFetching = false
      const told = reply?.responses[0]?.partitions[0]
      if (told !== undefined) this.#fetched(partition, asked, told)
    })
  }

  #fetched(
    partition: PartitionModel,
    asked: { from: number; logStartKnown: number },
    told: { errorCode: number; records: Buffer | null; highWatermark: number; logStartOffset: number },
  ): void {
    const error = errorName(told.errorCode)
    this.#note(`fetched ${partition.place} ${asked.from} ${error} ${told.highWatermark}`)
    if (error === 'NONE') {
      const found = recordsIn(told.records)
      partition.read(asked, found, told)
      partition.position = found.length > 0 ? found.at(-1)!.offset + 1 : asked.from
      return
    }
    // Records may be deleted while a fetch is under way.
    if (error === 'OFFSET_OUT_OF_RANGE' && asked.from < partition.logStartAsked) {
      partition.position = partition.logStartTold
      return
    }
    const isExpected = partition.topic.isDoomed || (error === 'KAFKA_STORAGE_ERROR' && this.#life.hasCrashed)
    assert.ok(isExpected, `${partition.place}: a fetch from ${asked.from} was refused with ${error}`)
  }

  // Administration.

  #deleteRecords(): void {
    const partition = this.#pick(this.#partitions())
    if (partition === undefined) return
    const naming = this.#namingOf(partition.topic.name)
    if (naming.topics > 0) return
    const offset = this.#random.below(3) === 0 ? -1 : this.#random.below(partition.highWatermark + 1)
    const { topic, index } = partition
    partition.deletionAsked(offset === -1 ? null : offset)
    const topics = [{ name: topic.name, partitions: [{ partitionIndex: index, offset }] }]
    naming.records++
    this.#admin().send({ api: DeleteRecords, version: 2, request: { topics, timeoutMs: 1000 } }, (reply) => {
      naming.records--
      const told = reply?.topics[0]?.partitions[0]
      if (told === undefined) return
      this.#note(`deleted ${partition.place} ${offset} ${told.errorCode} ${told.lowWatermark}`)
      if (told.errorCode === 0) partition.logStartWas(told.lowWatermark)
    })
  }

  #createTopic(): void {
    const name = this.#pick(TOPIC_NAMES)!
    const naming = this.#namingOf(name)
    if (naming.records > 0) return
    const partitionCount = 1 + this.#random.below(PARTITIONS_MAX)
    const topics = [
      { name, numPartitions: partitionCount, replicationFactor: 1, assignments: [], configs: this.#topicConfigs() },
    ]
    naming.topics++
    this.#admin().send({ api: CreateTopics, version: 7, request: { topics, timeoutMs: 1000 } }, (reply) => {
      naming.topics--
      const told = reply?.topics[0]
      if (told === undefined) return
      const error = errorName(told.errorCode)
      this.#note(`created ${name} ${error} ${told.topicId}`)
      if (error === 'NONE') this.#addTopic({ id: told.topicId, name, partitionCount })
      else assert.equal(error, 'TOPIC_ALREADY_EXISTS')
    })
  }

  #topicConfigs(): { name: string; value: string }[] {
    const random = this.#random
    const configs = {
      'internal.segment.bytes': String(1600 + random.below(3000)),
      'index.interval.bytes': String(random.below(300)),
      'segment.index.bytes': String(60 + random.below(300)),
      ...(random.below(4) === 0 ? { 'flush.messages': String(1 + random.below(4)) } : {}),
      ...(random.below(4) === 0 ? { 'flush.ms': String(1 + random.below(10)) } : {}),
    }
    return Object.entries(configs).map(([name, value]) => ({ name, value }))
  }

  #addTopic(options: { id: string; name: string; partitionCount: number }): void {
    if (!this.#topics.has(options.id)) this.#topics.set(options.id, new TopicModel(options))
  }

  /** Now and then its name is used again at once. */
  #deleteTopic(): void {
    const topic = this.#pick(Array.from(this.#topics.values()).filter(({ isDoomed }) => !isDoomed))
    if (topic === undefined || this.#namingOf(topic.name).records > 0) return
    const naming = this.#namingOf(topic.name)
    topic.isDoomed = true
    naming.topics++
    const request = { topics: [{ name: null, topicId: topic.id }], timeoutMs: 1000 }
    this.#admin().send({ api: DeleteTopics, version: 6, request }, (reply) => {
      naming.topics--
      const told = reply?.responses[0]
      if (told === undefined) return
      const error = errorName(told.errorCode)
      this.#note(`deleted ${topic.name} ${error}`)
      assert.equal(error, 'NONE')
      topic.isDeleted = true
    })
  }

  #namingOf(name: string): { records: number; topics: number } {
    const known = this.#naming.get(name) ?? { records: 0, topics: 0 }
    this.#naming.set(name, known)
    return known
  }

  #admin(): CrashConnection {
    return this.#pick(this.#connections.admins)!
  }

  async #reconnect(): Promise<void> {
    this.#connections.producers.destroy()
    await this.#life.run(0)
    this.#connections = { ...this.#connections, producers: await this.#life.connect() }
  }
}

function fetchRequest(
  { topic, index }: PartitionModel,
  options: { offset: number; maxWaitMs: number; partitionMaxBytes: number },
) {
  const { offset, maxWaitMs, partitionMaxBytes } = options
  const partitions = [{ partition: index, fetchOffset: offset, partitionMaxBytes }]
  return { maxWaitMs, minBytes: 1, topics: [{ topicId: topic.id, partitions }] }
}
