/**
 * Owns the files that a compaction writes: one segment with its indexes, under their final names with `.cleaned` behind.
 * Until `finish` has ended they are worth nothing; after it they are durable, names and bytes. The index rules are
 * segment.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import type { JobStep } from '@ottla/base/threads.ts'
import { batchLastOffset, batchMaxTimestamp } from '@ottla/protocol/records/batch.ts'
import {
  CLEANED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../file-names.ts'
import { OffsetIndex } from '../offset-index.ts'
import { TimeIndex } from '../time-index.ts'
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
  readonly #offsetIndex: OffsetIndex
  readonly #timeIndex: TimeIndex
  readonly #aborted: AbortedTransaction[] = []
  readonly #buffer: Buffer
  #buffered = 0
  #written = 0
  #unsynced = 0
  #bytesSinceIndexEntry = 0
  #maxTimestamp = -1
  #maxTimestampOffset = -1

  constructor(options: CleanedFilesOptions) {
    this.#options = options
    this.#offsetIndex = new OffsetIndex(options.baseOffset)
    this.#timeIndex = new TimeIndex(options.baseOffset)
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
    this.#index(batch, position)
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
    this.#timeIndex.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
    syncAndClose(this.#offsetIndex.flush(disk, this.#path(OFFSET_INDEX_SUFFIX)))
    syncAndClose(this.#timeIndex.flush(disk, this.#path(TIME_INDEX_SUFFIX)))
    if (hasTransactionIndex) syncAndClose(this.#writeTransactionIndex())
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

  #index(batch: Buffer, position: number): void {
    const lastOffset = batchLastOffset(batch, 0)
    const timestamp = batchMaxTimestamp(batch, 0)
    if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp
      this.#maxTimestampOffset = lastOffset
    }
    if (this.#bytesSinceIndexEntry > this.#options.indexIntervalBytes) {
      this.#offsetIndex.append(lastOffset, position)
      this.#timeIndex.maybeAppend(this.#maxTimestamp, this.#maxTimestampOffset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += batch.length
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

function syncAndClose(file: DiskFile): void {
  try {
    file.syncNow()
  } finally {
    file.close()
  }
}
