import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from './fake-time.ts'
import { FewATurn } from './few-a-turn.ts'

test('no turn does more than its share, each is done once, in order', () => {
  const time = new FakeTime()
  const queue = new FewATurn({ perTurnMax: 3, timers: time })
  const done: number[] = []
  for (let id = 0; id < 7; id++) queue.add(() => done.push(id))
  assert.deepEqual(done, [])
  for (const count of [3, 6, 7]) {
    time.turn()
    assert.deepEqual(done, [0, 1, 2, 3, 4, 5, 6].slice(0, count))
  }
  assert.equal(time.pendingTurn, false)
})

test('what is added meanwhile comes behind what waits', () => {
  const time = new FakeTime()
  const queue = new FewATurn({ perTurnMax: 2, timers: time })
  const done: string[] = []
  for (const name of ['a', 'b', 'c']) queue.add(() => done.push(name))
  time.turn()
  queue.add(() => {
    done.push('d')
    queue.add(() => done.push('e'))
  })
  time.turn()
  assert.deepEqual(done, ['a', 'b', 'c', 'd'])
  time.turn()
  assert.deepEqual(done, ['a', 'b', 'c', 'd', 'e'])
})
