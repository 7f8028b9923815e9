import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partitionOfKey } from './key-partition.ts'

test('a group belongs to the partition that Kafka puts it into', () => {
  const rows = [
    ['a', 47],
    ['abc', 4],
    ['foobar', 13],
    ['a-little-bit-long-string', 19],
    ['', 0],
  ] as const
  for (const [groupId, partition] of rows) assert.equal(partitionOfKey(groupId, 50), partition, groupId)
})

test('the id counts in UTF-16 units, as in Java', () => {
  // "😀".hashCode() is 1772899.
  assert.equal(partitionOfKey('😀', 50), 1772899 % 50)
})

test('the one hash without an absolute value is the first partition', () => {
  // "polygenelubricants".hashCode() is Integer.MIN_VALUE.
  assert.equal(partitionOfKey('polygenelubricants', 50), 0)
  assert.equal(partitionOfKey('polygenelubricants', 7), 0)
})
