import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarize } from './statistics.ts'

test('the median is the middle sample, or the mean of the middle two', () => {
  assert.equal(summarize([30, 10, 20]).median, 20)
  assert.equal(summarize([40, 10, 20, 30]).median, 25)
  assert.equal(summarize([7]).median, 7)
})

test('the spread is the distance of the extremes as a share of the median', () => {
  assert.deepEqual(summarize([100, 90, 115]), { median: 100, min: 90, max: 115, spread: 0.25 })
  assert.equal(summarize([5, 5]).spread, 0)
  assert.equal(summarize([0, 0, 0]).spread, 0)
})

test('the samples keep their order', () => {
  const samples = [3, 1, 2]
  summarize(samples)
  assert.deepEqual(samples, [3, 1, 2])
})

test('no samples have no summary', () => {
  assert.throws(() => summarize([]), /at least one/)
})
