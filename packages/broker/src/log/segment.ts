/**
 * Owns one segment of a log: the file `<base offset>.log`, which holds record batches back to back and nothing else,
 * and its two indexes. The base offset is the log's end offset at the moment the segment was begun, in 20 digits.
 *
 * Validity: each batch starts where its predecessor ends, with an offset beyond the predecessor's last. Crash rule: the
 * synced part is whole; behind it there may be anything, which recovery.ts cuts off at the first batch that is not
 * whole or has a wrong checksum.
 *
 * Any segment may be at rest: its file closed, its indexes' entries not in memory. OpenSegments decides when. A read
 * loads it, a write opens the file alone: the active segment knows the ends of its indexes at all times.
 */
import { assert } from '@ottla/base/assert.ts'
import { DiskError, type DiskFile } from '@ottla/base/disk.ts'
import { BATCH_OVERHEAD, batchBaseOffset, batchLastOffset, batchMaxTimestamp } from '@ottla/protocol/records/batch.ts'
import { CorruptLogError } from './errors.ts'
import {
  DELETED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './file-names.ts'
import type { SegmentSummary } from './log-summary.ts'
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts'
import { type BatchVisitor, type ScanRange, scanBatches } from './scan.ts'
import type { SegmentHome } from './segment-home.ts'
import { type BatchPlace, type IndexesEnd, placeOf, SegmentIndexes, type SegmentTimestamps } from './segment-indexes.ts'
import type { LogSettings } from './settings.ts'
import { readLastTimestamp, TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts'

export { type BatchPlace, placeOf, type SegmentTimestamps }

/** The largest distance of an offset from its segment's base that the indexes can hold. */
const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** In the order in which they lose their names: without the first, a restart takes the others for leftovers. */
const SEGMENT_SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]
/** How much of an index may wait in memory before it goes to its file with the next write of batches. */
const UNFLUSHED_INDEX_BYTES_MAX = 64 * 1024

export class Segment {
  readonly baseOffset: number
  readonly #home: SegmentHome
  /** Of the batches appended, those that are not in the file yet included. */
  bytes = 0
  /** Of the batches that are in the file. */
  writtenBytes = 0
  /** Written to since its last sync began: the writer's. */
  unsynced = false
  /** When it was begun, for segments whose records have no timestamps. */
  createdMs = 0
  /** Used since it was last looked at: OpenSegments'. */
  recent = false
  /** What it counts for: OpenSegments'. */
  countedIndexBytes = 0
  /** Reads, syncs and scans that need the file open. */
  #pins = 0
  #file: DiskFile | null = null
  /** Always there in the active segment. */
  #indexes: SegmentIndexes | null = null
  #isActive = false
  #loading: Promise<void> | null = null
  /** Once it was loaded or appended to; null before. */
  #largestTimestamp: number | null = null
  /** When its file was written to last; null where that was not asked for since. */
  #lastChangeMs: number | null = null
  /** The first batch's largest timestamp; null when it has to be read first. −1: it has none. */
  #firstTimestamp: number | null = null
  #closesWhenUnpinned = false
  /** Its files have other names now and vanish when nobody needs them. */
  #removal: 'no' | 'waiting' | 'done' = 'no'

  constructor(home: SegmentHome, baseOffset: number) {
    assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, 'A base offset is a whole number, not negative')
    this.#home = home
    this.baseOffset = baseOffset
  }

  /**
   * Begins the active segment: an empty file, whatever was there before. Its name is durable once its directory is
   * synced.
   */
  static create(home: SegmentHome, options: { baseOffset: number; nowMs: number }): Segment {
    const segment = new Segment(home, options.baseOffset)
    segment.createdMs = options.nowMs
    segment.#open({ create: true }).truncate(0)
    segment.beginIndexes()
    segment.activate()
    return segment
  }

  /** A segment that is on the disk, closed and unread. */
  static existing(home: SegmentHome, baseOffset: number): Segment {
    const segment = new Segment(home, baseOffset)
    const stat = home.disk.stat(segment.path(LOG_SUFFIX))
    assert(stat !== null, 'The segment is on the disk')
    segment.bytes = stat.size
    segment.writtenBytes = stat.size
    segment.createdMs = stat.modifiedMs
    return segment
  }

  /** A segment as it was when its log was closed, at rest. */
  static remembered(home: SegmentHome, summary: SegmentSummary): Segment {
    const segment = new Segment(home, summary.baseOffset)
    segment.bytes = summary.bytes
    segment.writtenBytes = summary.bytes
    segment.createdMs = summary.createdMs
    segment.#firstTimestamp = summary.firstTimestamp
    segment.#largestTimestamp = summary.largestTimestamp
    return segment
  }

  get summary(): SegmentSummary {
    const { baseOffset, bytes, createdMs, largestTimestamp } = this
    return { baseOffset, bytes, createdMs, firstTimestamp: this.#firstTimestamp, largestTimestamp }
  }
  /** Of the active segment. */
  get indexesEnd(): IndexesEnd {
    return this.#activeIndexes().end
  }

  get file(): DiskFile {
    assert(this.#file !== null, 'The segment is open')
    return this.#file
  }
  get isOpen(): boolean {
    return this.#file !== null
  }
  get offsetIndex(): OffsetIndex {
    return this.#loadedIndexes().offset
  }
  get timeIndex(): TimeIndex {
    return this.#loadedIndexes().time
  }
  get hasIndexes(): boolean {
    return this.#indexes?.areWhole === true
  }
  get indexMemoryBytes(): number {
    return this.#indexes?.memoryBytes ?? 0
  }
  /** Somebody uses the file, or bytes are on their way to it: it cannot rest now. */
  get isBusy(): boolean {
    return this.#pins > 0 || this.writtenBytes < this.bytes
  }
  get isPinned(): boolean {
    return this.#pins > 0
  }

  path(suffix: string): string {
    return `${this.#home.directory}/${fileName(this.baseOffset, suffix)}`
  }

  open(): DiskFile {
    return this.#open()
  }

  beginIndexes(): void {
    this.#indexes = SegmentIndexes.empty(this.baseOffset)
    this.#largestTimestamp = -1
  }

  /** The indexes are in their files, which nobody has touched since. */
  resumeIndexes(end: IndexesEnd): void {
    this.#indexes = SegmentIndexes.resting(this.baseOffset, end)
  }

  /** From now on batches are appended to it. Its indexes are loaded. */
  activate(): void {
    assert(this.#indexes !== null, 'An active segment knows its indexes')
    this.#isActive = true
  }

  /** Whether the batch belongs into a new segment; Kafka's rule, in its order. */
  mustRollFor(batch: BatchPlace, settings: LogSettings, nowMs: number): boolean {
    if (batch.lastOffset - this.baseOffset > RELATIVE_OFFSET_MAX) return true
    if (this.bytes === 0) return false
    if (this.bytes > settings.segmentBytes - batch.bytes) return true
    const firstTimestamp = this.#readFirstTimestamp()
    const coveredMs = firstTimestamp >= 0 ? batch.maxTimestamp - firstTimestamp : nowMs - this.createdMs
    if (coveredMs > settings.segmentMs - settings.segmentJitterMs) return true
    const offsetEntriesMax = Math.floor(settings.segmentIndexBytes / OFFSET_ENTRY_BYTES)
    const timeEntriesMax = Math.floor(settings.segmentIndexBytes / TIME_ENTRY_BYTES)
    // One place of the time index is kept for the entry that seals the segment.
    const { offset, time } = this.#activeIndexes()
    return offset.count >= offsetEntriesMax || time.count >= timeEntriesMax - 1
  }

  /** Takes note of a batch that follows the last one; its bytes are the caller's business. */
  add(batch: BatchPlace, indexIntervalBytes: number): void {
    if (this.bytes === 0) this.#firstTimestamp = batch.maxTimestamp
    this.#activeIndexes().add(batch, this.bytes, indexIntervalBytes)
    this.bytes += batch.bytes
  }

  /** Writes what follows the written bytes. */
  write(bytes: Buffer): void {
    this.recent = true
    const file = this.#file ?? this.#open()
    file.write(bytes, this.writtenBytes)
    this.writtenBytes += bytes.length
    this.#lastChangeMs = null
    assert(this.writtenBytes <= this.bytes, 'Only what was added is written')
    if (this.#activeIndexes().unflushedBytes > UNFLUSHED_INDEX_BYTES_MAX) this.flushIndexes().forEach(closeFile)
  }

  /** Ends the segment: the last entry of the time index, and both indexes in their files. Answers what to sync. */
  seal(): DiskFile[] {
    this.#activeIndexes().seal()
    return this.flushIndexes()
  }

  /** Another segment is the active one now. */
  deactivate(): void {
    if (!this.#isActive) return
    this.#largestTimestamp = this.#activeIndexes().maxTimestamp
    this.#isActive = false
  }

  /** Writes the indexes to their files; the caller closes those. */
  flushIndexes(): DiskFile[] {
    const paths = { offset: this.path(OFFSET_INDEX_SUFFIX), time: this.path(TIME_INDEX_SUFFIX) }
    return this.#activeIndexes().flush(this.#home, paths)
  }

  /** Opens the file and loads the indexes, or rebuilds them where they are missing or wrong. */
  load(indexIntervalBytes: number): Promise<void> {
    this.recent = true
    if (this.#file !== null && this.hasIndexes) return Promise.resolve()
    this.#loading ??= this.#load(indexIntervalBytes).finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  /**
   * Gives back what is kept open and in memory, as far as it is in the files; nothing that is used is lost by it, it
   * only has to be opened again.
   */
  rest(): void {
    assert(!this.isBusy, 'Nobody uses a segment that is put to rest')
    this.#closeFile()
    if (this.#isActive && !this.isRetired && !this.#home.isClosed) this.#restIndexes()
    else this.#dropIndexes()
  }

  /** As `rest`, for a log that is closed: at the latest when its last reader is done. */
  close(): void {
    if (this.#pins === 0) this.#unload()
    else this.#closesWhenUnpinned = true
  }

  pin(): void {
    this.#pins++
  }

  unpin(): void {
    this.#pins--
    assert(this.#pins >= 0, 'Pins are counted')
    if (this.#pins === 0 && this.#closesWhenUnpinned) this.#unload()
  }

  /** Walks over the batches of the file, which stays open meanwhile: see scan.ts. */
  async scan(range: ScanRange, visit: BatchVisitor): Promise<number> {
    this.pin()
    try {
      return await scanBatches(this.open(), range, visit)
    } finally {
      this.unpin()
    }
  }

  /** Of a segment that is loaded and not empty, and whose first batch is in the file. */
  timestamps(): SegmentTimestamps {
    return { firstMs: this.#readFirstTimestamp(), largestMs: this.largestTimestamp! }
  }

  /** The largest timestamp in the segment, −1 for none; null when it has to be loaded to know. */
  get largestTimestamp(): number | null {
    return this.#isActive ? this.#activeIndexes().maxTimestamp : this.#largestTimestamp
  }

  /** What retention goes by (retention.ts); null: `learnRetentionTime` has to look first. */
  get retentionTimeMs(): number | null {
    const largest = this.largestTimestamp
    return largest === null || largest >= 0 ? largest : this.#lastChangeMs
  }

  /** Reads what `retentionTimeMs` tells; false: the time index alone does not say, the segment has to be loaded before. */
  async learnRetentionTime(): Promise<boolean> {
    if (this.largestTimestamp === null) {
      const timestamp = await readLastTimestamp(this.#home, this.path(TIME_INDEX_SUFFIX))
      // It may have been loaded or replaced meanwhile: then the file says nothing, or nothing more.
      if (!this.isRetired) this.#largestTimestamp ??= timestamp
    }
    const largest = this.largestTimestamp
    if (largest === null) return false
    if (largest < 0) this.#lastChangeMs = this.#home.disk.stat(this.path(LOG_SUFFIX))?.modifiedMs ?? this.createdMs
    return true
  }

  /**
   * Makes an end out of the position at which the scan of an existing segment stopped: `truncate` cuts the file there.
   */
  endAt(position: number): void {
    const file = this.open()
    assert(position <= this.bytes || position <= file.size(), 'A segment is never made longer')
    if (position < file.size()) file.truncate(position)
    this.bytes = position
    this.writtenBytes = position
    if (position === 0) this.#firstTimestamp = null
  }

  /**
   * Visits the batches from the last indexed one to the end and so restores what is not stored: the largest timestamp
   * and the bytes since the last entry. Answers the end offset, and the position behind the last whole batch.
   */
  async readEnd(): Promise<{ endOffset: number; position: number }> {
    const indexes = this.#loadedIndexes()
    indexes.beginEnd()
    const from = indexes.offset.lastPosition
    let endOffset = this.baseOffset
    const position = await this.scan({ from, to: this.bytes, depth: 'headers' }, (buffer, at) => {
      endOffset = batchLastOffset(buffer, at) + 1
      indexes.noteTimestamp(batchMaxTimestamp(buffer, at), endOffset - 1)
      return true
    })
    indexes.endAt(position)
    return { endOffset, position }
  }

  /** Cuts off all batches that end at or beyond `offset`; the caller syncs. The segment is loaded. */
  async truncateTo(offset: number): Promise<void> {
    let from = this.offsetIndex.lookup(offset)
    from = await this.scan({ from, to: this.bytes, depth: 'headers' }, (buffer, at) => {
      return batchLastOffset(buffer, at) < offset
    })
    this.#loadedIndexes().truncateTo(offset)
    this.endAt(from)
    const end = await this.readEnd()
    assert(end.position === from && end.endOffset <= offset, 'A truncated segment ends where it was cut')
  }

  /**
   * Takes the segment out of the log: its files get another name now, so that no restart sees them, and are closed when
   * the last reader is done.
   */
  retire(): void {
    assert(this.#removal === 'no', 'A segment is retired once')
    const { disk } = this.#home
    for (const suffix of SEGMENT_SUFFIXES) {
      const path = this.path(suffix)
      if (disk.exists(path)) disk.rename(path, path + DELETED_SUFFIX)
    }
    this.#removal = 'waiting'
    this.close()
  }

  /** The retired files, for their removal; none while a reader has the segment pinned. */
  takeRemovable(): string[] {
    if (this.#removal !== 'waiting' || this.#pins > 0) return []
    this.#removal = 'done'
    return SEGMENT_SUFFIXES.map((suffix) => this.path(suffix) + DELETED_SUFFIX).filter((path) =>
      this.#home.disk.exists(path),
    )
  }

  get isRetired(): boolean {
    return this.#removal !== 'no'
  }

  verify(): void {
    assert(this.writtenBytes <= this.bytes, 'Only what was added is written')
    assert(!this.#isActive || this.#indexes !== null, 'An active segment knows its indexes')
    this.#indexes?.verify(this.bytes)
  }

  #open(options: { create?: boolean } = {}): DiskFile {
    if (this.#file !== null) return this.#file
    this.recent = true
    const file = this.#home.open(this.path(LOG_SUFFIX), options)
    this.#file = file
    // Others make room and may open an index for it: a process that may open no more files closes what nobody uses.
    this.#pins++
    try {
      this.#home.openSegments.opened(this)
    } finally {
      this.#pins--
    }
    return file
  }

  #closeFile(): void {
    const file = this.#file
    this.#file = null
    file?.close()
    this.#home.openSegments.closed(this)
  }

  #unload(): void {
    this.#closeFile()
    this.#dropIndexes()
  }

  #dropIndexes(): void {
    if (this.#indexes?.areWhole) this.#largestTimestamp = this.#indexes.maxTimestamp
    this.#indexes = null
  }

  /** Where the files take nothing more, the entries stay in memory: they are all that is needed. */
  #restIndexes(): void {
    try {
      if (this.#activeIndexes().unflushedBytes > 0) this.flushIndexes().forEach(closeFile)
    } catch (error) {
      if (error instanceof DiskError) return
      throw error
    }
    this.#activeIndexes().rest()
  }

  async #load(indexIntervalBytes: number): Promise<void> {
    this.open()
    if (this.hasIndexes) return
    const offset = await this.#readIndex(OFFSET_INDEX_SUFFIX)
    const time = await this.#readIndex(TIME_INDEX_SUFFIX)
    // A segment that was replaced meanwhile has left its names to another one, whose indexes say nothing about it.
    const areTaken = !this.isRetired && this.#takeIndexes(offset, time)
    if (!areTaken) await this.#rebuildIndexes(indexIntervalBytes)
    if (!this.#isActive) this.#largestTimestamp = this.#loadedIndexes().maxTimestamp
  }

  /** False where a file is missing or breaks a rule. */
  #takeIndexes(offsetBytes: Buffer | null, timeBytes: Buffer | null): boolean {
    if (offsetBytes === null || timeBytes === null) return false
    if (this.#indexes !== null) return this.#indexes.restore({ offset: offsetBytes, time: timeBytes }, this.bytes)
    const offset = OffsetIndex.parse(offsetBytes, this.baseOffset, this.bytes)
    const time = TimeIndex.parse(timeBytes, this.baseOffset)
    if (offset !== null && time !== null) this.#indexes = new SegmentIndexes(offset, time)
    return this.#indexes !== null
  }

  async #readIndex(suffix: string): Promise<Buffer | null> {
    const path = this.path(suffix)
    if (!this.#home.disk.exists(path)) return null
    const file = this.#home.open(path, { readOnly: true })
    try {
      const bytes = Buffer.allocUnsafeSlow(file.size())
      return (await file.read(bytes, 0)) === bytes.length ? bytes : null
    } finally {
      file.close()
    }
  }

  /** Of an active segment the batches that are appended meanwhile are in the indexes that are replaced. */
  async #rebuildIndexes(indexIntervalBytes: number): Promise<void> {
    const to = this.writtenBytes
    const rebuilt = SegmentIndexes.empty(this.baseOffset)
    let endOffset = this.baseOffset
    const end = await this.scan({ from: 0, to, depth: 'headers' }, (buffer, at, position) => {
      const batch = placeOf(buffer, at)
      if (batchBaseOffset(buffer, at) < endOffset || batch.lastOffset < endOffset) return false
      if (batch.lastOffset - this.baseOffset > RELATIVE_OFFSET_MAX) return false
      endOffset = batch.lastOffset + 1
      rebuilt.add(batch, position, indexIntervalBytes)
      return true
    })
    if (end < to && this.#isActive) {
      throw new CorruptLogError(`Cannot index "${this.file.path}": no whole batch at ${end} of ${to} bytes`)
    }
    if (this.#indexes !== null) rebuilt.continueWith(this.#indexes)
    if (!this.#isActive) rebuilt.seal()
    this.#indexes = rebuilt
    // What lies before damage is found by what is in memory; who reads behind it is told where it is.
    if (!this.isRetired && end === to) this.flushIndexes().forEach(closeFile)
  }

  #activeIndexes(): SegmentIndexes {
    assert(this.#indexes !== null, 'The segment knows its indexes')
    return this.#indexes
  }

  #loadedIndexes(): SegmentIndexes {
    assert(this.#indexes?.areWhole === true, 'The indexes are loaded')
    return this.#indexes
  }

  #readFirstTimestamp(): number {
    if (this.#firstTimestamp !== null) return this.#firstTimestamp
    const header = Buffer.allocUnsafe(BATCH_OVERHEAD)
    const read = this.open().readSync(header, 0)
    assert(read === BATCH_OVERHEAD && batchBaseOffset(header, 0) >= this.baseOffset, 'The first batch is in the file')
    this.#firstTimestamp = batchMaxTimestamp(header, 0)
    return this.#firstTimestamp
  }
}

function closeFile(file: DiskFile): void {
  file.close()
}
