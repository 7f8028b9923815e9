/**
 * Owns text checkpoints: the form that all of them share, and the four that keep one offset for each partition of a
 * log directory.
 *
 * | line   | content                                                                        |
 * | ------ | ------------------------------------------------------------------------------ |
 * | 1      | version, `0`                                                                   |
 * | 2      | how many entries follow                                                        |
 * | 3 …    | one entry: fields apart by one space; `topic partition offset` in those of here |
 *
 * Every line ends with a newline. Crash rule: a checkpoint is replaced as a whole, so it holds the old or the new
 * entries. Who reads one that breaks the form gets a CheckpointError: it was not us who wrote it. Of the three here a
 * damaged one counts as empty, and is told of: logs are recovered from their beginning then, and begin with their first
 * segment.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'

const VERSION = '0'

/** Below this everything of a log is durable: recovery looks only at what is behind it. */
export const RECOVERY_POINT_NAME = 'recovery-point-offset-checkpoint'
/** Below this nothing of a log is read any more. */
export const LOG_START_NAME = 'log-start-offset-checkpoint'
/** The high watermark, as it was lately. */
export const HIGH_WATERMARK_NAME = 'replication-offset-checkpoint'

/** Everything below was compacted. */
export const CLEANER_OFFSET_NAME = 'cleaner-offset-checkpoint'

export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}

export function formatCheckpoint(lines: readonly string[]): string {
  return `${[VERSION, lines.length, ...lines].join('\n')}\n`
}

/** The fields of each entry. `path` is for the message of a CheckpointError. */
export function parseCheckpoint(text: string, path: string): string[][] {
  const [version, count, ...lines] = text.split('\n')
  if (version !== VERSION) throw new CheckpointError(`Cannot read "${path}": its version is "${version}", not 0`)
  const entries = lines.filter((line) => line !== '').map((line) => line.split(/\s+/))
  if (Number(count) !== entries.length) {
    throw new CheckpointError(`Cannot read "${path}": ${entries.length} entries where it promises "${count}"`)
  }
  return entries
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: string
  readonly offset: number
}

/** What a checkpoint of partitions' offsets holds. Throws CheckpointError. */
export function parseOffsets(bytes: Buffer, path: string): PartitionOffset[] {
  return parseCheckpoint(bytes.toString(), path).map(([topic, partition, offset, ...rest]) => {
    const value = Number(offset)
    if (offset === undefined || rest.length > 0 || !Number.isSafeInteger(value) || value < 0) {
      throw new CheckpointError(`Cannot read "${path}": "${topic} ${partition} ${offset}" is not a partition's offset`)
    }
    return { topic: topic!, partition: partition!, offset: value }
  })
}

/** One offset for each partition, in memory until `flush` makes it durable. */
export class OffsetCheckpoint {
  readonly #disk: Disk
  readonly #path: string
  readonly #offsets = new Map<string, number>()
  #isDirty = false
  /** Why the file could not be read; null where it could. */
  #damage: CheckpointError | null = null

  private constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  /** Reads the checkpoint `name` of a log directory; a missing one is empty. */
  static load(disk: Disk, logDirectory: string, name: string): OffsetCheckpoint {
    const path = `${logDirectory}/${name}`
    const checkpoint = new OffsetCheckpoint(disk, path)
    if (!disk.exists(path)) return checkpoint
    try {
      for (const { topic, partition, offset } of parseOffsets(disk.readFile(path), path)) {
        checkpoint.#offsets.set(`${topic} ${partition}`, offset)
      }
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
      checkpoint.#offsets.clear()
      checkpoint.#damage = error
      checkpoint.#isDirty = true
    }
    return checkpoint
  }

  get damage(): CheckpointError | null {
    return this.#damage
  }

  /** The offset of a partition, or undefined when none is kept. */
  get(topic: string, partition: number): number | undefined {
    return this.#offsets.get(`${topic} ${partition}`)
  }

  /** Durable with the next flush. */
  set(topic: string, partition: number, offset: number): void {
    assert(Number.isSafeInteger(offset) && offset >= 0, 'A checkpoint holds whole offsets')
    if (this.get(topic, partition) === offset) return
    this.#offsets.set(`${topic} ${partition}`, offset)
    this.#isDirty = true
  }

  remove(topic: string, partition: number): void {
    if (this.#offsets.delete(`${topic} ${partition}`)) this.#isDirty = true
  }

  /** Makes the checkpoint durable, where anything has changed. */
  flush(): void {
    if (!this.#isDirty) return
    const lines = Array.from(this.#offsets, ([key, offset]) => `${key} ${offset}`)
    this.#disk.replaceFile(this.#path, Buffer.from(formatCheckpoint(lines)))
    this.#isDirty = false
  }
}

/**
 * The four checkpoints of one log directory.
 *
 * What a log relies on: before `truncateTo` and `truncateFullyAndStartAt` the recovery point is durable at or below
 * the new end, because what is appended there next is not durable; and before `advanceLogStartOffset` the new start
 * is durable, because the removal of segments may come through a crash in any order. Who truncates lowers the cleaner's
 * offset as well, or what is appended next would count as compacted.
 */
export class LogDirectoryCheckpoints {
  readonly recoveryPoints: OffsetCheckpoint
  readonly logStarts: OffsetCheckpoint
  readonly highWatermarks: OffsetCheckpoint
  readonly cleanerOffsets: OffsetCheckpoint

  constructor(disk: Disk, logDirectory: string) {
    this.recoveryPoints = OffsetCheckpoint.load(disk, logDirectory, RECOVERY_POINT_NAME)
    this.logStarts = OffsetCheckpoint.load(disk, logDirectory, LOG_START_NAME)
    this.highWatermarks = OffsetCheckpoint.load(disk, logDirectory, HIGH_WATERMARK_NAME)
    this.cleanerOffsets = OffsetCheckpoint.load(disk, logDirectory, CLEANER_OFFSET_NAME)
  }

  /** What of them could not be read and is written anew. */
  get damages(): CheckpointError[] {
    return this.#all().flatMap(({ damage }) => (damage === null ? [] : [damage]))
  }

  remove(topic: string, partition: number): void {
    for (const checkpoint of this.#all()) checkpoint.remove(topic, partition)
  }

  flush(): void {
    for (const checkpoint of this.#all()) checkpoint.flush()
  }

  #all(): OffsetCheckpoint[] {
    return [this.recoveryPoints, this.logStarts, this.highWatermarks, this.cleanerOffsets]
  }
}
