import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { LongestTurn } from './longest-turn.ts'
import { systemTimers } from './node-timers.ts'

test('a turn counts with all that it did, and is told of once', async () => {
  using turns = new LongestTurn()
  await systemTimers.sleep(1)
  turns.takeMs()
  const endMs = systemClock.monotonicMs() + 30
  while (systemClock.monotonicMs() < endMs);
  await systemTimers.sleep(1)
  const longestMs = turns.takeMs()
  assert.ok(longestMs >= 29, `${longestMs}`)
  assert.equal(turns.takeMs(), 0)
})
