/**
 * Owns the outline of a zstd blob: frames and skippable frames end to end, and nothing else. Node's decoder stops
 * silently at bytes behind a frame that start no other, where Kafka's readers fail: such a blob must be refused here,
 * or it would be accepted into a log that they cannot read past.
 *
 * | bytes     | field of a frame                                                                           |
 * | --------- | ------------------------------------------------------------------------------------------ |
 * | 4         | magic 28 b5 2f fd (skippable frames: 50–5f 2a 4d 18, uint32 size, that many bytes)         |
 * | 1         | descriptor: bits 7–6 size of content size, 5 single segment, 2 checksum, 1–0 dictionary id |
 * | 0 or 1    | window, absent in a single segment                                                         |
 * | 0–4       | dictionary id                                                                              |
 * | 0–8       | content size                                                                               |
 * | blocks    | each: uint24 (bit 0 last, 1–2 type, the rest size) and its bytes: one for type 1, else size |
 * | 0 or 4    | checksum                                                                                   |
 *
 * Integers are little-endian.
 */

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_MASK = 0xfffffff0
const SKIPPABLE_HEADER_BYTES = 8
const DESCRIPTOR_AT = 4
const SINGLE_SEGMENT_FLAG = 0x20
const CHECKSUM_FLAG = 0x04
const CHECKSUM_BYTES = 4
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const
const BLOCK_HEADER_BYTES = 3
const RUN_LENGTH_BLOCK = 1

/** True when the input is one or more whole frames, by their outline alone. */
export function isWholeZstd(input: Buffer): boolean {
  let at = 0
  while (at < input.length) {
    const end = frameEnd(input, at)
    if (end < 0 || end > input.length) return false
    at = end
  }
  return input.length > 0
}

/** Where the frame at `at` ends, maybe behind the input; −1 where no frame starts or its outline breaks off. */
function frameEnd(input: Buffer, at: number): number {
  if (at + SKIPPABLE_HEADER_BYTES > input.length) return -1
  const magic = input.readUInt32LE(at)
  if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC)
    return at + SKIPPABLE_HEADER_BYTES + input.readUInt32LE(at + 4)
  if (magic !== MAGIC) return -1
  const descriptor = input[at + DESCRIPTOR_AT]!
  const blocksEnd = lastBlockEnd(input, at + DESCRIPTOR_AT + 1 + optionalHeaderBytes(descriptor))
  if (blocksEnd < 0) return -1
  return descriptor & CHECKSUM_FLAG ? blocksEnd + CHECKSUM_BYTES : blocksEnd
}

function optionalHeaderBytes(descriptor: number): number {
  const singleSegment = (descriptor & SINGLE_SEGMENT_FLAG) !== 0
  const windowBytes = singleSegment ? 0 : 1
  const sizeCode = descriptor >>> 6
  const contentSizeBytes = sizeCode === 0 ? Number(singleSegment) : 1 << sizeCode
  return windowBytes + DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] + contentSizeBytes
}

function lastBlockEnd(input: Buffer, blocksAt: number): number {
  let at = blocksAt
  while (at + BLOCK_HEADER_BYTES <= input.length) {
    const header = input.readUIntLE(at, BLOCK_HEADER_BYTES)
    const type = (header >>> 1) & 3
    at += BLOCK_HEADER_BYTES + (type === RUN_LENGTH_BLOCK ? 1 : header >>> 3)
    if ((header & 1) === 1) return at
  }
  return -1
}
