/**
 * Owns what of a log is on the disk: the ranges of tail memory that wait for the end of the turn, the syncs, the
 * promises that wait for either, and the failure that ends it all.
 *
 * Order of durability: a round of syncing makes names in the directory, the leader epochs, sealed segments with their
 * indexes and the active segment durable, and only when all of that is, `syncedOffset` moves. At most one round runs;
 * whoever comes meanwhile shares the next.
 *
 * After a failed write or sync nobody knows what the file holds (the kernel may have dropped the pages): nothing is
 * tried again, every promise rejects, and only opening the log anew tells what is there.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { LogOfflineError } from './errors.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { PARTITION_METADATA_NAME } from './partition-metadata.ts'
import type { Segment } from './segment.ts'
import type { LogSettings } from './settings.ts'
import type { TailChunk } from './tail-budget.ts'

/** What one turn may leave unwritten before it is written at once. */
export const UNWRITTEN_BYTES_MAX = 8 * 1024 * 1024
/** The longest delay that a timer takes; longer `flush.ms` means never. */
const FLUSH_MS_MAX = 0x7fff_ffff

/** Told about by the log to its owner. Both may be called inside a call of the owner's own. */
export interface LogObserver {
  /** Everything below is durable. */
  synced(offset: number): void
  /** The log is offline until it is opened anew. Called once. */
  failed(error: LogOfflineError): void
}

export interface LogWriterOptions {
  readonly disk: Disk
  readonly directory: string
  readonly timers: Timers
  readonly syncs: SyncQueue
  readonly observer: LogObserver
  readonly leaderEpochs: LeaderEpochs
  readonly settings: LogSettings
  readonly logEndOffset: number
}

/** Bytes of one chunk that go to one segment by one write. */
interface PendingRange {
  readonly segment: Segment
  readonly chunk: TailChunk
  readonly from: number
  to: number
}

/** A file that the next round makes durable, and what to do once it has. */
interface UnsyncedFile {
  readonly file: DiskFile
  readonly synced: () => void
}

const DONE = Promise.resolve()

export class LogWriter {
  readonly #options: LogWriterOptions
  #settings: LogSettings
  #pending: PendingRange[] = []
  #pendingBytes = 0
  #isTurnAsked = false
  #appendedOffset: number
  #writtenOffset: number
  #syncedOffset: number
  #written: Deferred<void> | null = null
  #nextRound: Deferred<void> | null = null
  #unsynced: UnsyncedFile[] = []
  /** Written to since the last round began: a write after that is for the next round. */
  #unsyncedSegments: Segment[] = []
  #areNamesUnsynced = false
  #isOwnerUnsynced = false
  #round: Promise<void> | null = null
  #flushTimer: Timer | null = null
  #failure: LogOfflineError | null = null

  constructor(options: LogWriterOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#appendedOffset = options.logEndOffset
    this.#writtenOffset = options.logEndOffset
    this.#syncedOffset = options.logEndOffset
  }

  get failure(): LogOfflineError | null {
    return this.#failure
  }
  get writtenOffset(): number {
    return this.#writtenOffset
  }
  get syncedOffset(): number {
    return this.#syncedOffset
  }

