/**
 * Owns making bytes durable whose sync has failed once. The kernel may have given up pages that it could not write and
 * call them clean: they can be read, and a second sync would tell of success without having written anything. So they
 * are written again, as they are, before the sync that counts.
 */
import type { Disk } from '@ottla/base/disk.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { Segment } from './segment.ts'

const COPY_BYTES_MAX = 1024 * 1024

export interface RewriteOptions {
  readonly disk: Disk
  readonly directory: string
  readonly syncs: SyncQueue
  /** Everything below it was durable before the failure. */
  readonly offset: number
}

/** Writes and syncs again what the recovered segments hold from the offset on. Rejects with DiskError: they are closed. */
export async function rewriteBehind(segments: readonly Segment[], options: RewriteOptions): Promise<void> {
  const { offset, disk, directory } = options
  try {
    for (const [index, segment] of segments.entries()) {
      const next = segments[index + 1]
      if (next === undefined || next.baseOffset > offset) await rewriteSegment(segment, options)
    }
    disk.syncDirectory(directory)
  } catch (error) {
    for (const segment of segments) segment.close()
    throw error
  }
}

async function rewriteSegment(segment: Segment, { offset, syncs }: RewriteOptions): Promise<void> {
  segment.pin()
  try {
    segment.open()
    const from = segment.hasIndexes ? segment.offsetIndex.lookup(offset) : 0
    for (let position = from; position < segment.bytes; ) position += await rewritePiece(segment, position)
    await syncs.sync(segment.file)
  } finally {
    segment.unpin()
  }
}

async function rewritePiece({ file, bytes }: Segment, position: number): Promise<number> {
  const piece = Buffer.allocUnsafe(Math.min(COPY_BYTES_MAX, bytes - position))
  const read = await file.read(piece, position)
  file.write(piece.subarray(0, read), position)
  // A file that is shorter than it was is whoever reads it next to tell of.
  return read === 0 ? bytes - position : read
}
