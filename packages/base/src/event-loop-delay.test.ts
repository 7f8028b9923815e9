import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventLoopDelay } from './event-loop-delay.ts'
import { FakeTime } from './fake-time.ts'

/** Timers fire on time, while the clock tells how late they would have been. */
function stallable() {
  const time = new FakeTime()
  const stall = { ms: 0 }
  const clock = { wallMs: () => time.wallMs(), monotonicMs: () => time.monotonicMs() + stall.ms }
  return { time, stall, delay: new EventLoopDelay({ clock, timers: time }) }
}

test('a loop that is on time has no delay, and is looked at a hundred times a second', () => {
  const { time, delay } = stallable()
  time.advance(1000)
  assert.equal(delay.delayMs.count, 100)
  assert.equal(delay.delayMs.max, 0)
})

test('a stall counts for every tick that it held up', () => {
  const { time, stall, delay } = stallable()
  time.advance(1000)
  stall.ms = 100
  time.advance(10)
  assert.equal(delay.delayMs.max, 100)
  assert.equal(delay.delayMs.count, 110)
  assert.equal(delay.delayMs.sum, 550)
  time.advance(1000)
  assert.equal(delay.delayMs.count, 210)
})

test('an endless stall counts for a thousand ticks', () => {
  const { time, stall, delay } = stallable()
  stall.ms = 3_600_000
  time.advance(10)
  assert.equal(delay.delayMs.count, 1000)
})

test('nothing is left running behind it', () => {
  const { time, delay } = stallable()
  time.advance(25)
  delay[Symbol.dispose]()
  assert.equal(time.pendingTimers, 0)
})
