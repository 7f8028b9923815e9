import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import { ProducerStates } from './producer-state.ts'
import { NOW_MS, type TestBatch, testBatch } from './testing.ts'

const DAY_MS = 86_400_000

function batch(baseSequence: number, fields: TestBatch = {}): Buffer {
  return testBatch({ producerId: 7, producerEpoch: 2, baseSequence, ...fields })
}

function statesAfter(...batches: Buffer[]): ProducerStates {
  const states = new ProducerStates(DAY_MS)
  for (const each of batches) states.applied(each, 0, NOW_MS)
  return states
}

const check = (states: ProducerStates, each: Buffer, nowMs = NOW_MS) => states.check(each, 0, nowMs)
const OUT_OF_ORDER = { kind: 'error', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }

test('an unknown producer may begin with any sequence, and a batch without producer is always taken', () => {
  assert.equal(check(statesAfter(), batch(41)).kind, 'append')
  assert.equal(check(statesAfter(testBatch()), testBatch()).kind, 'append')
})

test('only the sequence that follows is taken', () => {
  const states = statesAfter(batch(0, { count: 3 }))
  assert.equal(check(states, batch(3)).kind, 'append')
  assert.deepEqual(check(states, batch(4)), OUT_OF_ORDER)
  assert.deepEqual(check(states, batch(0, { count: 2 })), OUT_OF_ORDER, 'a part of a batch is no duplicate')
})

test('each of the last five batches is known again, the sixth is out of order', () => {
  const states = statesAfter(...[0, 1, 2, 3, 4, 5].map((n) => batch(n, { baseOffset: n + 10 })))
  for (const n of [1, 2, 3, 4, 5]) {
    const verdict = { kind: 'duplicate', baseOffset: n + 10, lastOffset: n + 10, appendTimeMs: NOW_MS }
    assert.deepEqual(check(states, batch(n)), verdict)
  }
  assert.deepEqual(check(states, batch(0)), OUT_OF_ORDER)
})

test('sequences wrap from 2147483647 to 0, inside a batch and between two', () => {
  const across = batch(2147483646, { count: 4, baseOffset: 5 })
  const states = statesAfter(across)
  assert.equal(check(states, across).kind, 'duplicate')
  assert.equal(check(states, batch(2)).kind, 'append')
  assert.equal(check(statesAfter(batch(2147483647)), batch(0)).kind, 'append')
})

test('an older epoch is fenced, a newer one begins at 0', () => {
  const states = statesAfter(batch(0))
  assert.deepEqual(check(states, batch(1, { producerEpoch: 1 })), { kind: 'error', error: 'INVALID_PRODUCER_EPOCH' })
  assert.deepEqual(check(states, batch(1, { producerEpoch: 3 })), OUT_OF_ORDER)
  assert.equal(check(states, batch(0, { producerEpoch: 3 })).kind, 'append')
})

test('a producer is forgotten when its time is over, never with a transaction open', () => {
  const states = statesAfter(batch(0))
  assert.deepEqual(check(states, batch(9), NOW_MS + DAY_MS - 1), OUT_OF_ORDER)
  assert.equal(check(states, batch(9), NOW_MS + DAY_MS).kind, 'append')
  states.removeExpired(NOW_MS + DAY_MS)
  assert.equal(states.count, 0)
  const open = statesAfter(batch(0, { transactional: true }))
  open.removeExpired(NOW_MS + 2 * DAY_MS)
  assert.equal(open.count, 1)
})

test('a producer whose records are of long ago is remembered from its last append on', () => {
  const yearsAgo = { timestampsMs: [NOW_MS - 1000 * DAY_MS] }
  const states = statesAfter(batch(0, yearsAgo))
  assert.equal(check(states, batch(0, yearsAgo), NOW_MS + DAY_MS - 1).kind, 'duplicate')
  assert.deepEqual(check(states, batch(9, yearsAgo)), OUT_OF_ORDER)
  assert.equal(check(states, batch(9, yearsAgo), NOW_MS + DAY_MS).kind, 'append')
})

test('a snapshot holds a producer as Kafka lays it out, byte for byte', () => {
  const states = statesAfter(batch(1, { count: 3, baseOffset: 5, transactional: true }))
  const bytes = states.toSnapshot()
  assert.equal(bytes.subarray(0, 2).toString('hex'), '0001')
  assert.equal(
    bytes.subarray(6).toString('hex'),
    '00000001' +
      '0000000000000007' +
      '0002' +
      '00000003' +
      '0000000000000007' +
      '00000002' +
      '0000018bcfe56800' +
      'ffffffff' +
      '0000000000000005',
  )
  const restored = new ProducerStates(DAY_MS)
  assert.equal(restored.loadSnapshot(bytes), true)
  assert.equal(check(restored, batch(1, { count: 3 })).kind, 'duplicate')
  assert.deepEqual(restored.toSnapshot(), bytes)
})

test('a snapshot remembers every batch that may still be in flight, the newest last', () => {
  const seven = Array.from({ length: 7 }, (_, i) => batch(i, { baseOffset: 4 + i }))
  const bytes = statesAfter(...seven).toSnapshot()
  assert.equal(bytes.readInt32BE(6), 5, 'as many as a client may have in flight')
  assert.equal(bytes.readInt32BE(bytes.length - 46 + 10), 6, 'Kafka believes the last entry of a producer')
  const restored = new ProducerStates(DAY_MS)
  assert.equal(restored.loadSnapshot(bytes), true)
  for (let i = 2; i < 7; i++) {
    const verdict = check(restored, batch(i))
    assert.equal(verdict.kind === 'duplicate' && verdict.baseOffset, 4 + i)
  }
  assert.deepEqual(check(restored, batch(1)), OUT_OF_ORDER)
  assert.equal(check(restored, batch(7)).kind, 'append')
  assert.deepEqual(restored.toSnapshot(), bytes)
  restored.verify(11)
})

test('a snapshot that is short, long or changed in any byte is refused and changes nothing', () => {
  const bytes = statesAfter(batch(0)).toSnapshot()
  const states = statesAfter(batch(5))
  const damaged = [bytes.subarray(0, 9), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(46)])]
  for (let at = 0; at < bytes.length; at++) {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 0x40
    damaged.push(copy)
  }
  for (const each of damaged) assert.equal(states.loadSnapshot(each), false)
  assert.equal(check(states, batch(6)).kind, 'append')
})

test('the marker of a transaction ends it and leaves the sequences as they are', () => {
  const states = statesAfter(batch(0, { transactional: true }))
  const marker = {
    producerId: 7,
    producerEpoch: 2,
    commit: true,
    coordinatorEpoch: 1,
    timestampMs: NOW_MS,
    baseOffset: 1,
  }
  states.applied(buildEndTransactionBatch(marker), 0, NOW_MS)
  assert.equal(check(states, batch(1)).kind, 'append')
  states.removeExpired(NOW_MS + DAY_MS)
  assert.equal(states.count, 0)
})
