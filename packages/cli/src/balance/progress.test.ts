import assert from 'node:assert/strict'
import { test } from 'node:test'
import { standingText } from './progress.ts'

test('a standing tells moves, bytes, the rate and what is left', () => {
  const standing = { movesDone: 3, moves: 12, bytesDone: 10 * 2 ** 20, bytes: 70 * 2 ** 20 }
  assert.equal(standingText(standing, 10), '3 of 12 moves, 10.0 MiB of 70.0 MiB, 1.0 MiB/s, 60 s left')
  assert.equal(standingText(standing, 100), '3 of 12 moves, 10.0 MiB of 70.0 MiB, 102.4 KiB/s, 10 min left')
  const done = { movesDone: 2, moves: 2, bytesDone: 0, bytes: 0 }
  assert.equal(standingText(done, 0), '2 of 2 moves, 0 B of 0 B, 0 B/s')
})
