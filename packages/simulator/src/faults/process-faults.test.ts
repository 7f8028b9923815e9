import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damage } from './process-faults.ts'

const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) })

test('what a crash has done to logs is told: nothing, bytes that are gone, and bytes that are not what they were', () => {
  const before = [file('a', 'abc'), file('b', 'xyz')]
  assert.deepEqual(damage(before, before), [false, false])
  assert.deepEqual(damage(before, [file('a', 'ab'), file('b', 'xyz')]), [true, false])
  assert.deepEqual(damage(before, [file('b', 'xyz')]), [true, false])
  assert.deepEqual(damage(before, [file('a', 'a\0c'), file('b', 'xyz')]), [false, true])
  assert.deepEqual(damage(before, [file('a', 'abc'), file('b', '\0y')]), [true, true])
})
