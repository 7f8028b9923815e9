import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '@ottla/protocol/errors.ts'
import { ShardHarness } from './shard-harness.ts'

const types = (records: readonly { type: string; value: unknown }[]) =>
  records.map(({ type, value }) => `${value === null ? '-' : '+'}${type}`)

test('a group that only has offsets is an empty one without a type', () => {
  const harness = new ShardHarness()
  harness.commit()
  assert.deepEqual(harness.list(), ['g classic Empty ""'])
  harness.restart()
  assert.deepEqual(harness.list(), ['g classic Empty ""'])
})

test('groups are listed by their states and types, in any case of letters; what there is not matches nothing', () => {
  const harness = new ShardHarness()
  harness.commit({ group: 'simple' })
  harness.joined({ group: 'classic' })
  harness.consumerHeartbeat({ groupId: 'new' })
  const lines = [
    'simple classic Empty ""',
    'classic classic CompletingRebalance "consumer"',
    'new consumer Stable "consumer"',
  ]
  assert.deepEqual(harness.list(), lines)
  assert.deepEqual(harness.list({ states: ['empty', 'STABLE'] }), [lines[0], lines[2]])
  assert.deepEqual(harness.list({ states: [' completingrebalance '] }), [lines[1]])
  assert.deepEqual(harness.list({ types: ['Classic'] }), [lines[0], lines[1]])
  assert.deepEqual(harness.list({ types: ['classic'], states: ['stable'] }), [])
  assert.deepEqual(harness.list({ states: ['nonsense'] }), [])
  assert.deepEqual(harness.list({ types: ['share', 'nonsense'] }), [])
})

test('each API describes groups of its own protocol only', () => {
  const harness = new ShardHarness()
  harness.joined({ group: 'classic' })
  harness.consumerHeartbeat({ groupId: 'new' })
  const classic = (groupId: string) => {
    const { groupState, errorCode, errorMessage } = harness.shard.describe(groupId, 6)
    return [groupState, errorName(errorCode), errorMessage ?? null]
  }
  assert.deepEqual(classic('classic'), ['CompletingRebalance', 'NONE', null])
  assert.deepEqual(classic('new'), ['Dead', 'GROUP_ID_NOT_FOUND', 'Group new is not a classic group.'])
  assert.deepEqual(classic('none'), ['Dead', 'GROUP_ID_NOT_FOUND', 'Group none not found.'])
  assert.equal(harness.shard.describe('none', 5).errorCode, 0)
  const consumer = (groupId: string) => {
    const { groupState, errorCode, errorMessage } = harness.shard.describeConsumer(groupId)
    return [groupState, errorName(errorCode), errorMessage ?? null]
  }
  assert.deepEqual(consumer('new'), ['Stable', 'NONE', null])
  assert.deepEqual(consumer('classic'), ['', 'GROUP_ID_NOT_FOUND', 'Group classic is not a consumer group.'])
  assert.deepEqual(consumer('none'), ['', 'GROUP_ID_NOT_FOUND', 'Group none not found.'])
})

test('an empty group is deleted with its offsets, in this order; one with members is not', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.commitInTransaction(70)
  harness.commitInTransaction(71, { partition: 1 })
  harness.joined({ group: 'busy' })
  harness.consumerHeartbeat({ groupId: 'new' })
  const written = harness.written(() =>
    assert.deepEqual(harness.deleteGroups('g', 'busy', 'new', 'none', 'g'), [
      'g: NONE',
      'busy: NON_EMPTY_GROUP',
      'new: NON_EMPTY_GROUP',
      'none: GROUP_ID_NOT_FOUND',
    ]),
  )
  assert.deepEqual(types(written), ['-offsetCommit', '-offsetCommit', '-groupMetadata'])
  assert.equal(harness.shard.groupCount, 2)
  harness.shard.endTransaction(70, 'commit')
  harness.restart()
  assert.deepEqual([harness.fetch(), harness.shard.groupCount], [[], 2])
})

test('an empty consumer group is deleted whole', () => {
  const harness = new ShardHarness()
  harness.consumerHeartbeat()
  harness.consumerHeartbeat({ memberEpoch: -1 })
  assert.deepEqual(harness.list(), ['g consumer Empty "consumer"'])
  assert.deepEqual(harness.deleteGroups('g'), ['g: NONE'])
  harness.restart()
  assert.equal(harness.shard.groupCount, 0)
})

test('the first join makes a group; if its record is refused there is none', () => {
  const harness = new ShardHarness()
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  harness.join()
  assert.equal(harness.shard.groupCount, 0)
  assert.deepEqual(types(harness.written(() => harness.join())), ['+groupMetadata'])
  assert.deepEqual(harness.list(), ['g classic Empty ""'])
})

