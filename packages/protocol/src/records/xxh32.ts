/** Owns the 32-bit xxHash, which LZ4 frames use for their header and blocks. */

const PRIME_1 = 0x9e3779b1 | 0
const PRIME_2 = 0x85ebca77 | 0
const PRIME_3 = 0xc2b2ae3d | 0
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1
const STRIPE_BYTES = 16

/** The hash, with seed 0, of the bytes from start up to, not including, end; unsigned. */
export function xxh32(buffer: Buffer, start: number, end: number): number {
  const stripesEnd = end - ((end - start) % STRIPE_BYTES)
  const seeded = stripesEnd > start ? hashStripes(buffer, start, stripesEnd) : PRIME_5
  return avalanche(hashTail((seeded + (end - start)) | 0, buffer.subarray(stripesEnd, end)))
}

/** Four lanes, one for each word of a stripe. */
function hashStripes(buffer: Buffer, start: number, end: number): number {
  let a = (PRIME_1 + PRIME_2) | 0
  let b = PRIME_2
  let c = 0
  let d = -PRIME_1 | 0
  for (let at = start; at < end; at += STRIPE_BYTES) {
    a = round(a, buffer.readInt32LE(at))
    b = round(b, buffer.readInt32LE(at + 4))
    c = round(c, buffer.readInt32LE(at + 8))
    d = round(d, buffer.readInt32LE(at + 12))
  }
  return (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
}

function hashTail(seeded: number, tail: Buffer): number {
  let hash = seeded
  let at = 0
  for (; at + 4 <= tail.length; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(tail.readInt32LE(at), PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; at < tail.length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(tail[at]!, PRIME_5)) | 0, 11), PRIME_1)
  }
  return hash
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1)
}

function avalanche(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  const second = Math.imul(first ^ (first >>> 13), PRIME_3)
  return (second ^ (second >>> 16)) >>> 0
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
