import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FramePool } from './frame-pool.ts'

test('a buffer holds what was asked for and is as large as was said before', () => {
  const pool = new FramePool({ bytesMax: 1 << 24 })
  for (const size of [0, 1, 4095, 4096, 4097, 100_000, 1 << 22, (1 << 22) + 1]) {
    const buffer = pool.take(size)
    assert.ok(buffer.length >= size)
    assert.equal(buffer.length, pool.capacityOf(size))
  }
})

test('a buffer that was given back is taken again, one that is too large for the pool is not kept', () => {
  const pool = new FramePool({ bytesMax: 1 << 24 })
  const buffer = pool.take(5000)
  pool.give(buffer)
  assert.equal(pool.pooledBytes, 8192)
  assert.equal(pool.take(8192), buffer)
  assert.equal(pool.pooledBytes, 0)
  pool.give(pool.take((1 << 22) + 1))
  assert.equal(pool.pooledBytes, 0)
})

test('the pool keeps its maximum and not one buffer more', () => {
  const pool = new FramePool({ bytesMax: 3 * 4096 })
  const buffers = Array.from({ length: 4 }, () => pool.take(1))
  for (const buffer of buffers) pool.give(buffer)
  assert.equal(pool.pooledBytes, 3 * 4096)
})