test('a member id makes no group', () => {
  const harness = new ShardHarness()
  assert.equal(errorName(harness.join('stranger').reply.errorCode), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.shard.groupCount, 0)
})

test('an empty consumer group gives way to the first member of the classic protocol, and keeps its offsets', () => {
  const harness = new ShardHarness()
  harness.commit()
  harness.consumerHeartbeat()
  harness.consumerHeartbeat({ memberEpoch: -1 })
  const written = harness.written(() => harness.join())
  assert.deepEqual(types(written).slice(-2), ['-consumerGroupMetadata', '+groupMetadata'])
  assert.deepEqual([harness.list(), harness.fetch()], [['g classic Empty ""'], ['t-0=5']])
  harness.restart()
  assert.deepEqual([harness.list(), harness.fetch()], [['g classic Empty ""'], ['t-0=5']])
})

test('an empty consumer group stays when the log does not take its end', () => {
  const harness = new ShardHarness()
  harness.consumerHeartbeat()
  harness.consumerHeartbeat({ memberEpoch: -1 })
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  harness.join()
  assert.deepEqual(harness.list(), ['g consumer Empty "consumer"'])
  assert.equal(harness.consumerHeartbeat().reply.memberEpoch! > 0, true)
})

test('an empty classic group gives way to the first member of the consumer protocol, and keeps its offsets', () => {
  const harness = new ShardHarness()
  harness.commit()
  const { memberId } = harness.join().reply
  const written = harness.written(() => harness.consumerHeartbeat())
  assert.deepEqual(types(written).slice(0, 2), ['-groupMetadata', '+consumerGroupMemberMetadata'])
  assert.deepEqual([harness.list(), harness.fetch()], [['g consumer Stable "consumer"'], ['t-0=5']])
  // Whoever was given an id in the old group has no place in the new one, and no timer any more.
  assert.ok([...harness.transcript.timers.keys()].every((key) => !key.includes(memberId!)))
  harness.restart()
  assert.deepEqual(harness.list(), ['g consumer Stable "consumer"'])
})

test('a heartbeat that is refused makes no group and removes none', () => {
  const harness = new ShardHarness()
  harness.commit()
  assert.equal(harness.consumerHeartbeat({ memberEpoch: 3 }).error, 'GROUP_ID_NOT_FOUND')
  assert.equal(harness.consumerHeartbeat({ groupId: 'none', memberEpoch: -1 }).error, 'GROUP_ID_NOT_FOUND')
  assert.equal(harness.consumerHeartbeat({ serverAssignor: 'magic' }).error, 'UNSUPPORTED_ASSIGNOR')
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  harness.consumerHeartbeat()
  assert.deepEqual([harness.list(), harness.shard.groupCount], [['g classic Empty ""'], 1])
})

test('groups do not touch each other', () => {
  const harness = new ShardHarness()
  const { memberId, generationId } = harness.joined({ group: 'a' })
  harness.joined({ group: 'b' })
  assert.equal(harness.commit({ group: 'b', memberId, generation: generationId! }), 'UNKNOWN_MEMBER_ID')
  harness.commit({ group: 'c' })
  assert.deepEqual([harness.fetch({ group: 'a' }), harness.fetch({ group: 'c' })], [[], ['t-0=5']])
})

test('records of kinds of groups that are not there yet are passed over', () => {
  const harness = new ShardHarness()
  harness.transcript.subject.apply(
    { key: Buffer.from([0, 11, 0, 0]), value: Buffer.alloc(2) },
    {
      ...{ timestampMs: 0, producerId: -1, producerEpoch: -1 },
    },
  )
  assert.equal(harness.shard.groupCount, 0)
})

test('who waits when the shard is unloaded is told to look elsewhere', () => {
  const harness = new ShardHarness()
  const { memberId } = harness.join().reply
  const waiting = harness.join(memberId)
  assert.equal(waiting.isAnswered, false)
  harness.transcript.run(harness.shard.unloaded())
  assert.equal(errorName(waiting.reply.errorCode), 'NOT_COORDINATOR')
})

test('after a fail-over the sessions of all members begin anew', () => {
  const harness = new ShardHarness()
  harness.consumerHeartbeat()
  harness.restart()
  harness.transcript.advance(44_999)
  assert.deepEqual(harness.list(), ['g consumer Stable "consumer"'])
  harness.transcript.advance(1)
  assert.deepEqual(harness.list(), ['g consumer Empty "consumer"'])
})
