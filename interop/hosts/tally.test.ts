import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longestGapMs, type Placed, skips, tallyOf, undelivered } from './tally.ts'

const log = (...numbers: readonly number[]): Placed[] => numbers.map((number, offset) => ({ offset, number }))
const NOTHING = { lost: 0, twice: 0, reordered: 0, misplaced: 0 }

test('a log that holds what was acknowledged, once and in order, has nothing against it', () => {
  assert.deepEqual(tallyOf({ acked: log(0, 1, 2), stored: log(0, 1, 2, 3), delivered: log(0, 1) }), NOTHING)
})

test('an acknowledged record that is not there is lost, and what has its place is misplaced', () => {
  const tally = tallyOf({ acked: log(0, 1, 2), stored: log(0, 2), delivered: [] })
  assert.deepEqual(tally, { ...NOTHING, lost: 1, misplaced: 2 })
})

test('a second copy counts as twice, not as reordered, wherever it stands', () => {
  assert.deepEqual(tallyOf({ acked: [], stored: log(0, 0, 1), delivered: [] }), { ...NOTHING, twice: 1 })
  assert.deepEqual(tallyOf({ acked: [], stored: log(0, 1, 2, 1), delivered: [] }), { ...NOTHING, twice: 1 })
})

test('a record behind a larger one is reordered', () => {
  assert.deepEqual(tallyOf({ acked: [], stored: log(1, 0, 2), delivered: [] }), { ...NOTHING, reordered: 1 })
})

test('what a reader was given and the log does not hold is misplaced', () => {
  assert.deepEqual(tallyOf({ acked: [], stored: log(0), delivered: log(0, 1) }), { ...NOTHING, misplaced: 1 })
})

test('a reader’s gaps and repetitions are found', () => {
  assert.equal(undelivered(log(0, 1, 2), log(0, 0, 2)), 1)
  assert.equal(skips(log(0, 1, 2)), 0)
  assert.equal(skips([log(0)[0]!, { offset: 2, number: 2 }]), 1)
})

test('the longest gap reaches from the fault to the first moment, between two, and to the end', () => {
  assert.equal(longestGapMs([5, 40, 50], { fromMs: 10, untilMs: 55 }), 30)
  assert.equal(longestGapMs([20, 25], { fromMs: 10, untilMs: 30 }), 10)
  assert.equal(longestGapMs([20], { fromMs: 10, untilMs: 60 }), 40)
  assert.equal(longestGapMs([], { fromMs: 10, untilMs: 60 }), 50)
})
