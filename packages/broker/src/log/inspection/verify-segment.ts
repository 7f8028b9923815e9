/**
 * Checks one segment and its indexes against each other without trusting or changing any of them. One pass over the
 * file in pieces of bounded size; the indexes alone are in memory.
 */
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import {
  BATCH_OVERHEAD,
  batchBaseOffset,
  batchLastOffset,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchSize,
  checkCrc,
} from '@ottla/protocol/records/batch.ts'
import { readInt64 } from '@ottla/protocol/records/int64.ts'
import { recordsOf } from '@ottla/protocol/records/record.ts'
import { CorruptLogError } from '../errors.ts'
import { LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX } from '../file-names.ts'
import { OFFSET_ENTRY_BYTES } from '../offset-index.ts'
import { scanBatches } from '../scan.ts'
import { findBatch } from '../set-aside.ts'
import { TIME_ENTRY_BYTES } from '../time-index.ts'
import { parseAbortedTransactions, TRANSACTION_ENTRY_BYTES } from '../transaction-index.ts'

export interface Finding {
  readonly file: string
  /** Null where it is of the file as a whole. */
  readonly position: number | null
  readonly problem: string
  /** What it means, and what a start does about it. */
  readonly meaning: string
  /** A note says what is unusual and need not be wrong. */
  readonly severity: 'damage' | 'rebuilt' | 'note'
}

export interface VerifiedSegment {
  readonly endOffset: number
  readonly batches: number
  readonly bytes: number
}

const REBUILT = 'found by its readers; a start, or the next read, builds it anew from the segment'
const TRANSACTIONS = 'no start builds this file anew; a compaction of the log fails while it cannot be read'
const LOST = 'what is there cannot be read; the batches before and behind it can'

export interface VerifyOptions {
  readonly disk: Disk
  /** Also decompresses and reads every record. */
  readonly deep: boolean
  readonly report: (finding: Finding) => void
}

export async function verifySegment(
  path: string,
  baseOffset: number,
  options: VerifyOptions,
): Promise<VerifiedSegment> {
  const file = options.disk.open(path, { readOnly: true })
  try {
    return await new SegmentCheck(file, baseOffset, options).run()
  } finally {
    file.close()
  }
}

class SegmentCheck {
  readonly #file: DiskFile
  readonly #baseOffset: number
  readonly #options: VerifyOptions
  readonly #offsets: IndexWalk
  readonly #times: IndexWalk
  #endOffset: number
  #batches = 0

  constructor(file: DiskFile, baseOffset: number, options: VerifyOptions) {
    this.#file = file
    this.#baseOffset = baseOffset
    this.#options = options
    this.#endOffset = baseOffset
    const index = (suffix: string, entryBytes: number) =>
      new IndexWalk(file.path.slice(0, -LOG_SUFFIX.length) + suffix, entryBytes, options)
    this.#offsets = index(OFFSET_INDEX_SUFFIX, OFFSET_ENTRY_BYTES)
    this.#times = index(TIME_INDEX_SUFFIX, TIME_ENTRY_BYTES)
  }

