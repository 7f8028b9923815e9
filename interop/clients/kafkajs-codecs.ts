/**
 * The codecs that kafkajs leaves to others: snappy as one raw block (as kafkajs-snappy writes it, without the framing of
 * Java's clients), lz4 frames, zstd. Reading takes both forms of snappy.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import snappy from 'snappy'

/** kafkajs hands over its own Encoder and takes and gives Buffers. */
interface Encoder {
  readonly buffer: Buffer
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  CompressionCodecs[CompressionTypes.Snappy] = codec((bytes) => snappy.compressSync(bytes), unsnappy)
  CompressionCodecs[CompressionTypes.LZ4] = codec(compressFrameSync, decompressFrameSync)
  CompressionCodecs[CompressionTypes.ZSTD] = codec(zstdCompressSync, zstdDecompressSync)
}

function codec(compress: (bytes: Buffer) => Buffer, decompress: (bytes: Buffer) => Buffer) {
  return () => ({
    compress: async (encoder: Encoder) => compress(encoder.buffer),
    decompress: async (bytes: Buffer) => decompress(bytes),
  })
}

function unsnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return inflate(bytes)
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at)
    blocks.push(inflate(bytes.subarray(at + 4, end)))
    at = end
  }
  return Buffer.concat(blocks)
}

function inflate(block: Buffer): Buffer {
  return snappy.uncompressSync(block, { asBuffer: true }) as Buffer
}
