import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestTicket, testCaller } from '../../testing/transcript.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, errorOf, GROUP_ID, START_MS } from './classic-harness.ts'
import type { SyncReply } from './member.ts'

/** Two members of generation 1 that have not synced. */
function joined(): { harness: ClassicHarness; leader: string; follower: string } {
  const harness = new ClassicHarness()
  const leader = harness.enter({ metadata: 'l' }).memberId
  const follower = harness.enter({ metadata: 'f', sessionTimeoutMs: 20_000 }).memberId
  harness.advance(6000)
  assert.equal(harness.group.state(), 'CompletingRebalance')
  return { harness, leader, follower }
}

test('from version 5 on protocol type and name are required, whatever the group', () => {
  const { harness, leader } = joined()
  const sync = { memberId: leader, generation: 1 }
  assert.equal(errorOf(harness.sync({ ...sync, protocol: null })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.sync({ ...sync, protocolType: null })), 'INCONSISTENT_GROUP_PROTOCOL')
  const older = harness.sync({ ...sync, apiVersion: 4, protocol: null, protocolType: null })
  assert.equal(errorOf(older), 'NONE')
  const absent = new ClassicHarness()
  assert.equal(errorOf(absent.sync({ ...sync, protocol: null })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(absent.sync(sync)), 'UNKNOWN_MEMBER_ID')
})

test('another protocol, generation, member or instance is refused', () => {
  const { harness, leader } = joined()
  const sync = { memberId: leader, generation: 1 }
  assert.equal(errorOf(harness.sync({ ...sync, protocol: 'other' })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.sync({ ...sync, protocolType: 'other' })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.sync({ ...sync, generation: 2 })), 'ILLEGAL_GENERATION')
  assert.equal(errorOf(harness.sync({ ...sync, memberId: 'x' })), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(harness.sync({ ...sync, instanceId: 'x' })), 'UNKNOWN_MEMBER_ID')
  const statics = new ClassicHarness()
  statics.stable({ instanceId: 'i' })
  assert.equal(errorOf(statics.sync({ memberId: 'x', instanceId: 'i', generation: 1 })), 'FENCED_INSTANCE_ID')
})

test('a follower waits for its leader; then the generation is written and all get what they were assigned', () => {
  const { harness, leader, follower } = joined()
  const before = harness.recordCount
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  assert.equal(waiting.isAnswered, false)
  harness.advance(1000)
  const led = harness.sync({
    memberId: leader,
    generation: 1,
    assignments: { [leader]: 'a', [follower]: 'b', gone: 'c' },
  })
  const reply = { errorCode: 0, protocolType: 'consumer', protocolName: 'range' }
  assert.deepEqual(led.reply, { ...reply, assignment: Buffer.from('a') })
  assert.deepEqual(waiting.reply, { ...reply, assignment: Buffer.from('b') })
  assert.equal(harness.group.state(), 'Stable')
  assert.deepEqual(harness.timers(), { [leader]: 10_000, [follower]: 20_000 })
  const common = { groupInstanceId: null, clientId: 'client', clientHost: '/127.0.0.1', rebalanceTimeout: 60_000 }
  const row = (memberId: string, sessionTimeout: number, subscription: string, assignment: string) => {
    const bytes = { subscription: Buffer.from(subscription), assignment: Buffer.from(assignment) }
    return { ...common, memberId, sessionTimeout, ...bytes }
  }
  assert.deepEqual(harness.records(before), [
    {
      ...{ protocolType: 'consumer', generation: 1, protocol: 'range', leader, currentStateTimestamp: START_MS + 6000 },
      members: [row(leader, 10_000, 'l', 'a'), row(follower, 20_000, 'f', 'b')],
    },
  ])
})

test('the record of a generation is of the version that Kafka writes', () => {
  const { harness, leader } = joined()
  harness.sync({ memberId: leader, generation: 1 })
  assert.equal(harness.transcript.log.at(-1)!.record.value!.readInt16BE(0), 3)
})

test('a member that the leader has forgotten gets empty bytes', () => {
  const { harness, leader, follower } = joined()
  harness.sync({ memberId: leader, generation: 1, assignments: { [leader]: 'a' } })
  assert.equal(harness.sync({ memberId: follower, generation: 1 }).reply.assignment.length, 0)
})

test('who syncs when the group is stable is answered at once', () => {
  const { harness, leader, follower } = joined()
  harness.sync({ memberId: leader, generation: 1, assignments: { [follower]: 'b' } })
  assert.notEqual(harness.timers()['sync'], undefined, 'the follower is still expected')
  const late = harness.sync({ memberId: follower, generation: 1 })
  assert.equal(late.reply.assignment.toString(), 'b')
  assert.equal(harness.timers()['sync'], undefined)
  const before = harness.recordCount
  harness.advance(4000)
  assert.equal(harness.sync({ memberId: follower, generation: 1 }).reply.assignment.toString(), 'b')
  assert.deepEqual(harness.timers(), { [leader]: 6000, [follower]: 20_000 })
  assert.equal(harness.recordCount, before)
})

test('in a join phase there is nothing to sync', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.join({ memberId: leader! })
  assert.equal(errorOf(harness.sync({ memberId: follower!, generation: 1 })), 'REBALANCE_IN_PROGRESS')
})

