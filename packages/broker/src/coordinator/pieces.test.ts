import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { Pieces } from './pieces.ts'

/** Every piece takes a millisecond. */
function fixture() {
  const time = new FakeTime()
  const pieces = new Pieces({ clock: time, timers: time })
  const ran: string[] = []
  function* work(name: string, count: number): Generator<void, string> {
    for (let piece = 1; piece <= count; piece++) {
      time.stall(1)
      ran.push(`${name}${piece}`)
      yield
    }
    return `${name} done`
  }
  const end = { done: (result: string) => void ran.push(result), failed: (error: unknown) => void ran.push(`${error}`) }
  return { time, pieces, ran, work, end }
}

test('jobs take turns, and a turn of the loop gives them a few milliseconds together', () => {
  const { time, pieces, ran, work, end } = fixture()
  pieces.run(work('a', 4), end)
  pieces.run(work('b', 2), end)
  assert.deepEqual(ran, [], 'nothing runs in the turn that asks')
  time.turn()
  assert.deepEqual(ran, ['a1', 'b1', 'a2', 'b2'])
  time.turn()
  assert.deepEqual(ran.slice(4), ['a3', 'b done', 'a4', 'a done'])
  assert.equal(time.pendingTurn, false)
})

test('a job that is cancelled runs no further and ends silently', () => {
  const { time, pieces, ran, work, end } = fixture()
  const job = pieces.run(work('a', 10), end)
  pieces.run(work('b', 1), end)
  time.turn()
  job.cancel()
  job.cancel()
  while (time.pendingTurn) time.turn()
  assert.deepEqual(ran, ['a1', 'b1', 'a2', 'b done', 'a3'])
})

test('a job that throws is told to its owner and holds up no other', () => {
  const { time, pieces, ran, work, end } = fixture()
  pieces.run(
    (function* (): Generator<void, string> {
      yield
      throw new Error('broken')
    })(),
    end,
  )
  pieces.run(work('a', 1), end)
  time.turn()
  assert.deepEqual(ran, ['a1', 'Error: broken', 'a done'])
})

test('a job may begin another at its end', () => {
  const { time, pieces, ran, work, end } = fixture()
  pieces.run(work('a', 1), { ...end, done: () => void pieces.run(work('b', 1), end) })
  while (time.pendingTurn) time.turn()
  assert.deepEqual(ran, ['a1', 'b1', 'b done'])
})
