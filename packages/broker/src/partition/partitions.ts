/**
 * All partitions of this broker: opened, changed and removed as the metadata image says, with the checkpoints of their
 * log directories. Which directory is whose is partition-directories.ts's.
 *
 * A log is opened while others serve, so the image may move on meanwhile. Two logs of one name, of a deleted topic and
 * of its successor, are never open or opening together: the second waits for the first to lose the name.
 */
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { DiskError } from '@ottla/base/disk.ts'
import type { Timer } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { Scratch } from '@ottla/protocol/records/compression.ts'
import type { BrokerConfig } from '../config.ts'
import type { OffsetCheckpoint } from '../log/checkpoint-file.ts'
import { DelayedRemovals } from '../log/delayed-removals.ts'
import { LogOfflineError } from '../log/errors.ts'
import { beginPartitionMetadata, readPartitionMetadata } from '../log/partition-metadata.ts'
import type { MetadataImage, TopicImage } from '../metadata/image.ts'
import { closePartitions } from './close-partitions.ts'
import { deletionTarget } from './deletion-target.ts'
import {
  type Held,
  keyOf,
  keyOfWanted,
  lowerRecoveryPoint,
  nameOf,
  noteOffsets,
  type Opening,
  topicAndIndexOf,
  type Wanted,
} from './held.ts'
import type { LogDirectory } from './log-directories.ts'
import { LogRetention } from './log-retention.ts'
import { OfflineLogs } from './offline-logs.ts'
import { failedLogs } from './offline-reports.ts'
import { OpeningProgress } from './opening-progress.ts'
import { NEVER_FAILED, Partition } from './partition.ts'
import { directoryName, PartitionDirectories } from './partition-directories.ts'
import type { PartitionsOptions } from './partitions-options.ts'
import { rememberLogs } from './remember-logs.ts'
import { Replication } from './replication.ts'
import { TopicSettings } from './topic-settings.ts'

/** Logs that are recovered at one time: more would only compete for the disk. */
const OPENING_MAX = 32

export class Partitions implements AsyncDisposable {
  readonly #options: PartitionsOptions
  readonly #directories: PartitionDirectories
  readonly #removals: DelayedRemovals
  /** Also tells what it has deleted so far. */
  readonly retention: LogRetention
  readonly #scratch = new Scratch()
  readonly #replication: Replication
  readonly #held = new Map<string, (Held | undefined)[]>()
  #image: MetadataImage | null = null
  #config: BrokerConfig | null = null
  #topicSettings: TopicSettings | null = null
  /** What waits to be opened, by topic id and index, in the order in which it was asked for. */
  readonly #wanted = new Map<string, Wanted>()
  /** What is being opened, by the name of its directory. */
  readonly #opening = new Map<string, Opening>()
  /** What could not be opened or has failed since. */
  readonly #offline: OfflineLogs
  /** Everything of the first image was opened. */
  #isStarted = false
  #checkpointTimer: Timer | null = null
  /** While the logs of a broker that was not stopped cleanly are opened. */
  #progress: OpeningProgress | null = null
  #disposing: Promise<void> | null = null
  #closedWhole = false

