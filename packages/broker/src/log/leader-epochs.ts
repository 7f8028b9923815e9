/**
 * Owns at which offset each leader epoch of a partition began, and its file `leader-epoch-checkpoint`: a text
 * checkpoint (checkpoint-file.ts) of version 0 whose entries are `epoch startOffset`, both strictly increasing.
 *
 * Crash rule: every batch names its epoch, so the file need only be durable before the recovery point passes the first
 * batch of a new epoch; the writer flushes it in each round of syncing. Recovery drops what begins behind the part
 * of the log that it trusts, and takes the rest from the batches. A file that is missing or is no checkpoint is lost:
 * then recovery takes everything from the batches.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'
import { CheckpointError, formatCheckpoint, parseCheckpoint } from './checkpoint-file.ts'

export const LEADER_EPOCHS_NAME = 'leader-epoch-checkpoint'

export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: number
}

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochs {
  readonly #disk: Disk
  readonly #directory: string
  #entries: EpochStart[]
  /** What the file has; null: not all of what is known. */
  #saved: readonly EpochStart[] | null
  /** What the log's older batches say is not known here: recovery has to tell. */
  readonly isLost: boolean

  private constructor(disk: Disk, directory: string, entries: EpochStart[] | null) {
    this.#disk = disk
    this.#directory = directory
    this.#entries = entries ?? []
    this.#saved = this.#entries
    this.isLost = entries === null
  }

  /** With entries that the file has, unless it lacks some of them. */
  static of(disk: Disk, directory: string, known: { entries: readonly EpochStart[]; isDirty: boolean }): LeaderEpochs {
    const epochs = new LeaderEpochs(disk, directory, known.entries.slice())
    if (known.isDirty) epochs.#saved = null
    return epochs
  }

  /** What the file says, or nothing where it is lost. */
  static load(disk: Disk, directory: string): LeaderEpochs {
    const path = pathIn(directory)
    return new LeaderEpochs(disk, directory, disk.exists(path) ? parseLeaderEpochs(disk.readFile(path), path) : null)
  }

  /** −1 when none is known. */
  get latestEpoch(): number {
    return this.#entries.at(-1)?.epoch ?? -1
  }
  /** −1 when none is known. */
  get latestStartOffset(): number {
    return this.#entries.at(-1)?.startOffset ?? -1
  }
  /** Whether the file lacks something. */
  get isDirty(): boolean {
    return this.#saved !== this.#entries && !areSame(this.#saved, this.#entries)
  }
  get entries(): readonly EpochStart[] {
    return this.#entries
  }

  /** Notes that `epoch` begins at `startOffset`; nothing happens where it is known or older than the latest. */
  assign(epoch: number, startOffset: number): void {
    assert(startOffset >= 0, 'An epoch does not begin below offset 0')
    if (epoch < 0 || epoch < this.latestEpoch) return
    if (epoch === this.latestEpoch && startOffset >= this.latestStartOffset) return
    // A later start that is known already belongs to what a truncation has removed.
    const kept = this.#entries.filter((entry) => entry.epoch < epoch && entry.startOffset < startOffset)
    // Not spread: that leaves room for more, in each of many logs.
    this.#entries = kept.concat([{ epoch, startOffset }])
  }

  /**
   * The largest known epoch that is not above the requested one, and where it ends. Null when nothing is known of it.
   * An epoch older than all that are known ends where the oldest begins: what it wrote has been deleted since.
   */
  endOffsetFor(requestedEpoch: number, logEndOffset: number): EpochEnd | null {
    if (requestedEpoch < 0 || requestedEpoch > this.latestEpoch) return null
    if (requestedEpoch === this.latestEpoch) return { epoch: requestedEpoch, endOffset: logEndOffset }
    const next = this.#entries.findIndex((entry) => entry.epoch > requestedEpoch)
    const found = this.#entries[next - 1]
    return { epoch: found?.epoch ?? requestedEpoch, endOffset: this.#entries[next]!.startOffset }
  }

  /** The epoch that the record at `offset` was written in, −1 when it is not known. */
  epochAt(offset: number): number {
    return this.#entries.findLast((entry) => entry.startOffset <= offset)?.epoch ?? -1
  }

  /** Forgets the epochs that begin at or beyond the end of a truncated log. */
  truncateFromEnd(logEndOffset: number): void {
    this.#keep(this.#entries.filter((entry) => entry.startOffset < logEndOffset))
  }

  /** Forgets the epochs that end at or below the log's start; the one that it lies in now begins there. */
  truncateFromStart(logStartOffset: number): void {
    const first = this.#entries.findLastIndex((entry) => entry.startOffset <= logStartOffset)
    if (first < 0 || (first === 0 && this.#entries[0]!.startOffset === logStartOffset)) return
    const epoch = this.#entries[first]!.epoch
    this.#entries = [{ epoch, startOffset: logStartOffset }, ...this.#entries.slice(first + 1)]
  }

  clear(): void {
    this.#keep([])
  }

  /**
   * As `flush`, with the syncs in the thread pool, but for the name's: that is the caller's, who has other names in the
   * directory to sync. Answers whether there is one. No other flush runs meanwhile. Covers what was assigned before.
   */
  async save(): Promise<boolean> {
    if (!this.isDirty) return false
    const entries = this.#entries
    const file = this.#disk.open(`${pathIn(this.#directory)}.tmp`, { create: true })
    try {
      file.truncate(0)
      file.write(this.#content(), 0)
      await file.sync()
    } finally {
      file.close()
    }
    this.#disk.rename(file.path, pathIn(this.#directory))
    this.#saved = entries
    return true
  }

  /** Makes the file durable as the entries are; nothing where it is already. Synchronous, and rare. */
  flush(): void {
    if (!this.isDirty) return
    this.#disk.replaceFile(pathIn(this.#directory), this.#content())
    this.#saved = this.#entries
  }

  verify(): void {
    for (let i = 1; i < this.#entries.length; i++) {
      const [before, after] = [this.#entries[i - 1]!, this.#entries[i]!]
      assert(before.epoch < after.epoch, 'Leader epochs increase')
      assert(before.startOffset < after.startOffset, 'Start offsets of leader epochs increase')
    }
  }

  #content(): Buffer {
    return Buffer.from(formatCheckpoint(this.#entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`)))
  }

  #keep(entries: EpochStart[]): void {
    if (entries.length === this.#entries.length) return
    this.#entries = entries
  }
}

function pathIn(directory: string): string {
  return `${directory}/${LEADER_EPOCHS_NAME}`
}

/** The entries of the file, or null when it is no checkpoint of leader epochs. */
export function parseLeaderEpochs(bytes: Buffer, path: string): EpochStart[] | null {
  try {
    const entries = parseCheckpoint(bytes.toString(), path).map((fields) => parseEntry(fields, path))
    const areRising = entries.every((entry, at) => {
      const before = entries[at - 1]
      return before === undefined || (entry.epoch > before.epoch && entry.startOffset > before.startOffset)
    })
    return areRising ? entries : null
  } catch (error) {
    if (error instanceof CheckpointError) return null
    throw error
  }
}

function areSame(left: readonly EpochStart[] | null, right: readonly EpochStart[]): boolean {
  if (left?.length !== right.length) return false
  return left.every(({ epoch, startOffset }, i) => epoch === right[i]!.epoch && startOffset === right[i]!.startOffset)
}

function parseEntry(fields: readonly string[], path: string): EpochStart {
  const [epoch, startOffset] = fields.map(Number)
  if (fields.length !== 2 || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(startOffset)) {
    throw new CheckpointError(`Cannot read "${path}": "${fields.join(' ')}" is not an epoch and an offset`)
  }
  return { epoch: epoch!, startOffset: startOffset! }
}
