/**
 * Owns one segment of a log: the file `<base offset>.log`, which holds record batches back to back and nothing else,
 * and its two indexes. The base offset is the log's end offset at the moment the segment was begun, in 20 digits.
 *
 * Validity: each batch starts where its predecessor ends, with an offset beyond the predecessor's last. Crash rule: the
 * synced part is whole; behind it there may be anything, which recovery.ts cuts off at the first batch that is not
 * whole or has a wrong checksum.
 *
 * The active segment is open and has its indexes in memory. A sealed one is opened and loaded when it is read, and
 * OpenSegments decides how long it stays so.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import {
  BATCH_OVERHEAD,
  batchBaseOffset,
  batchLastOffset,
  batchMaxTimestamp,
  batchSize,
} from '@ottla/protocol/records/batch.ts'
import { CorruptLogError } from './errors.ts'
import {
  DELETED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './file-names.ts'
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts'
import { scanBatches } from './scan.ts'
import type { LogSettings } from './settings.ts'
import { TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts'

/** The largest distance of an offset from its segment's base that the indexes can hold. */
const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** How much of an index may wait in memory before it goes to its file with the next write of batches. */
const UNFLUSHED_INDEX_BYTES_MAX = 64 * 1024

/** What an append asks of a segment. */
export interface BatchPlace {
  readonly bytes: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

export interface SegmentTimestamps {
  /** Of the first batch, the largest; −1: it has none. */
  readonly firstMs: number
  readonly largestMs: number
}

export class Segment {
  readonly baseOffset: number
  readonly #disk: Disk
  readonly #directory: string
  /** Of the batches appended, those that are not in the file yet included. */
  bytes = 0
  /** Of the batches that are in the file. */
  writtenBytes = 0
  /** Written to since its last sync began: the writer's. */
  unsynced = false
  /** Reads, syncs and scans that need the file open. */
  pins = 0
  /** When it was begun, for segments whose records have no timestamps. */
  createdMs = 0
  #file: DiskFile | null = null
  #offsetIndex: OffsetIndex | null = null
  #timeIndex: TimeIndex | null = null
  #loading: Promise<void> | null = null
  #bytesSinceIndexEntry = 0
  #maxTimestamp = -1
  #maxTimestampOffset = -1
  /** The first batch's largest timestamp; null when it has to be read first. −1: it has none. */
  #firstTimestamp: number | null = null
  #closesWhenUnpinned = false
  /** Its files have other names now and vanish when nobody needs them. */
  #removal: 'no' | 'waiting' | 'done' = 'no'

  constructor(disk: Disk, directory: string, baseOffset: number) {
    assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, 'A base offset is a whole number, not negative')
    this.#disk = disk
    this.#directory = directory
    this.baseOffset = baseOffset
  }

  /** Begins a segment: an empty file, whatever was there before. Its name is durable once its directory is synced. */
  static create(disk: Disk, directory: string, options: { baseOffset: number; nowMs: number }): Segment {
    const segment = new Segment(disk, directory, options.baseOffset)
    segment.createdMs = options.nowMs
    segment.#file = disk.open(segment.path(LOG_SUFFIX), { create: true })
    segment.#file.truncate(0)
    segment.beginIndexes()
    return segment
  }

  /** A segment that is on the disk, closed and unread. */
  static existing(disk: Disk, directory: string, baseOffset: number): Segment {
    const segment = new Segment(disk, directory, baseOffset)
    const stat = disk.stat(segment.path(LOG_SUFFIX))
    assert(stat !== null, 'The segment is on the disk')
    segment.bytes = stat.size
    segment.writtenBytes = stat.size
    segment.createdMs = stat.modifiedMs
    return segment
  }

