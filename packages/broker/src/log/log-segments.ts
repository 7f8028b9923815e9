/**
 * Owns the segments of one log: which there are, in order, which is active, reads of their files, and how those that
 * are removed or cut go without pulling the file from under a reader. Nothing but a removal costs more with more of them.
 *
 * A reader pins its segment while it waits for the disk. A removed segment loses its name at once, and its file
 * `file.delete.delay.ms` later, or when the last pin goes if that is later still. A truncation is counted, and so is a
 * compaction that replaces segments: a read that one overtook is done again.
 */
import { assert } from '@ottla/base/assert.ts'
import type { CleanedSegment, SourceSegment } from './compaction/compaction-job.ts'
import { hasCleanedFiles, putIntoPlace, setBeside } from './compaction/swap.ts'
import type { DelayedRemovals } from './delayed-removals.ts'
import { readSegment } from './history.ts'
import { EMPTY_LEASE, type ReadLease } from './lease.ts'
import type { SegmentSummary } from './log-summary.ts'
import type { LogWriter } from './log-writer.ts'
import { Segment, type SegmentTimestamps } from './segment.ts'
import type { SegmentHome } from './segment-home.ts'
import type { LogSettings } from './settings.ts'
import type { ReadRequest } from './tail.ts'
import { findTimestamp, largestTimestampFrom, type TimestampOffset } from './timestamps.ts'

export interface LogSegmentsOptions {
  readonly home: SegmentHome
  readonly removals: DelayedRemovals
  readonly writer: LogWriter
  readonly settings: LogSettings
}

/** What a compaction may work on, and by what it is known whether that is still so. */
export interface CompactionSources {
  readonly sources: readonly SourceSegment[]
  /** Where the last source ends. */
  readonly endOffset: number
  readonly truncations: number
}

export class LogSegments {
  readonly #options: LogSegmentsOptions
  #settings: LogSettings
  /** Ascending, never empty; the last is active. */
  readonly #segments: Segment[]
  /** Retired a moment ago: their delay has not begun. */
  #retired: Segment[] = []
  /** Their delay is over, and somebody still reads them. */
  #overdue: Segment[] = []
  #isAbandoned = false
  /** Truncations and swaps: what was read meanwhile says nothing about the log. */
  #changes = 0
  #truncations = 0
  /** Of all but the active one. */
  #sealedBytes: number

