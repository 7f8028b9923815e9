import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { seededRandom } from '@ottla/base/random.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { Deadlines } from './deadlines.ts'
import { step, type TimerStart } from './machine.ts'

const SESSION_MS = 45_000

class Fixture {
  readonly time = new FakeTime()
  /** Real timers that were made. */
  realTimers = 0
  readonly fired: string[] = []
  onDue = (timer: TimerStart): void => void this.fired.push(`${timer.key} at ${this.time.monotonicMs()}`)
  readonly deadlines: Deadlines

  constructor(clock: { monotonicMs(): number } = this.time) {
    const { time } = this
    const timers: Timers = {
      after: (delayMs: number, callback: () => void): Timer => {
        this.realTimers++
        return time.after(delayMs, callback)
      },
      endOfTurn: (callback) => time.endOfTurn(callback),
      soon: (callback) => time.soon(callback),
      sleep: (delayMs, options) => time.sleep(delayMs, options),
    }
    this.deadlines = new Deadlines({
      ...{ clock: { wallMs: () => time.wallMs(), monotonicMs: () => clock.monotonicMs() }, timers },
      onDue: (timer) => this.onDue(timer),
    })
  }

  start(key: string, afterMs: number): void {
    this.deadlines.start({ key, afterMs, fire: () => step() })
    this.deadlines.verify()
  }
}

test('each deadline comes due once, at its time, in order', async () => {
  const one = new Fixture()
  one.start('late', 300)
  one.start('early', 100)
  one.start('middle', 200)
  await one.time.run(1000)
  assert.deepEqual(one.fired, ['early at 100', 'middle at 200', 'late at 300'])
  assert.deepEqual([one.deadlines.count, one.time.pendingTimers], [0, 0])
})

test('starting under the same key moves the deadline, back and forth', async () => {
  const one = new Fixture()
  one.start('moved on', 100)
  one.start('moved up', 1000)
  one.start('moved twice', 100)
  one.start('moved on', 500)
  one.start('moved up', 50)
  one.start('moved twice', 900)
  one.start('moved twice', 300)
  await one.time.run(2000)
  assert.deepEqual(one.fired, ['moved up at 50', 'moved twice at 300', 'moved on at 500'])
})

test('a cancelled deadline never comes due and leaves nothing behind', async () => {
  const one = new Fixture()
  for (let index = 0; index < 100; index++) one.start(`member ${index}`, 100 + index)
  for (let index = 0; index < 100; index += 2) one.deadlines.cancel(`member ${index}`)
  one.deadlines.cancel('nobody')
  one.deadlines.verify()
  assert.equal(one.deadlines.count, 50)
  await one.time.run(1000)
  assert.equal(one.fired.length, 50)
  assert.ok(one.fired.every((line) => Number(line.split(' ')[1]) % 2 === 1))
})

test('10,000 sessions that are kept alive for ten minutes make few real timers, and end when the heartbeats do', async () => {
  const one = new Fixture()
  for (let round = 0; round < 200; round++) {
    for (let member = 0; member < 10_000; member++) {
      one.deadlines.start({ key: `member ${member}`, afterMs: SESSION_MS, fire: () => step() })
    }
    await one.time.run(3000)
  }
  one.deadlines.verify()
  assert.deepEqual(one.fired, [])
  assert.ok(one.realTimers < 40, `2,000,000 heartbeats made ${one.realTimers} timers`)
  await one.time.run(SESSION_MS)
  assert.equal(one.fired.length, 10_000)
})

test('a stopped process reads its input, and gives the grace, before it ends a session', async () => {
  const one = new Fixture()
  one.start('reads', 10_000)
  one.start('comes back', 10_000)
  one.start('gone', 10_000)
  one.time.stall(60_000)
  // The first thing that runs is the timer; only then the sockets are read.
  one.time.advance(0)
  one.start('reads', 10_000)
  await one.time.run(1500)
  assert.deepEqual(one.fired, [], 'the grace lasts')
  one.start('comes back', 10_000)
  await one.time.run(600)
  assert.deepEqual(one.fired, ['gone at 62000'])
  await one.time.run(20_000)
  assert.deepEqual(one.fired.slice(1), ['reads at 70000', 'comes back at 71500'])
})

test('deadlines that are started within the grace do not end it, nor prolong it', async () => {
  const one = new Fixture()
  one.start('gone', 1000)
  one.time.stall(30_000)
  one.time.advance(0)
  await one.time.settle()
  one.start('short', 100)
  await one.time.run(1900)
  assert.deepEqual(one.fired, [])
  await one.time.run(200)
  assert.deepEqual(one.fired, ['gone at 32000', 'short at 32000'])
})

test('a heartbeat that was in the socket when its session came due keeps it', async () => {
  const one = new Fixture()
  one.start('member', 1000)
  one.time.advance(1000)
  assert.deepEqual(one.fired, [], 'not before the end of the turn')
  one.start('member', 1000)
  await one.time.run(900)
  assert.deepEqual(one.fired, [])
})

test('what comes due together is spread over turns', () => {
  let nowMs = 0
  const one = new Fixture({ monotonicMs: () => nowMs })
  for (let index = 0; index < 10; index++) one.start(`member ${index}`, 0)
  one.onDue = (timer) => {
    one.fired.push(timer.key)
    nowMs += 1
  }
  one.time.advance(0)
  one.time.turn()
  assert.equal(one.fired.length, 4)
  for (let turn = 0; turn < 2; turn++) one.time.turn()
  assert.equal(one.fired.length, 10)
})

test('an event may start, cancel and clear deadlines', async () => {
  const one = new Fixture()
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) one.start(key, 100 + index)
  one.onDue = ({ key }) => {
    one.fired.push(key)
    if (key === 'a') one.start('a', 50)
    if (key === 'b') one.deadlines.clear()
  }
  one.time.stall(500)
  await one.time.run(1000)
  assert.deepEqual(one.fired, ['a', 'b'])
  assert.equal(one.time.pendingTimers, 0)
})

test('whatever is started, moved and cancelled, each comes due at the last time it was given', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(seed)
    const one = new Fixture()
    const dueMs = new Map<string, number>()
    one.onDue = ({ key }) => {
      assert.equal(dueMs.get(key), one.time.monotonicMs(), `seed ${seed}, ${key}`)
      dueMs.delete(key)
    }
    for (let act = 0; act < 200; act++) {
      const key = `key ${random.below(20)}`
      if (random.below(4) === 0) {
        one.deadlines.cancel(key)
        dueMs.delete(key)
      } else {
        const afterMs = random.below(100)
        one.start(key, afterMs)
        dueMs.set(key, one.time.monotonicMs() + afterMs)
      }
      await one.time.run(random.below(10))
    }
    await one.time.run(100)
    assert.equal(dueMs.size, 0)
  }
})
