/**
 * Owns what recovery cuts off a log although it may have been acknowledged: it is kept in a file beside the segments,
 * never dropped. For an operator, and for `ottla log dump`; no broker reads it again.
 *
 * Name: `<base offset of the segment>-at-<position>.damaged`, with a number before the suffix where that one is taken
 * already. Neither we nor Kafka take it for a part of the log. Crash rule: whole and durable before anything is cut.
 */
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import {
  BATCH_OVERHEAD,
  batchBaseOffset,
  batchLastOffsetDelta,
  batchMagic,
  batchSize,
  checkCrc,
  MAGIC_V2,
} from '@ottla/protocol/records/batch.ts'
import { fileName } from './file-names.ts'

export const SET_ASIDE_SUFFIX = '.damaged'

const COPY_BYTES_MAX = 1024 * 1024
/** A batch that is larger is not looked for: it would have to be in memory as a whole. */
const BATCH_BYTES_MAX = 64 * 1024 * 1024
const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** Where a batch says of which version it is. */
const MAGIC_AT = 16

export interface CutPlace {
  readonly disk: Disk
  readonly directory: string
  readonly baseOffset: number
}

/** Copies the end of a segment's file, durably; answers the copy's path. */
export async function keepEnd(file: DiskFile, { from, to }: Span, place: CutPlace): Promise<string> {
  const { disk, directory } = place
  const temporary = disk.open(`${directory}/${fileName(place.baseOffset, SET_ASIDE_SUFFIX)}.tmp`, { create: true })
  try {
    temporary.truncate(0)
    for (let position = from; position < to; ) {
      const piece = Buffer.allocUnsafe(Math.min(COPY_BYTES_MAX, to - position))
      const read = await file.read(piece, position)
      if (read === 0) break
      temporary.write(piece.subarray(0, read), position - from)
      position += read
    }
    await temporary.sync()
  } finally {
    temporary.close()
  }
  return take(temporary.path, from, place)
}

/** Gives a whole file of a segment that leaves the log a name by which it is kept; answers that. */
export function keepFile(path: string, place: CutPlace): string {
  return take(path, 0, place)
}

function take(path: string, position: number, { disk, directory, baseOffset }: CutPlace): string {
  const stem = `${directory}/${fileName(baseOffset, `-at-${position}`)}`
  let kept = `${stem}${SET_ASIDE_SUFFIX}`
  for (let number = 1; disk.exists(kept); number++) kept = `${stem}.${number}${SET_ASIDE_SUFFIX}`
  disk.rename(path, kept)
  disk.syncDirectory(directory)
  return kept
}

export interface Span {
  readonly from: number
  readonly to: number
}

/** Whether a whole batch with a right checksum, of a segment with this base offset, lies anywhere in the span. */
export async function holdsBatch(file: DiskFile, span: Span, baseOffset: number): Promise<boolean> {
  return (await findBatch(file, span, baseOffset)) !== null
}

/** Where the first such batch begins, or null. */
export async function findBatch(file: DiskFile, { from, to }: Span, baseOffset: number): Promise<number | null> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(COPY_BYTES_MAX, to - from)))
  for (let position = from; position + BATCH_OVERHEAD <= to; ) {
    const read = await file.read(buffer.subarray(0, Math.min(buffer.length, to - position)), position)
    if (read < BATCH_OVERHEAD) return null
    const piece = buffer.subarray(0, read)
    for (const at of candidates(piece, to - position, baseOffset)) {
      if (await isWhole(file, position + at, batchSize(piece, at))) return position + at
    }
    // A header that the piece cuts is looked at with the next one.
    position += read - BATCH_OVERHEAD + 1
  }
  return null
}

function* candidates(piece: Buffer, bytesLeft: number, baseOffset: number): Generator<number> {
  const last = piece.length - BATCH_OVERHEAD
  for (let magicAt = piece.indexOf(MAGIC_V2, MAGIC_AT); magicAt >= 0; magicAt = piece.indexOf(MAGIC_V2, magicAt + 1)) {
    const at = magicAt - MAGIC_AT
    if (at > last) return
    if (looksLikeBatch(piece, at, baseOffset) && batchSize(piece, at) <= bytesLeft - at) yield at
  }
}

/** Not more than a guess: what it lets through is read and its checksum made. */
function looksLikeBatch(piece: Buffer, at: number, baseOffset: number): boolean {
  if (batchMagic(piece, at) !== MAGIC_V2) return false
  // Read as two halves, because a number that is no offset may be too large for one.
  if (piece.readUInt32BE(at) > 0x1f_ffff) return false
  const offset = batchBaseOffset(piece, at)
  const size = batchSize(piece, at)
  if (size < BATCH_OVERHEAD || size > BATCH_BYTES_MAX || batchLastOffsetDelta(piece, at) < 0) return false
  return offset >= baseOffset && offset - baseOffset <= RELATIVE_OFFSET_MAX
}

async function isWhole(file: DiskFile, position: number, bytes: number): Promise<boolean> {
  const batch = Buffer.allocUnsafe(bytes)
  return (await file.read(batch, position)) === bytes && checkCrc(batch, 0)
}
