/** Owns walking over the batches of a segment's file from one position to another, in pieces of bounded size. */
import type { DiskFile } from '@ottla/base/disk.ts'
import { BATCH_MALFORMED, BATCH_OVERHEAD, batchSize, nextBatchAt } from '@ottla/protocol/records/batch.ts'

export const SCAN_BYTES_MAX = 1024 * 1024
/** What is read first by who expects to find what it looks for soon; each further piece is four times as large. */
export const LOOKUP_BYTES = 32 * 1024
const GROWTH = 4

export interface ScanRange {
  readonly from: number
  readonly to: number
  /** `headers`: only the header of a visited batch is in the buffer, and the bodies of large batches are not read. */
  readonly depth: 'headers' | 'whole'
  /** Of the first piece; SCAN_BYTES_MAX when left out. */
  readonly firstBytes?: number
}

/** Sees the batch that starts at `at` in `buffer` and at `position` in the file; false ends the scan before it. */
export type BatchVisitor = (buffer: Buffer, at: number, position: number) => boolean

/**
 * Visits each batch. Answers where it stopped: at `range.to`, or at the first thing that is no whole batch, or at the
 * batch that the visitor refused.
 */
export async function scanBatches(file: DiskFile, range: ScanRange, visit: BatchVisitor): Promise<number> {
  let position = range.from
  let pieceBytes = range.firstBytes ?? SCAN_BYTES_MAX
  let buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(pieceBytes, range.to - range.from)))
  while (position < range.to) {
    const wanted = Math.min(buffer.length, range.to - position)
    const read = await file.read(buffer.subarray(0, wanted), position)
    const piece = buffer.subarray(0, read)
    const { at, stopped } = visitPiece(piece, { position, to: range.to, depth: range.depth }, visit)
    position += at
    if (stopped || read < wanted) return position
    if (at === 0) {
      // The batch is larger than the buffer. Its size was checked against the end of the range.
      if (batchSize(piece, 0) <= buffer.length) return position
      buffer = Buffer.allocUnsafeSlow(batchSize(piece, 0))
    } else if (pieceBytes < SCAN_BYTES_MAX) {
      pieceBytes = Math.min(pieceBytes * GROWTH, SCAN_BYTES_MAX)
      buffer = Buffer.allocUnsafeSlow(Math.max(buffer.length, Math.min(pieceBytes, range.to - position)))
    }
  }
  return position
}

interface Piece {
  readonly position: number
  readonly to: number
  readonly depth: ScanRange['depth']
}

/** `stopped`: nothing behind `at` can be visited, however much of the file is read. */
function visitPiece(buffer: Buffer, piece: Piece, visit: BatchVisitor): { at: number; stopped: boolean } {
  let at = 0
  while (buffer.length - at >= BATCH_OVERHEAD) {
    const next = nextBatchAt(buffer, at)
    if (next === BATCH_MALFORMED) return { at, stopped: true }
    const end = at + batchSize(buffer, at)
    if (piece.position + end > piece.to) return { at, stopped: true }
    if (next < 0 && piece.depth === 'whole') return { at, stopped: false }
    if (!visit(buffer, at, piece.position + at)) return { at, stopped: true }
    at = end
    if (at >= buffer.length) break
  }
  return { at, stopped: piece.position + buffer.length >= piece.to && at < buffer.length }
}
