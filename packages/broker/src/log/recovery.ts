/**
 * Owns opening what is on the disk: after it the segments are a dense run of whole batches, the producers and leader
 * epochs are those of exactly these batches, and all of it is durable.
 *
 * After an orderly close nothing is scanned but the few batches behind the active segment's last index entry. Without
 * one, every segment from the last one that begins below the recovery point on is scanned. That is also the one which
 * ends exactly there: its batches are durable, but it may have been sealed after that was said, and then its indexes
 * need not be.
 *
 * 1. The first thing that is no whole batch with a right checksum and a growing offset ends the log: there the file is
 *    cut, and later segments go. As a rule it was never durable, so nobody was told that it is. Where that is not sure,
 *    because the cut lies below the recovery point or whole batches follow, it is kept aside first (set-aside.ts).
 * 2. A segment that does not begin where its predecessor ends goes with all that follow: the predecessor has lost
 *    batches that were written, but never synced. Below the recovery point nothing was lost: a gap there is what
 *    Kafka's compaction leaves (ours keeps the last batch of a segment).
 * 3. Below the recovery point checksums are not looked at.
 * 4. A recovery point beyond the end is another log's (a topic created again, say): then everything is checked.
 * 5. Segments that lie wholly below the log's start are removed first: a crash may have let some removals come through
 *    and others not.
 * 6. A log that is whole and ends at its recovery point is durable with its names: nothing of it is synced.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { LogFields, Logger } from '@ottla/base/logger.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import {
  batchBaseOffset,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  checkCrc,
} from '@ottla/protocol/records/batch.ts'
import { CorruptLogError } from './errors.ts'
import { fileName, LOG_SUFFIX } from './file-names.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { segmentOffsetsIn } from './leftovers.ts'
import { findMissing } from './missing-segments.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerStates } from './producer-state.ts'
import { placeOf, Segment } from './segment.ts'
import type { SegmentHome } from './segment-home.ts'
import { type CutPlace, holdsBatch, keepEnd, keepFile, type Span } from './set-aside.ts'

export interface RecoveryOptions {
  readonly disk: Disk
  readonly directory: string
  /** Of the files in the directory, in which nothing is left over. */
  readonly names: readonly string[]
  /** Offsets that a lost segment may have begun at: missing-segments.ts's. */
  readonly traces: readonly number[]
  readonly home: SegmentHome
  readonly syncs: SyncQueue
  readonly logger: Logger
  readonly indexIntervalBytes: number
  readonly cleanShutdown: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly nowMs: number
  /** So many bytes of batches were looked at. */
  readonly onChecked?: (bytes: number) => void
}

/** What is a function of the batches, brought up to date with them. */
export interface DerivedState {
  readonly producers: ProducerStates
  readonly leaderEpochs: LeaderEpochs
  readonly snapshots: ProducerSnapshots
}

export interface RecoveredLog {
  /** At least one; the last has its indexes in memory. */
  readonly segments: Segment[]
  readonly logStartOffset: number
  readonly logEndOffset: number
}

export async function recoverLog(options: RecoveryOptions, derived: DerivedState): Promise<RecoveredLog> {
  const recovery = new Recovery(options, derived)
  const recovered = await recovery.run().catch((error: unknown) => {
    recovery.abandon()
    throw error
  })
  assert(recovered.segments.length > 0, 'A log has an active segment')
  assert(recovered.logStartOffset <= recovered.logEndOffset, 'A log does not start behind its end')
  return recovered
}

type KeptFields = LogFields & {
  readonly file: string
  readonly position: number
  readonly keptIn: string
  readonly logEndOffset: number
}

class Recovery {
  readonly #options: RecoveryOptions
  readonly #derived: DerivedState
  readonly #segments: Segment[]
  #recoveryPoint: number
  /** Something may be there, or be gone, that a crash would change. */
  #isUnsettled = false

  constructor(options: RecoveryOptions, derived: DerivedState) {
    const { names, home } = options
    this.#recoveryPoint = options.recoveryPoint
    this.#options = options
    this.#derived = derived
    this.#segments = segmentOffsetsIn(names).map((base) => Segment.existing(home, base))
  }

