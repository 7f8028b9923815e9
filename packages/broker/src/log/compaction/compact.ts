/**
 * Owns one compaction of a log: a generator over the disk that does a bounded step at a time and may be left between any
 * two. It writes new files beside the log's and touches none of the log's own: putting them into place is LogSegments'.
 *
 * 1. The dirty section is read, and for each of its keys the newest offset noted, until the map is full. Records of
 *    aborted transactions do not count.
 * 2. All segments up to where the map reaches are read from the log's start, in groups that become one segment each, and
 *    what stays of them is written: records that are their key's newest, or lie behind what the map knows.
 *
 * What stays besides, as in Kafka: tombstones until their delete horizon, a producer's last batch and a transaction's
 * marker while it has batches, both even when they are empty. And, so that no segment ends before the next one begins
 * (recovery takes such a gap for lost batches), the last batch of each group.
 */
import type { Disk } from '@ottla/base/disk.ts'
import type { JobPorts, JobStep, ThreadJob } from '@ottla/base/threads.ts'
import {
  batchAttributes,
  batchBaseTimestamp,
  batchLastOffset,
  batchProducerEpoch,
  batchProducerId,
  hasDeleteHorizon,
  isControl,
} from '@ottla/protocol/records/batch.ts'
import {
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetInName,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../file-names.ts'
import { type AbortedTransaction, parseAbortedTransactions } from '../transaction-index.ts'
import { BatchReader } from './batch-reader.ts'
import { CleanedFiles } from './cleaned-files.ts'
import type {
  CleanedSegment,
  CompactionInput,
  CompactionResult,
  CompactionStats,
  SourceSegment,
} from './compaction-job.ts'
import { isNoted, KeyNoting } from './key-noting.ts'
import { OffsetMap } from './offset-map.ts'
import { type BatchFate, BatchRetention } from './retained-batch.ts'
import { groupSegments, type SizedSegment } from './segment-groups.ts'
import { TransactionsSeen } from './transactions-seen.ts'

type Steps<T> = Generator<JobStep<CleanedSegment>, T, void>

export const compactionJob: ThreadJob<CompactionInput, CleanedSegment, CompactionResult> = {
  moduleUrl: import.meta.url,
  exportName: 'compact',
  run: compact,
}

export function* compact(input: CompactionInput, { disk }: JobPorts): Steps<CompactionResult> {
  return yield* new Compaction(input, disk).run()
}

class Compaction {
  readonly #input: CompactionInput
  readonly #disk: Disk
  readonly #reader: BatchReader
  readonly #map: OffsetMap
  readonly #aborted: readonly AbortedTransaction[]
  readonly #stats: CompactionStats = {
    ...{ bytesRead: 0, bytesWritten: 0, recordsRead: 0, recordsKept: 0, recordsWithoutKey: 0, keys: 0 },
  }
  /** Up to here, inclusive, the map knows every key. */
  #mappedOffset: number

  constructor(input: CompactionInput, disk: Disk) {
    this.#input = input
    this.#disk = disk
    this.#reader = new BatchReader(disk, input.readBytes)
    this.#mappedOffset = input.firstDirtyOffset - 1
    this.#map = new OffsetMap({
      bytesMax: input.mapBytesMax,
      loadFactor: input.mapLoadFactor,
      // No key without an offset of its own.
      keysMax: input.endOffset - input.firstDirtyOffset,
    })
    this.#aborted = this.#readAborted()
  }

  *run(): Steps<CompactionResult> {
    yield* this.#fillMap()
    const nextDirtyOffset = this.#mappedOffset + 1
    this.#stats.keys = this.#map.count
    const sources = this.#input.sources.filter(({ baseOffset }) => baseOffset < nextDirtyOffset)
    const { segmentBytes, segmentIndexBytes } = this.#input
    const endOffset = this.#endOf(sources)
    const sized = sources.map((source) => this.#sized(source))
    const transactions = this.#transactionsFrom(sources[0]?.baseOffset ?? 0)
    for (const group of groupSegments(sized, { segmentBytes, segmentIndexBytes, endOffset })) {
      if (group.some(({ bytes }) => bytes > 0)) yield* this.#cleanGroup(group, transactions)
    }
    this.#stats.bytesRead = this.#reader.bytesRead
    return { nextDirtyOffset, stats: this.#stats }
  }

  *#fillMap(): Steps<void> {
    const { sources, firstDirtyOffset, endOffset, decompressedBytesMax } = this.#input
    const noting = new KeyNoting(this.#map, { firstOffset: firstDirtyOffset, decompressedBytesMax })
    const { seen } = this.#transactionsFrom(firstDirtyOffset)
    for (const [index, source] of sources.entries()) {
      const end = sources[index + 1]?.baseOffset ?? endOffset
      if (end <= firstDirtyOffset) continue
      const visit = (batch: Buffer) => {
        if (batchLastOffset(batch, 0) < firstDirtyOffset) return true
        const isFull = isNoted(batch, seen) && !noting.note(batch)
        this.#mappedOffset = isFull ? noting.lastNotedOffset : batchLastOffset(batch, 0)
        return !isFull
      }
      const isWhole = yield* this.#reader.read(this.#path(source, LOG_SUFFIX), source.bytes, visit)
      if (!isWhole) return
      // Where compaction has left a gap at the end of a segment, there is nothing left to note in it.
      this.#mappedOffset = end - 1
    }
  }

  *#cleanGroup(group: readonly SizedSegment[], transactions: Transactions): Steps<void> {
    const { directory, indexIntervalBytes, readBytes } = this.#input
    const files = new CleanedFiles({
      ...{ disk: this.#disk, directory, indexIntervalBytes, writeBytes: readBytes },
      baseOffset: group[0]!.baseOffset,
      hasTransactionIndex: group.some((source) => this.#disk.exists(this.#path(source, TRANSACTION_INDEX_SUFFIX))),
    })
    let isFinished = false
    try {
      transactions.onKeptAbort = (transaction) => files.addAborted(transaction)
      for (const source of group) yield* this.#cleanInto(files, source, { group, transactions })
      yield* files.finish()
      isFinished = true
    } finally {
      if (!isFinished) files.abandon()
    }
    this.#stats.bytesWritten += files.bytes
    const sources = group.map(({ baseOffset, bytes }) => ({ baseOffset, bytes }))
    yield { cost: 0, report: { baseOffset: group[0]!.baseOffset, sources, bytes: files.bytes } }
  }

  *#cleanInto(
    files: CleanedFiles,
    source: SourceSegment,
    { group, transactions }: { group: readonly SizedSegment[]; transactions: Transactions },
  ): Steps<void> {
    const { nowMs, deleteRetentionMs, decompressedBytesMax } = this.#input
    const retention = new BatchRetention({
      ...{ map: this.#map, mappedOffset: this.#mappedOffset, nowMs, deleteRetentionMs, decompressedBytesMax },
      stats: this.#stats,
    })
    const lastOffset = this.#endOf(group) - 1
    let before = files.bytes
    const visit = (batch: Buffer) => {
      const kept = retention.retained(batch, this.#fateOf(batch, transactions.seen, lastOffset))
      if (kept !== null) files.append(kept)
      return true
    }
    for (const { cost } of this.#reader.read(this.#path(source, LOG_SUFFIX), source.bytes, visit)) {
      files.syncIfMuch()
      yield { cost: cost + files.bytes - before }
      before = files.bytes
    }
  }

  #fateOf(batch: Buffer, transactions: TransactionsSeen, groupLastOffset: number): BatchFate {
    const attributes = batchAttributes(batch, 0)
    const isLast = batchLastOffset(batch, 0) === groupLastOffset
    const keepsEmpty = isLast || this.#tellsOfProducer(batch)
    if (!isControl(attributes)) {
      return { discards: transactions.sawBatch(batch), keepsEmpty, isSpentMarker: false }
    }
    const isSpentMarker = transactions.sawControlBatch(batch)
    const isDue = hasDeleteHorizon(attributes) && batchBaseTimestamp(batch, 0) <= this.#input.nowMs
    return { discards: isSpentMarker && isDue, keepsEmpty, isSpentMarker }
  }

  #tellsOfProducer(batch: Buffer): boolean {
    const last = this.#input.lastOfProducers.get(batchProducerId(batch, 0))
    if (last === undefined) return false
    if (last.lastDataOffset >= 0) return batchLastOffset(batch, 0) === last.lastDataOffset
    return isControl(batchAttributes(batch, 0)) && batchProducerEpoch(batch, 0) === last.epoch
  }

  /** Of this segment and all later ones: the marker of a transaction may lie far behind its batches. */
  #readAborted(): AbortedTransaction[] {
    const { directory, sources } = this.#input
    const from = sources[0]?.baseOffset ?? 0
    return this.#disk.list(directory).flatMap(({ name }) => {
      const baseOffset = offsetInName(name, TRANSACTION_INDEX_SUFFIX)
      if (baseOffset === null || baseOffset < from) return []
      return parseAbortedTransactions(this.#disk.readFile(`${directory}/${name}`), `${directory}/${name}`)
    })
  }

  /** A transaction that ended before the walk begins would never be seen to end. */
  #transactionsFrom(offset: number): Transactions {
    return new Transactions(this.#aborted.filter(({ lastOffset }) => lastOffset >= offset))
  }

  #sized(source: SourceSegment): SizedSegment {
    const bytesOf = (suffix: string) => this.#disk.stat(this.#path(source, suffix))?.size ?? 0
    const offsetIndexBytes = bytesOf(OFFSET_INDEX_SUFFIX)
    return { ...source, offsetIndexBytes, timeIndexBytes: bytesOf(TIME_INDEX_SUFFIX) }
  }

  #endOf(sources: readonly SourceSegment[]): number {
    const last = sources.at(-1)
    const next = this.#input.sources.find(({ baseOffset }) => last !== undefined && baseOffset > last.baseOffset)
    return next?.baseOffset ?? this.#input.endOffset
  }

  #path({ baseOffset }: SourceSegment, suffix: string): string {
    return `${this.#input.directory}/${fileName(baseOffset, suffix)}`
  }
}

/** What is known of transactions goes on from one group to the next, the index that is written does not. */
class Transactions {
  readonly seen: TransactionsSeen
  onKeptAbort: (transaction: AbortedTransaction) => void = () => {}

  constructor(aborted: readonly AbortedTransaction[]) {
    this.seen = new TransactionsSeen(aborted, (transaction) => this.onKeptAbort(transaction))
  }
}
