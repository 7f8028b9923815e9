import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '@ottla/protocol/errors.ts'
import { ClassicHarness, errorOf } from './classic-harness.ts'
import type { LeaveReply } from './leave.ts'

const errorsOf = ({ members = [] }: LeaveReply) => members.map(({ errorCode }) => errorName(errorCode))

test('nobody can leave a group that is not there', () => {
  const harness = new ClassicHarness()
  assert.deepEqual(harness.leaveAlone('x'), { errorCode: 25 })
  const members = [{ memberId: 'x', groupInstanceId: null, errorCode: 25 }]
  assert.deepEqual(harness.leave({ memberId: 'x' }), { errorCode: 0, members })
})

test('up to version 2 the error is of the request', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  assert.deepEqual(harness.leaveAlone('x'), { errorCode: 25 })
  assert.deepEqual(harness.leaveAlone(memberId!), { errorCode: 0 })
  assert.equal(harness.group.state(), 'Empty')
})

test('of many who leave each has an error of its own, and the others rebalance once', () => {
  const harness = new ClassicHarness()
  const [leader, second, third] = harness.stable({}, {}, { instanceId: 'i' })
  const reply = harness.leave(
    ...[{ memberId: second! }, { memberId: 'x' }, { memberId: 'x', instanceId: 'i' }, { instanceId: 'i' }],
    ...[{ instanceId: 'i' }, {}, { memberId: leader!, instanceId: 'j' }],
  )
  const unknown = 'UNKNOWN_MEMBER_ID'
  assert.deepEqual(errorsOf(reply), ['NONE', unknown, 'FENCED_INSTANCE_ID', 'NONE', unknown, unknown, unknown])
  assert.deepEqual(reply.members![3], { memberId: '', groupInstanceId: 'i', errorCode: 0 })
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.group.memberCount(), 1)
  assert.equal(harness.timers()[third!], undefined)
})

test('nobody rebalances when nobody has left', () => {
  const harness = new ClassicHarness()
  harness.stable({})
  harness.leave({ memberId: 'x' })
  assert.equal(harness.group.state(), 'Stable')
})

test('an id that was handed out can leave; it ends a join phase, and disturbs no stable group', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  const first = harness.join().reply.memberId
  assert.deepEqual(errorsOf(harness.leave({ memberId: first })), ['NONE'])
  assert.equal(harness.group.state(), 'Stable')
  assert.equal(harness.timers()[first], undefined)
  const second = harness.join().reply.memberId
  const joined = harness.join({ memberId: leader! })
  assert.equal(joined.isAnswered, false)
  harness.leave({ memberId: second })
  assert.equal(joined.reply.generationId, 2)
})

test('the last one whom a join phase waits for ends it by leaving', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  const joined = harness.join({ memberId: leader! })
  harness.leave({ memberId: follower! })
  assert.deepEqual(
    joined.reply.members.map(({ memberId }) => memberId),
    [leader],
  )
})

test('whoever waits for a member that leaves is told that it is unknown', () => {
  const harness = new ClassicHarness()
  const [leader, second, third] = harness.stable({}, {}, {})
  const joining = harness.join({ memberId: leader! })
  harness.leave({ memberId: leader! })
  assert.equal(errorOf(joining), 'UNKNOWN_MEMBER_ID')
  assert.equal(joining.reply.memberId, '')
  for (const memberId of [second!, third!]) harness.join({ memberId })
  const syncing = harness.sync({ memberId: third!, generation: 2 })
  harness.leave({ memberId: third! })
  assert.equal(errorOf(syncing), 'UNKNOWN_MEMBER_ID')
})

test('a leader that leaves hands the lead to the one who joined first', () => {
  const harness = new ClassicHarness()
  const [leader, second, third] = harness.stable({}, {}, {})
  harness.leave({ memberId: leader! })
  harness.join({ memberId: third! })
  assert.equal(harness.join({ memberId: second! }).reply.leader, second)
})

test('a member that leaves during the initial delay does not end it', () => {
  const harness = new ClassicHarness()
  const { memberId } = harness.enter()
  const other = harness.enter()
  harness.leave({ memberId })
  assert.equal(other.joined.isAnswered, false)
  harness.advance(6000)
  assert.equal(other.joined.reply.generationId, 1)
})
