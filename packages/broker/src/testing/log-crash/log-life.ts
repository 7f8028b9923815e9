/**
 * For the log's crash suite: the ground that lives share (the disk, the models of the partitions, the topics), and one
 * life upon it: log directories and partitions as a broker makes them, without its network and metadata, from a start
 * to the crash of the machine, the end of the process or an orderly stop.
 */
import assert from 'node:assert/strict'
import { DiskError } from '@ottla/base/disk.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { OpenSegments } from '../../log/open-segments.ts'
import { TailBudget } from '../../log/tail-budget.ts'
import { emptyImage, type TopicImage } from '../../metadata/image.ts'
import { LogDirectory } from '../../partition/log-directories.ts'
import type { Partition } from '../../partition/partition.ts'
import { Partitions } from '../../partition/partitions.ts'
import { brokerConfig } from '../memory-broker.ts'
import { type Lie, MortalDisk } from '../mortal-disk.ts'
import { noCluster } from '../no-cluster.ts'
import { LogModel } from './log-model.ts'

const WALL_MS = 1_700_000_000_000
const SYNC_MS_MAX = 4
const CHECKPOINT_INTERVAL_MS = 60
/** Of the fake's time: whatever takes longer hangs. */
const WAIT_MS_MAX = 20_000
const RETENTION_SETTINGS = { 'log.initial.task.delay.ms': '30', 'log.retention.check.interval.ms': '40' }
const TAIL_BYTES_MAX = 32 * 1024
const OPEN_FILES_MAX = 2
const EPOCH = 1

/** The machine has stopped in the middle of what the suite was doing. */
export class LifeEnded extends Error {
  override readonly name = 'LifeEnded'
}

interface GroundTopic {
  readonly id: string
  readonly name: string
  configs: ReadonlyMap<string, string>
  readonly models: readonly LogModel[]
}

/** What survives. */
export class LogGround {
  readonly random: Random
  readonly disk: MemoryDisk
  readonly paths: readonly string[]
  readonly topics: readonly GroundTopic[]
  readonly lie: Lie | null
  time = new FakeTime({ wallMs: WALL_MS })

  constructor(seed: string, options: { lie?: Lie | null } = {}) {
    this.random = seededRandom(`ground ${seed}`)
    this.lie = options.lie ?? null
    this.paths = this.random.below(3) > 0 ? ['/data'] : ['/disks/1', '/disks/2']
    const delays = seededRandom(`syncs ${seed}`)
    const syncDelay = { timers: this.#timers(), delayMs: () => delays.below(SYNC_MS_MAX + 1) }
    const clock = { wallMs: () => this.time.wallMs(), monotonicMs: () => this.time.monotonicMs() }
    this.disk = new MemoryDisk({ random: seededRandom(`disk ${seed}`), syncDelay, clock })
    this.topics = [this.#topic('plain', 2, {}), this.#topic('cached', 1, { 'write.caching': 'true' })]
  }

  get models(): LogModel[] {
    return this.topics.flatMap(({ models }) => models)
  }

  /** What an operator may change while the broker runs. */
  newConfigs(): [string, string][] {
    const { random } = this
    return [
      ['internal.segment.bytes', String(700 + random.below(2500))],
      ['index.interval.bytes', String(random.below(300))],
      ['segment.index.bytes', String(60 + random.below(300))],
      ...(random.below(4) === 0 ? [['flush.messages', String(1 + random.below(4))] as [string, string]] : []),
      ['retention.bytes', random.below(2) === 0 ? String(2500 + random.below(2500)) : '-1'],
      ['file.delete.delay.ms', String(random.below(60))],
      ...(random.below(4) === 0 ? [['flush.ms', String(1 + random.below(10))] as [string, string]] : []),
    ]
  }

  #topic(name: string, partitions: number, fixed: Readonly<Record<string, string>>): GroundTopic {
    const writeCaching = fixed['write.caching'] === 'true'
    return {
      ...{ id: name.padEnd(22, 'x'), name },
      configs: new Map([...this.newConfigs(), ...Object.entries(fixed)]),
      models: Array.from({ length: partitions }, (_, index) => new LogModel(`${name}-${index}`, { writeCaching })),
    }
  }

  #timers(): Timers {
    return {
      after: (delayMs, callback) => this.time.after(delayMs, callback),
      endOfTurn: (callback) => this.time.endOfTurn(callback),
      soon: (callback) => this.time.soon(callback),
      sleep: (delayMs, options) => this.time.sleep(delayMs, options),
    }
  }
}

export class LogLife {
  readonly ground: LogGround
  readonly logger = new MemoryLogger()
  readonly time: FakeTime
  readonly failures: unknown[] = []
  readonly #config = brokerConfig(RETENTION_SETTINGS)
  readonly #disk: MortalDisk
  #directories: LogDirectory[] = []
  #partitions: Partitions | null = null

  constructor(ground: LogGround) {
    ground.time = new FakeTime({ wallMs: ground.time.wallMs() + 1000 })
    this.ground = ground
    this.time = ground.time
    this.#disk = new MortalDisk(ground.disk, { lie: ground.lie })
  }

