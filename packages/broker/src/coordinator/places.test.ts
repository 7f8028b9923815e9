import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { Places } from './places.ts'

test('no more have a place than there are, and who waits gets one in order', async () => {
  const time = new FakeTime()
  const places = new Places({ placesMax: 2 })
  const seated: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) void places.take().then(() => seated.push(name))
  await time.settle()
  assert.deepEqual(seated, ['a', 'b'])
  places.give()
  await time.settle()
  assert.deepEqual(seated, ['a', 'b', 'c'])
  for (let given = 0; given < 3; given++) places.give()
  await time.settle()
  assert.deepEqual(seated, ['a', 'b', 'c', 'd'])
})