  async run(): Promise<VerifiedSegment> {
    const bytes = this.#file.size()
    let position = 0
    while (position < bytes) {
      const range = { from: position, to: bytes, depth: 'whole' } as const
      const stopped = await scanBatches(this.#file, range, (buffer, at, here) => this.#visit(buffer, at, here))
      if (stopped >= bytes) break
      const next = await findBatch(this.#file, { from: stopped + 1, to: bytes }, this.#baseOffset)
      this.#reportHole(stopped, next ?? bytes, next !== null)
      position = next ?? bytes
    }
    this.#offsets.finish()
    this.#times.finish()
    this.#checkTransactions()
    return { endOffset: this.#endOffset, batches: this.#batches, bytes }
  }

  #visit(buffer: Buffer, at: number, position: number): boolean {
    const isPlausible = batchLastOffsetDelta(buffer, at) >= 0 && batchBaseOffset(buffer, at) >= this.#endOffset
    if (!isPlausible) return false
    if (!checkCrc(buffer, at)) {
      this.#damage(position, `the checksum of the batch of offset ${batchBaseOffset(buffer, at)} is wrong`)
    } else if (this.#options.deep) this.#readRecords(buffer, at, position)
    this.#checkIndexes(buffer, at, position)
    this.#endOffset = batchLastOffset(buffer, at) + 1
    this.#batches++
    return true
  }

  #readRecords(buffer: Buffer, at: number, position: number): void {
    try {
      for (const record of recordsOf(buffer.subarray(at, at + batchSize(buffer, at)))) void record
    } catch (error) {
      this.#damage(position, `the records of the batch cannot be read: ${(error as Error).message}`)
    }
  }

  #checkIndexes(buffer: Buffer, at: number, position: number): void {
    const last = batchLastOffset(buffer, at) - this.#baseOffset
    const first = batchBaseOffset(buffer, at) - this.#baseOffset
    for (let entry = this.#offsets.current(); entry !== null; entry = this.#offsets.next()) {
      const indexed = entry.readInt32BE(4)
      if (indexed > position) break
      // Older versions of Kafka give the last offset of several batches that were appended together.
      if (indexed < position) this.#offsets.wrong(`an entry points to ${indexed}, where no batch begins`)
      else if (entry.readInt32BE(0) < first)
        this.#offsets.wrong(`an entry gives the batch at ${indexed} another offset`)
    }
    for (let entry = this.#times.current(); entry !== null; entry = this.#times.next()) {
      const offset = entry.readInt32BE(8)
      if (offset > last) break
      const isRight = offset >= first && readInt64(entry, 0) === batchMaxTimestamp(buffer, at)
      if (!isRight) this.#times.wrong(`an entry says that offset ${offset + this.#baseOffset} has another timestamp`)
    }
  }

  #checkTransactions(): void {
    const { disk, report } = this.#options
    const path = this.#file.path.slice(0, -LOG_SUFFIX.length) + TRANSACTION_INDEX_SUFFIX
    if (!disk.exists(path)) return
    const problem = transactionsProblem(disk.readFile(path), path, { from: this.#baseOffset, to: this.#endOffset })
    if (problem !== null) report({ file: path, position: null, problem, meaning: TRANSACTIONS, severity: 'note' })
  }

  #reportHole(from: number, to: number, isFollowed: boolean): void {
    const bytes = to - from
    const what = `${bytes} bytes are no batch that continues the log`
    if (isFollowed) return this.#damage(from, `${what}; the next whole batch begins at ${to}`)
    const meaning = `the torn end of what was written last, unless it was synced; a start behind the recovery point cuts it${bytes < BATCH_OVERHEAD ? '' : ', and keeps aside what may have been acknowledged'}`
    this.#options.report({ file: this.#file.path, position: from, problem: what, meaning, severity: 'damage' })
  }

  #damage(position: number, problem: string): void {
    this.#options.report({ file: this.#file.path, position, problem, meaning: LOST, severity: 'damage' })
  }
}

/** What is wrong with a `.txnindex` whose markers should lie in these offsets; null where nothing is. */
function transactionsProblem(bytes: Buffer, path: string, offsets: { from: number; to: number }): string | null {
  try {
    const strange = parseAbortedTransactions(bytes, path).find(
      ({ firstOffset, lastOffset }) =>
        firstOffset > lastOffset || lastOffset < offsets.from || lastOffset >= offsets.to,
    )
    if (strange !== undefined) return `an entry has its marker at ${strange.lastOffset}, which is not in the segment`
    return bytes.length % TRANSACTION_ENTRY_BYTES === 0 ? null : 'the file ends inside an entry'
  } catch (error) {
    if (error instanceof CorruptLogError) return error.message
    throw error
  }
}

/** Walks over the entries of an index beside the batches. */
class IndexWalk {
  readonly #path: string
  readonly #entryBytes: number
  readonly #options: VerifyOptions
  readonly #bytes: Buffer
  #at = 0

  constructor(path: string, entryBytes: number, options: VerifyOptions) {
    this.#path = path
    this.#entryBytes = entryBytes
    this.#options = options
    const exists = options.disk.exists(path)
    this.#bytes = exists ? options.disk.readFile(path) : Buffer.alloc(0)
    if (!exists) this.#report(null, 'the index is missing')
    else if (this.#bytes.length % entryBytes !== 0) this.#report(this.#bytes.length, 'the file ends inside an entry')
  }

  /** Null behind the last entry: zeros fill up what was preallocated. */
  current(): Buffer | null {
    const entry = this.#bytes.subarray(this.#at, this.#at + this.#entryBytes)
    return entry.length < this.#entryBytes || entry.every((byte) => byte === 0) ? null : entry
  }

  next(): Buffer | null {
    this.#at += this.#entryBytes
    return this.current()
  }

  wrong(problem: string): void {
    this.#report(this.#at, problem)
  }

  finish(): void {
    if (this.current() !== null) this.#report(this.#at, 'an entry points behind the last batch')
  }

  #report(position: number | null, problem: string): void {
    this.#options.report({ file: this.#path, position, problem, meaning: REBUILT, severity: 'rebuilt' })
  }
}
