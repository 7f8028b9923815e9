import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '@ottla/protocol/bytes.ts'
import { LegacyOffsetCommitKey, LegacyOffsetCommitValue } from '@ottla/protocol/persisted/offsets-and-groups.ts'
import { encodeKey, encodeVersioned } from '@ottla/protocol/versioned.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { decodeGroupRecord, groupIdOf, groupRecord, groupTombstone } from './group-records.ts'

const OFFSET = { offset: 7, leaderEpoch: 2, metadata: 'm', commitTimestamp: 9, topicId: ZERO_UUID }
const OFFSET_KEY = { group: 'g', topic: 't', partition: 3 }
const MEMBER = {
  ...{ memberId: 'm', groupInstanceId: null, clientId: 'c', clientHost: '/h' },
  ...{ rebalanceTimeout: 1, sessionTimeout: 2, subscription: Buffer.from('s'), assignment: Buffer.from('a') },
}
const GROUP = { protocolType: 'consumer', generation: 1, protocol: 'range', leader: 'm', currentStateTimestamp: 5 }

test('each type has its number, and its value the version that Kafka writes', () => {
  const memberKey = { groupId: 'g', memberId: 'm' }
  const rows = [
    [groupRecord('offsetCommit', OFFSET_KEY, OFFSET), 1, 4],
    [groupRecord('offsetCommit', OFFSET_KEY, { ...OFFSET, expireTimestamp: 11 }), 1, 1],
    [groupRecord('groupMetadata', { group: 'g' }, { ...GROUP, members: [MEMBER] }), 2, 3],
    [groupRecord('consumerGroupMetadata', { groupId: 'g' }, { epoch: 4 }), 3, 0],
    [groupRecord('consumerGroupPartitionMetadata', { groupId: 'g' }, { topics: [] }), 4, 0],
    [groupRecord('consumerGroupTargetAssignmentMetadata', { groupId: 'g' }, { assignmentEpoch: 4 }), 6, 0],
    [groupRecord('consumerGroupTargetAssignmentMember', memberKey, { topicPartitions: [] }), 7, 0],
  ] as const
  for (const [record, type, version] of rows) {
    assert.deepEqual([record.key.readInt16BE(0), record.value!.readInt16BE(0)], [type, version])
    const decoded = decodeGroupRecord(record)
    assert.equal(decoded && groupIdOf(decoded), 'g')
  }
})

test('a record comes back as it was, and a tombstone with its key alone', () => {
  const value = { ...GROUP, members: [MEMBER] }
  const decoded = decodeGroupRecord(groupRecord('groupMetadata', { group: 'g' }, value))
  assert.deepEqual(decoded, { type: 'groupMetadata', key: { group: 'g' }, value })
  const tombstone = decodeGroupRecord(groupTombstone('offsetCommit', OFFSET_KEY))
  assert.deepEqual(tombstone, { type: 'offsetCommit', key: OFFSET_KEY, value: null })
})

test('what is decoded keeps nothing of the memory that the record was in', () => {
  const record = groupRecord('groupMetadata', { group: 'g' }, { ...GROUP, members: [MEMBER] })
  const decoded = decodeGroupRecord(record)
  record.value!.fill(0)
  assert.ok(decoded?.type === 'groupMetadata')
  assert.equal(String(decoded.value!.members[0]!.subscription), 's')
})

test('offsets of the oldest form are offsets', () => {
  const key = encodeKey(LegacyOffsetCommitKey, OFFSET_KEY)
  const value = encodeVersioned(LegacyOffsetCommitValue, 0, { offset: 7, metadata: 'm', commitTimestamp: 9 })
  const unknown = { leaderEpoch: -1, expireTimestamp: -1, topicId: ZERO_UUID }
  assert.deepEqual(decodeGroupRecord({ key, value }), {
    ...{ type: 'offsetCommit', key: OFFSET_KEY },
    value: { offset: 7, metadata: 'm', commitTimestamp: 9, ...unknown },
  })
  assert.equal(decodeGroupRecord({ key, value: null })?.value, null)
})

test('types of other kinds of groups, and of the future, are passed over; bytes that are no record are not', () => {
  for (const type of [9, 10, 11, 15, 17, 23, 1000]) {
    assert.equal(decodeGroupRecord({ key: Buffer.from([type >> 8, type & 255]), value: null }), null)
  }
  assert.throws(() => decodeGroupRecord({ key: Buffer.from([0, 1, 0]), value: null }), DecodeError)
  const future = groupRecord('offsetCommit', OFFSET_KEY, OFFSET)
  future.value!.writeInt16BE(5, 0)
  assert.throws(() => decodeGroupRecord(future), DecodeError)
})