test('a rebalance that begins while members wait for their assignment sends them to join again', () => {
  const { harness, follower } = joined()
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  harness.advance(4000)
  harness.join({ apiVersion: 3 })
  assert.deepEqual(waiting.reply, { errorCode: 27, assignment: Buffer.alloc(0) })
  assert.equal(harness.timers()[follower], 20_000)
})

test('a member that syncs twice waits once: the newer request gets the assignment', () => {
  const { harness, leader, follower } = joined()
  const older = harness.sync({ memberId: follower, generation: 1 })
  const newer = harness.sync({ memberId: follower, generation: 1 })
  assert.equal(errorOf(older), 'REBALANCE_IN_PROGRESS')
  harness.sync({ memberId: leader, generation: 1, assignments: { [follower]: 'b' } })
  assert.equal(newer.reply.assignment.toString(), 'b')
})

test('an assignment that the log does not take is nobody’s: all who wait learn why, and join again', () => {
  const { harness, leader, follower } = joined()
  const before = harness.recordCount
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  harness.transcript.refuseNext('UNKNOWN_SERVER_ERROR')
  const led = harness.sync({ memberId: leader, generation: 1, assignments: { [leader]: 'a', [follower]: 'b' } })
  assert.deepEqual([led, waiting].map(errorOf), ['UNKNOWN_SERVER_ERROR', 'UNKNOWN_SERVER_ERROR'])
  assert.equal(led.reply.assignment.length, 0)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.recordCount, before)
  assert.deepEqual(harness.timers(), { [leader]: 10_000, [follower]: 20_000, join: 60_000 })
  const again = [leader, follower].map((memberId) => harness.join({ memberId }))
  assert.deepEqual(
    again.map(({ reply }) => reply.generationId),
    [2, 2],
  )
})

test('a generation that is given up leaves nobody an assignment of an older one', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  harness.join({ memberId: leader! })
  assert.equal(harness.group.state(), 'CompletingRebalance')
  harness.join({ apiVersion: 3 })
  const [member] = ClassicGroup.stateOf(harness.group).members.all()
  assert.equal(member!.assignment.length, 0)
})

test('an assignment outlives the request whose bytes it came in', () => {
  const { harness, leader, follower } = joined()
  const assignment = Buffer.from('mine')
  const request = {
    ...{ groupId: GROUP_ID, generationId: 1, memberId: leader, groupInstanceId: null, protocolType: 'consumer' },
    ...{ protocolName: 'range', assignments: [{ memberId: follower, assignment }] },
  }
  const ticket = new TestTicket<SyncReply>()
  harness.transcript.run(harness.group.sync(request, testCaller({ apiVersion: 5 }), ticket, harness.nowMs))
  assignment.fill(0)
  assert.equal(harness.sync({ memberId: follower, generation: 1 }).reply.assignment.toString(), 'mine')
})

test('the end of a session is nothing to a member that waits for its assignment', () => {
  const { harness, leader, follower } = joined()
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  for (let index = 0; index < 5; index++) {
    harness.advance(9000)
    assert.equal(harness.heartbeat(leader, 1), 'NONE')
  }
  harness.sync({ memberId: leader, generation: 1, assignments: { [follower]: 'b' } })
  assert.equal(waiting.reply.assignment.toString(), 'b')
  assert.equal(harness.timers()[follower], 20_000)
})
