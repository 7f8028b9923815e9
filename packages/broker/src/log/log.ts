/**
 * Owns one partition replica's log: its directory, its segments, and what is known from its batches. The facade over
 * the parts: tail.ts (newest batches in memory), log-writer.ts (what is on the disk), segment.ts, history.ts (reads of
 * files), recovery.ts (opening). It knows no topics, no clients and no replicas.
 *
 * Offsets, always in this order: logStartOffset ≤ syncedOffset ≤ writtenOffset ≤ logEndOffset.
 *
 * Appends are synchronous and go to memory; the bytes of a whole turn of the event loop leave by one write at its end.
 * Whoever needs more waits for `written` or `synced`. Truncation is exclusive: its caller appends nothing meanwhile.
 */
import { assert } from '@ottla/base/assert.ts'
import {
  assignOffset,
  batchBaseOffset,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchProducerId,
  batchSize,
} from '@ottla/protocol/records/batch.ts'
import type { CleanedSegment } from './compaction/compaction-job.ts'
import { removeCleaned } from './compaction/swap.ts'
import { CorruptLogError } from './errors.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { EMPTY_LEASE, type ReadLease } from './lease.ts'
import { type OpenedLog, openLog } from './log-opening.ts'
import type { LogOptions } from './log-options.ts'
import { type CompactionSources, LogSegments } from './log-segments.ts'
import type { LogSummary } from './log-summary.ts'
import { type LogObserver, LogWriter } from './log-writer.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'
import { APPEND, ProducerStates, type SequenceCheck } from './producer-state.ts'
import { replayProducers } from './recovery.ts'
import type { RetainedSegment } from './retention.ts'
import type { BatchPlace, SegmentTimestamps } from './segment.ts'
import type { SegmentHome } from './segment-home.ts'
import type { LogSettings } from './settings.ts'
import { type ReadRequest, Tail } from './tail.ts'
import type { TimestampOffset } from './timestamps.ts'

/** The largest distance of an offset from its segment's base: a segment for a far one begins this much before it. */
const RELATIVE_OFFSET_MAX = 0x7fff_ffff

export { LogOfflineError } from './errors.ts'
export type { CompactionSources, LogObserver, LogOptions, LogSettings, ReadLease, ReadRequest, TimestampOffset }

export class Log {
  readonly directory: string
  readonly leaderEpochs: LeaderEpochs
  /** Not all that it was opened with: of that most is needed once. */
  readonly #options: Pick<LogOptions, 'disk' | 'clock' | 'producerIdExpirationMs'>
  readonly #home: SegmentHome
  readonly #segments: LogSegments
  readonly #writer: LogWriter
  readonly #snapshots: ProducerSnapshots
  readonly #tail: Tail
  /** Null until they are needed: most logs have none. */
  #producers: ProducerStates | null
  /** As of where a snapshot has those that are not in memory; batches behind it have none. Null: there are none. */
  readonly #producersStoredAt: number | null
  #settings: LogSettings
  #logStartOffset: number
  #logEndOffset: number
  #state: 'open' | 'truncating' | 'closed' = 'open'
  /** Whether the files differ from what an orderly close leaves. */
  #isTouched: boolean
  #summary: LogSummary | null = null
  /** Its first segment's name need not be durable yet. */
  #isNew: boolean

