/**
 * Runs the machines of one kind of coordinator: one for each partition of its internal topic that this broker leads.
 * Owns whose partition is loaded, and since which leader epoch; shard.ts runs a loaded machine, replay.ts loads one.
 *
 * A tenure is this broker's lead of one partition at one leader epoch. A new epoch, or a new topic of the same name, is
 * a new tenure: what the old one knew is dropped and read again, however short the time between was. Within a tenure a
 * partition is loaded anew only after a bug of its machine, and when its log, which had failed, was opened anew.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { emptyImage, type MetadataImage, type Uuid } from '../metadata/image.ts'
import { imageChange } from '../metadata/image-change.ts'
import type { Partition } from '../partition/partition.ts'
import { answer, type Machine, type Step, step, type Ticket } from './machine.ts'
import { Pieces } from './pieces.ts'
import { Places } from './places.ts'
import { replay } from './replay.ts'
import { Shard, type ShardEnd } from './shard.ts'

/** A load that takes longer is worth a line: clients were told to wait meanwhile. */
const SLOW_LOAD_MS = 1000
/** Between a machine's bug and its next life: a bug that comes again at once must not load for ever without a pause. */
const RELOAD_DELAY_MS = 1000
/** Each holds a block of its log; more of them would not make the loop decode faster. */
const LOADS_MAX = 4

export interface CoordinatorRuntimeOptions<M extends Machine> {
  readonly topicName: string
  readonly brokerId: number
  /** The open partitions of this broker, where they are held. */
  readonly partitions: { find(topicId: Uuid, index: number): Partition | undefined }
  readonly makeMachine: (partitionIndex: number) => M
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  /** Asked again for each use, as settings change while a broker runs. */
  readonly settings: () => RuntimeSettings
}

export interface RuntimeSettings {
  /** `offsets.commit.timeout.ms` and its like: how long an answer waits for the state that it rests on. */
  readonly commitTimeoutMs: number
  /** `offsets.topic.compression.codec` and its like. */
  readonly codec: Codec
}

/** An event that a request brings: decides, and says by the ticket's `answer` what the request is told. */
export type Operation<M, Reply> = (machine: M, ticket: Ticket<Reply>, nowMs: number) => Step

interface Tenure<M extends Machine> {
  readonly index: number
  readonly topicId: Uuid
  readonly leaderEpoch: number
  readonly ended: AbortController
  /** `opening`: the log is not open yet. `failed`: not served, and loaded again only from a log that is opened anew. */
  state: 'opening' | 'loading' | 'active' | 'failed'
  shard: Shard<M> | null
  reload: Timer | null
}

export class CoordinatorRuntime<M extends Machine> implements AsyncDisposable {
  readonly #options: CoordinatorRuntimeOptions<M>
  readonly #pieces: Pieces
  readonly #loadPlaces = new Places({ placesMax: LOADS_MAX })
  readonly #tenures = new Map<number, Tenure<M>>()
  readonly #loads = new Set<Promise<void>>()
  #image: MetadataImage = emptyImage
  #isDisposed = false

  constructor(options: CoordinatorRuntimeOptions<M>) {
    this.#options = options
    this.#pieces = new Pieces(options)
  }

