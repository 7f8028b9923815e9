import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShare } from './byte-share.ts'

test('a share admits up to its maximum and no byte more', () => {
  const share = new ByteShare('requests', 100)
  assert.equal(share.tryTake(60), true)
  assert.equal(share.tryTake(40), true)
  assert.equal(share.tryTake(1), false)
  share.give(40)
  assert.equal(share.tryTake(41), false)
  assert.equal(share.freeBytes, 40)
})

test('waiters are admitted in order, and a small request does not pass a large one', () => {
  const share = new ByteShare('requests', 100)
  const admitted: string[] = []
  share.tryTake(80)
  assert.notEqual(
    share.take(50, () => admitted.push('large')),
    null,
  )
  assert.notEqual(
    share.take(10, () => admitted.push('small')),
    null,
  )
  share.give(20)
  assert.deepEqual(admitted, [])
  share.give(60)
  assert.deepEqual(admitted, ['large', 'small'])
  assert.equal(share.usedBytes, 60)
})

test('a withdrawn waiter takes nothing and lets those behind it in', () => {
  const share = new ByteShare('requests', 100)
  const admitted: string[] = []
  share.tryTake(60)
  const withdraw = share.take(90, () => admitted.push('large'))
  share.take(40, () => admitted.push('small'))
  withdraw?.()
  assert.deepEqual(admitted, ['small'])
  assert.equal(share.usedBytes, 100)
})

test('a request larger than the whole share is admitted alone', () => {
  const share = new ByteShare('requests', 100)
  assert.equal(share.tryTake(500), true)
  assert.equal(share.tryTake(1), false)
  share.give(500)
  assert.equal(share.usedBytes, 0)
  assert.equal(share.peakBytes, 500)
})
