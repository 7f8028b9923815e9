import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PlaceableBroker, placeReplicas } from './placement.ts'

const broker = (id: number, rack: string | null = null, fenced = false): PlaceableBroker => ({ id, rack, fenced })
const request = { firstIndex: 0, count: 3, replicationFactor: 2, start: 0 }

test('leaders go round all brokers', () => {
  const placed = placeReplicas([broker(3), broker(1), broker(2)], { ...request, count: 6 })
  assert.deepEqual(
    placed.map(([leader]) => leader),
    [1, 2, 3, 1, 2, 3],
  )
})

test('a second turn shifts the followers, so that the load of a lost broker spreads', () => {
  const placed = placeReplicas([broker(1), broker(2), broker(3)], { ...request, count: 6 })
  assert.deepEqual(placed, [
    [1, 2],
    [2, 3],
    [3, 1],
    [1, 3],
    [2, 1],
    [3, 2],
  ])
})

test('growth goes on where creation stopped', () => {
  const brokers = [broker(1), broker(2), broker(3)]
  const whole = placeReplicas(brokers, { ...request, count: 5 })
  assert.deepEqual(placeReplicas(brokers, { ...request, firstIndex: 3, count: 2 }), whole.slice(3))
})

test('no rack holds two replicas while another holds none', () => {
  const brokers = [broker(1, 'a'), broker(2, 'a'), broker(3, 'b'), broker(4, 'b')]
  for (const replicas of placeReplicas(brokers, { ...request, count: 12 })) {
    assert.equal(new Set(replicas.map((id) => (id < 3 ? 'a' : 'b'))).size, 2)
  }
})

test('a fenced broker never leads and comes last', () => {
  const brokers = [broker(1, 'a', true), broker(2, 'b'), broker(3, 'c')]
  for (const [leader, second] of placeReplicas(brokers, { ...request, count: 9, replicationFactor: 3 })) {
    assert.ok(leader !== 1 && second !== 1)
  }
})

test('for any brokers, replicas are distinct and leaders differ by at most one partition', () => {
  const brokers = fc.uniqueArray(
    fc.record({ id: fc.nat(50), rack: fc.constantFrom(null, 'a', 'b'), fenced: fc.constant(false) }),
    {
      selector: ({ id }) => id,
      minLength: 1,
      maxLength: 9,
    },
  )
  fc.assert(
    fc.property(
      brokers,
      fc.nat(100),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      (all, start, rf, count) => {
        const replicationFactor = Math.min(rf, all.length)
        const placed = placeReplicas(all, { firstIndex: 0, count, replicationFactor, start })
        for (const replicas of placed) assert.equal(new Set(replicas).size, replicationFactor)
        const led = all.map(({ id }) => placed.filter(([leader]) => leader === id).length)
        assert.ok(Math.max(...led) - Math.min(...led) <= 1)
      },
    ),
  )
})
