/**
 * Owns int64 fields held as JavaScript numbers. Offsets, timestamps and producer ids are safe integers wherever an
 * honest peer wrote them; a hostile one may send any 64 bits, so a value outside the safe range is saturated to the
 * nearest safe integer instead of thrown: such a batch is then refused by the ordinary range checks.
 */

const TWO_TO_32 = 0x1_0000_0000
/** The int32 high words between which every low word gives a safe integer. */
const SAFE_HIGH_MIN = -0x20_0000
const SAFE_HIGH_MAX = 0x1f_ffff

/** Reads a big-endian int64, saturated to the safe integers. */
export function readInt64(buffer: Buffer, at: number): number {
  const high = buffer.readInt32BE(at)
  if (high > SAFE_HIGH_MAX) return Number.MAX_SAFE_INTEGER
  // -2^53 itself has this high word and a low word of zero, and is one below the smallest safe integer.
  if (high <= SAFE_HIGH_MIN) return high < SAFE_HIGH_MIN ? Number.MIN_SAFE_INTEGER : readLowestWord(buffer, at)
  return high * TWO_TO_32 + buffer.readUInt32BE(at + 4)
}

/** Writes a safe integer as a big-endian int64. */
export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_TO_32), at)
  buffer.writeUInt32BE(value >>> 0, at + 4)
}

function readLowestWord(buffer: Buffer, at: number): number {
  return Math.max(SAFE_HIGH_MIN * TWO_TO_32 + buffer.readUInt32BE(at + 4), Number.MIN_SAFE_INTEGER)
}
