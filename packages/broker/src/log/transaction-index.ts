/**
 * Owns the form of `<base offset>.txnindex`: the aborted transactions whose abort marker lies in the segment.
 *
 * | offset | bytes | field                                                              |
 * | ------ | ----- | ------------------------------------------------------------------ |
 * | 0      | 2     | version = 0                                                        |
 * | 2      | 8     | producerId                                                         |
 * | 10     | 8     | firstOffset: of the transaction                                    |
 * | 18     | 8     | lastOffset: of the abort marker                                    |
 * | 26     | 8     | lastStableOffset: as of the marker                                 |
 *
 * Big-endian, entries back to back, in the order of the markers; the file is there once there is an entry. An entry that
 * is not whole was being written.
 */
import { readInt64, writeInt64 } from '@ottla/protocol/records/int64.ts'
import { CorruptLogError } from './errors.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

const VERSION = 0
export const TRANSACTION_ENTRY_BYTES = 34

/** `path` is for the message of the CorruptLogError that another version gives. */
export function parseAbortedTransactions(bytes: Buffer, path: string): AbortedTransaction[] {
  const entries: AbortedTransaction[] = []
  for (let at = 0; at + TRANSACTION_ENTRY_BYTES <= bytes.length; at += TRANSACTION_ENTRY_BYTES) {
    const version = bytes.readInt16BE(at)
    if (version !== VERSION) throw new CorruptLogError(`Cannot read "${path}" at ${at}: its version is ${version}`)
    entries.push({
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    })
  }
  return entries
}

export function formatAbortedTransactions(entries: readonly AbortedTransaction[]): Buffer {
  const bytes = Buffer.alloc(entries.length * TRANSACTION_ENTRY_BYTES)
  for (const [index, entry] of entries.entries()) {
    const at = index * TRANSACTION_ENTRY_BYTES
    bytes.writeInt16BE(VERSION, at)
    writeInt64(bytes, entry.producerId, at + 2)
    writeInt64(bytes, entry.firstOffset, at + 10)
    writeInt64(bytes, entry.lastOffset, at + 18)
    writeInt64(bytes, entry.lastStableOffset, at + 26)
  }
  return bytes
}
