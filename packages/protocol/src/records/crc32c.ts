/**
 * Owns CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), the checksum of record batches and producer snapshots.
 * The native module wins from a few hundred bytes on; below that the call itself costs more than a table in plain
 * JavaScript, which is also the fallback where the native module is missing.
 */
import { LazyModule } from './lazy-module.ts'

interface Crc32Module {
  crc32c(input: Uint8Array): number
}

/** Measured on Node 26: from here on a native call, with the view that it needs, is cheaper than the tables. */
const NATIVE_BYTES_MIN = 256

const POLYNOMIAL = 0x82f63b78
const SLICES = 8
const TABLES = buildTables()
const crc32Module = new LazyModule<Crc32Module>('@node-rs/crc32')

/** CRC-32C of the bytes from start up to, not including, end; as an unsigned 32-bit number. */
export function crc32c(buffer: Buffer, start = 0, end = buffer.length): number {
  if (end - start < NATIVE_BYTES_MIN) return crc32cPlain(buffer, start, end)
  const native = crc32Module.loadIfPresent()
  if (native === undefined) return crc32cPlain(buffer, start, end)
  const whole = start === 0 && end === buffer.length
  return native.crc32c(whole ? buffer : buffer.subarray(start, end))
}

/** The same in plain JavaScript: eight bytes a step, one table for each ("slicing by 8"). */
export function crc32cPlain(buffer: Buffer, start: number, end: number): number {
  let crc = -1
  let at = start
  for (; at + SLICES <= end; at += SLICES) {
    crc ^= buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
    crc =
      TABLES[0x700 | (crc & 0xff)]! ^
      TABLES[0x600 | ((crc >>> 8) & 0xff)]! ^
      TABLES[0x500 | ((crc >>> 16) & 0xff)]! ^
      TABLES[0x400 | (crc >>> 24)]! ^
      TABLES[0x300 | buffer[at + 4]!]! ^
      TABLES[0x200 | buffer[at + 5]!]! ^
      TABLES[0x100 | buffer[at + 6]!]! ^
      TABLES[buffer[at + 7]!]!
  }
  for (; at < end; at++) crc = TABLES[(crc ^ buffer[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Row k holds, for each byte value, its contribution to the remainder when k more bytes follow it. */
function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const shorter = tables[i - 256]!
    tables[i] = tables[shorter & 0xff]! ^ (shorter >>> 8)
  }
  return tables
}
