/**
 * Owns the files `<offset>.snapshot` of one log: when the state of the producers is written, which file is believed
 * and which are removed. The bytes are producer-state.ts's.
 *
 * One is taken when a segment is begun, as of its base offset, and one at an orderly close. Kept are those of segments
 * that exist and the two newest. Crash rule: a snapshot need not be durable and may be torn (its checksum tells); one
 * beyond the end of the log is removed before anything is appended, as its offset may come to mean other records.
 */
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import { fileName, offsetInName, SNAPSHOT_SUFFIX } from './file-names.ts'
import type { ProducerStates } from './producer-state.ts'

const NEWEST_KEPT = 2

export class ProducerSnapshots {
  readonly #disk: Disk
  readonly #directory: string
  /** Ascending; null until somebody asks. */
  #listed: number[] | null

  /** Looks into the directory when it is first asked, unless it is told the names of the files there. */
  constructor(disk: Disk, directory: string, { names }: { names?: readonly string[] } = {}) {
    this.#disk = disk
    this.#directory = directory
    this.#listed = names === undefined ? null : offsetsIn(names)
  }

  get offsets(): readonly number[] {
    return this.#offsets
  }

  get #offsets(): number[] {
    this.#listed ??= offsetsIn(this.#disk.list(this.#directory).map(({ name }) => name))
    return this.#listed
  }

  /** Writes the state as of `offset`; the caller syncs the file and closes it. */
  take(producers: ProducerStates, offset: number): DiskFile {
    const bytes = producers.toSnapshot()
    const file = this.#disk.open(this.#path(offset), { create: true })
    try {
      file.truncate(0)
      file.write(bytes, 0)
    } catch (error) {
      file.close()
      throw error
    }
    this.#note(offset)
    return file
  }

  /** Loads the newest valid snapshot at or below `offset`; answers its offset, or null when there is none. */
  load(producers: ProducerStates, offset: number): number | null {
    producers.clear()
    for (const known of this.#offsets.toReversed()) {
      if (known <= offset && producers.loadSnapshot(this.#disk.readFile(this.#path(known)))) return known
    }
    return null
  }

  /** Removes what lies beyond the end of the log; answers whether there was any. Durable once the directory is synced. */
  removeBeyond(logEndOffset: number): boolean {
    const count = this.#offsets.length
    this.#remove((offset) => offset > logEndOffset)
    return this.#offsets.length < count
  }

  removeAll(): void {
    this.#remove(() => true)
  }

  /** Removes those that are neither of a segment that begins there nor among the newest. */
  prune(isBaseOffset: (offset: number) => boolean): void {
    const newest = this.#offsets.slice(-NEWEST_KEPT)
    this.#remove((offset) => !newest.includes(offset) && !isBaseOffset(offset))
  }

  /** As `prune`, where one was taken since and nothing else changed: only one has ceased to be among the newest. */
  pruneAfterTake(isBaseOffset: (offset: number) => boolean): void {
    const at = this.#offsets.length - 1 - NEWEST_KEPT
    if (at < 0 || isBaseOffset(this.#offsets[at]!)) return
    this.#disk.remove(this.#path(this.#offsets[at]!))
    this.#offsets.splice(at, 1)
  }

  /** Nearly always the newest. */
  #note(offset: number): void {
    if (offset > (this.#offsets.at(-1) ?? -1)) this.#offsets.push(offset)
    else if (!this.#offsets.includes(offset)) {
      this.#offsets.push(offset)
      this.#offsets.sort((left, right) => left - right)
    }
  }

  #remove(isUnwanted: (offset: number) => boolean): void {
    for (const offset of this.#offsets.filter(isUnwanted)) this.#disk.remove(this.#path(offset))
    this.#listed = this.#offsets.filter((offset) => !isUnwanted(offset))
  }

  #path(offset: number): string {
    return `${this.#directory}/${fileName(offset, SNAPSHOT_SUFFIX)}`
  }
}

function offsetsIn(names: readonly string[]): number[] {
  const offsets = names.map((name) => offsetInName(name, SNAPSHOT_SUFFIX)).filter((offset) => offset !== null)
  return offsets.sort((left, right) => left - right)
}
