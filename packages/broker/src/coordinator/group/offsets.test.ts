import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { imageWith, START_MS, topicIdOf } from '../testing/transcript.ts'
import { ShardHarness } from './shard-harness.ts'

test('a commit is one record, and what was committed is told', () => {
  const harness = new ShardHarness()
  const written = harness.written(() =>
    assert.equal(harness.commit({ partition: 2, offset: 9, leaderEpoch: 3, metadata: 'here' }), 'NONE'),
  )
  const value = { offset: 9, leaderEpoch: 3, metadata: 'here', commitTimestamp: START_MS }
  assert.deepEqual(written, [
    {
      ...{ type: 'offsetCommit', key: { group: 'g', topic: 't', partition: 2 } },
      value: { ...value, expireTimestamp: -1, topicId: ZERO_UUID },
    },
  ])
  const fetch = { groupId: 'g', memberId: null, memberEpoch: -1, topics: null, requireStable: false }
  assert.deepEqual(harness.shard.fetchOffsets(fetch), {
    ...{ groupId: 'g', errorCode: 0 },
    topics: [
      {
        name: 't',
        partitions: [
          { partitionIndex: 2, committedOffset: 9, committedLeaderEpoch: 3, metadata: 'here', errorCode: 0 },
        ],
      },
    ],
  })
})

test('what was never committed is offset -1 without an error, also of a group that is not there', () => {
  const harness = new ShardHarness()
  harness.commit({ partition: 1 })
  assert.deepEqual(harness.fetch({ partitions: [0, 1, 99] }), ['t-0=-1', 't-1=5', 't-99=-1'])
  assert.deepEqual(harness.fetch({ group: 'other', partitions: [0] }), ['t-0=-1'])
  assert.deepEqual(harness.fetch({ group: 'other' }), [])
})

test('commits survive a fail-over, and the newest counts', () => {
  const harness = new ShardHarness()
  harness.commit({ offset: 5 })
  harness.commit({ offset: 4 })
  harness.commit({ partition: 1, offset: 7 })
  harness.restart()
  assert.deepEqual(harness.fetch(), ['t-0=4', 't-1=7'])
  assert.equal(harness.shard.offsetCount, 2)
})

test('metadata may have as many UTF-16 units as the setting says; none is the empty text', () => {
  const harness = new ShardHarness()
  harness.world.changedSettings = { offsetMetadataBytesMax: 4 }
  assert.equal(harness.commit({ metadata: 'äöü€' }), 'NONE')
  assert.equal(harness.commit({ metadata: '😀😀' }), 'NONE')
  assert.equal(harness.commit({ metadata: '😀😀!' }), 'OFFSET_METADATA_TOO_LARGE')
  const [record] = harness.written(() => assert.equal(harness.commit({ metadata: null }), 'NONE'))
  assert.equal(record?.type === 'offsetCommit' && record.value?.metadata, '')
})

test('a commit whose metadata is too long writes nothing, makes no group and moves no offset', () => {
  const harness = new ShardHarness()
  const written = harness.written(() => harness.commit({ metadata: 'x'.repeat(4097) }))
  assert.deepEqual([written, harness.list()], [[], []])
})

test('who claims a generation of a group that is not there is refused, by the version of the request', () => {
  const harness = new ShardHarness()
  assert.equal(harness.commit({ generation: 0, memberId: 'm', apiVersion: 8 }), 'ILLEGAL_GENERATION')
  assert.equal(harness.commit({ generation: 0, memberId: 'm', apiVersion: 9 }), 'GROUP_ID_NOT_FOUND')
  assert.equal(harness.commit({ generation: -1, memberId: 'm' }), 'NONE')
})

test('a member commits in its generation; nobody commits from outside while there are members', () => {
  const harness = new ShardHarness()
  const { memberId, generationId } = harness.joined()
  assert.equal(harness.commit({ memberId, generation: generationId! + 1 }), 'ILLEGAL_GENERATION')
  assert.equal(harness.commit({ memberId: 'stranger', generation: generationId! }), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.commit(), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.commit({ memberId, generation: generationId! }), 'REBALANCE_IN_PROGRESS')
})

test('a commit that the log does not take is refused and changes nothing', () => {
  const harness = new ShardHarness()
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  const ticket = harness.commitTicket()
  assert.equal(ticket.error, 'COORDINATOR_NOT_AVAILABLE')
  assert.deepEqual([harness.fetch({ partitions: [0] }), harness.list()], [['t-0=-1'], []])
})

test('the offset of a topic that was deleted is not that of the one which has its name now', () => {
  const harness = new ShardHarness()
  harness.commit({ topicId: topicIdOf('old') })
  assert.deepEqual(harness.fetch({ partitions: [0], topicId: topicIdOf('new') }), ['t-0=-1'])
  assert.deepEqual(harness.fetch({ partitions: [0], topicId: topicIdOf('old') }), ['t-0=5'])
  assert.deepEqual(harness.fetch({ partitions: [0] }), ['t-0=5'])
  harness.commit({ offset: 6 })
  assert.deepEqual(harness.fetch({ partitions: [0], topicId: topicIdOf('new') }), ['t-0=6'])
})