  async run(): Promise<RecoveredLog> {
    const { disk, directory, logStartOffset } = this.#options
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= logStartOffset) await this.#drop(0)
    await this.#tellMissing()
    let logEndOffset = -1
    if (this.#segments.length > 0) logEndOffset = await this.#readOrScan()
    if (logEndOffset < logStartOffset) {
      await this.#beginAnew(logEndOffset)
      logEndOffset = logStartOffset
    }
    const areSomeRemoved = this.#derived.snapshots.removeBeyond(logEndOffset)
    this.#derived.leaderEpochs.truncateFromStart(this.#startOffset())
    const isRenamed = await this.#derived.leaderEpochs.save()
    const areNamesSure = !areSomeRemoved && !isRenamed && !this.#isUnsettled && logEndOffset <= this.#recoveryPoint
    if (!areNamesSure) await disk.syncNames(directory)
    return { segments: this.#segments, logStartOffset: this.#startOffset(), logEndOffset }
  }

  /** What cannot be had back is told of; the rest serves. From the recovery point on a crash may take what it likes. */
  async #tellMissing(): Promise<void> {
    const { traces, directory, logger } = this.#options
    for (const { baseOffset, from, to } of await findMissing(this.#segments, traces, this.#options)) {
      if (from >= this.#recoveryPoint) continue
      const file = `${directory}/${fileName(baseOffset, LOG_SUFFIX)}`
      logger.error('A segment of the log is missing: its offsets are lost', { file, position: 0, from, to })
    }
  }

  /** Closes what was opened: the log stays as it is on the disk. */
  abandon(): void {
    for (const segment of this.#segments) segment.close()
  }

  async #readOrScan(): Promise<number> {
    const { cleanShutdown, logger } = this.#options
    if (cleanShutdown) {
      const logEndOffset = await this.#readEnd()
      if (logEndOffset !== null) return logEndOffset
      logger.warn('The log was closed in order, but its active segment is not whole: scanning it', this.#fields())
    }
    const holding = this.#segments.findLastIndex((segment) => segment.baseOffset < this.#recoveryPoint)
    return this.#scanFrom(cleanShutdown ? this.#segments.length - 1 : Math.max(0, holding))
  }

  /** The end of a log that was closed in order, or null when it does not look like it. */
  async #readEnd(): Promise<number | null> {
    const active = this.#segments.at(-1)!
    const { home, indexIntervalBytes } = this.#options
    try {
      await home.openSegments.acquire(active, indexIntervalBytes)
      active.activate()
      active.unpin()
    } catch (error) {
      if (error instanceof CorruptLogError) return null
      throw error
    }
    const { endOffset, position } = await active.readEnd()
    if (position !== active.bytes || endOffset < this.#recoveryPoint) return null
    const { producers, snapshots, leaderEpochs } = this.#derived
    const snapshot = snapshots.load(producers, endOffset)
    if (snapshot === null && endOffset > 0) {
      this.#options.logger.warn(
        'A log has no producer snapshot: telling the producers from all of its batches',
        this.#fields(),
      )
    }
    await this.#replay(snapshot ?? 0, this.#segments.length)
    await this.#rebuildEpochs(this.#segments.length)
    leaderEpochs.truncateFromEnd(endOffset + 1)
    return endOffset
  }

  async #scanFrom(first: number): Promise<number> {
    const { producers, snapshots, leaderEpochs } = this.#derived
    const base = this.#segments[first]!.baseOffset
    const snapshot = snapshots.load(producers, base)
    await this.#replay(snapshot ?? 0, first)
    await this.#rebuildEpochs(first)
    leaderEpochs.truncateFromEnd(base)
    let logEndOffset = base
    let isWhole = true
    for (let index = first; index < this.#segments.length && isWhole; index++) {
      const segment = this.#segments[index]!
      const isGap = segment.baseOffset > Math.max(logEndOffset, this.#recoveryPoint)
      if (isGap || segment.baseOffset < logEndOffset) {
        await this.#cutBefore(index, logEndOffset)
        break
      }
      const scanned = await this.#scan(segment)
      logEndOffset = scanned.endOffset
      isWhole = scanned.isWhole
      if (!isWhole) while (this.#segments.length > index + 1) await this.#cutLast(logEndOffset)
    }
    if (logEndOffset < this.#recoveryPoint) return this.#scanAgain(logEndOffset)
    await this.#makeDurable(first, logEndOffset)
    return logEndOffset
  }

  /** A log that ends below its recovery point is not the one that the checkpoint tells of: nothing of it is trusted. */
  #scanAgain(logEndOffset: number): Promise<number> {
    const fields = { ...this.#fields(), recoveryPoint: this.#recoveryPoint, logEndOffset }
    this.#options.logger.warn('The log ends below its recovery point: checking all of it', fields)
    this.#recoveryPoint = 0
    return this.#scanFrom(0)
  }

  /** Rebuilds the segment's indexes from its batches, and cuts it where they end. */
  async #scan(segment: Segment): Promise<{ endOffset: number; isWhole: boolean }> {
    const { indexIntervalBytes, nowMs } = this.#options
    const fileBytes = segment.bytes
    segment.beginIndexes()
    // It may be put to rest before it is sealed.
    segment.activate()
    segment.bytes = 0
    let endOffset = segment.baseOffset
    const range = { from: 0, to: fileBytes, depth: 'whole' } as const
    const position = await segment.scan(range, (buffer, at) => {
      if (!isNextBatch(buffer, at, { endOffset, recoveryPoint: this.#recoveryPoint })) return false
      segment.add(placeOf(buffer, at), indexIntervalBytes)
      this.#derived.leaderEpochs.assign(batchLeaderEpoch(buffer, at), batchBaseOffset(buffer, at))
      this.#derived.producers.applied(buffer, at, nowMs)
      endOffset = batchLastOffset(buffer, at) + 1
      return true
    })
    if (position < fileBytes) await this.#keepBeforeCut(segment, { from: position, to: fileBytes }, endOffset)
    if (position < fileBytes) this.#isUnsettled = true
    this.#options.onChecked?.(fileBytes)
    segment.endAt(position)
    return { endOffset, isWhole: position === fileBytes }
  }

  async #keepBeforeCut(segment: Segment, span: Span, logEndOffset: number): Promise<void> {
    const file = segment.path(LOG_SUFFIX)
    const fields = { file, position: span.from, bytesCut: span.to - span.from, logEndOffset }
    if (!(await this.#mustKeep(segment, { ...span, logEndOffset }))) {
      return this.#options.logger.warn('Cut the log at the first batch that is not whole', fields)
    }
    segment.pin()
    const keptIn = await keepEnd(segment.open(), span, this.#cutPlace(segment)).finally(() => segment.unpin())
    this.#tellKept({ ...fields, keptIn })
  }

  /** Tells the producers of the batches from `offset` on in the segments before `end`; bodies are not read. */
  async #replay(offset: number, end: number): Promise<void> {
    for (let index = 0; index < end; index++) {
      const segment = this.#segments[index]!
      const next = this.#segments[index + 1]
      if (next !== undefined && next.baseOffset <= offset) continue
      const range = { offset, endOffset: Number.POSITIVE_INFINITY, nowMs: this.#options.nowMs }
      await replayProducers(segment, range, this.#derived.producers)
    }
  }

  /** Where their file is lost or damaged, from the headers of the batches in the segments before `end`. */
  async #rebuildEpochs(end: number): Promise<void> {
    const { leaderEpochs } = this.#derived
    if (!leaderEpochs.isLost || end === 0) return
    this.#options.logger.warn('A log’s leader epochs are lost: taking them from its batches', this.#fields())
    for (const segment of this.#segments.slice(0, end)) {
      await segment.scan({ from: 0, to: segment.writtenBytes, depth: 'headers' }, (buffer, at) => {
        leaderEpochs.assign(batchLeaderEpoch(buffer, at), batchBaseOffset(buffer, at))
        return true
      })
    }
  }

  async #cutBefore(index: number, logEndOffset: number): Promise<void> {
    const segment = this.#segments[index]!
    const fields = { ...this.#fields(), segment: segment.baseOffset, logEndOffset }
    this.#options.logger.warn('Removed the segments behind a gap in the log', fields)
    while (this.#segments.length > index) await this.#cutLast(logEndOffset)
  }

  /** Takes the last segment out of the log; what may have been acknowledged of it is kept aside. */
  async #cutLast(logEndOffset: number): Promise<void> {
    const segment = this.#segments.at(-1)!
    if (await this.#mustKeep(segment, { from: 0, to: segment.bytes, logEndOffset })) {
      const keptIn = keepFile(segment.path(LOG_SUFFIX), this.#cutPlace(segment))
      this.#tellKept({ file: segment.path(LOG_SUFFIX), position: 0, bytesCut: segment.bytes, keptIn, logEndOffset })
    }
    await this.#drop(this.#segments.length - 1)
  }

  /** Whether what is cut is more than the torn end of what was written and never synced. */
  async #mustKeep(segment: Segment, cut: Span & { readonly logEndOffset: number }): Promise<boolean> {
    if (cut.from === cut.to) return false
    if (cut.logEndOffset < this.#options.recoveryPoint) return true
    segment.pin()
    try {
      return await holdsBatch(segment.open(), cut, segment.baseOffset)
    } finally {
      segment.unpin()
    }
  }

  #cutPlace({ baseOffset }: Segment): CutPlace {
    const { disk, directory } = this.#options
    return { disk, directory, baseOffset }
  }

  /** What a power failure left behind a hole was never synced, as far as is known: it is kept, and nobody's loss. */
  #tellKept(fields: KeptFields): void {
    const { logger, recoveryPoint } = this.#options
    if (fields.logEndOffset < recoveryPoint) {
      logger.error('The log is damaged: what lies behind the damage is kept aside', fields)
    } else logger.warn('The log has a hole in what was not synced: what lies behind it is kept aside', fields)
  }

  /** Syncs what was scanned; all but the active segment are sealed and closed. */
  async #makeDurable(first: number, logEndOffset: number): Promise<void> {
    const { syncs } = this.#options
    for (const segment of this.#segments.slice(first)) {
      const isActive = segment === this.#segments.at(-1)
      if (isActive && !this.#isUnsettled && logEndOffset === this.#recoveryPoint) continue
      segment.pin()
      await syncs.sync(segment.open()).finally(() => segment.unpin())
      if (isActive) continue
      for (const file of segment.seal()) {
        await syncs.sync(file)
        file.close()
      }
      segment.deactivate()
      segment.rest()
    }
  }

  /** The batches below the log's start were never durable, nor needed any more: the log goes on empty. */
  async #beginAnew(logEndOffset: number): Promise<void> {
    const { home, logStartOffset, nowMs, logger } = this.#options
    this.#isUnsettled = true
    if (this.#segments.length > 0) {
      logger.warn('The log ends before its start offset: it begins anew there', { ...this.#fields(), logEndOffset })
    }
    while (this.#segments.length > 0) await this.#drop(this.#segments.length - 1)
    this.#derived.producers.clear()
    this.#derived.snapshots.removeAll()
    this.#derived.leaderEpochs.clear()
    this.#segments.push(Segment.create(home, { baseOffset: logStartOffset, nowMs }))
  }

  async #drop(index: number): Promise<void> {
    this.#isUnsettled = true
    const [segment] = this.#segments.splice(index, 1)
    segment!.retire()
    for (const path of segment!.takeRemovable()) await this.#options.disk.removeTree(path)
  }

  #startOffset(): number {
    return Math.max(this.#options.logStartOffset, this.#segments[0]!.baseOffset)
  }

  #fields(): { directory: string } {
    return { directory: this.#options.directory }
  }
}

/** Tells the producers of the segment's batches that lie in [offset, endOffset); only headers are read. */
export async function replayProducers(
  segment: Segment,
  range: { readonly offset: number; readonly endOffset: number; readonly nowMs: number },
  producers: ProducerStates,
): Promise<void> {
  const from = segment.hasIndexes ? segment.offsetIndex.lookup(range.offset) : 0
  await segment.scan({ from, to: segment.writtenBytes, depth: 'headers' }, (buffer, at) => {
    if (batchBaseOffset(buffer, at) >= range.endOffset) return false
    if (batchBaseOffset(buffer, at) >= range.offset) producers.applied(buffer, at, range.nowMs)
    return true
  })
}

interface Expected {
  readonly endOffset: number
  readonly recoveryPoint: number
}

/** Offsets may leave gaps where compaction at a leader has, but they never go back. */
function isNextBatch(buffer: Buffer, at: number, { endOffset, recoveryPoint }: Expected): boolean {
  if (batchBaseOffset(buffer, at) < endOffset || batchLastOffsetDelta(buffer, at) < 0) return false
  return batchLastOffset(buffer, at) < recoveryPoint || checkCrc(buffer, at)
}
