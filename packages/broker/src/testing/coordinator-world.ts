/**
 * For tests: a coordinator's runtime with the smallest machine that has everything, over real partitions on a disk that
 * outlives them, in time that stands still. A second life finds what the first one's crash or stop has left.
 */
import assert from 'node:assert/strict'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { BatchBuilder, type BatchFields } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import {
  answer,
  answerError,
  type CoordinatorRecord,
  type Machine,
  type RecordOrigin,
  type Step,
  step,
  type Ticket,
} from '../coordinator/machine.ts'
import { CoordinatorRuntime, type Operation } from '../coordinator/runtime.ts'
import { OpenSegments } from '../log/open-segments.ts'
import { TailBudget } from '../log/tail-budget.ts'
import { emptyImage, type MetadataImage, type TopicImage } from '../metadata/image.ts'
import type { ImageChange } from '../metadata/image-change.ts'
import { LogDirectory } from '../partition/log-directories.ts'
import type { Partition } from '../partition/partition.ts'
import { Partitions } from '../partition/partitions.ts'
import { brokerConfig } from './memory-broker.ts'
import { noCluster } from './no-cluster.ts'

export const TOPIC = '__toy_state'
export const COMMIT_TIMEOUT_MS = 5000
const NOW_MS = 1_700_000_000_000
const WAIT_MS_MAX = 60_000

/** A map of texts whose transactions count at their end, and tickets that wait for somebody to come. */
export class ToyMachine implements Machine {
  readonly values = new Map<string, string>()
  readonly pending = new Map<number, Map<string, string>>()
  readonly origins: RecordOrigin[] = []
  readonly waiting: Ticket<string>[] = []
  /** Whatever happened to it, in order. */
  readonly events: string[] = []
  /** What `loaded` and `imageChanged` give. */
  readonly onLoaded: () => Step
  onImage: (change: ImageChange) => Step = () => step()
  #onApply: (key: string) => void

  constructor(options: { onLoaded?: () => Step; onApply?: (key: string) => void } = {}) {
    this.onLoaded = options.onLoaded ?? (() => step())
    this.#onApply = options.onApply ?? (() => {})
  }

  apply({ key, value }: CoordinatorRecord, origin: RecordOrigin): void {
    this.#onApply(String(key))
    this.events.push(`apply ${key}=${value}`)
    this.origins.push(origin)
    const values = origin.producerId < 0 ? this.values : this.#pendingOf(origin.producerId)
    if (value === null) values.delete(String(key))
    else values.set(String(key), String(value))
  }

  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void {
    this.events.push(`${outcome} ${producerId}`)
    if (outcome === 'commit') for (const [key, value] of this.#pendingOf(producerId)) this.values.set(key, value)
    this.pending.delete(producerId)
  }

  loaded(nowMs: number): Step {
    this.events.push(`loaded at ${nowMs - NOW_MS}`)
    return this.onLoaded()
  }

  unloaded(): Step {
    this.events.push('unloaded')
    return step({ answers: this.waiting.map((ticket) => answerError(ticket, new ProtocolError('NOT_COORDINATOR'))) })
  }

  imageChanged(change: ImageChange): Step {
    this.events.push(`image ${change.before.revision} to ${change.image.revision}`)
    return this.onImage(change)
  }

  #pendingOf(producerId: number): Map<string, string> {
    const values = this.pending.get(producerId) ?? new Map<string, string>()
    this.pending.set(producerId, values)
    return values
  }
}

export type ToyOperation<Reply = string> = Operation<ToyMachine, Reply>

export function recordOf(key: string, value: string | null): CoordinatorRecord {
  return { key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }
}

/** Appends the records and answers with what the state was before. */
export function put(...pairs: readonly (readonly [string, string | null])[]): ToyOperation {
  return (machine, ticket) => {
    machine.events.push('decide')
    const records = pairs.map(([key, value]) => recordOf(key, value))
    return step({ records, answers: [answer(ticket, textOf(machine))] })
  }
}

export function textOf({ values }: ToyMachine): string {
  return Array.from(values, ([key, value]) => `${key}=${value}`).join(' ')
}

/** Somebody who asked: `waiting`, the reply, or the name of the error. */
export interface Asked {
  outcome: string
}

export interface WorldOptions {
  readonly seed?: number
  readonly syncDelayMs?: (random: Random) => number
  readonly configs?: { readonly [name: string]: string }
  readonly codec?: Codec
}

export interface TopicState {
  readonly id?: string
  readonly partitions?: number
  /** Of every partition; −1: none. */
  readonly leader?: number
  readonly leaderEpoch?: number
}

