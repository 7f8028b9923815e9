/**
 * Owns the files that a compaction writes: one segment with its indexes, under their final names with `.cleaned` behind.
 * Until `finish` has ended they are worth nothing; after it they are durable, names and bytes. The index rules are
 * segment-indexes.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import type { JobStep } from '@ottla/base/threads.ts'
import {
  CLEANED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../file-names.ts'
import { placeOf } from '../segment.ts'
import { SegmentIndexes } from '../segment-indexes.ts'
import { type AbortedTransaction, formatAbortedTransactions } from '../transaction-index.ts'

/** Synced in pieces: one sync of a whole segment would hold up everybody else's. */
const UNSYNCED_BYTES_MAX = 16 * 1024 * 1024
/** The largest position that an index can hold. */
const POSITION_MAX = 0x7fff_ffff

export interface CleanedFilesOptions {
  readonly disk: Disk
  readonly directory: string
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  /** What is gathered before it is written. */
  readonly writeBytes: number
  /** Whether there is an index of aborted transactions to replace: it is written then, even without entries. */
  readonly hasTransactionIndex: boolean
}

export class CleanedFiles {
  readonly #options: CleanedFilesOptions
  readonly #file: DiskFile
  readonly #indexes: SegmentIndexes
  readonly #aborted: AbortedTransaction[] = []
  readonly #buffer: Buffer
  #buffered = 0
  #written = 0
  #unsynced = 0

  constructor(options: CleanedFilesOptions) {
    this.#options = options
    this.#indexes = SegmentIndexes.empty(options.baseOffset)
    this.#buffer = Buffer.allocUnsafeSlow(options.writeBytes)
    this.#file = options.disk.open(this.#path(LOG_SUFFIX), { create: true })
    this.#file.truncate(0)
  }

  get bytes(): number {
    return this.#written + this.#buffered
  }

  append(batch: Buffer): void {
    const position = this.bytes
    assert(position + batch.length <= POSITION_MAX, 'A cleaned segment is not larger than an index can tell')
    this.#indexes.add(placeOf(batch, 0), position, this.#options.indexIntervalBytes)
    if (this.#buffered + batch.length > this.#buffer.length) this.#flush()
    if (batch.length > this.#buffer.length) {
      this.#write(batch)
      return
    }
    batch.copy(this.#buffer, this.#buffered)
    this.#buffered += batch.length
  }

  addAborted(transaction: AbortedTransaction): void {
    this.#aborted.push(transaction)
  }

  /** Syncs what has gathered; true when it did. */
  syncIfMuch(): boolean {
    if (this.#unsynced < UNSYNCED_BYTES_MAX) return false
    this.#file.syncNow()
    this.#unsynced = 0
    return true
  }

  /** Makes everything durable, a file at a step, and closes it. */
  *finish(): Generator<JobStep<never>> {
    const { disk, directory, hasTransactionIndex } = this.#options
    this.#flush()
    this.#file.syncNow()
    this.#file.close()
    yield { cost: 0 }
    this.#indexes.seal()
    const paths = { offset: this.#path(OFFSET_INDEX_SUFFIX), time: this.#path(TIME_INDEX_SUFFIX) }
    syncAndClose(this.#indexes.flush(disk, paths))
    if (hasTransactionIndex) syncAndClose([this.#writeTransactionIndex()])
    // The names too: a rename of one that a crash takes back would bring an index without its segment.
    disk.syncDirectory(directory)
    yield { cost: 0 }
  }

  /** Closes and removes what is there. */
  abandon(): void {
    this.#file.close()
    const { disk } = this.#options
    for (const suffix of [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX]) {
      if (disk.exists(this.#path(suffix))) disk.remove(this.#path(suffix))
    }
  }

  #writeTransactionIndex(): DiskFile {
    const file = this.#options.disk.open(this.#path(TRANSACTION_INDEX_SUFFIX), { create: true })
    const bytes = formatAbortedTransactions(this.#aborted)
    file.truncate(0)
    if (bytes.length > 0) file.write(bytes, 0)
    return file
  }

  #flush(): void {
    if (this.#buffered === 0) return
    const bytes = this.#buffer.subarray(0, this.#buffered)
    this.#buffered = 0
    this.#write(bytes)
  }

  #write(bytes: Buffer): void {
    this.#file.write(bytes, this.#written)
    this.#written += bytes.length
    this.#unsynced += bytes.length
  }

  #path(suffix: string): string {
    const { directory, baseOffset } = this.#options
    return `${directory}/${fileName(baseOffset, suffix)}${CLEANED_SUFFIX}`
  }
}

function syncAndClose(files: readonly DiskFile[]): void {
  try {
    for (const file of files) file.syncNow()
  } finally {
    for (const file of files) file.close()
  }
}