  get partitions(): Partitions {
    return this.#partitions!
  }
  get directories(): readonly LogDirectory[] {
    return this.#directories
  }
  /** Whether it found the marker of an orderly stop. */
  get wasCleanlyStopped(): boolean {
    return this.#directories.every((directory) => directory.wasCleanlyStopped)
  }
  get hasCrashed(): boolean {
    try {
      this.ground.disk.exists('/')
      return false
    } catch {
      return true
    }
  }

  /** As broker.ts does it. Rejects where a log cannot be opened. */
  async start(): Promise<void> {
    const { time, logger, ground } = this
    const disk = this.#disk
    this.#directories = []
    const ids = seededRandom('directories')
    for (const path of ground.paths) this.#directories.push(LogDirectory.open(disk, path, ids))
    this.#partitions = new Partitions({
      cluster: noCluster(),
      ...{ brokerId: 1, disk, directories: this.#directories, clock: time, timers: time, logger },
      ...{ random: seededRandom('jitter'), syncs: new SyncQueue(), tail: new TailBudget(TAIL_BYTES_MAX) },
      openSegments: new OpenSegments({ filesMax: OPEN_FILES_MAX }),
      onFailure: (error) => void this.failures.push(error),
    })
    for (const directory of this.#directories) directory.beginUse()
    this.publish()
    await this.until(this.partitions.opened())
    this.partitions.setStraysAside()
    this.partitions.keepCheckpoints(CHECKPOINT_INTERVAL_MS)
    this.partitions.keepRetention(this.#config)
  }

  /** Whether the log could be opened. */
  isOpen(model: LogModel): boolean {
    return this.#lookUp(model) !== undefined
  }

  /** The topics as the ground has them now. */
  publish(): void {
    for (const { models, configs } of this.ground.topics) {
      // What was retained once may be deleted for it still.
      for (const model of models) model.isRetained ||= configs.get('retention.bytes') !== '-1'
    }
    const images = this.ground.topics.map(imageOf)
    const topics = {
      topicsById: new Map(images.map((image) => [image.id, image])),
      topicsByName: new Map(images.map((image) => [image.name, image])),
    }
    this.partitions.publish({ ...emptyImage, ...topics, configs: new Map() }, this.#config)
  }

  find(model: LogModel): Partition {
    const partition = this.#lookUp(model)
    assert.ok(partition, `${model.name} is open`)
    return partition
  }

  directoryOf(model: LogModel): LogDirectory {
    const { directory } = this.find(model).log
    return this.#directories.find(({ path }) => directory.startsWith(`${path}/`))!
  }

  /** Lets time pass. Throws LifeEnded. */
  async run(forMs: number): Promise<void> {
    await this.time.run(forMs)
    if (this.hasCrashed) throw new LifeEnded()
  }

  /** What a promise comes to, with time going on. Throws LifeEnded. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    await this.time.settle()
    for (let waitedMs = 0; !isSettled && !this.hasCrashed; waitedMs++) {
      assert.ok(waitedMs < WAIT_MS_MAX, 'It ends')
      await this.time.run(1)
    }
    if (this.hasCrashed) throw new LifeEnded()
    return promise
  }

  /** An orderly stop; answers whether everything was closed whole. Throws LifeEnded. */
  async stop(): Promise<boolean> {
    this.ground.disk.releaseSyncs()
    await this.until(this.partitions[Symbol.asyncDispose]())
    const isWhole = this.partitions.closedWhole && this.#markEnd()
    if (this.hasCrashed) throw new LifeEnded()
    for (const directory of this.#directories) directory[Symbol.dispose]()
    if (isWhole) assert.equal(this.#disk.openFiles, 0, 'Every file is closed')
    this.#over()
    return isWhole
  }

  /** Where the marker of an orderly stop cannot be written the next start recovers, and nothing else. */
  #markEnd(): boolean {
    try {
      for (const directory of this.#directories) directory.endUse(EPOCH)
      return true
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      return false
    }
  }

  /** As kill -9: what was written is in the kernel's memory, and not yet on the disk. */
  kill(): void {
    this.#over()
  }

  /** The machine loses its power, and comes back. */
  async crash(): Promise<void> {
    this.#over()
    this.ground.disk.crash()
    await this.time.settle()
  }

  #lookUp(model: LogModel): Partition | undefined {
    const topic = this.ground.topics.find(({ models }) => models.includes(model))!
    return this.partitions.find(topic.id, topic.models.indexOf(model))
  }

  /** Nothing of this process reaches the disk any more; syncs that the kernel had begun end. */
  #over(): void {
    this.#disk.end()
    if (!this.hasCrashed) this.ground.disk.releaseSyncs()
  }
}

function imageOf({ id, name, configs, models }: GroundTopic): TopicImage {
  const replica = { replicas: [1], isr: [1], leader: 1, partitionEpoch: 0 }
  const partitions = models.map(({ leaderEpoch }, index) => ({ index, ...replica, leaderEpoch }))
  return { id, name, internal: false, revision: 1, configs, partitions }
}
