/** Owns writing varint and varlong, the zigzag LEB128 integers inside records; record-cursor.ts reads them. */

const SMALL_MIN = -0x4000_0000
const SMALL_MAX = 0x3fff_ffff

/** How many bytes writeVarint takes for an int32. */
export function varintBytes(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  if (raw < 0x80) return 1
  if (raw < 0x4000) return 2
  if (raw < 0x20_0000) return 3
  return raw < 0x1000_0000 ? 4 : 5
}

/** How many bytes writeVarlong takes for a safe integer. */
export function varlongBytes(value: number): number {
  if (value >= SMALL_MIN && value <= SMALL_MAX) return varintBytes(value)
  let bytes = 1
  for (let rest = Math.floor(magnitude(value) / 0x40); rest > 0; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/** Writes an int32 and returns the position behind it. */
export function writeVarint(buffer: Buffer, value: number, at: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  if (raw < 0x80) {
    buffer[at] = raw
    return at + 1
  }
  let next = at
  while (raw >= 0x80) {
    buffer[next++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  buffer[next++] = raw
  return next
}

/** Writes a safe integer and returns the position behind it. */
export function writeVarlong(buffer: Buffer, value: number, at: number): number {
  if (value >= SMALL_MIN && value <= SMALL_MAX) return writeVarint(buffer, value, at)
  // Twice a safe integer is not safe: the lowest six bits leave with the sign, in the first byte.
  const half = magnitude(value)
  let rest = Math.floor(half / 0x40)
  let next = at
  buffer[next++] = ((half % 0x40) << 1) | Number(value < 0) | 0x80
  while (rest >= 0x80) {
    buffer[next++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  buffer[next++] = rest
  return next
}

/** Zigzag's value without its lowest bit, which is the sign. */
function magnitude(value: number): number {
  return value < 0 ? -value - 1 : value
}
