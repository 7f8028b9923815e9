/**
 * All partitions of this broker: opened, changed and removed as the metadata image says, in their log directories, with
 * the checkpoints of those.
 *
 * Directories are named `<topic>-<partition>`. One that belongs to another topic id, or to no topic of the image, is
 * renamed with the suffix `-stray` and left alone; one of a deleted topic gets the suffix `-delete` and is removed.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { type Disk, DiskError } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { type Random, randomUuid } from '@ottla/base/random.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { OpenSegments } from '../log/open-segments.ts'
import { readPartitionMetadata, writePartitionMetadata } from '../log/partition-metadata.ts'
import type { TailBudget } from '../log/tail-budget.ts'
import type { MetadataImage, PartitionImage, TopicImage } from '../metadata/image.ts'
import type { LogDirectory } from './log-directories.ts'
import { Partition } from './partition.ts'
import { logSettings, partitionRules } from './topic-rules.ts'

/** Logs that are recovered at one time: more would only compete for the disk. */
const OPENING_MAX = 8
/** A directory's name, with whatever is put behind it. */
const NAME_LENGTH_MAX = 255
const SUFFIXED = /-(delete|stray|future)$/
const PARTITION_DIRECTORY = /^(.+)-(\d+)$/

export interface PartitionsOptions {
  readonly brokerId: number
  readonly disk: Disk
  readonly directories: readonly LogDirectory[]
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly syncs: SyncQueue
  readonly tail: TailBudget
  readonly openSegments: OpenSegments
  /** A log could not be opened at all. */
  readonly onFailure: (error: unknown) => void
}

interface Wanted {
  readonly topic: TopicImage
  readonly image: PartitionImage
}

interface Held {
  readonly partition: Partition
  readonly directory: LogDirectory
}

export class Partitions implements AsyncDisposable {
  readonly #options: PartitionsOptions
  readonly #held = new Map<string, (Held | undefined)[]>()
  #image: MetadataImage | null = null
  #config: BrokerConfig | null = null
  /** Directory of each partition that was found on the disk, by name. */
  readonly #found = new Map<string, LogDirectory>()
  readonly #queue: Wanted[] = []
  #openingNow = 0
  #opening: Promise<unknown> = Promise.resolve()
  #removing: Promise<unknown> = Promise.resolve()
  #checkpointTimer: Timer | null = null
  #closed = false
  #closedWhole = false

  constructor(options: PartitionsOptions) {
    this.#options = options
    for (const directory of options.directories) this.#scan(directory)
  }

  get directories(): readonly LogDirectory[] {
    return this.#options.directories
  }

  /** Once disposed: whether every log was closed with all that it has durable. */
  get closedWhole(): boolean {
    return this.#closedWhole
  }

  /** The partition when this broker holds it and its log is open. */
  find(topicId: string, index: number): Partition | undefined {
    return this.#held.get(topicId)?.[index]?.partition
  }

