/** Owns what tests of many partitions share: the partitions of one broker on a disk that outlives them, in fake time. */
import assert from 'node:assert/strict'
import type { DiskFile } from '@ottla/base/disk.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { BrokerConfig } from '../config.ts'
import { OpenSegments } from '../log/open-segments.ts'
import { TailBudget } from '../log/tail-budget.ts'
import { type TestBatch, testBatch } from '../log/testing.ts'
import { emptyImage, type MetadataImage, type TopicImage } from '../metadata/image.ts'
import { LogDirectory } from '../partition/log-directories.ts'
import type { Partition } from '../partition/partition.ts'
import { Partitions } from '../partition/partitions.ts'
import { brokerConfig } from './memory-broker.ts'
import { noCluster } from './no-cluster.ts'

export const NOW_MS = 1_700_000_000_000
const WAIT_MS_MAX = 10_000

export interface TestTopic {
  readonly id: string
  readonly name?: string
  readonly partitions?: number
  /** Of each partition; this broker is 1, and alone when left out. The first leads. */
  readonly replicas?: readonly number[]
  readonly configs?: { readonly [name: string]: string }
}

function topicImage({ id, name = 't', partitions = 1, replicas = [1], configs = {} }: TestTopic): TopicImage {
  const replica = { replicas, isr: replicas, leader: replicas[0]!, leaderEpoch: 0, partitionEpoch: 0 }
  return {
    ...{ id: idOf(id), name, internal: false, revision: 1, configs: new Map(Object.entries(configs)) },
    partitions: Array.from({ length: partitions }, (_, index) => ({ index, ...replica })),
  }
}

export function idOf(text: string): string {
  return text.padEnd(22, 'x')
}

/** The partitions of one broker on a disk that outlives them. */
export class PartitionsFixture {
  readonly time = new FakeTime({ wallMs: NOW_MS })
  readonly disk: MemoryDisk
  readonly logger = new MemoryLogger()
  readonly paths: readonly string[]
  failures: unknown[] = []
  config: BrokerConfig = brokerConfig()
  partitions!: Partitions
  directories!: LogDirectory[]

  constructor(options: { paths?: readonly string[]; syncDelaysMs?: number[]; seed?: string } = {}) {
    this.paths = options.paths ?? ['/data']
    const delays = options.syncDelaysMs ?? []
    const syncDelay = { timers: this.time, delayMs: () => delays.shift() ?? 0 }
    this.disk = new MemoryDisk({
      ...{ random: seededRandom(options.seed ?? '1'), clock: this.time },
      ...(options.syncDelaysMs === undefined ? {} : { syncDelay }),
    })
  }

  /** A new life on the same disk; the one before is forgotten, as after kill -9, unless it was stopped. */
  start(): void {
    for (const directory of this.directories ?? []) directory[Symbol.dispose]()
    const { disk, time, logger } = this
    this.failures = []
    this.directories = this.paths.map((path) => LogDirectory.open(disk, path, seededRandom('directories')))
    this.partitions = new Partitions({
      cluster: noCluster(),
      ...{ brokerId: 1, disk, directories: this.directories, clock: time, timers: time, logger },
      ...{ random: seededRandom('jitter'), syncs: new SyncQueue(), tail: new TailBudget(1 << 20) },
      ...{ openSegments: new OpenSegments(), onFailure: (error) => void this.failures.push(error) },
    })
  }

  publish(topics: readonly TestTopic[], configs: MetadataImage['configs'] = emptyImage.configs): void {
    const images = topics.map(topicImage)
    this.partitions.publish(
      {
        ...emptyImage,
        configs,
        topicsById: new Map(images.map((image) => [image.id, image])),
        topicsByName: new Map(images.map((image) => [image.name, image])),
      },
      this.config,
    )
  }

  /** Starts, and opens what the image has. */
  async open(topics: readonly TestTopic[]): Promise<void> {
    this.start()
    this.publish(topics)
    await this.until(this.partitions.opened())
    this.partitions.setStraysAside()
  }

  async stop(): Promise<void> {
    await this.until(this.partitions[Symbol.asyncDispose]())
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs++) {
      await this.time.settle()
      if (isSettled) return promise
      await this.time.run(1)
    }
    throw new Error('It does not end')
  }

  find(id: string, index = 0): Partition {
    const partition = this.partitions.find(idOf(id), index)
    assert.ok(partition, `${id} ${index} is open`)
    return partition
  }

  /** Appends what the disk does not take. */
  async refused(partition: Partition, batch: TestBatch = {}): Promise<void> {
    const buffer = testBatch(batch)
    const result = partition.append({ buffer, at: 0, end: buffer.length, acks: -1, timeoutMs: 1000 })
    if (result.kind === 'refused') assert.equal(result.error, 'KAFKA_STORAGE_ERROR')
    else await assert.rejects(this.until(result.done!), { error: 'KAFKA_STORAGE_ERROR' })
  }

  /** How many logs are opened from now on. */
  countReads(): () => number {
    return this.#countOpened(({ path }) => path.endsWith('.log'))
  }

  /** How often a file is written from now on. */
  countWrites(path: string): () => number {
    let writes = 0
    this.#countOpened((file) => {
      if (file.path !== path) return false
      const write = file.write.bind(file)
      file.write = (bytes, position) => {
        writes++
        write(bytes, position)
      }
      return true
    })
    return () => writes
  }

  #countOpened(counts: (file: DiskFile) => boolean): () => number {
    let opened = 0
    const open = this.disk.open.bind(this.disk)
    this.disk.open = (path, options) => {
      const file = open(path, options)
      if (counts(file)) opened++
      return file
    }
    return () => opened
  }

  async append(partition: Partition, batch: TestBatch = {}): Promise<void> {
    const buffer = testBatch(batch)
    const result = partition.append({ buffer, at: 0, end: buffer.length, acks: -1, timeoutMs: 1000 })
    assert.equal(result.kind, 'appended')
    if (result.kind === 'appended') await this.until(result.done ?? Promise.resolve())
  }

  /** Names of the directories in a log directory, with `#` for what is random in them. */
  names(path = '/data'): string[] {
    const directories = this.disk.list(path).filter(({ isDirectory }) => isDirectory)
    return directories.map(({ name }) => name.replace(/\.[0-9a-f]{32}-/, '.#-'))
  }

  text(path: string): string {
    return this.disk.readFile(path).toString()
  }
}
