/**
 * A scripted broker for tests, on a memory network: each API is a function that the test gives, answering a value, null
 * for no answer, or 'hang-up'. It parses and writes frames with the protocol package, records what it was asked, and is
 * no model of a broker beyond that; FakeLog is one of a partition, as far as producers can tell.
 */
import { deferred } from '@ottla/base/deferred.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import type { Connection, Network } from '@ottla/base/network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { Reader } from '@ottla/protocol/bytes.ts'
import type { AnyApi, RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { decodeRequestBody, encodeResponse, readRequestHeader } from '@ottla/protocol/frame.ts'
import {
  batchBaseSequence,
  batchLastSequence,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from '@ottla/protocol/records/batch.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { type Client, openClient } from './client.ts'
import { FrameReader } from './frame-reader.ts'

export type Answer<A extends AnyApi> = ResponseInputOf<A> | null | 'hang-up'
type Handler = { api: AnyApi; answer: (request: unknown, version: number) => unknown }

export interface Asked {
  readonly name: string
  readonly version: number
  readonly value: unknown
}

export const TOPIC_ID = 'abcdefghijklmnopqrstuA'

export class FakeBroker {
  readonly asked: Asked[] = []
  readonly #handlers = new Map<number, Handler>()
  readonly #connections = new Set<Connection>()
  #stands = false
  readonly #ranges = new Map<number, readonly [number, number]>()

  static async start(network: Network, port: number): Promise<FakeBroker> {
    const broker = new FakeBroker()
    await network.listen({ host: '', port, accept: (connection) => broker.#accept(connection) })
    broker.on(ApiVersions, () => ({ errorCode: 0, apiKeys: broker.#apiKeys() }))
    return broker
  }

  /** Replaces the API's answer; the first time it is also advertised, in the given versions or in all. */
  on<A extends AnyApi>(
    api: A,
    answer: (request: RequestOf<A>, version: number) => Answer<A> | Promise<Answer<A>>,
    versions = api.versions,
  ): void {
    this.#handlers.set(api.key, { api, answer: answer as Handler['answer'] })
    this.#ranges.set(api.key, versions)
  }

  count(api: AnyApi): number {
    return this.asked.filter(({ name }) => name === api.name).length
  }

  /** From now on nothing is answered, as by a process that stands still: what is asked is taken all the same. */
  standStill(): void {
    this.#stands = true
    this.#connections.clear()
  }

  hangUp(): void {
    for (const connection of this.#connections) connection.destroy()
    this.#connections.clear()
  }

  #apiKeys() {
    return [...this.#ranges].map(([apiKey, [minVersion, maxVersion]]) => ({ apiKey, minVersion, maxVersion }))
  }

  #accept(connection: Connection): void {
    if (!this.#stands) this.#connections.add(connection)
    let turn = Promise.resolve()
    const onFrame = (frame: Buffer): void => {
      turn = turn.then(() => this.#answer(connection, frame))
    }
    const frames = new FrameReader({ bytesMax: 64 * 1024 * 1024, onFrame })
    connection.handlers = { onData: (bytes) => frames.push(bytes), onClose: () => this.#connections.delete(connection) }
  }

  async #answer(connection: Connection, frame: Buffer): Promise<void> {
    const reader = new Reader(frame)
    const { apiKey, apiVersion, correlationId } = readRequestHeader(
      reader,
      (key) => this.#handlers.get(key)?.api.flexible,
    )
    const { api, answer } = this.#handlers.get(apiKey)!
    const isKnown = apiVersion <= this.#ranges.get(apiKey)![1]
    const value = isKnown ? decodeRequestBody(api, apiVersion, reader) : null
    this.asked.push({ name: api.name, version: apiVersion, value })
    const response = isKnown
      ? await answer(value, apiVersion)
      : { errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys: this.#apiKeys().filter((row) => row.apiKey === apiKey) }
    if (!this.#connections.has(connection) || response === null) return
    if (response === 'hang-up') connection.destroy()
    else
      connection.write(
        encodeResponse(api, isKnown ? apiVersion : 0, correlationId, response as ResponseInputOf<AnyApi>),
      )
  }
}

/** A world with one broker on `broker:9092`, that leads all partitions of the topic `t`. */
export async function fakeCluster(options: { partitions?: number } = {}) {
  const time = new FakeTime()
  const network = new MemoryNetwork({ timers: time })
  const broker = await FakeBroker.start(network.join('broker'), 9092)
  broker.on(Metadata, ({ topics }) =>
    metadataAnswer({ names: topics?.map(({ name }) => name ?? '') ?? ['t'], partitions: options.partitions ?? 1 }),
  )
  broker.on(InitProducerId, () => ({ errorCode: 0, producerId: 7, producerEpoch: 0 }))
  const ports = { network: network.join('client'), clock: time, timers: time, random: seededRandom(1) }
  const open = async (): Promise<Client> => await settled(time, openClient({ bootstrap: 'broker:9092', ports }))
  return { time, network, broker, ports, open }
}

export function metadataAnswer(options: { names: readonly string[]; partitions: number; error?: ErrorName }) {
  const code = errorCode(options.error ?? 'NONE')
  const partitions = Array.from({ length: options.partitions }, (_, partitionIndex) => {
    return { errorCode: 0, partitionIndex, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1] }
  })
  const topics = options.names.map((name) => {
    return {
      errorCode: name === 't' ? code : errorCode('UNKNOWN_TOPIC_OR_PARTITION'),
      name,
      topicId: TOPIC_ID,
      partitions: name === 't' ? partitions : [],
    }
  })
  return { brokers: [{ nodeId: 1, host: 'broker', port: 9092 }], controllerId: 1, clusterId: 'c', topics }
}

/** Lets everything happen that needs no passing of time, or `forMs` of it; then the promise has to be done. */
export async function settled<T>(time: FakeTime, promise: Promise<T>, forMs = 0): Promise<T> {
  const done = deferred<'done'>()
  promise.then(
    () => done.resolve('done'),
    () => done.resolve('done'),
  )
  await time.run(forMs)
  await time.settle()
  const outcome = await Promise.race([done.promise, Promise.resolve('pending')])
  if (outcome === 'pending') throw new Error(`Still pending after ${forMs} ms`)
  return await promise
}

/** A partition as producers see it: sequences are checked as semantics of idempotence ask, duplicates recognized. */
export class FakeLog {
  readonly values: string[] = []
  readonly #known: { first: number; last: number; offset: number }[] = []
  #epoch = -1

  append(batch: Buffer): { error: ErrorName; baseOffset: number } {
    const first = batchBaseSequence(batch, 0)
    const last = batchLastSequence(batch, 0)
    const epoch = batchProducerEpoch(batch, 0)
    if (batchProducerId(batch, 0) >= 0) {
      const again =
        epoch === this.#epoch ? this.#known.find((one) => one.first === first && one.last === last) : undefined
      if (again !== undefined) return { error: 'NONE', baseOffset: again.offset }
      if (epoch < this.#epoch) return { error: 'INVALID_PRODUCER_EPOCH', baseOffset: -1 }
      const expected = epoch > this.#epoch ? 0 : this.#known.at(-1)!.last + 1
      if (first !== expected) return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', baseOffset: -1 }
      if (epoch > this.#epoch) this.#known.length = 0
      this.#epoch = epoch
      this.#known.push({ first, last, offset: this.values.length })
      if (this.#known.length > 5) this.#known.shift()
    }
    const baseOffset = this.values.length
    for (const record of readRecords(batch)) this.values.push(String(record.value))
    if (this.values.length !== baseOffset + batchRecordCount(batch, 0)) throw new Error('A batch holds what it says')
    return { error: 'NONE', baseOffset }
  }

  /** The broker lost what it knew of the producer, and its records with it. */
  forget(records: number): void {
    this.values.length -= records
    this.#known.pop()
  }
}