  constructor(options: PartitionsOptions) {
    this.#options = options
    this.#removals = new DelayedRemovals(options)
    this.#directories = new PartitionDirectories({ ...options, removals: this.#removals })
    this.retention = new LogRetention({ ...options, held: () => this.#allHeld() })
    const onFailed = (): void => this.#replication.logFailed()
    this.#offline = new OfflineLogs({ ...options, onFailed, onDue: (keys) => void this.#openAgain(keys) })
    this.#replication = new Replication({
      ...options,
      image: () => this.#image!,
      config: () => this.#config!,
      all: () => this.all(),
      failedLogs: () => failedLogs(this.#offline.keys(), this),
      lowerRecoveryPoint: (partition, offset) => lowerRecoveryPoint(this.#heldOf(partition), offset),
      advanceLogStart: (partition, offset) => this.#advanceLogStart(partition, offset),
    })
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

  /** Whether the partition belongs here, but its log failed or could not be opened: KAFKA_STORAGE_ERROR meanwhile. */
  isOffline(topicId: string, index: number): boolean {
    return this.#offline.has(keyOf(topicId, index))
  }

  /** Of all that are not usable now. */
  get offlineCount(): number {
    return this.#offline.count
  }

  *all(): Generator<Partition> {
    for (const { partition } of this.#allHeld()) yield partition
  }

  /** Of replicas that catch up under a throttle. */
  get quotas(): Replication['quotas'] {
    return this.#replication.quotas
  }

  /** Files and directories that were deleted and wait to be removed. */
  get removalCount(): number {
    return this.#removals.count
  }

  heldIn(directory: LogDirectory): Partition[] {
    return [...this.#allHeld()].filter((held) => held.directory === directory).map(({ partition }) => partition)
  }

  /**
   * Takes over a new image: synchronous; logs that have to be opened follow, `opened` tells when. With the first one the
   * log directories must be this broker's: what earlier lives left in them is removed. Throws DiskError then.
   */
  publish(image: MetadataImage, config: BrokerConfig): void {
    const before = this.#image
    const settingsChanged = before?.configs !== image.configs
    if (before === null) {
      this.#directories.scan()
      for (const error of this.directories.flatMap(({ checkpoints }) => checkpoints.damages)) {
        this.#options.logger.error('A checkpoint is damaged: its offsets count as unknown', { error })
      }
    }
    this.#image = image
    this.#config = config
    this.#topicSettings = new TopicSettings(config)
    for (const topic of before?.topicsById.values() ?? []) if (!image.topicsById.has(topic.id)) this.#removeTopic(topic)
    for (const topic of image.topicsById.values()) {
      if (!settingsChanged && before?.topicsById.get(topic.id) === topic) continue
      this.#update(topic)
    }
    if (before === null) this.#progress = this.#followRecovery()
    this.#openNext()
    this.#replication.published()
  }

  /** Whoever waits for a broker that has crashed is told how far it is. */
  #followRecovery(): OpeningProgress | null {
    const { directories, timers, logger } = this.#options
    if (this.#wanted.size === 0 || directories.every(({ wasCleanlyStopped }) => wasCleanlyStopped)) return null
    return new OpeningProgress({ timers, logger, total: this.#wanted.size })
  }

  get #settings(): TopicSettings {
    assert(this.#topicSettings !== null, 'An image was published')
    return this.#topicSettings
  }

  /** Resolves when every partition that was published so far is open, or has failed to. */
  async opened(): Promise<void> {
    while (this.#opening.size > 0) await Promise.all(Array.from(this.#opening.values(), ({ done }) => done))
  }

  /** Called once the first image is open: what is on the disk and in no topic is put aside. Throws DiskError. */
  setStraysAside(): void {
    this.#directories.setStraysAside()
    for (const directory of this.directories) directory.remembered = new Map()
    this.#progress?.[Symbol.dispose]()
    this.#isStarted = true
  }

  /** As DeleteRecords asks: durable when it resolves. Throws ProtocolError. Answers the log's new start. */
  async deleteRecords(partition: Partition, offset: number): Promise<number> {
    return this.#advanceLogStart(partition, deletionTarget(partition, offset))
  }

  async #advanceLogStart(partition: Partition, target: number): Promise<number> {
    if (target <= partition.logStartOffset) return partition.logStartOffset
    try {
      this.retention.deleteBelow(this.#heldOf(partition), target)
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof LogOfflineError)) throw error
      throw new ProtocolError('KAFKA_STORAGE_ERROR', undefined, { cause: error })
    }
    return partition.logStartOffset
  }

  /** Deletes what topics no longer keep every `log.retention.check.interval.ms`, and first after a while. */
  keepRetention(config: BrokerConfig): void {
    const initialDelayMs = config.int('log.initial.task.delay.ms')
    this.retention.start({ initialDelayMs, intervalMs: config.retentionCheckIntervalMs })
  }

  /** Up to where the partition was compacted. */
  cleanerOffsetsOf(partition: Partition): OffsetCheckpoint {
    return this.#heldOf(partition).directory.checkpoints.cleanerOffsets
  }

  /** Writes the checkpoints now and then every `log.flush.offset.checkpoint.interval.ms`. */
  keepCheckpoints(intervalMs: number): void {
    this.#checkpointTimer = this.#options.timers.after(intervalMs, () => {
      this.#tryCheckpoint()
      this.keepCheckpoints(intervalMs)
    })
  }

  checkpoint(): void {
    for (const held of this.#allHeld()) noteOffsets(held)
    for (const directory of this.#options.directories) directory.checkpoints.flush()
  }

  /** A stale checkpoint costs a longer recovery, nothing else; a directory that takes none is in trouble. */
  #tryCheckpoint(): void {
    for (const held of this.#allHeld()) noteOffsets(held)
    for (const directory of this.#options.directories) {
      try {
        directory.checkpoints.flush()
      } catch (error) {
        this.#directoryFailed(directory, error)
      }
      // There may have been nothing to write; and whether it has failed for good is for a second try to say.
      if (directory.isOffline && this.#disposing === null) void this.#probe(directory)
    }
  }

  *#allHeld(): Generator<Held> {
    for (const held of this.#held.values()) for (const one of held) if (one) yield one
  }

  #directoryFailed(directory: LogDirectory, error: unknown): void {
    if (!(error instanceof DiskError)) throw error
    const fields = { directory: directory.path, error }
    if (!directory.isOffline) this.#options.logger.error('A log directory is offline', fields)
    directory.failed(error)
  }

  #heldOf(partition: Partition): Held {
    const held = this.#held.get(partition.topicId)?.[partition.index]
    assert(held?.partition === partition, `Partition ${partition.topicName}-${partition.index} is held here`)
    return held
  }

  #update(topic: TopicImage): void {
    for (const image of topic.partitions) {
      const held = this.#held.get(topic.id)?.[image.index]
      if (!image.replicas.includes(this.#options.brokerId)) this.#removePartition(topic.id, image.index)
      else if (held === undefined) this.#want({ topic, image })
      else {
        held.partition.update(image)
        this.#replication.update(held.partition)
        held.partition.configure(this.#settings.rules(topic), this.#settings.log(topic, held.segmentJitter))
      }
    }
  }

  #want(wanted: Wanted): void {
    const opening = this.#opening.get(nameOf(wanted))
    // The one that is being opened looks at the newest image itself.
    if (opening === undefined || keyOfWanted(opening.wanted) !== keyOfWanted(wanted)) {
      this.#wanted.set(keyOfWanted(wanted), wanted)
    }
  }

  #openNext(): void {
    for (const [key, wanted] of this.#wanted) {
      if (this.#opening.size >= OPENING_MAX) return
      const name = nameOf(wanted)
      if (this.#opening.has(name)) continue
      this.#wanted.delete(key)
      this.#opening.set(name, { wanted, done: this.#openAndGoOn(wanted) })
    }
  }

  async #openAndGoOn(wanted: Wanted): Promise<void> {
    // Opening a small log waits for nothing: without the turn's end a topic of a thousand would hold the loop for a second.
    const turn = deferred<void>()
    this.#options.timers.endOfTurn(turn.resolve)
    await turn.promise
    await this.#open(wanted).catch((error) => this.#notOpened(wanted, error))
    this.#opening.delete(nameOf(wanted))
    this.#progress?.opened()
    this.#openNext()
  }

  /** It takes down nothing but itself. */
  #notOpened(wanted: Wanted, error: unknown): void {
    if (this.#ours(wanted.topic.id, wanted.image.index) === null) return
    this.#offline.failed(keyOfWanted(wanted))
    this.#options.logger.error('Cannot open a log; trying again later', { name: nameOf(wanted), error })
  }

  /** A log whose directory takes no file at all is left alone until it does: recovering it may read very much. */
  async #openAgain(keys: readonly string[]): Promise<void> {
    const failures = await Promise.all(this.#options.directories.map((directory) => this.#probe(directory)))
    const allFailed = failures.every((failed) => failed)
    for (const key of keys) {
      const [topicId, index] = topicAndIndexOf(key)
      const wanted = this.#ours(topicId, index)
      const directory = this.#held.get(topicId)?.[index]?.directory
      if (wanted === null || this.#disposing !== null) this.#offline.remove(key)
      else if (directory?.isOffline ?? allFailed) this.#offline.failed(key)
      else this.#want(wanted)
    }
    this.#openNext()
  }

  /** Whether the directory takes no file. */
  async #probe(directory: LogDirectory): Promise<boolean> {
    try {
      await directory.probe()
      directory.works()
    } catch (error) {
      this.#directoryFailed(directory, error)
      // As Kafka, a broker all of whose directories have failed stops; what may pass by itself is waited for.
      const { directories, onFailure } = this.#options
      if (this.#disposing === null && directories.every(({ isLost }) => isLost)) onFailure(error)
    }
    return directory.isOffline
  }

  /** One for all partitions: what each would bring along lives as long as it does. */
  readonly #wentOffline = (partition: Partition): void => {
    const { topicId, index } = partition
    this.#replication.update(partition)
    const isHeld = this.#held.get(topicId)?.[index] !== undefined
    if (isHeld && this.#disposing === null) this.#offline.failed(keyOf(topicId, index))
  }

  async #open({ topic, image }: Wanted): Promise<void> {
    const { disk, random } = this.#options
    const segmentJitter = random.float()
    const partitionName = { topicName: topic.name, index: image.index }
    const held = this.#held.get(topic.id)?.[image.index]
    // One that has failed is not what it was.
    const recalled = held === undefined ? this.#directories.recall(partitionName, topic.id) : null
    const directory = recalled?.directory ?? this.#directories.place(partitionName, topic.id)
    const path = `${directory.path}/${directoryName(partitionName)}`
    const { recoveryPoints, logStarts, highWatermarks } = directory.checkpoints
    const failed = held?.partition
    // Two logs of one directory are never open together.
    await failed?.closeFailedLog()
    const opening = Partition.open({
      ...partitionName,
      topicId: topic.id,
      image,
      rules: this.#settings.rules(topic),
      localBrokerId: this.#options.brokerId,
      clock: this.#options.clock,
      timers: this.#options.timers,
      scratch: this.#scratch,
      onOffline: this.#wentOffline,
      failedEpoch: failed?.failedEpoch ?? NEVER_FAILED,
      highWatermark: highWatermarks.get(topic.name, image.index) ?? 0,
      cluster: this.#replication.cluster,
      log: {
        ...this.#options,
        removals: this.#removals,
        directory: path,
        settings: this.#settings.log(topic, segmentJitter),
        remembered: recalled?.summary ?? null,
        syncParent: () => directory.syncNames(),
        onChecked: (bytes) => this.#progress?.checked(bytes),
        cleanShutdown: directory.wasCleanlyStopped && failed === undefined,
        recoveryPoint: failed?.log.syncedOffset ?? recoveryPoints.get(topic.name, image.index) ?? 0,
        logStartOffset: failed?.log.logStartOffset ?? logStarts.get(topic.name, image.index) ?? 0,
        rewriteBehind: failed?.log.syncedOffset ?? null,
        producerIdExpirationMs: this.#config!.producerIdExpirationMs,
      },
    })
    const partition = await opening.catch(async (error: unknown) => {
      // It has gone meanwhile, and was left to whoever was at work in its directory.
      if (held !== undefined && this.#ours(topic.id, image.index) === null) await this.#discard([held])
      throw error
    })
    try {
      if (recalled === null && readPartitionMetadata(disk, path) === null) beginPartitionMetadata(disk, path, topic.id)
    } catch (error) {
      await partition[Symbol.asyncDispose]()
      throw error
    }
    await this.#hold({ partition, directory, segmentJitter })
  }

  /** The image may have moved on while the log was opened. */
  async #hold(held: Held): Promise<void> {
    const { partition } = held
    const wanted = this.#ours(partition.topicId, partition.index)
    if (wanted === null) return this.#discard([held])
    const { topic, image } = wanted
    const partitions = this.#held.get(topic.id) ?? []
    this.#held.set(topic.id, partitions)
    // The failed one that it replaces: who still waits there looks again.
    this.#resign(partitions[partition.index]?.partition)
    partitions[partition.index] = held
    if (partition.isOffline) return this.#wentOffline(partition)
    this.#cameBack(partition)
    partition.update(image)
    partition.configure(this.#settings.rules(topic), this.#settings.log(topic, held.segmentJitter))
    this.#replication.update(partition)
    this.#options.onOpened?.(partition)
  }

  /** The partition as the newest image has it; null where this broker is none of its replicas. */
  #ours(topicId: string, index: number): Wanted | null {
    const topic = this.#image?.topicsById.get(topicId)
    const image = topic?.partitions[index]
    return image?.replicas.includes(this.#options.brokerId) ? { topic: topic!, image } : null
  }

  #cameBack({ topicId, topicName, index, logEndOffset }: Partition): void {
    const key = keyOf(topicId, index)
    if (!this.#offline.has(key)) return
    this.#offline.cameBack(key)
    this.#options.logger.info('A partition is online again', { topic: topicName, partition: index, logEndOffset })
  }

  #removeTopic(topic: TopicImage): void {
    const held = this.#held.get(topic.id) ?? []
    this.#held.delete(topic.id)
    for (const image of topic.partitions) {
      this.#wanted.delete(keyOf(topic.id, image.index))
      this.#offline.remove(keyOf(topic.id, image.index))
    }
    for (const one of held) one?.partition.resign()
    const gone = held.filter((one) => one !== undefined).filter((one) => !this.#isReopening(one.partition))
    if (gone.length > 0) void this.#discard(gone)
  }

  #isReopening({ topicId, topicName, index }: Partition): boolean {
    const opening = this.#opening.get(directoryName({ topicName, index }))
    return opening !== undefined && keyOfWanted(opening.wanted) === keyOf(topicId, index)
  }

  /** Its replica has moved elsewhere, or was never here. */
  #removePartition(topicId: string, index: number): void {
    this.#wanted.delete(keyOf(topicId, index))
    this.#offline.remove(keyOf(topicId, index))
    const held = this.#held.get(topicId)?.[index]
    if (held === undefined) return
    delete this.#held.get(topicId)![index]
    // One that has failed and is being opened anew is discarded by whoever opens it.
    if (this.#isReopening(held.partition)) this.#resign(held.partition)
    else void this.#discard([held])
  }

  #resign(partition: Partition | undefined): void {
    if (partition === undefined) return
    partition.resign()
    this.#replication.remove(partition)
  }

  #discard(held: readonly Held[]): Promise<void> {
    for (const { partition } of held) {
      this.#resign(partition)
      this.#options.onGone?.(partition)
    }
    const gone = held.map((one) => ({ ...one, log: one.partition.log }))
    return this.#directories.remove(gone, this.#config!.int('log.segment.delete.delay.ms'))
  }

  /** Closes every log whole, then writes the checkpoints. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#close()
    return this.#disposing
  }

  async #close(): Promise<void> {
    this.#progress?.[Symbol.dispose]()
    this.#checkpointTimer?.cancel()
    await this.#replication[Symbol.asyncDispose]()
    this.#offline[Symbol.dispose]()
    const isMissing = this.#wanted.size > 0
    this.#wanted.clear()
    await this.opened()
    await this.#directories.closed()
    await this.retention[Symbol.asyncDispose]()
    for (const partition of this.all()) partition.resign()
    const wereClosed = await closePartitions(this.all(), this.#options.logger)
    await this.#removals[Symbol.asyncDispose]()
    this.#tryCheckpoint()
    const hasFailed = Array.from(this.all()).some((partition) => partition.isOffline)
    // What was never opened in this life is as the last one left it, and that may not have been whole.
    const wereAllOpen = this.#isStarted && !isMissing && this.#offline.count === 0
    this.#closedWhole = wereAllOpen && wereClosed && !hasFailed
    if (this.#closedWhole) rememberLogs({ ...this.#options, removals: this.#removals }, [...this.#allHeld()])
  }
}
