/**
 * Owns the segments of one log: which there are, in order, which is active, reads of their files, and how those that
 * are removed or cut go without pulling the file from under a reader.
 *
 * A reader pins its segment while it waits for the disk. A removed segment loses its name at once and its file when
 * the last pin goes. A truncation is counted, and a read that one overtook is done again.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { readSegment } from './history.ts'
import { EMPTY_LEASE, type ReadLease } from './lease.ts'
import type { LogWriter } from './log-writer.ts'
import type { OpenSegments } from './open-segments.ts'
import { Segment } from './segment.ts'
import type { LogSettings } from './settings.ts'
import type { ReadRequest } from './tail.ts'
import { findTimestamp, largestTimestampFrom, type TimestampOffset } from './timestamps.ts'

export interface LogSegmentsOptions {
  readonly disk: Disk
  readonly directory: string
  readonly clock: Clock
  readonly logger: Logger
  readonly openSegments: OpenSegments
  readonly writer: LogWriter
  readonly settings: LogSettings
}

export class LogSegments {
  readonly #options: LogSegmentsOptions
  #settings: LogSettings
  /** Ascending, never empty; the last is active. */
  readonly #segments: Segment[]
  /** Without a name already, still read by somebody. */
  #retired: Segment[] = []
  #removals: Promise<void>[] = []
  #truncations = 0

  constructor(options: LogSegmentsOptions, segments: Segment[]) {
    assert(segments.length > 0, 'A log has an active segment')
    this.#options = options
    this.#settings = options.settings
    this.#segments = segments
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }
  get count(): number {
    return this.#segments.length
  }
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }
  get baseOffsets(): number[] {
    return this.#segments.map((segment) => segment.baseOffset)
  }

  configure(settings: LogSettings): void {
    this.#settings = settings
  }

  /** The segments from the one that holds `offset` on. */
  from(offset: number): Segment[] {
    return this.#segments.slice(this.#indexOf(offset))
  }

  /** Seals the active segment and begins the next; all is durable after the writer's next round. */
  roll(baseOffset: number, nowMs: number): void {
    const { disk, directory, writer, openSegments } = this.#options
    const sealed = this.active
    assert(sealed.writtenBytes === sealed.bytes, 'A sealed segment is written')
    assert(baseOffset > sealed.baseOffset, 'Segments begin at growing offsets')
    if (sealed.bytes === 0) this.#retire(this.#segments.length - 1)
    else for (const file of sealed.seal()) writer.syncWithNextRound(file, () => file.close())
    this.#segments.push(Segment.create(disk, directory, { baseOffset, nowMs }))
    writer.namesChanged()
    openSegments.touch(sealed)
  }

  /** From the files, as `Log.read`; waits for nothing that is not written. */
  async read(request: ReadRequest): Promise<ReadLease> {
    let { offset } = request
    for (;;) {
      const truncations = this.#truncations
      const index = this.#indexOf(offset)
      const segment = this.#segments[index]!
      const lease = await this.#readOne(segment, { ...request, offset })
      if (truncations !== this.#truncations) {
        lease?.release()
        if (offset >= this.active.baseOffset + this.active.bytes || offset < this.#segments[0]!.baseOffset) {
          return EMPTY_LEASE
        }
        continue
      }
      if (lease !== null) return lease
      const next = this.#segments[this.#segments.indexOf(segment) + 1]
      // All batches of the segment end before the offset: what follows is in the next, or not written yet.
      if (next === undefined || next.baseOffset >= request.maxOffset) return EMPTY_LEASE
      offset = Math.max(offset, next.baseOffset)
    }
  }

  async offsetForTimestamp(timestamp: number, startOffset: number): Promise<TimestampOffset | null> {
    for (const segment of this.from(startOffset)) {
      const found = await this.using(segment, async () =>
        segment.largestTimestamp() < timestamp ? null : findTimestamp(segment, { timestamp, startOffset }),
      )
      if (found !== null) return found
    }
    return null
  }

  async maxTimestampOffset(startOffset: number): Promise<TimestampOffset | null> {
    let largest = -1
    for (const segment of this.from(startOffset)) {
      largest = Math.max(largest, await this.using(segment, () => largestTimestampFrom(segment, startOffset)))
    }
    return largest < 0 ? null : this.offsetForTimestamp(largest, startOffset)
  }

  /** Runs with the segment open, its indexes loaded, and its file safe from removal. */
  async using<T>(segment: Segment, run: () => Promise<T>): Promise<T> {
    const { openSegments } = this.#options
    await openSegments.acquire(segment, this.#settings.indexIntervalBytes)
    try {
      return await run()
    } finally {
      openSegments.release(segment)
      if (segment !== this.active) openSegments.touch(segment)
      this.#sweep()
    }
  }

  /** Removes all batches that end at or beyond `offset`; answers the new end. Durable once the directory is synced. */
  async truncateTo(offset: number): Promise<number> {
    const { disk, directory, openSegments } = this.#options
    this.#truncations++
    while (this.#segments.length > 1 && this.active.baseOffset >= offset) this.#retire(this.#segments.length - 1)
    disk.syncDirectory(directory)
    const active = this.active
    openSegments.remove(active)
    return this.using(active, async () => {
      await active.truncateTo(offset)
      await active.file.sync()
      this.#truncations++
      return (await active.readEnd()).endOffset
    })
  }

  /** Removes all segments and begins one at `offset`. */
  replaceAll(offset: number, nowMs: number): void {
    const { disk, directory } = this.#options
    this.#truncations++
    while (this.#segments.length > 0) this.#retire(this.#segments.length - 1)
    disk.syncDirectory(directory)
    this.#segments.push(Segment.create(disk, directory, { baseOffset: offset, nowMs }))
  }

  /** Removes the segments that end at or below `offset`, the active one excepted. */
  removeBelow(offset: number): void {
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= offset) this.#retire(0)
    this.#options.writer.namesChanged()
    this.#sweep()
  }

  /** Resolves when the files that were let go of until now are gone. */
  async removals(): Promise<void> {
    this.#sweep()
    const removals = this.#removals
    this.#removals = []
    await Promise.all(removals)
  }

  verify(logEndOffset: number): void {
    for (const [index, segment] of this.#segments.entries()) {
      segment.verify()
      assert(segment.baseOffset <= logEndOffset, 'A segment begins inside the log')
      assert(index === 0 || segment.baseOffset > this.#segments[index - 1]!.baseOffset, 'Segments are in order')
    }
    assert(this.active.isOpen && this.active.hasIndexes, 'The active segment is open')
  }

  /** Closes all files, once nobody reads them; the writer is closed already. */
  async close(): Promise<void> {
    await this.removals()
    for (const segment of this.#segments) {
      this.#options.openSegments.remove(segment)
      segment.close()
    }
  }

  async #readOne(segment: Segment, request: ReadRequest): Promise<ReadLease | null> {
    const truncations = this.#truncations
    try {
      return await this.using(segment, () => readSegment(segment, request, this.#options.openSegments))
    } catch (error) {
      // What was read while it was cut says nothing about the log.
      if (truncations !== this.#truncations) return null
      throw error
    }
  }

  /** The last segment that begins at or before the offset. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  #retire(index: number): void {
    const [segment] = this.#segments.splice(index, 1)
    this.#options.openSegments.remove(segment!)
    segment!.retire()
    this.#retired.push(segment!)
    this.#options.writer.namesChanged()
  }

  #sweep(): void {
    for (const segment of this.#retired) {
      for (const path of segment.takeRemovable()) this.#removals.push(this.#remove(path))
    }
    if (this.#retired.length > 0) this.#retired = this.#retired.filter((segment) => segment.pins > 0)
  }

  /** A file that could not be removed has a name that the next start removes. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#options.disk.removeTree(path)
    } catch (error) {
      this.#options.logger.warn('Cannot remove a file of a deleted segment', { path, error })
    }
  }
}