  *all(): Generator<Partition> {
    for (const held of this.#held.values()) for (const one of held) if (one) yield one.partition
  }

  heldIn(directory: LogDirectory): Partition[] {
    return [...this.#held.values()]
      .flat()
      .filter((held) => held?.directory === directory)
      .map((held) => held!.partition)
  }

  /** Takes over a new image: synchronous; logs that have to be opened follow, `opened` tells when. */
  publish(image: MetadataImage, config: BrokerConfig): void {
    const before = this.#image
    const settingsChanged = before?.configs !== image.configs
    this.#image = image
    this.#config = config
    for (const topic of before?.topicsById.values() ?? []) if (!image.topicsById.has(topic.id)) this.#removeTopic(topic)
    for (const topic of image.topicsById.values()) {
      if (!settingsChanged && before?.topicsById.get(topic.id) === topic) continue
      this.#update(topic)
    }
    this.#openNext()
  }

  /** Resolves when the log of every partition that was published so far is open. */
  async opened(): Promise<void> {
    while (this.#queue.length > 0 || this.#openingNow > 0) await this.#opening
  }

  /** Called once the first image is open: what is on the disk and in no topic is put aside. */
  setStraysAside(): void {
    for (const [name, directory] of this.#found) this.#setAside(directory, name)
    this.#found.clear()
  }

  /** As DeleteRecords asks: durable when it resolves. Throws ProtocolError. Answers the log's new start. */
  async deleteRecords(partition: Partition, offset: number): Promise<number> {
    const target = partition.deletionTarget(offset)
    if (target <= partition.logStartOffset) return partition.logStartOffset
    const { logStarts } = this.#heldOf(partition).directory.checkpoints
    try {
      logStarts.set(partition.topicName, partition.index, target)
      logStarts.flush()
      await partition.log.advanceLogStartOffset(target)
    } catch (error) {
      throw new ProtocolError('KAFKA_STORAGE_ERROR', undefined, { cause: error })
    }
    return partition.logStartOffset
  }

  /** Writes the checkpoints now and then every `log.flush.offset.checkpoint.interval.ms`. */
  keepCheckpoints(intervalMs: number): void {
    this.#checkpointTimer = this.#options.timers.after(intervalMs, () => {
      this.#tryCheckpoint()
      this.keepCheckpoints(intervalMs)
    })
  }

  checkpoint(): void {
    for (const held of this.#held.values()) for (const one of held) if (one) noteOffsets(one)
    for (const directory of this.#options.directories) directory.checkpoints.flush()
  }

  #tryCheckpoint(): void {
    try {
      this.checkpoint()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      // A stale checkpoint costs a longer recovery, nothing else.
      this.#options.logger.warn('Cannot write the offset checkpoints', { error })
    }
  }

  #heldOf(partition: Partition): Held {
    const held = this.#held.get(partition.topicId)?.[partition.index]
    assert(held?.partition === partition, `Partition ${partition.topicName}-${partition.index} is held here`)
    return held
  }

  #scan(directory: LogDirectory): void {
    for (const { name, isDirectory } of this.#options.disk.list(directory.path)) {
      if (!isDirectory) continue
      if (name.endsWith('-delete')) this.#removeLater(`${directory.path}/${name}`)
      else if (PARTITION_DIRECTORY.test(name) && !SUFFIXED.test(name)) this.#found.set(name, directory)
    }
  }

  #update(topic: TopicImage): void {
    const config = this.#config!
    const rules = partitionRules(config, topic)
    for (const image of topic.partitions) {
      if (!image.replicas.includes(this.#options.brokerId)) continue
      const partition = this.find(topic.id, image.index)
      if (partition === undefined) this.#enqueue({ topic, image })
      else {
        partition.update(image)
        partition.configure(rules, logSettings(config, topic, this.#options.random))
      }
    }
  }

  #enqueue(wanted: Wanted): void {
    const { topic, image } = wanted
    const isQueued = this.#queue.some((one) => one.topic.id === topic.id && one.image.index === image.index)
    if (!isQueued && !this.#isOpening(topic.id, image.index)) this.#queue.push(wanted)
  }

  readonly #openingKeys = new Set<string>()

  #isOpening(topicId: string, index: number): boolean {
    return this.#openingKeys.has(`${topicId} ${index}`)
  }

  #openNext(): void {
    while (this.#openingNow < OPENING_MAX && this.#queue.length > 0 && !this.#closed) {
      const wanted = this.#queue.shift()!
      const key = `${wanted.topic.id} ${wanted.image.index}`
      this.#openingNow++
      this.#openingKeys.add(key)
      this.#opening = this.#open(wanted)
        .catch((error) => this.#options.onFailure(error))
        .finally(() => {
          this.#openingNow--
          this.#openingKeys.delete(key)
          this.#openNext()
        })
    }
  }

  async #open({ topic, image }: Wanted): Promise<void> {
    const { disk, random } = this.#options
    const name = `${topic.name}-${image.index}`
    const directory = this.#directoryFor(name, topic.id)
    const path = `${directory.path}/${name}`
    const { recoveryPoints, logStarts } = directory.checkpoints
    const config = this.#config!
    const partition = await Partition.open({
      topicId: topic.id,
      topicName: topic.name,
      image,
      rules: partitionRules(config, topic),
      localBrokerId: this.#options.brokerId,
      clock: this.#options.clock,
      timers: this.#options.timers,
      log: {
        ...this.#options,
        directory: path,
        settings: logSettings(config, topic, random),
        cleanShutdown: directory.wasCleanlyStopped,
        recoveryPoint: recoveryPoints.get(topic.name, image.index) ?? 0,
        logStartOffset: logStarts.get(topic.name, image.index) ?? 0,
        producerIdExpirationMs: config.producerIdExpirationMs,
      },
    })
    if (readPartitionMetadata(disk, path) === null) writePartitionMetadata(disk, path, topic.id)
    await this.#hold(topic, { partition, directory })
  }

  /** The image may have moved on while the log was opened. */
  async #hold(opened: TopicImage, held: Held): Promise<void> {
    const topic = this.#image?.topicsById.get(opened.id)
    const image = topic?.partitions[held.partition.index]
    if (this.#closed) return held.partition[Symbol.asyncDispose]()
    if (topic === undefined || image === undefined) return this.#discard(held)
    const partitions = this.#held.get(topic.id) ?? []
    this.#held.set(topic.id, partitions)
    partitions[held.partition.index] = held
    if (topic === opened) return
    held.partition.update(image)
    const config = this.#config!
    held.partition.configure(partitionRules(config, topic), logSettings(config, topic, this.#options.random))
  }

  /** Where the partition lies already, else the directory that holds the fewest. */
  #directoryFor(name: string, topicId: string): LogDirectory {
    const found = this.#found.get(name)
    this.#found.delete(name)
    if (found !== undefined) {
      const owner = readPartitionMetadata(this.#options.disk, `${found.path}/${name}`)
      if (owner === null || owner === topicId) return found
      this.#setAside(found, name)
    }
    const counts = new Map(this.#options.directories.map((directory) => [directory, 0]))
    for (const held of this.#held.values())
      for (const one of held) if (one) counts.set(one.directory, counts.get(one.directory)! + 1)
    return this.#options.directories.reduce((least, one) => (counts.get(one)! < counts.get(least)! ? one : least))
  }

  #setAside(directory: LogDirectory, name: string): void {
    const stray = suffixed(name, `.${this.#newHex()}-stray`)
    this.#options.logger.warn('Put aside a partition directory that belongs to no topic', { name, stray })
    this.#options.disk.rename(`${directory.path}/${name}`, `${directory.path}/${stray}`)
    this.#options.disk.syncDirectory(directory.path)
    const [, topic, index] = PARTITION_DIRECTORY.exec(name)!
    directory.checkpoints.remove(topic!, Number(index))
  }

  #removeTopic(topic: TopicImage): void {
    const held = this.#held.get(topic.id) ?? []
    this.#held.delete(topic.id)
    for (let i = this.#queue.length - 1; i >= 0; i--)
      if (this.#queue[i]!.topic.id === topic.id) this.#queue.splice(i, 1)
    for (const one of held) if (one) void this.#discard(one)
  }

  /** The directory's new name is durable with the next change of its parent; a crash before leaves a stray. */
  #discard({ partition, directory }: Held): Promise<void> {
    const { disk, logger } = this.#options
    const name = `${partition.topicName}-${partition.index}`
    const renamedTo = `${directory.path}/${suffixed(name, `.${this.#newHex()}-delete`)}`
    partition.resign()
    const removed = (async () => {
      // Before the name may be used again: the next log of this name must not inherit these offsets.
      directory.checkpoints.remove(partition.topicName, partition.index)
      directory.checkpoints.flush()
      disk.rename(`${directory.path}/${name}`, renamedTo)
      await partition.log.delete({ renamedTo })
    })().catch((error) => logger.error('Cannot remove the directory of a deleted partition', { name, error }))
    this.#removing = Promise.all([this.#removing, removed])
    return removed
  }

  #removeLater(path: string): void {
    const { disk, logger } = this.#options
    const removed = disk.removeTree(path).catch((error) => logger.error('Cannot remove a directory', { path, error }))
    this.#removing = Promise.all([this.#removing, removed])
  }

  #newHex(): string {
    return Buffer.from(randomUuid(this.#options.random), 'base64url').toString('hex')
  }

  /** Closes every log whole, then writes the checkpoints. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#checkpointTimer?.cancel()
    this.#queue.length = 0
    await this.opened()
    await this.#removing
    for (const partition of this.all()) partition.resign()
    const closing = Array.from(this.all(), (partition) => partition[Symbol.asyncDispose]())
    const outcomes = await Promise.allSettled(closing)
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
    for (const { reason } of failures) this.#options.logger.error('Cannot close a log', { error: reason })
    this.#tryCheckpoint()
    this.#closedWhole = failures.length === 0 && !Array.from(this.all()).some((partition) => partition.isOffline)
  }
}

function noteOffsets({ partition, directory }: Held): void {
  const { topicName, index, log } = partition
  const { recoveryPoints, logStarts, highWatermarks } = directory.checkpoints
  recoveryPoints.set(topicName, index, log.syncedOffset)
  logStarts.set(topicName, index, log.logStartOffset)
  highWatermarks.set(topicName, index, partition.highWatermark)
}

function suffixed(name: string, suffix: string): string {
  return name.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix
}