export class CoordinatorWorld {
  readonly time = new FakeTime({ wallMs: NOW_MS })
  readonly random: Random
  readonly disk: MemoryDisk
  readonly logger = new MemoryLogger()
  readonly #options: WorldOptions
  /** Those that were made in this life, the newest of a partition last. */
  machines: { readonly index: number; readonly machine: ToyMachine }[] = []
  makeMachine: (index: number) => ToyMachine = () => new ToyMachine()
  partitions!: Partitions
  runtime!: CoordinatorRuntime<ToyMachine>
  #directory: LogDirectory | null = null
  #image: MetadataImage = emptyImage

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.random = seededRandom(`world ${options.seed ?? 1}`)
    const delayMs = options.syncDelayMs
    this.disk = new MemoryDisk({
      ...{ random: this.random, clock: this.time },
      ...(delayMs && { syncDelay: { timers: this.time, delayMs: () => delayMs(this.random) } }),
    })
  }

  /** A world whose only partition is loaded. */
  static async open(options: WorldOptions & { makeMachine?: (index: number) => ToyMachine } = {}) {
    const world = new CoordinatorWorld(options)
    if (options.makeMachine) world.makeMachine = options.makeMachine
    await world.restart()
    return world
  }

  /** A new life on the same disk; the one before is forgotten, as after kill -9, unless it was stopped. */
  start(): void {
    const { disk, time, logger } = this
    this.#directory?.[Symbol.dispose]()
    this.#directory = LogDirectory.open(disk, '/data', seededRandom('directories'))
    this.machines = []
    this.#image = emptyImage
    const partitions = new Partitions({
      cluster: noCluster(),
      ...{ brokerId: 1, disk, directories: [this.#directory], clock: time, timers: time, logger },
      ...{ random: seededRandom('jitter'), syncs: new SyncQueue(), tail: new TailBudget(1 << 20) },
      ...{ openSegments: new OpenSegments(), onFailure: () => {} },
      onOpened: (partition) => runtime.opened(partition),
    })
    const runtime = new CoordinatorRuntime<ToyMachine>({
      ...{ topicName: TOPIC, brokerId: 1, partitions, clock: time, timers: time, logger },
      makeMachine: (index) => this.#newMachine(index),
      settings: () => ({ commitTimeoutMs: COMMIT_TIMEOUT_MS, codec: this.#options.codec ?? 'none' }),
    })
    this.partitions = partitions
    this.runtime = runtime
  }

  async restart(topic: TopicState = {}): Promise<void> {
    this.start()
    this.publish(topic)
    await this.until(this.partitions.opened())
    this.partitions.setStraysAside()
    await this.loaded()
  }

  async stop(): Promise<void> {
    await this.until(this.runtime[Symbol.asyncDispose]())
    await this.until(this.partitions[Symbol.asyncDispose]())
  }

  publish(topic: TopicState | null = {}): void {
    const images = topic === null ? [] : [topicImage(topic, this.#options.configs ?? {})]
    this.#image = {
      ...emptyImage,
      revision: this.#image.revision + 1,
      topicsById: new Map(images.map((image) => [image.id, image])),
      topicsByName: new Map(images.map((image) => [image.name, image])),
    }
    this.partitions.publish(this.#image, brokerConfig())
    this.runtime.publish(this.#image)
  }

  /** Nothing is loading any more. */
  async loaded(): Promise<void> {
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs++) {
      await this.time.settle()
      if (this.runtime.ledPartitions().every((index) => !this.runtime.isLoading(index))) return
      await this.time.run(1)
    }
    throw new Error('The load does not end')
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX && !isSettled; waitedMs++) {
      await this.time.settle()
      if (!isSettled) await this.time.run(1)
    }
    assert.ok(isSettled, 'It ends')
    return promise
  }

  settle(): Promise<void> {
    return this.time.settle()
  }

  submit<Reply>(operation: ToyOperation<Reply>, index = 0): Asked {
    return asked(this.runtime.submit(index, operation))
  }

  read(index = 0): Asked {
    return asked(this.runtime.read(index, textOf))
  }

  /** The newest machine of the partition. */
  machine(index = 0): ToyMachine {
    const made = this.machines.findLast((candidate) => candidate.index === index)
    assert.ok(made, `A machine was made for partition ${index}`)
    return made.machine
  }

  partition(index = 0, id = 'A'): Partition {
    const partition = this.partitions.find(idOf(id), index)
    assert.ok(partition, `Partition ${index} is open`)
    return partition
  }

  /** A batch that somebody else has put into the log: control batches by the log itself, as nobody may send them. */
  async appendBatch(batch: Buffer, index = 0): Promise<void> {
    const { log, leaderEpoch } = this.partition(index)
    log.append(batch, 0, { leaderEpoch, appendTimeMs: this.time.wallMs() })
    await this.until(log.synced())
  }

  errors(): string[] {
    return this.logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message)
  }

  #newMachine(index: number): ToyMachine {
    const machine = this.makeMachine(index)
    this.machines.push({ index, machine })
    return machine
  }
}

export function batchOf(records: readonly CoordinatorRecord[], fields: BatchFields & { codec?: Codec } = {}): Buffer {
  const builder = new BatchBuilder({ codec: fields.codec ?? 'none' })
  for (const record of records) builder.append({ timestampMs: NOW_MS, ...record })
  return Buffer.from(builder.build(fields))
}

function asked(promise: Promise<unknown>): Asked {
  const result: Asked = { outcome: 'waiting' }
  promise.then(
    (reply) => {
      result.outcome = String(reply)
    },
    (error: unknown) => {
      result.outcome = errorOf(error)
    },
  )
  return result
}

function errorOf(error: unknown): ErrorName | string {
  return error instanceof ProtocolError ? error.error : String(error)
}

function idOf(text: string): string {
  return text.padEnd(22, 'x')
}

function topicImage(topic: TopicState, configs: { readonly [name: string]: string }): TopicImage {
  const { id = 'A', partitions = 1, leader = 1, leaderEpoch = 0 } = topic
  const replica = { replicas: [1], isr: [1], leader, leaderEpoch, partitionEpoch: leaderEpoch }
  return {
    ...{ id: idOf(id), name: TOPIC, internal: true, revision: 1, configs: new Map(Object.entries(configs)) },
    partitions: Array.from({ length: partitions }, (_, index) => ({ index, ...replica })),
  }
}
