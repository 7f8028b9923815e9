import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, errorOf, START_MS } from './classic-harness.ts'

test('the first join phase of an empty group waits for the initial delay, however soon all have joined', () => {
  const harness = new ClassicHarness()
  const ticket = harness.join({ apiVersion: 3 })
  harness.advance(2999)
  assert.equal(ticket.isAnswered, false)
  harness.advance(1)
  assert.equal(ticket.reply.generationId, 1)
})

test('each newcomer extends the initial delay, up to the largest rebalance timeout', () => {
  const harness = new ClassicHarness()
  const tickets = [harness.join({ apiVersion: 3, rebalanceTimeoutMs: 8000 })]
  for (const expectedMs of [3000, 2000]) {
    tickets.push(harness.join({ apiVersion: 3, rebalanceTimeoutMs: 8000 }))
    harness.advance(harness.timers()['join']!)
    assert.equal(harness.timers()['join'], expectedMs)
  }
  assert.equal(harness.nowMs, START_MS + 6000)
  harness.advance(2000)
  assert.deepEqual(
    tickets.map(({ reply }) => reply.generationId),
    [1, 1, 1],
  )
})

test('with an initial delay of zero the first generation begins at once', () => {
  const harness = new ClassicHarness()
  harness.world.changedSettings = { initialRebalanceDelayMs: 0 }
  const ticket = harness.join({ apiVersion: 3 })
  assert.equal(harness.timers()['join'], 0)
  harness.advance(0)
  assert.equal(ticket.reply.generationId, 1)
})

test('the initial delay does not wait for ids that were handed out', () => {
  const harness = new ClassicHarness()
  const joined = harness.join({ apiVersion: 3 })
  const { memberId } = harness.join().reply
  harness.advance(3000)
  assert.equal(errorOf(joined), 'NONE')
  assert.equal(harness.timers()[memberId], 7000)
})

test('a join phase ends when all have joined, and waits for an id that was handed out', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  const { memberId } = harness.join().reply
  const joined = harness.join({ memberId: leader! })
  assert.equal(joined.isAnswered, false)
  const newcomer = harness.join({ memberId })
  assert.deepEqual([joined.reply.generationId, newcomer.reply.generationId], [2, 2])
  assert.deepEqual(
    joined.reply.members.map((member) => member.memberId),
    [leader, memberId],
  )
})

test('a join phase that has ended leaves no timer of its own', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.join({ memberId: leader! })
  assert.equal(harness.timers()['join'], 60_000)
  harness.join({ memberId: follower! })
  assert.deepEqual(harness.timers(), { [leader!]: 10_000, [follower!]: 10_000, sync: 60_000 })
})

test('an id that never comes back is waited for as long as its session', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  harness.join({ sessionTimeoutMs: 6000 })
  const joined = harness.join({ memberId: leader! })
  harness.advance(5999)
  assert.equal(joined.isAnswered, false)
  harness.advance(1)
  assert.equal(joined.reply.generationId, 2)
})

test('a stable group does not rebalance because an id never came back', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({ sessionTimeoutMs: 60_000 })
  harness.join({ sessionTimeoutMs: 6000 })
  harness.advance(6000)
  assert.equal(harness.group.state(), 'Stable')
  assert.equal(harness.heartbeat(leader!, 1), 'NONE')
})

test('who does not join again within the largest rebalance timeout is dropped', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable(
    { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 },
    { rebalanceTimeoutMs: 30_000, sessionTimeoutMs: 60_000 },
  )
  const joined = harness.join({ memberId: leader!, rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 })
  harness.advance(29_999)
  assert.equal(joined.isAnswered, false)
  harness.advance(1)
  assert.deepEqual(
    joined.reply.members.map(({ memberId }) => memberId),
    [leader],
  )
  assert.equal(harness.timers()[follower!], undefined)
  assert.equal(harness.heartbeat(follower!, 2), 'UNKNOWN_MEMBER_ID')
})

test('a leader that does not join again hands the lead to the first who did', () => {
  const harness = new ClassicHarness()
  const long = { sessionTimeoutMs: 120_000 }
  const [, second, third] = harness.stable({ instanceId: 'leads', ...long }, long, long)
  const last = harness.join({ memberId: third!, metadata: 'other', ...long })
  const next = harness.join({ memberId: second!, ...long })
  harness.advance(60_000)
  assert.equal(next.reply.leader, second)
  assert.deepEqual([next.reply.members.length, last.reply.members.length], [3, 0])
})

test('static members that do not join again stay until their session ends', () => {
  const harness = new ClassicHarness()
  const [leader, absent] = harness.stable({ sessionTimeoutMs: 120_000 }, { instanceId: 'i', sessionTimeoutMs: 90_000 })
  const joined = harness.join({ memberId: leader!, sessionTimeoutMs: 120_000 })
  harness.advance(60_000)
  assert.deepEqual(
    joined.reply.members.map(({ memberId }) => memberId),
    [leader, absent],
  )
})

