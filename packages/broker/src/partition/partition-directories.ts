/**
 * Where partitions lie on this broker: which directory is whose, where a new one goes, and how those go that nobody
 * wants any more. Owns names in the log directories; what is inside them is the log's.
 *
 * | name                            | content                                                                    |
 * | ------------------------------- | -------------------------------------------------------------------------- |
 * | `<topic>-<partition>`           | a partition; `partition.metadata` says of which topic id                    |
 * | `<topic>-<partition>.<x>-stray` | belonged to another topic id, or to no topic of the image: left alone       |
 * | `<topic>-<partition>.<x>-delete`| of a deleted topic; removed after `log.segment.delete.delay.ms`, or at the  |
 * |                                 | next start                                                                 |
 *
 * Crash rule: a name is used again only when the checkpoints durably say nothing about it, so that no log inherits
 * the offsets of another.
 */
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { type Random, randomUuid } from '@ottla/base/random.ts'
import type { DelayedRemovals } from '../log/delayed-removals.ts'
import type { Log } from '../log/log.ts'
import { isSameStamp, type LogSummary, stampOf } from '../log/log-summary.ts'
import { PARTITION_METADATA_NAME, PartitionMetadataError, readPartitionMetadata } from '../log/partition-metadata.ts'
import { SET_ASIDE_SUFFIX } from '../log/set-aside.ts'
import type { LogDirectory } from './log-directories.ts'

/** A directory's name, with whatever is put behind it. */
const NAME_LENGTH_MAX = 255
const SUFFIXED = /-(delete|stray|future)$/
const PARTITION_DIRECTORY = /^(.+)-(\d+)$/

export interface PartitionDirectoriesOptions {
  readonly disk: Disk
  readonly directories: readonly LogDirectory[]
  readonly removals: DelayedRemovals
  readonly random: Random
  readonly logger: Logger
}

export interface PartitionName {
  readonly topicName: string
  readonly index: number
}

export interface GonePartition {
  readonly partition: PartitionName
  readonly directory: LogDirectory
  readonly log: Log
}

export function directoryName({ topicName, index }: PartitionName): string {
  return `${topicName}-${index}`
}

export class PartitionDirectories {
  readonly #options: PartitionDirectoriesOptions
  /** Found at the start and not asked for yet. */
  readonly #unclaimed = new Map<string, LogDirectory[]>()
  /** How many partitions each log directory has. */
  readonly #counts: Map<LogDirectory, number>
  #closings: Promise<unknown> = Promise.resolve()

  constructor(options: PartitionDirectoriesOptions) {
    this.#options = options
    this.#counts = new Map(options.directories.map((directory) => [directory, 0]))
  }

  /** Takes stock of what is there, and removes what an earlier life had no time to. */
  scan(): void {
    for (const directory of this.#options.directories) {
      for (const { name, isDirectory } of this.#options.disk.list(directory.path)) {
        if (!isDirectory) continue
        if (name.endsWith('-delete')) this.#options.removals.remove([`${directory.path}/${name}`])
        else if (PARTITION_DIRECTORY.test(name) && !SUFFIXED.test(name)) this.#claimable(name, directory)
      }
    }
  }

