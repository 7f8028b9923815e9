/**
 * Owns the codecs that a batch's attributes name, for whole blobs: only the records section of a batch is compressed.
 * Decompression never trusts what a blob says of itself: the result never exceeds maxBytes, claims above it are refused
 * before memory is reserved, and while pieces are joined at most twice maxBytes is held.
 *
 * gzip: members laid end to end are one stream, zero bytes behind them are ignored, other bytes refused (Java's reader
 * ignores them: what we accept, all others can read). zstd: frames and skippable frames laid end to end, anything else
 * behind them refused, as Kafka's reader does. snappy-stream.ts and lz4-frame.ts tell of the other two.
 */
import type * as Zlib from 'node:zlib'
import { assert, unreachable } from '@ottla/base/assert.ts'
import type { Scratch } from './bounded-output.ts'
import { DecompressionError, refuseOver } from './decompression-error.ts'
import { LazyModule } from './lazy-module.ts'
import { compressLz4, decompressLz4 } from './lz4-frame.ts'
import { compressSnappy, decompressSnappy } from './snappy-stream.ts'
import { isWholeZstd } from './zstd-frames.ts'

export { Scratch } from './bounded-output.ts'
export { DecompressionError, type DecompressionErrorKind } from './decompression-error.ts'
export { MissingModuleError } from './lazy-module.ts'

/** The codecs' names in configuration and errors; a codec's index is its number in a batch's attributes. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Codec = (typeof CODECS)[number]

const zlibModule = new LazyModule<typeof Zlib>('node:zlib')

/** Node gathers what it inflates in pieces of one size; a piece is reserved whole even for a small blob. */
const PIECE_BYTES_MIN = 1024
const PIECE_BYTES_MAX = 256 * 1024
const EXPECTED_EXPANSION = 4
/** Of zlib and of zstd. */
const INPUT_ERROR_CODE = /^(Z_|ZSTD_error_)/

/** The codec of a number from compressionOf(attributes); undefined for numbers that name none. */
export function codecOf(compression: number): Codec | undefined {
  return CODECS[compression]
}

/** The number that names the codec in a batch's attributes. */
export function compressionNumber(codec: Codec): number {
  return CODECS.indexOf(codec)
}

/** level: gzip −1 to 9, zstd −131072 to 22, the codec's default when left out; the others have none and ignore it. */
export function compress(codec: Codec, input: Buffer, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return input
    case 'gzip':
      return gzip(input, level)
    case 'snappy':
      return compressSnappy(input)
    case 'lz4':
      return compressLz4(input)
    case 'zstd':
      return zstd(input, level)
    default:
      return unreachable(codec)
  }
}

export interface DecompressOptions {
  readonly maxBytes: number
  /** Used where the codec can: the result then lasts until the scratch's next use. */
  readonly scratch?: Scratch | undefined
}

/**
 * Throws DecompressionError, 'too-large' above maxBytes; MissingModuleError where the machine lacks the codec. The input
 * is the same before and after, but must not be looked at by another thread meanwhile.
 */
export function decompress(codec: Codec, input: Buffer, options: DecompressOptions): Buffer {
  const { maxBytes, scratch } = options
  assert(Number.isSafeInteger(maxBytes) && maxBytes > 0, 'A bound on decompression is positive')
  switch (codec) {
    case 'none':
      refuseOver('none', input.length, maxBytes)
      return input
    case 'gzip':
      return gunzip(input, maxBytes)
    case 'snappy':
      return decompressSnappy(input, maxBytes, scratch)
    case 'lz4':
      return decompressLz4(input, maxBytes, scratch)
    case 'zstd':
      return unzstd(input, maxBytes)
    default:
      return unreachable(codec)
  }
}

function gzip(input: Buffer, level?: number): Buffer {
  const chunkSize = pieceBytes(input.length)
  return zlibModule.load().gzipSync(input, level === undefined ? { chunkSize } : { chunkSize, level })
}

function zstd(input: Buffer, level?: number): Buffer {
  const zlib = zlibModule.load()
  const chunkSize = pieceBytes(input.length)
  if (level === undefined) return zlib.zstdCompressSync(input, { chunkSize })
  return zlib.zstdCompressSync(input, { chunkSize, params: { [zlib.constants.ZSTD_c_compressionLevel]: level } })
}

function gunzip(input: Buffer, maxBytes: number): Buffer {
  const zlib = zlibModule.load()
  return inflateWith('gzip', () => zlib.gunzipSync(input, inflateOptions(input, maxBytes)))
}

function unzstd(input: Buffer, maxBytes: number): Buffer {
  if (!isWholeZstd(input)) throw new DecompressionError('zstd', 'corrupt', { reason: 'it is not whole frames' })
  const zlib = zlibModule.load()
  return inflateWith('zstd', () => zlib.zstdDecompressSync(input, inflateOptions(input, maxBytes)))
}

function inflateOptions(input: Buffer, maxBytes: number) {
  return { chunkSize: pieceBytes(Math.min(input.length * EXPECTED_EXPANSION, maxBytes)), maxOutputLength: maxBytes }
}

/** Node's codecs tell by their error's code what is wrong; an error without such a code is a bug of ours. */
function inflateWith(codec: Codec, inflate: () => Buffer): Buffer {
  try {
    return inflate()
  } catch (cause) {
    const code = String((cause as { readonly code?: unknown }).code)
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new DecompressionError(codec, 'too-large', { cause })
    if (!INPUT_ERROR_CODE.test(code)) throw cause
    throw new DecompressionError(codec, 'corrupt', { cause })
  }
}

function pieceBytes(expectedBytes: number): number {
  return Math.min(Math.max(expectedBytes, PIECE_BYTES_MIN), PIECE_BYTES_MAX)
}
