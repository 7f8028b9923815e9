import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Random, randomUuid, seededRandom, systemRandom, UUID_TEXT_LENGTH } from './random.ts'

const DRAWS = 20_000

for (const [name, random] of [
  ['systemRandom', systemRandom],
  ['seededRandom', seededRandom('a seed')],
] as [string, Random][]) {
  describe(name, () => {
    test('floats are at least 0, below 1 and spread evenly', () => {
      const counts = new Array<number>(10).fill(0)
      for (let draw = 0; draw < DRAWS; draw++) counts[Math.floor(random.float() * 10)]!++
      // Six standard deviations: by chance this fails less than once in a hundred million runs.
      for (const count of counts) assert.ok(Math.abs(count - DRAWS / 10) < 6 * Math.sqrt(DRAWS * 0.09), counts.join())
      assert.equal(counts.length, 10)
    })

    test('whole numbers reach both ends and nothing else', () => {
      const seen = new Set<number>()
      for (let draw = 0; draw < 1_000; draw++) seen.add(random.below(3))
      assert.deepEqual([...seen].sort(), [0, 1, 2])
      assert.equal(random.below(1), 0)
      assert.throws(() => random.below(0), /out of range/)
    })

    test('bytes have the size that was asked for and take all values', () => {
      const bytes = random.bytes(10_000)
      assert.equal(bytes.length, 10_000)
      assert.equal(new Set(bytes).size, 256)
      assert.equal(random.bytes(0).length, 0)
    })
  })
}

describe('seededRandom', () => {
  test('gives the same numbers for the same seed on every machine, and others for another', () => {
    const random = seededRandom(42)
    assert.deepEqual([random.below(1_000_000), random.below(1_000_000)], [99_585, 118_872])
    assert.equal(random.bytes(2).toString('hex'), 'a17e')
    assert.notEqual(seededRandom(43).float(), seededRandom(42).float())
    assert.notEqual(seededRandom(-42).float(), seededRandom(42).float())
  })
})

describe('randomUuid', () => {
  test('is a version 4 UUID as text that Kafka accepts', () => {
    const random = seededRandom(1)
    for (let draw = 0; draw < 2_000; draw++) {
      const text = randomUuid(random)
      assert.equal(text.length, UUID_TEXT_LENGTH)
      assert.notEqual(text[0], '-')
      const bytes = Buffer.from(text, 'base64url')
      assert.deepEqual([bytes.length, bytes[6]! >> 4, bytes[8]! >> 6], [16, 4, 2])
      assert.equal(bytes.toString('base64url'), text)
    }
  })
})