  /**
   * What is remembered of the partition's log, when its files are as they were and no other directory claims its name;
   * it is placed then.
   */
  recall(partition: PartitionName, topicId: string): { directory: LogDirectory; summary: LogSummary } | null {
    const name = directoryName(partition)
    const [directory, ...others] = this.#unclaimed.get(name) ?? []
    const log = directory?.remembered.get(name)
    if (directory === undefined || log === undefined || others.length > 0 || log.topicId !== topicId) return null
    const stamp = stampOf(this.#options.disk, `${directory.path}/${name}`, log.summary)
    if (!isSameStamp(stamp, log.stamp)) return null
    this.#unclaimed.delete(name)
    return { directory, summary: log.summary }
  }

  /** Where the partition lies already, else the log directory that has the fewest; what is in its way is put aside. */
  place(partition: PartitionName, topicId: string): LogDirectory {
    const { disk, directories } = this.#options
    const name = directoryName(partition)
    this.#unclaimed.delete(name)
    const holders = directories.filter(({ path }) => disk.exists(`${path}/${name}`))
    const owners = new Map(holders.map((one) => [one, this.#ownerOf(`${one.path}/${name}`)]))
    // One without an owner was being made when the machine stopped.
    const own = holders.find((one) => owners.get(one) === topicId) ?? holders.find((one) => owners.get(one) === null)
    for (const holder of holders) if (holder !== own) this.#setAside(holder, name)
    if (own !== undefined) return own
    const least = directories.reduce((best, one) => (this.#countOf(one) < this.#countOf(best) ? one : best))
    this.#count(least, 1)
    forget(least, partition)
    return least
  }

  /** Called once everything that the image has was placed: the rest belongs to no topic. */
  setStraysAside(): void {
    for (const [name, directories] of this.#unclaimed) for (const one of directories) this.#setAside(one, name)
    this.#unclaimed.clear()
  }

  /**
   * Closes logs, whose directories lose their names before this returns and are removed after the delay; resolves when
   * the logs are closed. Where a directory keeps its name it is put aside when that is used again, or at the next start.
   */
  remove(gone: readonly GonePartition[], delayMs: number): Promise<void> {
    const closed = this.#remove(gone, delayMs).catch((error) =>
      this.#options.logger.error('Cannot remove the directories of deleted partitions', {
        names: gone.map(({ partition }) => directoryName(partition)),
        error,
      }),
    )
    this.#closings = Promise.all([this.#closings, closed])
    return closed
  }

  /** Resolves when the logs of all that was removed so far are closed. */
  async closed(): Promise<void> {
    await this.#closings
  }

  async #remove(gone: readonly GonePartition[], delayMs: number): Promise<void> {
    const renamed = gone.map((one) => ({ ...one, renamedTo: this.#pathToDelete(one) }))
    try {
      this.#takeNames(renamed)
    } finally {
      await Promise.all(gone.map(({ log }) => log.abandon()))
      this.#options.removals.after(delayMs, () => renamed.map(({ renamedTo }) => renamedTo))
    }
  }

  /** The names are gone durably before anything inside is: a crash could else bring back one without its topic id. */
  #takeNames(gone: readonly (GonePartition & { readonly renamedTo: string })[]): void {
    const { disk } = this.#options
    const directories = new Set(gone.map(({ directory }) => directory))
    for (const { directory, partition } of gone) {
      this.#count(directory, -1)
      directory.checkpoints.remove(partition.topicName, partition.index)
    }
    for (const { checkpoints } of directories) checkpoints.flush()
    for (const { directory, partition, renamedTo } of gone) {
      disk.rename(`${directory.path}/${directoryName(partition)}`, renamedTo)
    }
    for (const { path } of directories) disk.syncDirectory(path)
  }

  /**
   * The topic id that the directory names, or null for none. A file that says nothing is no better than none, which is
   * taken for this topic's: a deleted topic's directory loses its name before it loses its id.
   */
  #ownerOf(path: string): string | null {
    const { disk, logger } = this.#options
    try {
      return readPartitionMetadata(disk, path)
    } catch (error) {
      if (!(error instanceof PartitionMetadataError)) throw error
      logger.error('A partition does not say to which topic it belongs: writing that anew', { error })
      disk.rename(`${path}/${PARTITION_METADATA_NAME}`, `${path}/${PARTITION_METADATA_NAME}${SET_ASIDE_SUFFIX}`)
      return null
    }
  }

  #pathToDelete({ directory, partition }: GonePartition): string {
    return `${directory.path}/${this.#suffixed(directoryName(partition), 'delete')}`
  }

  #claimable(name: string, directory: LogDirectory): void {
    this.#unclaimed.set(name, [...(this.#unclaimed.get(name) ?? []), directory])
    this.#count(directory, 1)
  }

  #setAside(directory: LogDirectory, name: string): void {
    const { disk, logger } = this.#options
    const stray = this.#suffixed(name, 'stray')
    logger.warn('Put aside a partition directory that belongs to no topic', { name, stray })
    const [, topicName, index] = PARTITION_DIRECTORY.exec(name)!
    forget(directory, { topicName: topicName!, index: Number(index) })
    disk.rename(`${directory.path}/${name}`, `${directory.path}/${stray}`)
    disk.syncDirectory(directory.path)
    this.#count(directory, -1)
  }

  #countOf(directory: LogDirectory): number {
    return this.#counts.get(directory)!
  }

  #count(directory: LogDirectory, change: 1 | -1): void {
    this.#counts.set(directory, this.#countOf(directory) + change)
  }

  #suffixed(name: string, kind: 'delete' | 'stray'): string {
    const hex = Buffer.from(randomUuid(this.#options.random), 'base64url').toString('hex')
    const suffix = `.${hex}-${kind}`
    return name.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix
  }
}

/** Throws DiskError. */
function forget({ checkpoints }: LogDirectory, { topicName, index }: PartitionName): void {
  checkpoints.remove(topicName, index)
  checkpoints.flush()
}
