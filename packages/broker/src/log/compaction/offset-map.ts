/**
 * Owns the memory of a compaction: for each key the newest offset, in one block of memory of fixed size.
 *
 * Open addressing with linear probing; a slot is six 32-bit words:
 *
 * | word | content                                                                                     |
 * | ---- | ------------------------------------------------------------------------------------------- |
 * | 0–3  | the first 16 bytes of the key's SHA-256; word 0 says where to begin looking                  |
 * | 4–5  | offset + 1, high word first; 0: the slot is empty                                            |
 *
 * Keys are not kept: two with the same 128 bits would be taken for one, and nobody can make such a pair. The hash is
 * asked for as a string because that is three times cheaper than as a buffer.
 */
import { hash } from 'node:crypto'
import { assert } from '@ottla/base/assert.ts'

const SLOT_WORDS = 6
export const SLOT_BYTES = SLOT_WORDS * 4
/** As Kafka: beyond this a buffer is not used. */
const BYTES_MAX = 0x7fff_ffff
const TWO_TO_32 = 0x1_0000_0000

export interface OffsetMapOptions {
  /** `log.cleaner.dedupe.buffer.size` */
  readonly bytesMax: number
  /** `log.cleaner.io.buffer.load.factor`: the share of the slots that may be taken. */
  readonly loadFactor: number
  /** How many keys there can be at most: memory for more is not asked for. */
  readonly keysMax: number
}

export class OffsetMap {
  readonly #words: Uint32Array
  readonly #slots: number
  /** How many keys it takes. */
  readonly capacity: number
  #count = 0

  constructor({ bytesMax, loadFactor, keysMax }: OffsetMapOptions) {
    assert(loadFactor > 0 && loadFactor <= 1, 'A load factor is a share')
    const affordable = Math.floor(Math.min(bytesMax, BYTES_MAX) / SLOT_BYTES)
    // One slot stays empty, so that looking for a key that is not there ends.
    const needed = Math.ceil(keysMax / loadFactor) + 1
    this.#slots = Math.max(2, Math.min(affordable, needed))
    this.capacity = Math.max(1, Math.min(this.#slots - 1, Math.floor(this.#slots * loadFactor)))
    this.#words = new Uint32Array(this.#slots * SLOT_WORDS)
  }

  get count(): number {
    return this.#count
  }

  /** Takes note of a key at an offset beyond all noted before. False, and nothing changed: there is no room for it. */
  put(key: Buffer, offset: number): boolean {
    const digest = hash('sha256', key, 'binary')
    const at = this.#find(digest)
    const words = this.#words
    if (words[at + 4] === 0 && words[at + 5] === 0) {
      if (this.#count === this.capacity) return false
      this.#count++
      for (let word = 0; word < 4; word++) words[at + word] = wordOf(digest, word)
    }
    words[at + 4] = Math.floor((offset + 1) / TWO_TO_32)
    words[at + 5] = (offset + 1) >>> 0
    return true
  }

  /** The newest offset of the key, −1 where none was noted. */
  get(key: Buffer): number {
    const at = this.#find(hash('sha256', key, 'binary'))
    return this.#words[at + 4]! * TWO_TO_32 + this.#words[at + 5]! - 1
  }

  /** The first word of the slot that has the key, or of the empty one where it belongs. */
  #find(digest: string): number {
    const words = this.#words
    const w0 = wordOf(digest, 0)
    const w1 = wordOf(digest, 1)
    const w2 = wordOf(digest, 2)
    const w3 = wordOf(digest, 3)
    let at = (w0 % this.#slots) * SLOT_WORDS
    while (words[at + 4] !== 0 || words[at + 5] !== 0) {
      if (words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3) return at
      at += SLOT_WORDS
      if (at === words.length) at = 0
    }
    return at
  }
}

function wordOf(digest: string, word: number): number {
  const at = word * 4
  const bytes = digest.charCodeAt(at) | (digest.charCodeAt(at + 1) << 8) | (digest.charCodeAt(at + 2) << 16)
  return (bytes | (digest.charCodeAt(at + 3) << 24)) >>> 0
}
