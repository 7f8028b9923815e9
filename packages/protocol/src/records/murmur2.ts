/** Owns murmur2 as Kafka's clients use it, which decides the partition of a record with a key. */
import { assert } from '@ottla/base/assert.ts'

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24

/** The hash as a signed 32-bit number, like Java's. */
export function murmur2(key: Uint8Array): number {
  const wordsEnd = key.length & ~3
  let hash = SEED ^ key.length
  for (let at = 0; at < wordsEnd; at += 4) {
    const word = Math.imul(key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word ^ (word >>> SHIFT), MULTIPLIER)
  }
  return finish(mixTail(hash, key, wordsEnd))
}

/** The partition that every Kafka client with the default partitioner puts this key in. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  assert(partitionCount > 0, 'A topic has partitions')
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

/** The last one to three bytes, as a little-endian word. */
function mixTail(hash: number, key: Uint8Array, wordsEnd: number): number {
  if (wordsEnd === key.length) return hash
  let tail = 0
  for (let at = key.length - 1; at >= wordsEnd; at--) tail = (tail << 8) | key[at]!
  return Math.imul(hash ^ tail, MULTIPLIER)
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return mixed ^ (mixed >>> 15)
}
