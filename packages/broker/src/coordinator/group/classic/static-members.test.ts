import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicHarness, errorOf } from './classic-harness.ts'

const STATIC = { instanceId: 'i', sessionTimeoutMs: 20_000 }

test('a static member has an id that shows its instance, and enters at once', () => {
  const harness = new ClassicHarness()
  const { memberId, joined } = harness.enter(STATIC)
  assert.match(memberId, /^i-[0-9a-f-]{36}$/)
  assert.equal(joined.isAnswered, false)
  harness.advance(3000)
  assert.deepEqual(
    joined.reply.members.map(({ groupInstanceId }) => groupInstanceId),
    ['i'],
  )
})

test('a static leader that returns to a stable group leads under its new id and may keep its assignment', () => {
  const harness = new ClassicHarness()
  const [old, follower] = harness.stable(STATIC, {})
  const before = harness.recordCount
  const returned = harness.join({ ...STATIC, metadata: 'new' })
  const { memberId } = returned.reply
  assert.notEqual(memberId, old)
  assert.deepEqual(returned.reply, {
    ...{ errorCode: 0, generationId: 1, protocolType: 'consumer', protocolName: 'range', leader: memberId, memberId },
    skipAssignment: true,
    members: [
      { memberId: follower!, groupInstanceId: null, metadata: Buffer.from('meta') },
      { memberId, groupInstanceId: 'i', metadata: Buffer.from('new') },
    ],
  })
  assert.equal(harness.group.state(), 'Stable')
  const [record, ...others] = harness.records(before)
  assert.deepEqual(others, [])
  assert.deepEqual([record!.generation, record!.leader], [1, memberId])
  assert.deepEqual(
    record!.members.map(({ assignment }) => assignment.toString()),
    ['for 1', 'for 0'],
  )
  assert.deepEqual(harness.timers(), { [follower!]: 10_000, [memberId]: 20_000 })
  assert.equal(harness.sync({ memberId, instanceId: 'i', generation: 1 }).reply.assignment.toString(), 'for 0')
  assert.equal(harness.heartbeat(old!, 1, 'i'), 'FENCED_INSTANCE_ID')
  assert.equal(harness.heartbeat(old!, 1), 'UNKNOWN_MEMBER_ID')
})

test('a static follower that returns learns its leader and no members', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({}, STATIC)
  const { reply } = harness.join(STATIC)
  assert.deepEqual([reply.leader, reply.members, reply.skipAssignment], [leader, [], false])
})

test('below version 9 a static leader that returns is told that its old id leads, so that it just syncs', () => {
  const harness = new ClassicHarness()
  const [old] = harness.stable(STATIC, {})
  const { reply } = harness.join({ ...STATIC, apiVersion: 8 })
  assert.deepEqual([reply.leader, reply.members, reply.skipAssignment], [old, [], false])
  const synced = harness.sync({ memberId: reply.memberId, generation: 1 })
  assert.equal(synced.reply.assignment.toString(), 'for 0')
})

test('a return that the log does not take has not happened', () => {
  const harness = new ClassicHarness()
  const [old] = harness.stable(STATIC, {})
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  const returned = harness.join(STATIC)
  assert.deepEqual(returned.reply, {
    ...{ errorCode: 15, generationId: 1, protocolType: 'consumer', protocolName: 'range' },
    ...{ leader: old!, memberId: '', members: [] },
  })
  assert.equal(harness.heartbeat(old!, 1, 'i'), 'NONE')
  assert.equal(errorOf(harness.join(STATIC)), 'NONE')
})

test('a return that changes the protocol of the group begins a rebalance', () => {
  const harness = new ClassicHarness()
  const both = ['range', 'sticky']
  const [, follower] = harness.stable({ ...STATIC, protocols: both }, { protocols: ['sticky', 'range'] })
  const returned = harness.join({ ...STATIC, protocols: ['sticky'] })
  assert.equal(returned.isAnswered, false)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  harness.join({ memberId: follower!, protocols: both })
  assert.deepEqual([returned.reply.generationId, returned.reply.protocolName], [2, 'sticky'])
  assert.equal(returned.reply.leader, returned.reply.memberId, 'the lead stays with the instance')
})

test('a return while the generation is being completed gives it up: the leader may be assigning to the old id', () => {
  const harness = new ClassicHarness()
  const { memberId: leader } = harness.enter()
  const { memberId: old } = harness.enter(STATIC)
  harness.advance(6000)
  const fenced = harness.sync({ memberId: old, generation: 1 })
  const returned = harness.join(STATIC)
  assert.equal(errorOf(fenced), 'FENCED_INSTANCE_ID')
  assert.equal(harness.group.state(), 'PreparingRebalance')
  harness.join({ memberId: leader })
  assert.equal(returned.reply.generationId, 2)
})

test('a return in a join phase fences the old self that waits', () => {
  const harness = new ClassicHarness()
  const [leader, old] = harness.stable({}, STATIC)
  harness.join({ memberId: leader! })
  harness.leave({ memberId: 'x' })
  const waitingLeader = harness.join({ memberId: leader!, metadata: 'other' })
  assert.equal(waitingLeader.isAnswered, false)
  const pending = harness.join().reply.memberId
  const fenced = harness.join({ ...STATIC, memberId: old! })
  const returned = harness.join(STATIC)
  assert.equal(errorOf(fenced), 'FENCED_INSTANCE_ID')
  assert.equal(fenced.reply.memberId, old)
  assert.equal(returned.isAnswered, false)
  harness.leave({ memberId: pending })
  assert.equal(returned.reply.generationId, 2)
})

test('a static member that returns during the initial delay waits for it like all others', () => {
  const harness = new ClassicHarness()
  const { joined: fenced } = harness.enter(STATIC)
  const returned = harness.join(STATIC)
  assert.equal(errorOf(fenced), 'FENCED_INSTANCE_ID')
  assert.equal(returned.isAnswered, false)
  harness.advance(3000)
  assert.equal(returned.reply.generationId, 1)
})

test('a static member keeps its place under its own id', () => {
  const harness = new ClassicHarness()
  const [, old] = harness.stable({}, STATIC)
  const { reply } = harness.join({ ...STATIC, memberId: old! })
  assert.deepEqual([reply.memberId, reply.generationId], [old, 1])
  assert.equal(harness.group.state(), 'Stable')
})
