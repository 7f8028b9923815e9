/**
 * For tests: a whole broker on a disk and a network in memory, in which time stands still until the test moves it. A
 * second life of the broker finds the disk and the metadata of the first.
 */
import assert from 'node:assert/strict'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import type { RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { BatchBuilder, type BatchFields, type NewRecord } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { Broker } from '../broker.ts'
import { type MemoryContent, MemoryStore, memoryContent } from '../metadata/memory-store.ts'
import { RawClient } from './raw-client.ts'

export const NOW_MS = 1_700_000_000_000
const BROKER_HOST = 'broker'
const PORT = 9092

export type Settings = { readonly [name: string]: string }
export type ProduceReply = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]
export type FetchReply = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number]
export type FetchInput = RequestInputOf<typeof Fetch>

export interface TestBatch extends BatchFields {
  readonly codec?: Codec
  readonly records?: readonly Partial<NewRecord>[]
}

/** A batch of one record unless told otherwise, stamped with the time at which a world begins. */
export function batchOf({ codec = 'none', records = [{}], ...fields }: TestBatch = {}): Buffer {
  const builder = new BatchBuilder({ codec, bytesMax: Number.MAX_SAFE_INTEGER })
  for (const record of records) builder.append({ timestampMs: NOW_MS, key: 'k', value: 'v', ...record })
  return Buffer.from(builder.build(fields))
}

export interface StillWorldOptions {
  readonly settings?: Settings
  /** `holdSyncs` and faults are the test's to set. */
  readonly disk?: MemoryDisk
  readonly time?: FakeTime
  readonly content?: MemoryContent
}

export class StillWorld implements AsyncDisposable {
  readonly time: FakeTime
  readonly network: MemoryNetwork
  readonly disk: MemoryDisk
  readonly logger = new MemoryLogger()
  readonly content: MemoryContent
  readonly #settings: Settings
  #broker: Broker | null = null

  private constructor(options: StillWorldOptions) {
    this.time = options.time ?? new FakeTime({ wallMs: NOW_MS })
    this.network = new MemoryNetwork({ timers: this.time })
    this.disk = options.disk ?? new MemoryDisk({ random: seededRandom(1), clock: this.time })
    this.content = options.content ?? memoryContent()
    this.#settings = options.settings ?? {}
  }

  static async start(options: StillWorldOptions = {}): Promise<StillWorld> {
    const world = new StillWorld(options)
    const { time, disk, logger, network, content } = world
    const ports = {
      ...{ clock: time, timers: time, random: seededRandom(2), logger, disk, network: network.join(BROKER_HOST) },
      openStore: async () => new MemoryStore({ content }),
    }
    const starting = Broker.start({ storage: 'memory', port: PORT, settings: world.#settings, ports })
    world.#broker = await world.until(starting)
    return world
  }

  get broker(): Broker {
    return this.#broker!
  }

  /** A broker in the same place, once this one has stopped. */
  async restart(): Promise<StillWorld> {
    await this[Symbol.asyncDispose]()
    const { disk, time, content } = this
    return StillWorld.start({ disk, time, content, settings: this.#settings })
  }

  /** What a promise comes to, with time moved on where it must. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const mark = () => {
      settled = true
    }
    promise.then(mark, mark)
    for (let rounds = 0; !settled; rounds++) {
      assert(rounds < 10_000, 'It settles')
      await this.time.settle()
      if (!settled && rounds > 10) await this.time.run(1)
    }
    return promise
  }

  async connect(options: { host?: string; clientId?: string } = {}): Promise<RawClient> {
    const { host = 'client', clientId } = options
    const pump = () => this.time.settle()
    const dial = async () => {
      const connection = await this.network.join(host).connect({ host: BROKER_HOST, port: PORT, timeoutMs: 1000 })
      return new RawClient(connection, { pump, ...(clientId === undefined ? {} : { clientId }) })
    }
    return this.until(dial())
  }

  /** Makes a topic and answers its id. */
  async createTopic(
    client: RawClient,
    name: string,
    options: { partitions?: number; configs?: Settings } = {},
  ): Promise<string> {
    const { partitions = 1, configs = {} } = options
    const reply = await client.ask(CreateTopics, 7, {
      topics: [
        {
          ...{ name, numPartitions: partitions, replicationFactor: 1, assignments: [] },
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 1000,
    })
    const [topic] = reply.topics
    assert.equal(topic!.errorCode, 0, `${topic!.errorMessage}`)
    return topic!.topicId
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.until(this.broker[Symbol.asyncDispose]())
  }
}

export interface ProduceOptions {
  readonly version?: number
  readonly acks?: number
  readonly topic?: string
  readonly partition?: number
  readonly timeoutMs?: number
}

export function produceRequest(records: Buffer | null, options: ProduceOptions = {}): RequestInputOf<typeof Produce> {
  const { acks = -1, topic = 't', partition = 0, timeoutMs = 1000 } = options
  return { acks, timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] }
}

/** Sends one batch, by name, and answers what became of it. */
export async function produceOne(
  client: RawClient,
  records: Buffer | null,
  options: ProduceOptions = {},
): Promise<ProduceReply> {
  const reply = await client.ask(Produce, options.version ?? 12, produceRequest(records, options))
  return reply.responses[0]!.partitionResponses[0]!
}

/** The name of the error that producing the batch ends in. */
export async function produceError(
  client: RawClient,
  records: Buffer | null,
  options: ProduceOptions = {},
): Promise<ErrorName> {
  return errorName((await produceOne(client, records, options)).errorCode)
}

export interface FetchOptions extends Partial<Omit<FetchInput, 'topics'>> {
  readonly version?: number
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly partitionMaxBytes?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
}

/** A fetch of one partition, by name, that does not wait unless told. */
export function fetchRequest(options: FetchOptions = {}): FetchInput {
  const { topic = 't', partition = 0, offset = 0, partitionMaxBytes = 1_000_000, version, ...rest } = options
  const { currentLeaderEpoch = -1, lastFetchedEpoch = -1, ...request } = rest
  const asked = { partition, fetchOffset: offset, partitionMaxBytes, currentLeaderEpoch, lastFetchedEpoch }
  return { maxWaitMs: 0, minBytes: 1, topics: [{ topic, partitions: [asked] }], ...request }
}

export async function fetchOne(client: RawClient, options: FetchOptions = {}): Promise<FetchReply> {
  const reply = await client.ask(Fetch, options.version ?? 12, fetchRequest(options))
  return reply.responses[0]!.partitions[0]!
}