  configure(settings: LogSettings): void {
    this.#settings = settings
  }

  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** Takes note of bytes that were just published at the end of a chunk. */
  appended(segment: Segment, chunk: TailChunk, at: { from: number; logEndOffset: number }): void {
    const last = this.#pending.at(-1)
    if (last !== undefined && last.chunk === chunk && last.segment === segment) {
      assert(last.to === at.from, 'Ranges of a chunk are continued without a gap')
      last.to = chunk.usedBytes
    } else {
      this.#pending.push({ segment, chunk, from: at.from, to: chunk.usedBytes })
    }
    this.#pendingBytes += chunk.usedBytes - at.from
    this.#appendedOffset = at.logEndOffset
    this.#askForTurn()
    if (this.#pendingBytes > UNWRITTEN_BYTES_MAX) this.writeNow()
  }

  /** Resolves when all that was appended before the call is in the files; one promise for all callers of a turn. */
  written(): Promise<void> {
    if (this.#failure !== null) return quietRejection(this.#failure)
    if (this.#written !== null) return this.#written.promise
    if (this.#pending.length === 0) return DONE
    this.#written = quietDeferred()
    return this.#written.promise
  }

  /** Resolves when all that was appended before the call is durable. */
  synced(): Promise<void> {
    if (this.#failure !== null) return quietRejection(this.#failure)
    if (this.#nextRound !== null) return this.#nextRound.promise
    if (this.#syncedOffset === this.#appendedOffset && !this.#hasUnsynced() && this.#round === null) return DONE
    this.#nextRound = quietDeferred()
    this.#askForTurn()
    return this.#nextRound.promise
  }

  /** The next round makes the file durable too, then calls back. */
  syncWithNextRound(file: DiskFile, synced: () => void): void {
    this.#unsynced.push({ file, synced })
  }

  /** The directory or what says whose it is may be new: the next round makes both durable. */
  ownerChanged(): void {
    this.#isOwnerUnsynced = true
    this.#areNamesUnsynced = true
  }

  /** Names in the directory have changed: the next round makes them durable. */
  namesChanged(): void {
    this.#areNamesUnsynced = true
  }

  /** Writes all that waits for the end of the turn. A failure is not thrown: it is in `failure`. */
  writeNow(): void {
    if (this.#failure !== null || this.#pending.length === 0) return
    try {
      for (const range of this.#pending) this.#write(range)
    } catch (error) {
      this.fail('write', error)
      return
    }
    this.#pending = []
    this.#pendingBytes = 0
    this.#writtenOffset = this.#appendedOffset
    this.#flushIfDue()
    this.#written?.resolve()
    this.#written = null
  }

  /** Takes the log offline. */
  fail(operation: string, cause: unknown): void {
    if (this.#failure !== null) return
    const { directory, observer } = this.#options
    const failure = new LogOfflineError(`Cannot ${operation} "${directory}": the log is offline`, { cause })
    this.#failure = failure
    this.#flushTimer?.cancel()
    this.#written?.reject(failure)
    this.#nextRound?.reject(failure)
    this.#written = null
    this.#nextRound = null
    observer.failed(failure)
  }

  /** After a truncation, with nothing pending: everything up to `offset`, and nothing else, is there and durable. */
  restartAt(offset: number): void {
    assert(this.#pending.length === 0 && this.#round === null, 'Nothing is on its way to the disk')
    this.#appendedOffset = offset
    this.#writtenOffset = offset
    this.#syncedOffset = offset
  }

  /** Waits until nothing is on its way to the disk any more, also after a failure. */
  async idle(): Promise<void> {
    while (this.#round !== null) await this.#round.catch(() => {})
    this.#flushTimer?.cancel()
    this.#flushTimer = null
  }

  /** Nothing is written or synced from now on, and who waits is told so; resolves when all files are let go of. */
  async close(): Promise<void> {
    this.#failure ??= new LogOfflineError(`Cannot use "${this.#options.directory}": the log is closed`)
    this.#written?.reject(this.#failure)
    this.#nextRound?.reject(this.#failure)
    this.#pending = []
    this.#pendingBytes = 0
    await this.idle()
    const files = this.#unsynced
    this.#unsynced = []
    for (const { synced } of files) synced()
  }

  verify(): void {
    assert(this.#syncedOffset <= this.#writtenOffset, 'Only what is written is synced')
    assert(this.#writtenOffset <= this.#appendedOffset, 'Only what is appended is written')
    assert(this.#pending.length > 0 || this.#pendingBytes === 0, 'Pending bytes are counted')
  }

  #askForTurn(): void {
    if (this.#isTurnAsked) return
    this.#isTurnAsked = true
    this.#options.timers.endOfTurn(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isTurnAsked = false
    this.writeNow()
    this.#startRound()
  }

  #write({ segment, chunk, from, to }: PendingRange): void {
    segment.write(chunk.buffer.subarray(from, to))
    chunk.writtenBytes = to
    if (segment.unsynced) return
    segment.unsynced = true
    this.#unsyncedSegments.push(segment)
  }

  #hasUnsynced(): boolean {
    return this.#unsynced.length > 0 || this.#unsyncedSegments.length > 0 || this.#areNamesUnsynced
  }

  /** `flush.messages` and `flush.ms`. */
  #flushIfDue(): void {
    const unsyncedMessages = this.#writtenOffset - this.#syncedOffset
    if (unsyncedMessages >= this.#settings.flushMessages) {
      this.#writtenWaitForSync()
    } else if (this.#flushTimer === null && this.#settings.flushMs <= FLUSH_MS_MAX) {
      this.#flushTimer = this.#options.timers.after(this.#settings.flushMs, () => {
        this.#flushTimer = null
        void this.synced().catch(() => {})
      })
    }
  }

  #writtenWaitForSync(): void {
    const waiting = this.#written
    this.#written = null
    const synced = this.synced()
    if (waiting !== null) void synced.then(waiting.resolve, waiting.reject)
  }

  #startRound(): void {
    if (this.#round !== null || this.#nextRound === null || this.#failure !== null) return
    this.writeNow()
    if (this.#failure !== null) return
    const waiting = this.#nextRound
    this.#nextRound = null
    const round = this.#runRound(waiting)
    this.#round = round
    void round.then(() => {
      this.#round = null
      this.#startRound()
    })
  }

  async #runRound(waiting: Deferred<void>): Promise<void> {
    const offset = this.#writtenOffset
    const files = this.#unsynced
    this.#unsynced = []
    try {
      this.#pinUnsynced(files)
      this.#openOwner(files)
      await settled(this.#areNamesDue() ? [this.#syncNames(), this.#syncFiles(files)] : [this.#syncFiles(files)])
    } catch (error) {
      this.fail('sync', error)
    }
    for (const { synced } of files) synced()
    if (this.#failure !== null) {
      waiting.reject(this.#failure)
      return
    }
    assert(offset >= this.#syncedOffset, 'The synced offset never goes back')
    this.#syncedOffset = offset
    if (offset === this.#writtenOffset) this.#cancelFlushTimer()
    waiting.resolve()
    this.#options.observer.synced(offset)
  }

  /**
   * The segments written to since the last round, open until this one has synced them. One may have been closed since:
   * the bytes are the file's, whoever wrote them, and an error of writing them back is told to whoever syncs next.
   */
  #pinUnsynced(files: UnsyncedFile[]): void {
    const segments = this.#unsyncedSegments
    this.#unsyncedSegments = []
    for (const segment of segments) segment.unsynced = false
    for (const segment of segments) {
      if (segment.isRetired) continue
      const file = segment.open()
      segment.pin()
      files.push({ file, synced: () => segment.unpin() })
    }
  }

  #openOwner(files: UnsyncedFile[]): void {
    if (!this.#isOwnerUnsynced) return
    this.#isOwnerUnsynced = false
    const { disk, directory } = this.#options
    const path = `${directory}/${PARTITION_METADATA_NAME}`
    if (!disk.exists(path)) return
    const file = disk.open(path)
    files.push({ file, synced: () => file.close() })
  }

  #areNamesDue(): boolean {
    return this.#areNamesUnsynced || this.#options.leaderEpochs.isDirty
  }

  async #syncNames(): Promise<void> {
    const { disk, directory, leaderEpochs } = this.#options
    const areUnsynced = this.#areNamesUnsynced
    this.#areNamesUnsynced = false
    const isRenamed = await leaderEpochs.save()
    if (areUnsynced || isRenamed) await disk.syncNames(directory)
  }

  async #syncFiles(files: readonly UnsyncedFile[]): Promise<void> {
    const { syncs } = this.#options
    await settled(files.map(({ file }) => syncs.sync(file)))
  }

  #cancelFlushTimer(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = null
  }
}

/** All of them have ended before a failure is told: no file is closed while its sync runs. */
async function settled(syncs: readonly Promise<void>[]): Promise<void> {
  if (syncs.length === 1) return syncs[0]
  const outcomes = await Promise.allSettled(syncs)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Nobody has to listen to its rejection: the observer is told of every failure. */
function quietRejection(error: LogOfflineError): Promise<void> {
  const result = quietDeferred()
  result.reject(error)
  return result.promise
}

function quietDeferred(): Deferred<void> {
  const result = deferred<void>()
  result.promise.catch(() => {})
  return result
}