test('all that a group has is of the topics that have the names now, also where some of a name was of another', () => {
  const harness = new ShardHarness()
  for (const partition of [0, 1]) harness.commit({ topicId: topicIdOf('old'), partition })
  assert.deepEqual(harness.fetch(), [])
  harness.commit({ topicId: topicIdOf('t'), partition: 1, offset: 6 })
  assert.deepEqual(harness.fetch(), ['t-1=6'])
})

test('offsets of a transaction count once it is committed, and never if it is aborted', () => {
  const harness = new ShardHarness()
  harness.commit({ offset: 1 })
  harness.commitInTransaction(70, { offset: 2 })
  harness.commitInTransaction(71, { partition: 1, offset: 3 })
  assert.deepEqual(harness.fetch({ partitions: [0, 1] }), ['t-0=1', 't-1=-1'])
  harness.shard.endTransaction(70, 'commit')
  harness.shard.endTransaction(71, 'abort')
  harness.shard.endTransaction(72, 'commit')
  assert.deepEqual(harness.fetch({ partitions: [0, 1] }), ['t-0=2', 't-1=-1'])
})

test('who requires stable offsets is told which an open transaction may yet change, in its own group only', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commit({ partition: 1 })
  harness.commit({ group: 'other' })
  harness.commitInTransaction(70)
  harness.commitInTransaction(70, { partition: 2 })
  const stable = { requireStable: true }
  assert.deepEqual(harness.fetch({ ...stable, partitions: [0, 1, 2] }), [
    't-0=UNSTABLE_OFFSET_COMMIT',
    't-1=5',
    't-2=UNSTABLE_OFFSET_COMMIT',
  ])
  assert.deepEqual(harness.fetch(stable), ['t-0=UNSTABLE_OFFSET_COMMIT', 't-1=5'])
  assert.deepEqual(harness.fetch({ ...stable, group: 'other' }), ['t-0=5'])
  harness.shard.endTransaction(70, 'abort')
  assert.deepEqual(harness.fetch(stable), ['t-0=5', 't-1=5'])
})

test('of a commit inside and one outside of a transaction the later one counts, whenever the marker comes', () => {
  const harness = new ShardHarness()
  harness.commitInTransaction(70, { offset: 2 })
  harness.commit({ offset: 1 })
  harness.shard.endTransaction(70, 'commit')
  assert.deepEqual(harness.fetch(), ['t-0=1'])
})

test('deleted offsets are gone, pending ones too; there is a tombstone for what is there only', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commitInTransaction(70)
  harness.commitInTransaction(70, { partition: 1 })
  const written = harness.written(() => {
    const reply = harness.deleteOffsets([0, 1, 2])
    assert.deepEqual(
      reply.topics[0]!.partitions.map(({ errorCode }) => errorCode),
      [0, 0, 0],
    )
  })
  const places = written.map(({ key, value }) => [key, value])
  assert.deepEqual(
    places,
    [0, 1].map((partition) => [{ group: 'g', topic: 't', partition }, null]),
  )
  harness.shard.endTransaction(70, 'commit')
  assert.deepEqual([harness.fetch(), harness.shard.offsetCount], [[], 0])
})

test('offsets that a member may need are not deleted', () => {
  const harness = new ShardHarness()
  assert.equal(harness.deleteOffsets([0]).errorCode, 69)
  harness.commit()
  harness.commit({ group: 'workers' })
  harness.joined()
  harness.joined({ group: 'workers', protocolType: 'connect' })
  // The subscription cannot be read, so any topic may be in it.
  assert.deepEqual(harness.deleteOffsets([0]).topics, [
    { name: 't', partitions: [{ partitionIndex: 0, errorCode: 86 }] },
  ])
  assert.equal(harness.deleteOffsets([0], { group: 'workers' }).errorCode, 68)
  assert.deepEqual(harness.fetch(), ['t-0=5'])
})

test('a deleted topic takes its offsets along, in all groups, pending ones too', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commit({ group: 'other', partition: 3 })
  harness.commit({ topic: 'u' })
  harness.commitInTransaction(70, { topic: 't', partition: 1 })
  const written = harness.written(() => harness.change(imageWith({ u: 4, v: 1 }, 2)))
  assert.deepEqual(
    written.map(({ key, value }) => [key, value]),
    [
      [{ group: 'g', topic: 't', partition: 0 }, null],
      [{ group: 'g', topic: 't', partition: 1 }, null],
      [{ group: 'other', topic: 't', partition: 3 }, null],
    ],
  )
  assert.deepEqual([harness.fetch(), harness.fetch({ group: 'other' })], [['u-0=5'], []])
})

test('the offsets of a deleted topic are offered to the log again when it does not take it', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  harness.change(imageWith({ u: 4 }, 2))
  assert.deepEqual(harness.fetch(), ['t-0=5'])
  harness.transcript.advance(1000)
  assert.deepEqual(harness.fetch(), [])
})