  constructor(options: LogSegmentsOptions, segments: Segment[]) {
    assert(segments.length > 0, 'A log has an active segment')
    this.#options = options
    this.#settings = options.settings
    this.#segments = segments
    this.#sealedBytes = segments.slice(0, -1).reduce((sum, segment) => sum + segment.bytes, 0)
    this.active.activate()
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }
  get count(): number {
    return this.#segments.length
  }
  get bytes(): number {
    return this.#sealedBytes + this.active.bytes
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  /** Whether a segment begins exactly there. */
  beginsAt(offset: number): boolean {
    return this.#segments[this.#indexOf(offset)]!.baseOffset === offset
  }

  get summaries(): SegmentSummary[] {
    return this.#segments.map((segment) => segment.summary)
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
    const { home, writer } = this.#options
    const sealed = this.active
    assert(sealed.writtenBytes === sealed.bytes, 'A sealed segment is written')
    assert(baseOffset > sealed.baseOffset, 'Segments begin at growing offsets')
    if (sealed.bytes === 0) this.#retire(this.#segments.length - 1)
    else for (const file of sealed.seal()) writer.syncWithNextRound(file, () => file.close())
    this.#begin(Segment.create(home, { baseOffset, nowMs }))
    this.#removeLater()
    writer.namesChanged()
  }

  /** From the files, as `Log.read`; waits for nothing that is not written. */
  async read(request: ReadRequest): Promise<ReadLease> {
    let { offset } = request
    for (;;) {
      const changes = this.#changes
      const index = this.#indexOf(offset)
      const segment = this.#segments[index]!
      const lease = await this.#readOne(segment, { ...request, offset })
      if (changes !== this.#changes) {
        lease?.release()
        if (offset >= this.active.baseOffset + this.active.bytes || offset < this.#segments[0]!.baseOffset) {
          return EMPTY_LEASE
        }
        continue
      }
      if (lease !== null) return lease
      const next = this.#segments[this.#indexOf(segment.baseOffset) + 1]
      // All batches of the segment end before the offset: what follows is in the next, or not written yet.
      if (next === undefined || next.baseOffset >= request.maxOffset) return EMPTY_LEASE
      offset = Math.max(offset, next.baseOffset)
    }
  }

  offsetForTimestamp(timestamp: number, startOffset: number): Promise<TimestampOffset | null> {
    return this.#undisturbed(() => this.#findTimestamp(timestamp, startOffset))
  }

  maxTimestampOffset(startOffset: number): Promise<TimestampOffset | null> {
    return this.#undisturbed(() => this.#findMaxTimestamp(startOffset))
  }

  /** Of the segment that begins there; −1 where nothing is known. */
  timestampsOf(baseOffset: number): Promise<SegmentTimestamps> {
    return this.#undisturbed(async () => {
      const segment = this.#segments[this.#indexOf(baseOffset)]!
      if (segment.baseOffset !== baseOffset || segment.writtenBytes === 0) return { firstMs: -1, largestMs: -1 }
      return this.using(segment, async () => segment.timestamps())
    })
  }

  async #findTimestamp(timestamp: number, startOffset: number): Promise<TimestampOffset | null> {
    for (const segment of this.from(startOffset)) {
      // Known of all that were ever open: those before the one that is looked for need not be opened again.
      if (segment.isRetired || (segment.largestTimestamp ?? timestamp) < timestamp) continue
      const found = await this.using(segment, async () =>
        segment.largestTimestamp! < timestamp ? null : findTimestamp(segment, { timestamp, startOffset }),
      )
      if (found !== null) return found
    }
    return null
  }

  async #findMaxTimestamp(startOffset: number): Promise<TimestampOffset | null> {
    let largest = -1
    for (const segment of this.from(startOffset)) {
      if (segment.isRetired) continue
      const known = startOffset <= segment.baseOffset ? segment.largestTimestamp : null
      const itsLargest = known ?? (await this.using(segment, () => largestTimestampFrom(segment, startOffset)))
      largest = Math.max(largest, itsLargest)
    }
    return largest < 0 ? null : this.#findTimestamp(largest, startOffset)
  }

  /** Reads the retention time of the segment with this number; an index that is missing or wrong is made anew. */
  async learnRetentionTime(index: number): Promise<void> {
    const segment = this.#segments[index]!
    if ((await segment.learnRetentionTime()) || segment.isRetired) return
    await this.using(segment, () => segment.learnRetentionTime())
  }

  /** Runs with the segment open, its indexes loaded, and its file safe from removal. */
  async using<T>(segment: Segment, run: () => Promise<T>): Promise<T> {
    const { openSegments } = this.#options.home
    await openSegments.acquire(segment, this.#settings.indexIntervalBytes)
    try {
      return await run()
    } finally {
      openSegments.release(segment)
      this.#sweep()
    }
  }

  /** Removes all batches that end at or beyond `offset`; answers the new end. Durable once the directory is synced. */
  async truncateTo(offset: number): Promise<number> {
    const { disk, directory } = this.#options.home
    this.#changes++
    this.#truncations++
    while (this.#segments.length > 1 && this.active.baseOffset >= offset) this.#retire(this.#segments.length - 1)
    this.#removeLater()
    disk.syncDirectory(directory)
    const active = this.active
    return this.using(active, async () => {
      active.activate()
      await active.truncateTo(offset)
      await active.file.sync()
      this.#changes++
      return (await active.readEnd()).endOffset
    })
  }

  /** Removes all segments and begins one at `offset`. */
  replaceAll(offset: number, nowMs: number): void {
    const { home } = this.#options
    this.#changes++
    this.#truncations++
    while (this.#segments.length > 0) this.#retire(this.#segments.length - 1)
    this.#removeLater()
    home.disk.syncDirectory(home.directory)
    this.#segments.push(Segment.create(home, { baseOffset: offset, nowMs }))
  }

  /** Removes segments that end at or below `offset`, oldest first, the active one excepted; answers how many. */
  removeBelow(offset: number, segmentsMax: number): number {
    let count = 0
    for (; count < segmentsMax && this.#segments.length > 1 && this.#segments[1]!.baseOffset <= offset; count++) {
      this.#retire(0)
    }
    this.#removeLater()
    return count
  }

  /** The sealed segments that end at or below `offset`, as a compaction is told of them. */
  sealedBelow(offset: number): CompactionSources {
    const ends = this.#segments.slice(1).map((segment) => segment.baseOffset)
    const count = ends.filter((end) => end <= offset).length
    const sources = this.#segments.slice(0, count).map(({ baseOffset, bytes }) => ({ baseOffset, bytes }))
    return { sources, endOffset: ends[count - 1] ?? this.#segments[0]!.baseOffset, truncations: this.#truncations }
  }

  /**
   * Puts a cleaned segment into the place of its sources, as swap.ts says, which is durable after the writer's next
   * round. False, and nothing changed, where the sources are not the log's any more.
   */
  replace(cleaned: CleanedSegment, { truncations }: CompactionSources): boolean {
    const { home, writer } = this.#options
    const { disk, directory } = home
    const first = this.#segments.findIndex(({ baseOffset }) => baseOffset === cleaned.baseOffset)
    const old = this.#segments.slice(first, first + cleaned.sources.length)
    const isThere = truncations === this.#truncations && first >= 0 && this.#areStill(old, cleaned.sources)
    if (!isThere || !hasCleanedFiles(disk, directory, cleaned.baseOffset)) return false
    setBeside(disk, directory, cleaned.baseOffset)
    for (const _ of old) this.#retire(first)
    putIntoPlace(disk, directory, cleaned.baseOffset)
    const segment = Segment.existing(home, cleaned.baseOffset)
    assert(segment.bytes === cleaned.bytes, 'The cleaned segment is whole')
    segment.createdMs = old.at(-1)!.createdMs
    this.#segments.splice(first, 0, segment)
    this.#sealedBytes += segment.bytes
    this.#changes++
    writer.namesChanged()
    this.#removeLater()
    return true
  }

  verify(logEndOffset: number): void {
    let sealedBytes = 0
    for (const [index, segment] of this.#segments.entries()) {
      if (segment !== this.active) sealedBytes += segment.bytes
      segment.verify()
      assert(segment.baseOffset <= logEndOffset, 'A segment begins inside the log')
      assert(index === 0 || segment.baseOffset > this.#segments[index - 1]!.baseOffset, 'Segments are in order')
    }
    assert(sealedBytes === this.#sealedBytes, 'The bytes of sealed segments are counted')
  }

  /** Removes what waited for who has used it last: a sync tells nobody that it has ended. False: some is used still. */
  removeOverdue(): boolean {
    this.#sweep()
    return this.#overdue.length === 0
  }

  /** Closes all files, once nobody reads them; the writer is closed already. */
  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  /** The directory goes as a whole, and its name may come to be another log's: nothing in it is removed by name. */
  abandon(): void {
    this.#isAbandoned = true
    this.#overdue = []
    this.close()
  }

  #areStill(segments: readonly Segment[], sources: readonly SourceSegment[]): boolean {
    if (segments.length !== sources.length || segments.includes(this.active)) return false
    return segments.every(({ baseOffset, bytes }, index) => {
      const source = sources[index]!
      return baseOffset === source.baseOffset && bytes === source.bytes
    })
  }

  /** Runs it again where a truncation or a swap came between: files may have gone from under it. */
  async #undisturbed<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      const changes = this.#changes
      try {
        const result = await run()
        if (changes === this.#changes) return result
      } catch (error) {
        if (changes === this.#changes) throw error
      }
    }
  }

  async #readOne(segment: Segment, request: ReadRequest): Promise<ReadLease | null> {
    const changes = this.#changes
    try {
      return await this.using(segment, () => readSegment(segment, request, this.#options.home.openSegments))
    } catch (error) {
      // What was read while it was cut says nothing about the log.
      if (changes !== this.#changes) return null
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

  /** The segment becomes the active one. */
  #begin(segment: Segment): void {
    const last = this.#segments.at(-1)
    if (last !== undefined) {
      last.deactivate()
      this.#sealedBytes += last.bytes
    }
    this.#segments.push(segment)
  }

  #retire(index: number): void {
    const [segment] = this.#segments.splice(index, 1)
    // Where the last one goes, the one before it is the active one from now on.
    if (index < this.#segments.length) this.#sealedBytes -= segment!.bytes
    else this.#sealedBytes -= this.#segments.at(-1)?.bytes ?? 0
    segment!.retire()
    this.#retired.push(segment!)
    this.#options.writer.namesChanged()
  }

  /** The files of what was retired go after the delay, those that are read then when their readers are done. */
  #removeLater(): void {
    if (this.#retired.length === 0) return
    const retired = this.#retired
    this.#retired = []
    this.#options.removals.after(this.#settings.fileDeleteDelayMs, () => {
      if (this.#isAbandoned) return []
      this.#overdue.push(...retired)
      return this.#takeRemovable()
    })
  }

  #sweep(): void {
    if (this.#overdue.length > 0) this.#options.removals.remove(this.#takeRemovable())
  }

  #takeRemovable(): string[] {
    const paths = this.#overdue.flatMap((segment) => segment.takeRemovable())
    this.#overdue = this.#overdue.filter((segment) => segment.isPinned)
    return paths
  }
}
