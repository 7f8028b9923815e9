/** The only source of randomness. `seededRandom` gives tests and the simulator a repeatable one. */
import { randomFillSync } from 'node:crypto'
import { assert } from './assert.ts'

export interface Random {
  /** A float in [0, 1). */
  float(): number
  /** A whole number in [0, below). */
  below(below: number): number
  bytes(size: number): Buffer
}

/** 16 bytes as Kafka writes them: base64url without padding. */
export const UUID_TEXT_LENGTH = 22

/** `below` is made of a float's 53 bits; up to here its bias is under 1 in 2^21. */
const BELOW_MAX = 2 ** 32

/**
 * A version 4 UUID in Kafka's text form. It never starts with '-', as Kafka's tools would take it for an option; the ids
 * that Kafka reserves (0 and 1) are not of version 4, so they cannot come up.
 */
export function randomUuid(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = bytes.toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/** A small fast generator (sfc32, 128 bits of state). The same seed gives the same numbers on every machine. */
export function seededRandom(seed: number | string): Random {
  return new SeededRandom(String(seed))
}

class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    const mix = textHash(seed)
    this.#a = mix()
    this.#b = mix()
    this.#c = mix()
    for (let round = 0; round < 12; round++) this.#next()
  }

  float(): number {
    const high = this.#next() >>> 5
    const low = this.#next() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  below(below: number): number {
    return scale(this.float(), below)
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    for (let index = 0; index < size; index++) bytes[index] = this.#next() >>> 24
    return bytes
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}

/** Turns a seed of any length into as many 32-bit words as are asked for (FNV-1a, then murmur's finisher). */
function textHash(text: string): () => number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return () => {
    hash = (hash + 0x9e3779b9) | 0
    let word = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
}

/** Random bytes from the system, fetched by the block because a call costs as much for 8 bytes as for 1,000. */
class SystemRandom implements Random {
  readonly #block = Buffer.alloc(1024)
  #used = this.#block.length

  float(): number {
    if (this.#used + 8 > this.#block.length) {
      randomFillSync(this.#block)
      this.#used = 0
    }
    const high = this.#block.readUInt32LE(this.#used) >>> 5
    const low = this.#block.readUInt32LE(this.#used + 4) >>> 6
    this.#used += 8
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  below(below: number): number {
    return scale(this.float(), below)
  }

  bytes(size: number): Buffer {
    return randomFillSync(Buffer.allocUnsafe(size))
  }
}

function scale(float: number, below: number): number {
  assert(below >= 1 && below <= BELOW_MAX, `Random below ${below} is out of range`)
  return Math.floor(float * below)
}

export const systemRandom: Random = new SystemRandom()
