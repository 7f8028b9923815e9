import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { OffsetWaiters } from './waiters.ts'

function fixture() {
  const time = new FakeTime()
  const waiters = new OffsetWaiters({ clock: time, timers: time })
  const outcomes: string[] = []
  const wait = (name: string, offset: number, timeoutMs: number) =>
    void waiters.wait(offset, timeoutMs).then(
      () => outcomes.push(`${name} passed`),
      (error) => outcomes.push(`${name} ${error instanceof ProtocolError ? error.error : error.message}`),
    )
  return { time, waiters, outcomes, wait }
}

test('who waits is told when the offset has passed, in order, and not before', async () => {
  const { time, waiters, outcomes, wait } = fixture()
  wait('a', 5, 1000)
  wait('b', 7, 1000)
  wait('c', 7, 1000)
  waiters.passed(4)
  await time.settle()
  assert.deepEqual(outcomes, [])
  waiters.passed(6)
  await time.settle()
  assert.deepEqual(outcomes, ['a passed'])
  waiters.passed(7)
  await time.settle()
  assert.deepEqual(outcomes, ['a passed', 'b passed', 'c passed'])
  assert.equal(waiters.count, 0)
})

test('each wait ends at its own deadline, however they are mixed, with one timer for all', async () => {
  const { time, waiters, outcomes, wait } = fixture()
  wait('long', 1, 500)
  wait('short', 2, 100)
  wait('middle', 3, 300)
  assert.equal(time.pendingTimers <= 2, true, 'a cancelled one may still lie there')
  await time.run(99)
  assert.deepEqual(outcomes, [])
  await time.run(1)
  assert.deepEqual(outcomes, ['short REQUEST_TIMED_OUT'])
  assert.equal(time.pendingTimers, 1)
  await time.run(200)
  assert.deepEqual(outcomes, ['short REQUEST_TIMED_OUT', 'middle REQUEST_TIMED_OUT'])
  waiters.passed(3)
  await time.run(1000)
  assert.deepEqual(outcomes.at(-1), 'long passed')
  assert.equal(waiters.count, 0)
})

test('a wait of no time fails at the next chance, unless the offset passes first', async () => {
  const { time, waiters, outcomes, wait } = fixture()
  wait('none', 1, 0)
  wait('lucky', 2, 0)
  await time.run(0)
  assert.deepEqual(outcomes, ['none REQUEST_TIMED_OUT', 'lucky REQUEST_TIMED_OUT'])
  wait('first', 3, 0)
  waiters.passed(3)
  await time.run(10)
  assert.equal(outcomes.at(-1), 'first passed')
})

test('waits for one offset and time share a promise', () => {
  const { waiters } = fixture()
  assert.equal(waiters.wait(4, 1000), waiters.wait(4, 1000))
  assert.notEqual(waiters.wait(4, 1000), waiters.wait(4, 2000))
  assert.equal(waiters.count, 2)
})

test('a failure reaches everybody who waits and leaves no timer', async () => {
  const { time, waiters, outcomes, wait } = fixture()
  wait('a', 5, 1000)
  wait('b', 6, 2000)
  waiters.fail(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))
  await time.settle()
  assert.deepEqual(outcomes, ['a NOT_LEADER_OR_FOLLOWER', 'b NOT_LEADER_OR_FOLLOWER'])
  assert.deepEqual([waiters.count, time.pendingTimers], [0, 0])
  wait('later', 1, 10)
  await time.run(10)
  assert.equal(outcomes.at(-1), 'later REQUEST_TIMED_OUT')
})

test('offsets are waited for in rising order', () => {
  const { waiters } = fixture()
  void waiters.wait(5, 1000)
  assert.throws(() => void waiters.wait(4, 1000), /rising order/)
})

test('many that have been served do not make the queue grow', async () => {
  const { time, waiters } = fixture()
  const waits: Promise<void>[] = []
  for (let offset = 1; offset <= 5000; offset++) {
    waits.push(waiters.wait(offset, 1000))
    if (offset > 10) waiters.passed(offset - 10)
  }
  assert.equal(waiters.count, 10)
  waiters.passed(5000)
  await Promise.all(waits)
  await time.run(2000)
  assert.deepEqual([waiters.count, time.pendingTimers], [0, 0])
})

test('a wait without a time-out needs no timer, and ends by the offset alone', async () => {
  const { time, waiters, outcomes, wait } = fixture()
  wait('endless', 1, Infinity)
  wait('bounded', 2, 100)
  assert.equal(time.pendingTimers, 1)
  await time.run(1_000_000)
  assert.deepEqual(outcomes, ['bounded REQUEST_TIMED_OUT'])
  assert.equal(time.pendingTimers, 0)
  waiters.passed(1)
  await time.settle()
  assert.deepEqual(outcomes.slice(1), ['endless passed'])
})
