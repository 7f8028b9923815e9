/** Owns reading a sealed segment's batches one after another, in pieces of bounded size, each checked against its CRC. */
import { assert } from '@ottla/base/assert.ts'
import type { Disk, DiskFile } from '@ottla/base/disk.ts'
import type { JobStep } from '@ottla/base/threads.ts'
import { BATCH_OVERHEAD, batchSize, checkCrc, nextBatchAt } from '@ottla/protocol/records/batch.ts'
import { CorruptLogError } from '../errors.ts'

/** False: no more is wanted. */
export type BatchVisitor = (batch: Buffer) => boolean

export class BatchReader {
  readonly #disk: Disk
  readonly #buffer: Buffer
  bytesRead = 0

  constructor(disk: Disk, readBytes: number) {
    assert(readBytes >= BATCH_OVERHEAD, 'A read has room for a header')
    this.#disk = disk
    this.#buffer = Buffer.allocUnsafeSlow(readBytes)
  }

  /** Shows each batch of the file's first `bytes`; one step for each read. Answers false when the visitor has. */
  *read(path: string, bytes: number, visit: BatchVisitor): Generator<JobStep<never>, boolean> {
    const file = this.#disk.open(path, { readOnly: true })
    try {
      let buffer = this.#buffer
      for (let position = 0; position < bytes; ) {
        const piece = readPiece(file, buffer.subarray(0, Math.min(buffer.length, bytes - position)), position)
        const { used, stopped } = visitBatches(piece, { path, position, bytes }, visit)
        if (stopped) return false
        this.bytesRead += piece.length
        yield { cost: piece.length }
        position += used
        // A batch larger than the buffer gets one of its own, for this file.
        if (used === 0) buffer = Buffer.allocUnsafeSlow(batchSize(piece, 0))
      }
      return true
    } finally {
      file.close()
    }
  }
}

function readPiece(file: DiskFile, into: Buffer, position: number): Buffer {
  const read = file.readSync(into, position)
  if (read < into.length) throw corrupt(file.path, position + read, 'the file ends there')
  return into
}

interface Piece {
  readonly path: string
  readonly position: number
  readonly bytes: number
}

function visitBatches(piece: Buffer, at: Piece, visit: BatchVisitor): { used: number; stopped: boolean } {
  let used = 0
  for (let next = nextBatchAt(piece, used); next > 0; next = nextBatchAt(piece, used)) {
    if (!checkCrc(piece, used)) throw corrupt(at.path, at.position + used, 'its checksum is wrong')
    if (!visit(piece.subarray(used, next))) return { used, stopped: true }
    used = next
  }
  checkRest(piece, used, at)
  return { used, stopped: false }
}

/** What is left of a piece is the beginning of a batch that ends inside the segment. */
function checkRest(piece: Buffer, used: number, { path, position, bytes }: Piece): void {
  const left = piece.length - used
  if (left === 0) return
  if (left < BATCH_OVERHEAD) {
    if (position + piece.length === bytes) throw corrupt(path, position + used, 'it is cut off')
    return
  }
  const size = batchSize(piece, used)
  if (size <= left || position + used + size > bytes) throw corrupt(path, position + used, 'its size is impossible')
}

function corrupt(path: string, position: number, reason: string): CorruptLogError {
  return new CorruptLogError(`Cannot compact "${path}": the batch at ${position} is not whole: ${reason}`)
}
