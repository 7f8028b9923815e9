import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BoundedQueue } from './bounded-queue.ts'
import { seededRandom } from './random.ts'

describe('BoundedQueue', () => {
  test('refuses one more than its maximum and takes it once there is room', () => {
    const queue = new BoundedQueue<number>({ lengthMax: 20 })
    for (let item = 0; item < 20; item++) assert.equal(queue.push(item), true)
    assert.equal(queue.isFull, true)
    assert.equal(queue.push(20), false)
    assert.equal(queue.length, 20)
    assert.equal(queue.shift(), 0)
    assert.equal(queue.push(20), true)
    assert.deepEqual(
      [...queue],
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  })

  test('gives items back in the order in which it took them, however it grows and wraps', () => {
    const queue = new BoundedQueue<number>({ lengthMax: 1_000 })
    const model: number[] = []
    const random = seededRandom(1)
    for (let step = 0; step < 20_000; step++) {
      if (random.below(10) < 5 + Math.sin(step / 1_000) * 2) {
        if (queue.push(step)) model.push(step)
      } else {
        assert.equal(queue.peek(), model[0])
        assert.equal(queue.shift(), model.shift())
      }
      assert.equal(queue.length, model.length)
    }
    assert.deepEqual([...queue], model)
  })

  test('is empty after clear', () => {
    const queue = new BoundedQueue<string>({ lengthMax: 2 })
    queue.push('a')
    queue.clear()
    assert.deepEqual([queue.length, queue.peek(), queue.shift()], [0, undefined, undefined])
  })

  test('a bound below one is refused', () => {
    assert.throws(() => new BoundedQueue({ lengthMax: 0 }), /holds nothing/)
  })
})
