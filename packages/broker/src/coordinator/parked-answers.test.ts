import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import { answer } from './machine.ts'
import { GIVEN_AT_ONCE_MAX, ParkedAnswers } from './parked-answers.ts'

function fixture() {
  const time = new FakeTime()
  const parked = new ParkedAnswers({ clock: time, timers: time })
  const outcomes: string[] = []
  const answers = (...names: string[]) =>
    names.map((name) => {
      const resolve = (reply: string) => void outcomes.push(`${name} ${reply}`)
      const reject = ({ error }: ProtocolError) => void outcomes.push(`${name} ${error}`)
      return answer({ resolve, reject }, 'given')
    })
  return { time, parked, outcomes, answers }
}

test('answers are given in order, when all they rest on is committed', () => {
  const { parked, outcomes, answers } = fixture()
  parked.park(answers('a'), 5, 100)
  parked.park(answers('b', 'c'), 7, 100)
  parked.park(answers('d'), 7, 100)
  parked.passed(4)
  assert.equal(outcomes.length, 0)
  parked.passed(6)
  assert.deepEqual(outcomes, ['a given'])
  parked.passed(100)
  assert.deepEqual(outcomes.slice(1), ['b given', 'c given', 'd given'])
  assert.equal(parked.count, 0)
})

test('each expires at its own time, with one timer for all, and a time-out that was lowered keeps the order', async () => {
  const { time, parked, outcomes, answers } = fixture()
  parked.park(answers('a'), 1, 500)
  await time.run(100)
  parked.park(answers('b'), 2, 500)
  parked.park(answers('c'), 3, 10)
  assert.equal(time.pendingTimers, 1)
  await time.run(399)
  assert.equal(outcomes.length, 0)
  await time.run(1)
  assert.deepEqual(outcomes, ['a COORDINATOR_NOT_AVAILABLE'])
  await time.run(100)
  assert.deepEqual(outcomes.slice(1), ['b COORDINATOR_NOT_AVAILABLE', 'c COORDINATOR_NOT_AVAILABLE'])
  assert.equal(time.pendingTimers, 0)
})

test('who is sent away is not told twice', async () => {
  const { time, parked, outcomes, answers } = fixture()
  parked.park(answers('a', 'b'), 1, 100)
  parked.rejectAll('NOT_COORDINATOR')
  parked.passed(10)
  await time.run(1000)
  assert.deepEqual(outcomes, ['a NOT_COORDINATOR', 'b NOT_COORDINATOR'])
})

test('a long queue gives each answer once', () => {
  const { parked, outcomes, answers } = fixture()
  for (let index = 0; index < 5000; index++) {
    parked.park(answers(String(index)), index, 100)
    if (index % 3 === 0) parked.passed(index / 2)
  }
  parked.passed(5000)
  assert.deepEqual(
    outcomes,
    Array.from({ length: 5000 }, (_, index) => `${index} given`),
  )
})

test('one step’s answers to many members are given a few in a turn, also when the rest is rejected meanwhile', () => {
  const { time, parked, outcomes, answers } = fixture()
  const names = Array.from({ length: 2 * GIVEN_AT_ONCE_MAX + 1 }, (_, member) => `m${member}`)
  parked.park(answers(...names), 1, 100)
  parked.passed(1)
  assert.equal(outcomes.length, GIVEN_AT_ONCE_MAX)
  parked.rejectAll('NOT_COORDINATOR')
  for (const count of [2 * GIVEN_AT_ONCE_MAX, names.length]) {
    time.turn()
    assert.equal(outcomes.length, count)
  }
  assert.deepEqual(
    outcomes,
    names.map((name) => `${name} given`),
  )
  assert.equal(time.pendingTurn, false)
})
