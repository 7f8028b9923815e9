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

test('added bytes count, but waiters get on one by one even where they fill the share', () => {
  const share = new ByteShare('requests', 100)
  const admitted: string[] = []
  share.tryTake(60)
  share.add(150)
  share.take(30, () => admitted.push('first'))
  share.take(30, () => admitted.push('second'))
  share.give(60)
  assert.deepEqual([admitted, share.usedBytes], [['first'], 180])
  share.give(30)
  assert.deepEqual(admitted, ['first', 'second'])
  share.remove(150)
  assert.equal(share.usedBytes, 30)
  assert.throws(() => share.remove(1), /only 0 were added/)
  share.add(1)
  assert.throws(() => share.give(31), /only 30 are out/)
})
