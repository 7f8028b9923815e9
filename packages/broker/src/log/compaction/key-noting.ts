/** Owns noting the keys of the dirty section's batches: whose keys count, and up to which record there was room. */
import { batchAttributes, batchBaseOffset, batchRecordCount, isControl } from '@ottla/protocol/records/batch.ts'
import { Scratch } from '@ottla/protocol/records/compression.ts'
import { RecordCursor, RecordFormatError } from '@ottla/protocol/records/record-cursor.ts'
import type { OffsetMap } from './offset-map.ts'
import { recordsOf } from './retained-batch.ts'
import type { TransactionsSeen } from './transactions-seen.ts'

/** Whether the batch's keys count: not those of markers and aborted transactions. */
export function isNoted(batch: Buffer, transactions: TransactionsSeen): boolean {
  if (!isControl(batchAttributes(batch, 0))) return !transactions.sawBatch(batch)
  transactions.sawControlBatch(batch)
  return false
}

/** Puts the keys of batches into the map. */
export class KeyNoting {
  readonly #map: OffsetMap
  readonly #options: { readonly firstOffset: number; readonly decompressedBytesMax: number }
  readonly #scratch = new Scratch()
  /** Of the records that were noted or have no key. */
  lastNotedOffset: number

  constructor(map: OffsetMap, options: { readonly firstOffset: number; readonly decompressedBytesMax: number }) {
    this.#map = map
    this.#options = options
    this.lastNotedOffset = options.firstOffset - 1
  }

  /** False: the map is full, at the record behind `lastNotedOffset`. */
  note(batch: Buffer): boolean {
    const { firstOffset, decompressedBytesMax } = this.#options
    const section = recordsOf(batch, decompressedBytesMax, this.#scratch)
    const cursor = new RecordCursor(section, 0, section.length)
    const baseOffset = batchBaseOffset(batch, 0)
    // Everything before the batch is known by now.
    this.lastNotedOffset = Math.max(this.lastNotedOffset, baseOffset - 1)
    for (let index = 0; index < batchRecordCount(batch, 0); index++) {
      if (!cursor.next()) throw RecordFormatError.at(index, cursor.fault ?? 'records-missing')
      const offset = baseOffset + cursor.offsetDelta
      const key = cursor.key()
      if (key !== null && offset >= firstOffset && !this.#map.put(key, offset)) return false
      this.lastNotedOffset = Math.max(this.lastNotedOffset, offset)
    }
    return true
  }
}
