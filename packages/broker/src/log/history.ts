/** Owns reading what is only in files: one range of one segment by one read, without copying. */
import { assert } from '@ottla/base/assert.ts'
import {
  BATCH_OVERHEAD,
  batchBaseOffset,
  batchLastOffset,
  batchLastOffsetDelta,
  batchMagic,
  batchSize,
  MAGIC_V2,
} from '@ottla/protocol/records/batch.ts'
import { CorruptLogError } from './errors.ts'
import { LOG_SUFFIX } from './file-names.ts'
import { EMPTY_LEASE, type ReadLease } from './lease.ts'
import { LARGE_BLOCK_BYTES, type OpenSegments } from './open-segments.ts'
import type { Segment } from './segment.ts'
import type { ReadRequest } from './tail.ts'

/** How far behind an index entry's batch the wanted one usually starts: read along with it, so that one read does. */
const LOOKUP_SLACK_BYTES = 8 * 1024
/** Of the upper half of the largest offset: 2^53 − 1. */
const OFFSET_HIGH_MAX = 0x1f_ffff

/** Whole batches of the pinned segment, or null when all its batches end before the offset. */
export async function readSegment(
  segment: Segment,
  request: ReadRequest,
  shared: OpenSegments,
): Promise<ReadLease | null> {
  let position = segment.offsetIndex.lookup(request.offset)
  let wantedBytes = Math.min(request.maxBytes + LOOKUP_SLACK_BYTES, LARGE_BLOCK_BYTES)
  const end = segment.writtenBytes
  while (position < end) {
    const block = shared.takeBlock(Math.min(Math.max(wantedBytes, BATCH_OVERHEAD), end - position))
    const into = block.subarray(0, Math.min(block.length, end - position))
    const bytes = await readInto(segment, into, position).catch((error: unknown) => {
      shared.giveBlock(block)
      throw error
    })
    const found = selectOrGiveBack(into.subarray(0, bytes), request, {
      segment,
      position,
      giveBack: () => shared.giveBlock(block),
    })
    if (found.kind === 'batches') return new BlockLease(shared, block, into.subarray(found.from, found.to))
    shared.giveBlock(block)
    if (found.kind === 'nothing') return EMPTY_LEASE
    position += found.at
    const isRepeated = found.at === 0 && found.bytes <= into.length
    if (isRepeated || (position < end && position + found.bytes > end)) {
      throw corrupt({ segment, position }, 'the file ends inside it')
    }
    wantedBytes = Math.max(found.bytes, Math.min(request.maxBytes, LARGE_BLOCK_BYTES))
  }
  return null
}

function readInto(segment: Segment, into: Buffer, position: number): Promise<number> {
  assert(into.length > 0, 'A read has room for something')
  return segment.file.read(into, position)
}

type Selection =
  | { readonly kind: 'batches'; readonly from: number; readonly to: number }
  /** The offset's batch is there, but the request does not want it. */
  | { readonly kind: 'nothing' }
  /** To go on at `at`, with at least `bytes`. */
  | { readonly kind: 'more'; readonly at: number; readonly bytes: number }

interface ReadPlace {
  readonly segment: Segment
  /** Of the buffer's first byte in the file. */
  readonly position: number
}

function selectOrGiveBack(
  buffer: Buffer,
  request: ReadRequest,
  { giveBack, ...place }: ReadPlace & { readonly giveBack: () => void },
): Selection {
  try {
    return selectBatches(buffer, request, place)
  } catch (error) {
    giveBack()
    throw error
  }
}

function selectBatches(buffer: Buffer, request: ReadRequest, place: ReadPlace): Selection {
  let from = 0
  while (from + BATCH_OVERHEAD <= buffer.length) {
    const bytes = checkedSize(buffer, from, place)
    if (batchLastOffset(buffer, from) >= request.offset) break
    from += bytes
  }
  if (from + BATCH_OVERHEAD > buffer.length) return { kind: 'more', at: from, bytes: BATCH_OVERHEAD }
  const firstBytes = batchSize(buffer, from)
  if (batchBaseOffset(buffer, from) >= request.maxOffset) return { kind: 'nothing' }
  if (firstBytes > request.maxBytes && !request.minOneBatch) return { kind: 'nothing' }
  if (from + firstBytes > buffer.length) return { kind: 'more', at: from, bytes: firstBytes }
  const limit = Math.min(buffer.length, from + request.maxBytes)
  let to = from + firstBytes
  while (to + BATCH_OVERHEAD <= limit) {
    // What is damaged is told to who asks for it: the batches before it are served.
    if (headerProblem(buffer, to, place.segment) !== null) break
    const next = to + batchSize(buffer, to)
    if (next > limit || batchBaseOffset(buffer, to) >= request.maxOffset) break
    to = next
  }
  return { kind: 'batches', from, to }
}

function checkedSize(buffer: Buffer, at: number, { segment, position }: ReadPlace): number {
  const problem = headerProblem(buffer, at, segment)
  if (problem !== null) throw corrupt({ segment, position: position + at }, problem)
  return batchSize(buffer, at)
}

/** What shows that no batch of the segment begins here. Of a body only its reader, who has its checksum, can tell. */
function headerProblem(buffer: Buffer, at: number, { baseOffset }: Segment): string | null {
  if (batchSize(buffer, at) < BATCH_OVERHEAD) return `its size is ${batchSize(buffer, at)}`
  if (batchMagic(buffer, at) !== MAGIC_V2) return `its version is ${batchMagic(buffer, at)}`
  if (batchLastOffsetDelta(buffer, at) < 0) return 'it ends before it begins'
  // Read as two halves, because a number that is no offset may be too large for one.
  const isOffset = buffer.readUInt32BE(at) <= OFFSET_HIGH_MAX && batchBaseOffset(buffer, at) >= baseOffset
  return isOffset ? null : 'its offset is not one of its segment'
}

function corrupt({ segment, position }: ReadPlace, problem: string): CorruptLogError {
  return new CorruptLogError(`Cannot read batch in "${segment.path(LOG_SUFFIX)}" at ${position}: ${problem}`)
}

class BlockLease implements ReadLease {
  readonly parts: readonly Buffer[]
  readonly bytes: number
  readonly #shared: OpenSegments
  #block: Buffer | null

  constructor(shared: OpenSegments, block: Buffer, part: Buffer) {
    this.parts = [part]
    this.bytes = part.length
    this.#shared = shared
    this.#block = block
  }

  release(): void {
    assert(this.#block !== null, 'A lease is released once')
    this.#shared.giveBlock(this.#block)
    this.#block = null
  }
}