test('when only static members are left and none joined, the phase goes on', () => {
  const harness = new ClassicHarness()
  const statics = { instanceId: 'i', sessionTimeoutMs: 100_000 }
  const [absent, gone] = harness.stable(statics, { sessionTimeoutMs: 100_000 })
  harness.leave({ memberId: gone! })
  assert.equal(harness.group.state(), 'PreparingRebalance')
  harness.advance(60_000)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.timers()['join'], 60_000)
  const joined = harness.join({ memberId: absent!, ...statics })
  assert.equal(joined.reply.generationId, 2)
})

test('a member whose session ends is removed, and the others rebalance', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({ sessionTimeoutMs: 30_000 }, { sessionTimeoutMs: 10_000 })
  harness.advance(10_000)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.heartbeat(leader!, 1), 'REBALANCE_IN_PROGRESS')
  assert.equal(harness.heartbeat(follower!, 1), 'UNKNOWN_MEMBER_ID')
})

test('when the last member is gone the group is empty, in a generation of its own that is written', () => {
  const harness = new ClassicHarness()
  harness.stable({})
  const before = harness.recordCount
  harness.advance(10_000)
  assert.equal(harness.group.state(), 'Empty')
  const value = { protocolType: 'consumer', generation: 2, protocol: null, leader: null, members: [] }
  assert.deepEqual(harness.records(before), [{ ...value, currentStateTimestamp: harness.nowMs }])
  assert.deepEqual(harness.timers(), {})
})

test('a group is empty even when the log does not take it', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  const before = harness.recordCount
  harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
  assert.deepEqual(
    harness.leave({ memberId: memberId! }).members?.map(({ errorCode }) => errorCode),
    [0],
  )
  assert.equal(harness.group.state(), 'Empty')
  assert.equal(harness.recordCount, before)
  harness.stable({})
  assert.equal(harness.group.generation, 3)
})

test('a new member that went away while it joined is given up after five minutes, and told', () => {
  const harness = new ClassicHarness()
  const forever = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 }
  const [leader, slow] = harness.stable(forever, forever)
  const joined = harness.join({ apiVersion: 3, ...forever })
  harness.advance(299_999)
  assert.equal(joined.isAnswered, false)
  harness.advance(1)
  assert.equal(errorOf(joined), 'UNKNOWN_MEMBER_ID')
  assert.equal(joined.reply.memberId, '')
  assert.equal(harness.group.memberCount(), 2)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.ok(leader && slow)
})

test('the end of a session is nothing to a member that waits for others', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({ sessionTimeoutMs: 6000 }, { sessionTimeoutMs: 60_000 })
  const joined = harness.join({ memberId: leader!, sessionTimeoutMs: 6000 })
  harness.advance(20_000)
  assert.equal(joined.isAnswered, false)
  harness.join({ memberId: follower!, sessionTimeoutMs: 60_000 })
  assert.equal(joined.reply.generationId, 2)
  assert.equal(harness.timers()[leader!], 6000)
})

test('who does not sync within the rebalance timeout is removed, and a rebalance begins', () => {
  const harness = new ClassicHarness()
  const long = { sessionTimeoutMs: 100_000 }
  const leader = harness.enter(long).memberId
  const silent = harness.enter(long).memberId
  harness.advance(6000)
  const synced = harness.sync({ memberId: leader, generation: 1, assignments: { [leader]: 'all' } })
  assert.equal(errorOf(synced), 'NONE')
  assert.equal(harness.group.state(), 'Stable')
  harness.advance(60_000)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.heartbeat(silent, 1), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.timers()['sync'], undefined)
})

test('a leader that never syncs is removed; who waits for its assignment is to join again', () => {
  const harness = new ClassicHarness()
  const long = { sessionTimeoutMs: 100_000 }
  harness.enter(long)
  const follower = harness.enter(long).memberId
  harness.advance(6000)
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  harness.advance(60_000)
  assert.equal(errorOf(waiting), 'REBALANCE_IN_PROGRESS')
  assert.equal(harness.join({ memberId: follower }).reply.leader, follower)
})

test('the timer of an older generation is nothing to a newer one', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 })
  const state = ClassicGroup.stateOf(harness.group)
  harness.join({ memberId: leader!, sessionTimeoutMs: 60_000 })
  harness.transcript.run(state.timerFired({ kind: 'sync', generation: 1 }, harness.nowMs))
  harness.transcript.run(state.timerFired({ kind: 'join' }, harness.nowMs))
  harness.transcript.run(state.timerFired({ kind: 'initialJoin', delayMs: 1, leftMs: 1 }, harness.nowMs))
  harness.transcript.run(state.timerFired({ kind: 'session', memberId: 'gone' }, harness.nowMs))
  assert.equal(harness.group.state(), 'CompletingRebalance')
  assert.equal(harness.group.generation, 2)
})
