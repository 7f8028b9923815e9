/** Owns the damage that tests do to bytes: reproducible from a seed, so that a failing case can be run again. */

/** A small generator of 32-bit numbers (xorshift); the seed is not 0. */
export function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** A copy with one to four bytes changed, and every third time cut short as well. */
export function mutated(bytes: Buffer, random: () => number): Buffer {
  const kept = random() % 3 === 0 ? random() % (bytes.length + 1) : bytes.length
  const copy = Buffer.from(bytes.subarray(0, kept))
  if (copy.length === 0) return copy
  for (let changes = 1 + (random() % 4); changes > 0; changes--) copy[random() % copy.length] = random() & 0xff
  return copy
}
