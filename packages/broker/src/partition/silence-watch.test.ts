import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FollowedLeader, LOOKS_PER_SESSION, type SilenceChange, SilenceWatch } from './silence-watch.ts'

const NOTHING: SilenceChange = { silent: [], heard: [] }
const leader = (answers: number, count = 1): ReadonlyMap<number, FollowedLeader> => new Map([[1, { answers, count }]])

function looks(watch: SilenceWatch, count: number, answers = 0): SilenceChange[] {
  return Array.from({ length: count }, () => watch.look(leader(answers)))
}

test('a leader is silent before a session has passed without an answer, and for as long as there is none', () => {
  const watch = new SilenceWatch()
  const all = looks(watch, LOOKS_PER_SESSION + 2)
  assert.deepEqual(all.slice(0, 8), Array(8).fill(NOTHING))
  assert.deepEqual(all.slice(8), Array(3).fill({ silent: [1], heard: [] }))
})

test('every answer begins the count anew, and is told of where the leader was silent', () => {
  const watch = new SilenceWatch()
  looks(watch, 8)
  assert.deepEqual(watch.look(leader(1)), NOTHING)
  looks(watch, 8, 1)
  assert.deepEqual(watch.look(leader(2)), { silent: [], heard: [1] })
  assert.deepEqual(watch.look(leader(2)), NOTHING)
})

test('a leader that is asked for nothing is not silent, and one that is followed no more was heard', () => {
  const watch = new SilenceWatch()
  for (let i = 0; i < 20; i++) assert.deepEqual(watch.look(leader(0, 0)), NOTHING)
  looks(watch, 9)
  assert.deepEqual(watch.look(leader(0, 0)), { silent: [], heard: [1] })
  looks(watch, 9)
  assert.deepEqual(watch.look(new Map()), { silent: [], heard: [1] })
  assert.deepEqual(watch.look(new Map()), NOTHING)
})
