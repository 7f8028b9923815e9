import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetMap, SLOT_BYTES } from './offset-map.ts'

function key(index: number): Buffer {
  return Buffer.from(`key ${index}`)
}

test('each key has its newest offset, unknown ones none, however full the map is', () => {
  const map = new OffsetMap({ bytesMax: 1 << 20, loadFactor: 1, keysMax: 5000 })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5000; i++) assert.ok(map.put(key(i), round * 5000 + i))
  }
  assert.equal(map.count, 5000)
  for (let i = 0; i < 5000; i++) assert.equal(map.get(key(i)), 5000 + i)
  for (let i = 5000; i < 5100; i++) assert.equal(map.get(key(i)), -1)
})

test('a full map takes known keys and refuses new ones', () => {
  const map = new OffsetMap({ bytesMax: 10 * SLOT_BYTES, loadFactor: 0.5, keysMax: 1000 })
  assert.equal(map.capacity, 5)
  for (let i = 0; i < 5; i++) assert.ok(map.put(key(i), i))
  assert.equal(map.put(key(5), 5), false)
  assert.ok(map.put(key(0), 6))
  assert.deepEqual([map.get(key(0)), map.get(key(5)), map.count], [6, -1, 5])
})

test('offset 0 and offsets beyond 32 bits are kept', () => {
  const map = new OffsetMap({ bytesMax: 1000, loadFactor: 0.9, keysMax: 10 })
  map.put(key(0), 0)
  map.put(key(1), 0xffff_ffff)
  map.put(key(2), 2 ** 52)
  map.put(Buffer.alloc(0), 17)
  assert.deepEqual([map.get(key(0)), map.get(key(1)), map.get(key(2))], [0, 0xffff_ffff, 2 ** 52])
  assert.equal(map.get(Buffer.alloc(0)), 17, 'the empty key is a key')
})

test('a map takes at least one key, so that every pass gets on', () => {
  const map = new OffsetMap({ bytesMax: 1, loadFactor: 0.01, keysMax: 0 })
  assert.equal(map.capacity, 1)
  assert.ok(map.put(key(1), 1))
  assert.equal(map.put(key(2), 2), false)
})
