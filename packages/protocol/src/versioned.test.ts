import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from './bytes.ts'
import { ConsumerProtocolSubscription } from './embedded/consumer-protocol.ts'
import { GroupMetadataKey, OffsetCommitKey, OffsetCommitValue } from './persisted/offsets-and-groups.ts'
import { decodeKey, decodeVersioned, encodeKey, encodeVersioned, keyTypeOf } from './versioned.ts'

const subscription = { topics: ['t'], userData: null, ownedPartitions: [], generationId: 7, rackId: 'r' }

test('a key carries its type, a value its version, and both come back', () => {
  const key = encodeKey(OffsetCommitKey, { group: 'g', topic: 't', partition: 3 })
  assert.equal(key.toString('hex'), '0001' + '000167' + '000174' + '00000003')
  assert.equal(keyTypeOf(key), 1)
  assert.deepEqual(decodeKey(OffsetCommitKey, key), { group: 'g', topic: 't', partition: 3 })
  assert.throws(() => decodeKey(GroupMetadataKey, key), DecodeError)
  const value = encodeVersioned(OffsetCommitValue, 3, { offset: 5, metadata: '', commitTimestamp: 9 })
  assert.equal(value.readInt16BE(0), 3)
  assert.equal(decodeVersioned(OffsetCommitValue, value).offset, 5)
})

test('a version of the future is refused, or read as the newest known one', () => {
  const bytes = encodeVersioned(ConsumerProtocolSubscription, 3, subscription)
  bytes.writeInt16BE(9, 0)
  const future = Buffer.concat([bytes, Buffer.from([1, 2, 3])])
  assert.throws(() => decodeVersioned(ConsumerProtocolSubscription, future), DecodeError)
  assert.deepEqual(decodeVersioned(ConsumerProtocolSubscription, future, { newer: 'clamped' }), subscription)
})

test('a negative version, or none, is refused', () => {
  assert.throws(
    () => decodeVersioned(ConsumerProtocolSubscription, Buffer.from('ffff', 'hex'), { newer: 'clamped' }),
    DecodeError,
  )
  assert.throws(() => decodeVersioned(ConsumerProtocolSubscription, Buffer.alloc(1)), DecodeError)
  assert.throws(() => keyTypeOf(Buffer.alloc(0)), DecodeError)
})
