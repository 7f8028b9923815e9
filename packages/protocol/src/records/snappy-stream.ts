/**
 * Owns the two forms that snappy records have: the xerial stream that Java's clients write, and one bare block, which
 * others write. Bytes that do not start with the stream's magic are a bare block.
 *
 * | bytes  | field of a xerial stream                                                                      |
 * | ------ | --------------------------------------------------------------------------------------------- |
 * | 8      | magic 82 53 4e 41 50 50 59 00                                                                 |
 * | 4      | version = 1                                                                                   |
 * | 4      | oldest compatible version = 1                                                                 |
 * | chunks | each: int32 size, a bare block of that size                                                   |
 *
 * Integers are big-endian. A bare block starts with its decompressed size, an unsigned LEB128 of at most 5 bytes. As
 * xerial's own reader: a header may come again between chunks (streams laid end to end), and one to three bytes at the
 * end, too few for a size, are ignored.
 */
import { BoundedOutput, type Scratch } from './bounded-output.ts'
import { DecompressionError, refuseOver } from './decompression-error.ts'
import { LazyModule } from './lazy-module.ts'

interface SnappyModule {
  compressSync(block: Buffer, options: { readonly copyOutputData: boolean }): Buffer
  uncompressSync(block: Buffer, options: { readonly copyOutputData: boolean }): Buffer
}

const snappyModule = new LazyModule<SnappyModule>('snappy')

/** Results that live outside V8's sight are collected too late: without this, memory grows by hundreds of megabytes. */
const NATIVE_OPTIONS = { copyOutputData: true } as const

const HEADER = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex')
const MAGIC_BYTES = 8
const COMPATIBLE_VERSION_AT = 12
const VERSION = 1
/** The magic's first word, read as a chunk's size, is negative: that is how a repeated header is told from a chunk. */
const MAGIC_WORD = HEADER.readInt32BE(0)
const WORD_BYTES = 4
const WRITTEN_BLOCK_BYTES_MAX = 32 * 1024
const SIZE_BYTES_MAX = 5
/** The densest element of a block has 3 bytes and stands for 64. */
const EXPANSION_MAX = 22

/** A xerial stream of 32 KiB blocks, as Java's client writes it. */
export function compressSnappy(input: Buffer): Buffer {
  const snappy = snappyModule.load()
  const pieces: Buffer[] = [HEADER]
  for (let at = 0; at < input.length; at += WRITTEN_BLOCK_BYTES_MAX) {
    const block = snappy.compressSync(input.subarray(at, at + WRITTEN_BLOCK_BYTES_MAX), NATIVE_OPTIONS)
    const size = Buffer.allocUnsafe(WORD_BYTES)
    size.writeInt32BE(block.length, 0)
    pieces.push(size, block)
  }
  return Buffer.concat(pieces)
}

/** Throws DecompressionError. All sizes are checked against maxBytes before the first block is decompressed. */
export function decompressSnappy(input: Buffer, maxBytes: number, scratch?: Scratch): Buffer {
  if (!startsWithMagic(input, 0)) return decompressBare(input, maxBytes)
  let totalBytes = 0
  forEachBlock(input, (block) => {
    totalBytes += decompressedSize(block)
    refuseOver('snappy', totalBytes, maxBytes)
  })
  return joinBlocks(input, totalBytes, scratch)
}

function decompressBare(input: Buffer, maxBytes: number): Buffer {
  refuseOver('snappy', decompressedSize(input), maxBytes)
  checkExpansion(input)
  return uncompressBlock(input)
}

function joinBlocks(input: Buffer, totalBytes: number, scratch?: Scratch): Buffer {
  forEachBlock(input, checkExpansion)
  const output = new BoundedOutput('snappy', { expectedBytes: totalBytes, maxBytes: totalBytes, scratch })
  forEachBlock(input, (block) => output.append(uncompressBlock(block)))
  return output.finish()
}

/** Visits the bare blocks of a xerial stream in order. */
function forEachBlock(input: Buffer, visit: (block: Buffer) => void): void {
  let at = skipHeader(input, 0)
  while (at + WORD_BYTES <= input.length) {
    const size = input.readInt32BE(at)
    if (size === MAGIC_WORD) {
      at = skipHeader(input, at)
      continue
    }
    const end = at + WORD_BYTES + size
    if (size < 0 || end > input.length) throw corrupt('a chunk is cut off')
    visit(input.subarray(at + WORD_BYTES, end))
    at = end
  }
}

function skipHeader(input: Buffer, at: number): number {
  if (!startsWithMagic(input, at) || at + HEADER.length > input.length) throw corrupt('a stream header is malformed')
  if (input.readInt32BE(at + COMPATIBLE_VERSION_AT) < VERSION) throw corrupt('its version is unknown')
  return at + HEADER.length
}

function startsWithMagic(input: Buffer, at: number): boolean {
  const end = at + MAGIC_BYTES
  return end <= input.length && HEADER.compare(input, at, end, 0, MAGIC_BYTES) === 0
}

/** What the block says that it holds. */
function decompressedSize(block: Buffer): number {
  let size = 0
  for (let i = 0; i < SIZE_BYTES_MAX && i < block.length; i++) {
    const byte = block[i]!
    size += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return size
  }
  throw corrupt('a block has no size')
}

/** A block that claims more than its bytes can stand for is refused before anything is reserved for it. */
function checkExpansion(block: Buffer): void {
  if (decompressedSize(block) > block.length * EXPANSION_MAX) throw corrupt('a block claims more than it can hold')
}

function uncompressBlock(block: Buffer): Buffer {
  const snappy = snappyModule.load()
  try {
    return snappy.uncompressSync(block, NATIVE_OPTIONS)
  } catch (cause) {
    throw corrupt('a block is malformed', cause)
  }
}

function corrupt(reason: string, cause?: unknown): DecompressionError {
  return new DecompressionError('snappy', 'corrupt', { reason, cause })
}
