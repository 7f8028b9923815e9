import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { TURN_MS_MAX, TurnBudget } from './turn-budget.ts'

/** Each that is served takes `costMs`, and is noted. */
function scene(costMs: number) {
  const time = new FakeTime()
  const budget = new TurnBudget({ clock: time, timers: time })
  const served: number[] = []
  const serve = (id: number) => {
    served.push(id)
    time.stall(costMs)
  }
  const read = (id: number) => (budget.isSpent() ? budget.rest(() => serve(id)) : serve(id))
  return { time, budget, served, read }
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => index)

test('a turn serves for its time, and the turns after it the others, each once and in order', () => {
  const { time, served, read } = scene(TURN_MS_MAX / 4)
  for (const id of ids(10)) read(id)
  assert.deepEqual(served, ids(4))
  for (const count of [5, 9, 10]) {
    time.turn()
    assert.deepEqual(served, ids(count))
  }
  assert.equal(time.pendingTurn, false)
})

test('who comes later waits behind those who rest already', () => {
  const { time, served, read } = scene(TURN_MS_MAX)
  for (const id of ids(3)) read(id)
  time.turn()
  read(3)
  assert.deepEqual(served, [0, 1])
  for (let turns = 0; turns < 2; turns++) time.turn()
  assert.deepEqual(served, ids(4))
})

test('one is served in each turn, however little time its reading has left', () => {
  const { time, served, read } = scene(1)
  read(0)
  time.stall(TURN_MS_MAX)
  for (const id of [1, 2]) read(id)
  for (const count of [2, 3]) {
    time.stall(TURN_MS_MAX)
    time.turn()
    assert.equal(served.length, count)
  }
})

test("the time between turns is nobody's", () => {
  const { time, budget } = scene(1)
  assert.equal(budget.isSpent(), false)
  time.turn()
  time.stall(1000)
  assert.equal(budget.isSpent(), false)
})
