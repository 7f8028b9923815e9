import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xxh32 } from './xxh32.ts'

test('the hash is that of the published vectors, with and without whole stripes', () => {
  const vectors: [string, number][] = [
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ]
  for (const [text, hash] of vectors) assert.equal(xxh32(Buffer.from(`..${text}`), 2, 2 + text.length), hash, text)
})