  private constructor(options: LogOptions, parts: OpenedLog) {
    const { home, leaderEpochs, logEndOffset } = parts
    const { disk, directory, clock, timers, syncs, removals, observer, settings, producerIdExpirationMs } = options
    this.directory = directory
    this.#producers = parts.producers
    this.#producersStoredAt = parts.areProducersStored ? logEndOffset : null
    this.leaderEpochs = leaderEpochs
    this.#options = { disk, clock, producerIdExpirationMs }
    this.#home = home
    this.#writer = new LogWriter({ disk, directory, timers, syncs, observer, settings, leaderEpochs, logEndOffset })
    this.#segments = new LogSegments({ home, removals, settings, writer: this.#writer }, parts.segments)
    this.#snapshots = parts.snapshots
    this.#tail = new Tail(options.tail)
    this.#settings = settings
    this.#logStartOffset = parts.logStartOffset
    this.#logEndOffset = logEndOffset
    this.#isTouched = parts.isRecovered
    this.#isNew = this.bytes === 0
    // What a crash would leave of its names, and of what says whose it is, is not known of these two.
    if (parts.isRecovered || this.#isNew) this.#writer.ownerChanged()
  }

  /** Creates or recovers the log. What it finds is durable when it resolves. Rejects with DiskError, CorruptLogError. */
  static async open(options: LogOptions): Promise<Log> {
    return new Log(options, await openLog(options))
  }

  /** Throws LogOfflineError when they have to be read and cannot be: opening the log anew restores them. */
  get producers(): ProducerStates {
    this.#producers ??= this.#readProducers()
    return this.#producers
  }
  /** As `ProducerStates.check`. A batch without a producer id wakes nothing. Throws as `producers`. */
  checkSequence(buffer: Buffer, at: number, nowMs: number): SequenceCheck {
    return batchProducerId(buffer, at) < 0 ? APPEND : this.producers.check(buffer, at, nowMs)
  }

  /** Of a log that was closed whole; null of all others. */
  get summary(): LogSummary | null {
    return this.#summary
  }
  get logStartOffset(): number {
    return this.#logStartOffset
  }
  /** The offset of the next batch: includes what is not written yet. */
  get logEndOffset(): number {
    return this.#logEndOffset
  }
  /** Everything below is in the files. */
  get writtenOffset(): number {
    return this.#writer.writtenOffset
  }
  /** Everything below is durable. */
  get syncedOffset(): number {
    return this.#writer.syncedOffset
  }
  /** A write or sync has failed: nothing works until the log is opened anew. */
  get isOffline(): boolean {
    return this.#writer.failure !== null
  }
  get bytes(): number {
    return this.#segments.bytes
  }
  get activeBaseOffset(): number {
    return this.#segments.active.baseOffset
  }
  get segmentCount(): number {
    return this.#segments.count
  }
  /** Nothing forbids to change it: it has not failed, is not closed, and nobody truncates it. */
  get isUsable(): boolean {
    return this.#state === 'open' && this.#writer.failure === null
  }
  /** What retention decides on; valid until the next call that changes the log. */
  get retainedSegments(): readonly RetainedSegment[] {
    return this.#segments.all
  }
  get settings(): LogSettings {
    return this.#settings
  }

  configure(settings: LogSettings): void {
    this.#settings = settings
    this.#writer.configure(settings)
    this.#segments.configure(settings)
  }

  /**
   * Copies the whole batch at `at` of `source` into memory as the log's next one, and answers its base offset. No I/O:
   * the bytes reach the file at the end of the turn. The batch has been validated, its sequence checked. Throws
   * LogOfflineError.
   */
  append(source: Buffer, at: number, options: { leaderEpoch: number; appendTimeMs: number }): number {
    const baseOffset = this.#logEndOffset
    const place = { baseOffset, nowMs: options.appendTimeMs }
    const chunk = this.#put(source, at, place)
    assignOffset(chunk.buffer, chunk.usedBytes, baseOffset, options.leaderEpoch)
    this.#publish(chunk, place)
    return baseOffset
  }

  /** As `append`, but the batch keeps the offset and epoch that the leader gave it. */
  appendAsFollower(source: Buffer, at: number): void {
    const baseOffset = batchBaseOffset(source, at)
    assert(baseOffset >= this.#logEndOffset, 'A replicated batch lies behind all that the log has')
    const place = { baseOffset, nowMs: this.#options.clock.wallMs() }
    this.#publish(this.#put(source, at, place), place)
  }

  /** Resolves when all that was appended before the call is in the files; one promise for all callers of a turn. */
  written(): Promise<void> {
    return this.#writer.written()
  }

  /** Resolves when all that was appended before the call is durable; one sync serves all that wait. */
  synced(): Promise<void> {
    return this.#writer.synced()
  }

  /**
   * Whole batches from the one that holds `offset`: at once from memory, else from a file. At most one segment's, and
   * from a file at most 1 MB, so less than `maxBytes` says nothing about the end. Empty where there is nothing to read.
   */
  read(request: ReadRequest): ReadLease | Promise<ReadLease> {
    this.#writer.throwIfFailed()
    const { offset } = request
    assert(offset >= this.#logStartOffset && offset <= this.#logEndOffset, 'A read begins inside the log')
    if (offset >= request.maxOffset || offset === this.#logEndOffset) return EMPTY_LEASE
    if (offset >= this.#tail.startOffset) return this.#tail.read(request)
    return this.#segments.read(request)
  }

  /** The first record with this timestamp or a larger one, or null. Decompresses the batch that holds it. */
  async offsetForTimestamp(timestamp: number): Promise<TimestampOffset | null> {
    this.#writer.writeNow()
    this.#assertUsable()
    return this.#segments.offsetForTimestamp(timestamp, this.#logStartOffset)
  }

  /** The first record that has the largest timestamp, or null where no record has one. */
  async maxTimestampOffset(): Promise<TimestampOffset | null> {
    this.#writer.writeNow()
    this.#assertUsable()
    return this.#segments.maxTimestampOffset(this.#logStartOffset)
  }

  /** Begins a new segment, unless the active one is empty. Throws LogOfflineError. */
  roll(): void {
    this.#assertUsable()
    if (this.#segments.active.bytes > 0) this.#rollAt(this.#logEndOffset, this.#options.clock.wallMs())
  }

  /**
   * Removes all batches that end at or beyond `offset`, durably. Before, the owner lowers the recovery point to
   * `offset` or less, durably: see LogDirectoryCheckpoints.
   */
  truncateTo(offset: number): Promise<void> {
    assert(offset >= this.#logStartOffset, 'A truncated log does not end before its start')
    return offset >= this.#logEndOffset ? Promise.resolve() : this.#truncate(() => this.#cutAt(offset))
  }

  /** Removes everything and goes on at `offset`, durably. Before, the owner lowers the recovery point to 0, durably. */
  truncateFullyAndStartAt(offset: number): Promise<void> {
    assert(Number.isSafeInteger(offset) && offset >= 0, 'A log starts at a whole offset, not negative')
    return this.#truncate(() => this.#restartAt(offset))
  }

  /**
   * Nothing below `offset` is read any more. Before, the owner makes the new start durable: see LogDirectoryCheckpoints.
   * Segments wholly below it go with `removeBelowStart`.
   */
  advanceLogStartOffset(offset: number): void {
    this.#assertUsable()
    assert(offset <= this.#logEndOffset, 'A log does not start behind its end')
    if (offset <= this.#logStartOffset) return
    this.#isTouched = true
    this.#logStartOffset = offset
    this.leaderEpochs.truncateFromStart(offset)
  }

  /**
   * Removes at most so many segments that lie wholly below the log's start, never the active one; answers how many. No
   * crash harms: what comes back lies below the start. Throws LogOfflineError.
   */
  removeBelowStart(segmentsMax: number): number {
    this.#assertUsable()
    let count = 0
    try {
      count = this.#segments.removeBelow(this.#logStartOffset, segmentsMax)
      if (count > 0) this.#snapshots.prune((base) => this.#segments.beginsAt(base))
    } catch (error) {
      this.#writer.fail('remove segments of', error)
      this.#writer.throwIfFailed()
    }
    return count
  }

  /** Reads the retention time of the segment with this number in `retainedSegments`. Rejects with DiskError, CorruptLogError. */
  async learnRetentionTime(index: number): Promise<void> {
    this.#assertUsable()
    await this.#segments.learnRetentionTime(index)
  }

  /** What a compaction may work on below `offset`: sealed, durable, and not part of an open transaction. */
  compactableBelow(offset: number): CompactionSources {
    this.#assertUsable()
    return this.#segments.sealedBelow(Math.min(offset, this.syncedOffset, this.producers.firstUnstableOffset))
  }

  /** The first and the largest timestamp of the segment that begins at `baseOffset`; −1 where it has none. */
  segmentTimestamps(baseOffset: number): Promise<SegmentTimestamps> {
    this.#assertUsable()
    return this.#segments.timestampsOf(baseOffset)
  }

  /**
   * Puts a cleaned segment into the place of its sources; readers notice nothing. False where they are not what they
   * were when `sources` was asked for, or the log is not in use any more. Throws LogOfflineError.
   */
  replaceCompacted(cleaned: CleanedSegment, sources: CompactionSources): boolean {
    if (!this.isUsable) return false
    try {
      this.#isTouched = true
      const isReplaced = this.#segments.replace(cleaned, sources)
      if (isReplaced) this.#snapshots.prune((base) => this.#segments.beginsAt(base))
      return isReplaced
    } catch (error) {
      this.#writer.fail('replace segments of', error)
      throw this.#writer.failure
    }
  }

  /** Removes what a compaction that has ended before its time has left. Throws DiskError. */
  removeCleanedFiles(): void {
    if (this.#state === 'open') removeCleaned(this.#options.disk, this.directory)
  }

  /** Asserts all that is true of a log between two calls. O(batches in memory and index entries). */
  verify(): void {
    assert(this.#logStartOffset <= this.#logEndOffset, 'A log does not start behind its end')
    assert(this.writtenOffset <= this.#logEndOffset, 'Only what was appended is written')
    this.#writer.verify()
    this.#segments.verify(this.#logEndOffset)
    this.#tail.verify(this.#logEndOffset)
    this.leaderEpochs.verify()
    this.producers.verify(this.#logEndOffset)
  }

  /** Closes the log, of which nothing is needed any more: its owner removes the directory. */
  async abandon(): Promise<void> {
    await this.#close()
    this.#segments.abandon()
  }

  /**
   * Makes everything durable, leaves the indexes and a producer snapshot as Kafka expects them, and closes. A log that
   * was not touched is left as it is.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#writer.failure === null && this.#isTouched) await this.#finish()
    const isLeft = this.#writer.failure !== null || !this.#segments.removeOverdue()
    if (!isLeft) this.#summary = this.#summarize()
    await this.#close()
  }

  #summarize(): LogSummary {
    return {
      logStartOffset: this.#logStartOffset,
      logEndOffset: this.#logEndOffset,
      leaderEpochs: { entries: this.leaderEpochs.entries, isDirty: this.leaderEpochs.isDirty },
      hasProducers: this.#producers === null ? this.#producersStoredAt !== null : this.#producers.count > 0,
      segments: this.#segments.summaries,
      activeIndexes: this.#segments.active.indexesEnd,
    }
  }

  #readProducers(): ProducerStates {
    const producers = new ProducerStates(this.#options.producerIdExpirationMs)
    const storedAt = this.#producersStoredAt
    if (storedAt === null) return producers
    let problem: unknown = new CorruptLogError(`No snapshot of producers as of ${storedAt} is whole`)
    try {
      const read = () => this.#snapshots.load(producers, storedAt)
      if (this.#home.openSegments.whenShort(read) === storedAt) problem = null
    } catch (error) {
      problem = error
    }
    if (problem !== null) this.#writer.fail('read the producers of', problem)
    this.#writer.throwIfFailed()
    producers.removeExpired(this.#options.clock.wallMs())
    return producers
  }

  /** Makes room for the batch, rolls if its segment has none, and copies it behind the chunk's used bytes. */
  #put(source: Buffer, at: number, place: { baseOffset: number; nowMs: number }) {
    this.#assertUsable()
    const bytes = batchSize(source, at)
    assert(at + bytes <= source.length, 'The batch is whole')
    const batch: BatchPlace = {
      bytes,
      lastOffset: place.baseOffset + batchLastOffsetDelta(source, at),
      maxTimestamp: batchMaxTimestamp(source, at),
    }
    if (this.#segments.active.mustRollFor(batch, this.#settings, place.nowMs)) {
      this.#rollAt(Math.max(this.#logEndOffset, batch.lastOffset - RELATIVE_OFFSET_MAX), place.nowMs)
    }
    this.#isTouched = true
    const chunk = this.#tail.chunkFor(bytes)
    source.copy(chunk.buffer, chunk.usedBytes, at, at + bytes)
    this.#segments.active.add(batch, this.#settings.indexIntervalBytes)
    this.#logEndOffset = batch.lastOffset + 1
    return chunk
  }

  /** Makes the batch that lies behind the chunk's used bytes visible. */
  #publish(chunk: ReturnType<Tail['chunkFor']>, { baseOffset, nowMs }: { baseOffset: number; nowMs: number }): void {
    const from = chunk.usedBytes
    this.leaderEpochs.assign(batchLeaderEpoch(chunk.buffer, from), baseOffset)
    if (batchProducerId(chunk.buffer, from) >= 0) this.producers.applied(chunk.buffer, from, nowMs)
    chunk.publish(baseOffset, batchSize(chunk.buffer, from))
    this.#writer.appended(this.#segments.active, chunk, { from, logEndOffset: this.#logEndOffset })
  }

  /** The sealed segment, its indexes and the snapshot become durable in the background. */
  #rollAt(baseOffset: number, nowMs: number): void {
    this.#isTouched = true
    this.#writer.writeNow()
    this.#writer.throwIfFailed()
    try {
      const snapshot = this.#snapshots.take(this.producers, baseOffset)
      this.#writer.syncWithNextRound(snapshot, () => snapshot.close())
      // Names become durable in any order: a log without its first segment would seem to start at its second.
      if (this.#isNew) this.#options.disk.syncDirectory(this.directory)
      this.#isNew = false
      this.#segments.roll(baseOffset, nowMs)
      this.#snapshots.pruneAfterTake((base) => this.#segments.beginsAt(base))
    } catch (error) {
      this.#writer.fail('begin a segment of', error)
      this.#writer.throwIfFailed()
    }
    void this.#writer.synced()
  }

  /** Runs alone: nothing is on its way to the disk, nothing is in memory, and readers of files read again after it. */
  async #truncate(cut: () => Promise<number>): Promise<void> {
    this.#assertUsable()
    this.#isTouched = true
    this.#state = 'truncating'
    try {
      await this.#writer.synced()
      await this.#writer.idle()
      this.#tail.clear()
      const logEndOffset = await cut()
      this.#logEndOffset = logEndOffset
      this.#writer.restartAt(logEndOffset)
    } catch (error) {
      this.#writer.fail('truncate', error)
      this.#writer.throwIfFailed()
    } finally {
      this.#state = 'open'
    }
  }

  async #cutAt(offset: number): Promise<number> {
    const { disk } = this.#options
    const endOffset = await this.#segments.truncateTo(offset)
    // The batch that the log's start lies in is gone as a whole: recovery too would begin anew there.
    if (endOffset < this.#logStartOffset) return this.#restartAt(this.#logStartOffset)
    this.leaderEpochs.truncateFromEnd(endOffset)
    this.leaderEpochs.flush()
    this.#snapshots.removeBeyond(endOffset)
    disk.syncDirectory(this.directory)
    // What is stored as of an end that the log no longer has is not asked for.
    this.#producers ??= new ProducerStates(this.#options.producerIdExpirationMs)
    const snapshot = this.#snapshots.load(this.#producers, endOffset) ?? 0
    const range = { offset: snapshot, endOffset, nowMs: this.#options.clock.wallMs() }
    const unread = this.#segments.from(Math.max(snapshot, this.#logStartOffset))
    for (const segment of unread) {
      await this.#segments.using(segment, () => replayProducers(segment, range, this.producers))
    }
    return endOffset
  }

  async #restartAt(offset: number): Promise<number> {
    const { disk, clock } = this.#options
    this.#producers = new ProducerStates(this.#options.producerIdExpirationMs)
    this.#snapshots.removeAll()
    this.leaderEpochs.clear()
    this.leaderEpochs.flush()
    this.#segments.replaceAll(offset, clock.wallMs())
    disk.syncDirectory(this.directory)
    this.#logStartOffset = offset
    return offset
  }

  async #finish(): Promise<void> {
    try {
      for (const file of this.#segments.active.seal()) this.#writer.syncWithNextRound(file, () => file.close())
      const snapshot = this.#snapshots.take(this.producers, this.#logEndOffset)
      this.#writer.syncWithNextRound(snapshot, () => snapshot.close())
      this.#writer.namesChanged()
      await this.#writer.synced()
      // What is removed here and comes back after a crash is no harm: it is as true as the log.
      this.#snapshots.prune((base) => this.#segments.beginsAt(base))
    } catch (error) {
      this.#writer.fail('close', error)
    }
  }

  async #close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#home.isClosed = true
    await this.#writer.close()
    this.#tail.clear()
    this.#segments.close()
  }

  #assertUsable(): void {
    this.#writer.throwIfFailed()
    assert(this.#state === 'open', 'A log is neither truncated nor closed while it is used')
  }
}