  get file(): DiskFile {
    assert(this.#file !== null, 'The segment is open')
    return this.#file
  }
  get isOpen(): boolean {
    return this.#file !== null
  }
  get offsetIndex(): OffsetIndex {
    assert(this.#offsetIndex !== null, 'The offset index is loaded')
    return this.#offsetIndex
  }
  get timeIndex(): TimeIndex {
    assert(this.#timeIndex !== null, 'The time index is loaded')
    return this.#timeIndex
  }
  get hasIndexes(): boolean {
    return this.#offsetIndex !== null
  }
  get indexMemoryBytes(): number {
    return (this.#offsetIndex?.memoryBytes ?? 0) + (this.#timeIndex?.memoryBytes ?? 0)
  }
  /** Of the batches seen since it was begun or loaded; −1 without any. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  path(suffix: string): string {
    return `${this.#directory}/${fileName(this.baseOffset, suffix)}`
  }

  open(): DiskFile {
    this.#file ??= this.#disk.open(this.path(LOG_SUFFIX))
    return this.#file
  }

  beginIndexes(): void {
    this.#offsetIndex = new OffsetIndex(this.baseOffset)
    this.#timeIndex = new TimeIndex(this.baseOffset)
    this.#bytesSinceIndexEntry = 0
    this.#maxTimestamp = -1
    this.#maxTimestampOffset = -1
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
    return this.offsetIndex.count >= offsetEntriesMax || this.timeIndex.count >= timeEntriesMax - 1
  }

  /** Takes note of a batch that follows the last one; its bytes are the caller's business. */
  add(batch: BatchPlace, indexIntervalBytes: number): void {
    this.#index(batch, this.bytes, indexIntervalBytes)
    this.bytes += batch.bytes
  }

  /** Writes what follows the written bytes. */
  write(bytes: Buffer): void {
    this.file.write(bytes, this.writtenBytes)
    this.writtenBytes += bytes.length
    assert(this.writtenBytes <= this.bytes, 'Only what was added is written')
    if (this.offsetIndex.unflushedBytes > UNFLUSHED_INDEX_BYTES_MAX) this.flushIndexes().forEach(closeFile)
  }

  /** Ends the segment: the last entry of the time index, and both indexes in their files. Answers what to sync. */
  seal(): DiskFile[] {
    this.timeIndex.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
    return this.flushIndexes()
  }

  /** Writes the indexes to their files; the caller closes those. */
  flushIndexes(): DiskFile[] {
    return [
      this.offsetIndex.flush(this.#disk, this.path(OFFSET_INDEX_SUFFIX)),
      this.timeIndex.flush(this.#disk, this.path(TIME_INDEX_SUFFIX)),
    ]
  }

  /** Opens the file and loads the indexes, or rebuilds them where they are missing or wrong. */
  load(indexIntervalBytes: number): Promise<void> {
    if (this.#file !== null && this.#offsetIndex !== null) return Promise.resolve()
    this.#loading ??= this.#load(indexIntervalBytes).finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  /** Drops what is kept open and in memory; everything is in the files. */
  unload(): void {
    assert(this.pins === 0, 'Nobody uses a segment that is unloaded')
    this.#file?.close()
    this.#file = null
    this.#offsetIndex = null
    this.#timeIndex = null
  }

  /** As `unload`, at the latest when its last reader is done. */
  close(): void {
    if (this.pins === 0) this.unload()
    else this.#closesWhenUnpinned = true
  }

  unpin(): void {
    this.pins--
    assert(this.pins >= 0, 'Pins are counted')
    if (this.pins === 0 && this.#closesWhenUnpinned) this.unload()
  }

  /** Of a segment that is loaded and not empty, and whose first batch is in the file. */
  timestamps(): SegmentTimestamps {
    return { firstMs: this.#readFirstTimestamp(), largestMs: this.largestTimestamp() }
  }

  /** The largest timestamp in the segment, −1 for none; the segment is loaded. */
  largestTimestamp(): number {
    return Math.max(this.#maxTimestamp, this.timeIndex.lastTimestamp)
  }

  /**
   * Makes an end out of the position at which the scan of an existing segment stopped: `truncate` cuts the file there.
   */
  endAt(position: number): void {
    assert(position <= this.bytes || position <= this.file.size(), 'A segment is never made longer')
    this.file.truncate(position)
    this.bytes = position
    this.writtenBytes = position
    if (position === 0) this.#firstTimestamp = null
  }

  /**
   * Visits the batches from the last indexed one to the end and so restores what is not stored: the largest timestamp
   * and the bytes since the last entry. Answers the end offset, and the position behind the last whole batch.
   */
  async readEnd(): Promise<{ endOffset: number; position: number }> {
    this.#maxTimestamp = this.timeIndex.lastTimestamp
    this.#maxTimestampOffset = this.timeIndex.lastOffset
    const from = this.offsetIndex.lastPosition
    let endOffset = this.baseOffset
    const position = await scanBatches(this.file, { from, to: this.bytes, depth: 'headers' }, (buffer, at) => {
      endOffset = batchLastOffset(buffer, at) + 1
      this.#noteTimestamp(batchMaxTimestamp(buffer, at), endOffset - 1)
      return true
    })
    this.#bytesSinceIndexEntry = position - from
    return { endOffset, position }
  }

  /** Cuts off all batches that end at or beyond `offset`; the caller syncs. The segment is loaded. */
  async truncateTo(offset: number): Promise<void> {
    let from = this.offsetIndex.lookup(offset)
    from = await scanBatches(this.file, { from, to: this.bytes, depth: 'headers' }, (buffer, at) => {
      return batchLastOffset(buffer, at) < offset
    })
    this.offsetIndex.truncateTo(offset)
    this.timeIndex.truncateTo(offset)
    this.endAt(from)
    const end = await this.readEnd()
    assert(end.position === from && end.endOffset <= offset, 'A truncated segment ends where it was cut')
  }

  /**
   * Takes the segment out of the log: its files get another name now, so that no restart sees them, and are removed
   * when the last reader is done.
   */
  retire(): void {
    assert(this.#removal === 'no', 'A segment is retired once')
    for (const suffix of [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]) {
      const path = this.path(suffix)
      if (this.#disk.exists(path)) this.#disk.rename(path, path + DELETED_SUFFIX)
    }
    this.#removal = 'waiting'
  }

  /** The retired files that nobody needs any more, closed; none while a reader has the segment pinned. */
  takeRemovable(): string[] {
    if (this.#removal !== 'waiting' || this.pins > 0) return []
    this.#removal = 'done'
    this.unload()
    return [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]
      .map((suffix) => this.path(suffix) + DELETED_SUFFIX)
      .filter((path) => this.#disk.exists(path))
  }

  get isRetired(): boolean {
    return this.#removal !== 'no'
  }

  verify(): void {
    assert(this.writtenBytes <= this.bytes, 'Only what was added is written')
    this.#offsetIndex?.verify(this.bytes)
    this.#timeIndex?.verify()
  }

  async #load(indexIntervalBytes: number): Promise<void> {
    this.open()
    const offsetBytes = await this.#readIndex(OFFSET_INDEX_SUFFIX)
    const timeBytes = await this.#readIndex(TIME_INDEX_SUFFIX)
    this.#offsetIndex = offsetBytes && OffsetIndex.parse(offsetBytes, this.baseOffset, this.bytes)
    this.#timeIndex = timeBytes && TimeIndex.parse(timeBytes, this.baseOffset)
    // A segment that was replaced meanwhile has left its names to another one, whose indexes say nothing about it.
    if (this.isRetired) this.#offsetIndex = null
    if (this.#offsetIndex === null || this.#timeIndex === null) await this.#rebuildIndexes(indexIntervalBytes)
  }

  async #readIndex(suffix: string): Promise<Buffer | null> {
    const path = this.path(suffix)
    if (!this.#disk.exists(path)) return null
    const file = this.#disk.open(path, { readOnly: true })
    try {
      const bytes = Buffer.allocUnsafeSlow(file.size())
      return (await file.read(bytes, 0)) === bytes.length ? bytes : null
    } finally {
      file.close()
    }
  }

  async #rebuildIndexes(indexIntervalBytes: number): Promise<void> {
    const to = this.bytes
    this.beginIndexes()
    const end = await scanBatches(this.file, { from: 0, to, depth: 'headers' }, (buffer, at, position) => {
      this.#index(placeOf(buffer, at), position, indexIntervalBytes)
      return true
    })
    if (end < to) throw new CorruptLogError(`Cannot index "${this.file.path}": no whole batch at ${end} of ${to} bytes`)
    if (!this.isRetired) for (const file of this.seal()) file.close()
  }

  #index(batch: BatchPlace, position: number, indexIntervalBytes: number): void {
    if (position === 0) this.#firstTimestamp = batch.maxTimestamp
    this.#noteTimestamp(batch.maxTimestamp, batch.lastOffset)
    if (this.#bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(batch.lastOffset, position)
      this.timeIndex.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += batch.bytes
  }

  #noteTimestamp(timestamp: number, lastOffset: number): void {
    if (timestamp <= this.#maxTimestamp) return
    this.#maxTimestamp = timestamp
    this.#maxTimestampOffset = lastOffset
  }

  #readFirstTimestamp(): number {
    if (this.#firstTimestamp !== null) return this.#firstTimestamp
    const header = Buffer.allocUnsafe(BATCH_OVERHEAD)
    const read = this.file.readSync(header, 0)
    assert(read === BATCH_OVERHEAD && batchBaseOffset(header, 0) >= this.baseOffset, 'The first batch is in the file')
    this.#firstTimestamp = batchMaxTimestamp(header, 0)
    return this.#firstTimestamp
  }
}

export function placeOf(buffer: Buffer, at: number): BatchPlace {
  return {
    bytes: batchSize(buffer, at),
    lastOffset: batchLastOffset(buffer, at),
    maxTimestamp: batchMaxTimestamp(buffer, at),
  }
}

function closeFile(file: DiskFile): void {
  file.close()
}
