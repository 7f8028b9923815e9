import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionForKey } from './murmur2.ts'

const VECTORS: [string, number][] = [
  ['', 275646681],
  ['a', -1563381124],
  ['abc', 479470107],
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['é', 186971271],
]

test('the hash is the one that Java computes', () => {
  for (const [text, hash] of VECTORS) assert.equal(murmur2(Buffer.from(text)), hash, text)
})

test('a key goes to the partition that every other client puts it in', () => {
  assert.equal(partitionForKey(Buffer.from('abc'), 50), 479470107 % 50)
  assert.equal(partitionForKey(Buffer.from('a'), 7), (-1563381124 & 0x7fffffff) % 7)
  assert.throws(() => partitionForKey(Buffer.from('a'), 0), /partitions/)
})