  /** Takes over a new image, after the partitions have: synchronous. Loads begin, lost tenures end, machines are told. */
  publish(image: MetadataImage): void {
    if (this.#isDisposed) return
    const before = this.#image
    this.#image = image
    for (const tenure of [...this.#tenures.values()]) if (!this.#isCurrent(tenure)) this.#end(tenure)
    const change = imageChange(before, image)
    for (const { shard } of [...this.#tenures.values()]) shard?.imageChanged(change)
    const topic = image.topicsByName.get(this.#options.topicName)
    for (const { index, leader, leaderEpoch } of topic?.partitions ?? []) {
      if (leader === this.#options.brokerId && !this.#tenures.has(index)) this.#begin(index, topic!.id, leaderEpoch)
    }
  }

  /** A log was opened, after the image that names it: `onOpened` of the broker's Partitions, whatever the topic. */
  opened(partition: Partition): void {
    const tenure = this.#tenures.get(partition.index)
    if (tenure?.topicId !== partition.topicId) return
    // A load that still reads the failed log before it goes on with this one: see `#loadFailed`.
    if (tenure.state === 'opening' || tenure.state === 'failed') this.#load(tenure, partition)
  }

  /**
   * Runs the operation in this turn and resolves with its answer once all is committed that the answer rests on.
   * Rejects with ProtocolError: what the operation answers, and COORDINATOR_NOT_AVAILABLE (stopping, overloaded, or not
   * committed in time: the records may still be), NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, UNKNOWN_SERVER_ERROR.
   */
  submit<Reply>(partitionIndex: number, operation: Operation<M, Reply>): Promise<Reply> {
    const { promise, resolve, reject } = deferred<Reply>()
    const shard = this.#activeShard(partitionIndex)
    if (typeof shard === 'string') reject(new ProtocolError(shard))
    else shard.submit(operation, { resolve, reject })
    return promise
  }

  /** As `submit`, for who only looks: the answer, too, waits for what it shows. */
  read<Reply>(partitionIndex: number, look: (machine: M, nowMs: number) => Reply): Promise<Reply> {
    return this.submit<Reply>(partitionIndex, (machine, ticket, nowMs) =>
      step({ answers: [answer(ticket, look(machine, nowMs))] }),
    )
  }

  /** The machines that are loaded, as they are now: nothing of it is known to be committed. */
  *machines(): Generator<M> {
    for (const { shard } of this.#tenures.values()) if (shard) yield shard.machine
  }

  /** The partitions that this broker leads, loaded or not, in no order. */
  ledPartitions(): number[] {
    return [...this.#tenures.keys()]
  }

  isLoading(partitionIndex: number): boolean {
    const state = this.#tenures.get(partitionIndex)?.state
    return state === 'opening' || state === 'loading'
  }

  /** Everybody who waits is told to look elsewhere; nothing is appended any more. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    for (const tenure of [...this.#tenures.values()]) this.#end(tenure)
    await Promise.all(this.#loads)
  }

  #activeShard(index: number): Shard<M> | ErrorName {
    if (this.#isDisposed) return 'COORDINATOR_NOT_AVAILABLE'
    const tenure = this.#tenures.get(index)
    if (tenure === undefined || tenure.state === 'failed') return 'NOT_COORDINATOR'
    return tenure.shard ?? 'COORDINATOR_LOAD_IN_PROGRESS'
  }

  #isCurrent({ index, topicId, leaderEpoch }: Tenure<M>): boolean {
    const topic = this.#image.topicsByName.get(this.#options.topicName)
    const partition = topic?.id === topicId ? topic.partitions[index] : undefined
    return partition?.leader === this.#options.brokerId && partition.leaderEpoch === leaderEpoch
  }

  #begin(index: number, topicId: Uuid, leaderEpoch: number): void {
    const ended = new AbortController()
    const tenure: Tenure<M> = { index, topicId, leaderEpoch, ended, state: 'opening', shard: null, reload: null }
    this.#tenures.set(index, tenure)
    const partition = this.#options.partitions.find(topicId, index)
    if (partition) this.#load(tenure, partition)
  }

  #end(tenure: Tenure<M>): void {
    this.#tenures.delete(tenure.index)
    tenure.ended.abort()
    tenure.reload?.cancel()
    tenure.shard?.end('resigned')
  }

  #load(tenure: Tenure<M>, partition: Partition): void {
    tenure.state = 'loading'
    const loaded = this.#tryLoad(tenure, partition).catch((error: unknown) => {
      if (!tenure.ended.signal.aborted) this.#loadFailed(tenure, partition, error)
    })
    this.#loads.add(loaded)
    void loaded.then(() => this.#loads.delete(loaded))
  }

  #loadFailed(tenure: Tenure<M>, partition: Partition, error: unknown): void {
    tenure.state = 'failed'
    const newest = this.#options.partitions.find(tenure.topicId, tenure.index)
    // The log failed and was opened anew while it was read.
    if (newest !== undefined && newest !== partition) return this.#load(tenure, newest)
    this.#loggerOf(tenure).error('Cannot load a partition of a coordinator: it is not served here', { error })
  }

  async #tryLoad(tenure: Tenure<M>, partition: Partition): Promise<void> {
    const beganMs = this.#options.clock.monotonicMs()
    const machine = this.#options.makeMachine(tenure.index)
    const { signal } = tenure.ended
    const shared = { pieces: this.#pieces, places: this.#loadPlaces }
    const replayed = await replay({ partition, machine, ...shared, signal })
    if (signal.aborted) return
    const tookMs = Math.round(this.#options.clock.monotonicMs() - beganMs)
    if (tookMs > SLOW_LOAD_MS) this.#loggerOf(tenure).info('Loaded a coordinator', { ...replayed, tookMs })
    this.#activate(tenure, partition, machine)
  }

  #activate(tenure: Tenure<M>, partition: Partition, machine: M): void {
    const shard = new Shard<M>({
      ...this.#options,
      ...{ partition, machine, pieces: this.#pieces, logger: this.#loggerOf(tenure) },
      onEnd: (end) => this.#ended(tenure, partition, end),
    })
    tenure.shard = shard
    shard.begin()
    // Its first step may have ended it.
    if (tenure.shard === shard) tenure.state = 'active'
  }

  #ended(tenure: Tenure<M>, partition: Partition, end: ShardEnd): void {
    const wasActive = tenure.state === 'active'
    tenure.shard = null
    tenure.state = 'failed'
    // What fails on what is in the log would fail again.
    if (end !== 'broken' || !wasActive) return
    tenure.state = 'loading'
    tenure.reload = this.#options.timers.after(RELOAD_DELAY_MS, () => this.#load(tenure, partition))
  }

  #loggerOf({ index, leaderEpoch }: Tenure<M>): Logger {
    return this.#options.logger.child({ topic: this.#options.topicName, partition: index, leaderEpoch })
  }
}
