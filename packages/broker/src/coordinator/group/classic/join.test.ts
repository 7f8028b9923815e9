import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, errorOf, GROUP_ID, START_MS } from './classic-harness.ts'
import { PENDING_IDS_MAX } from './join.ts'

test('a session timeout outside of the limits is refused and makes no group', () => {
  const harness = new ClassicHarness()
  assert.equal(errorOf(harness.join({ sessionTimeoutMs: 5999 })), 'INVALID_SESSION_TIMEOUT')
  assert.equal(errorOf(harness.join({ sessionTimeoutMs: 1_800_001 })), 'INVALID_SESSION_TIMEOUT')
  assert.equal(harness.hasGroup, false)
  assert.equal(errorOf(harness.join({ sessionTimeoutMs: 6000 })), 'MEMBER_ID_REQUIRED')
  assert.equal(errorOf(harness.join({ sessionTimeoutMs: 1_800_000 })), 'MEMBER_ID_REQUIRED')
})

test('a member of a group that is not there is unknown', () => {
  const harness = new ClassicHarness()
  const ticket = harness.join({ memberId: 'someone' })
  assert.equal(errorOf(ticket), 'UNKNOWN_MEMBER_ID')
  assert.equal(ticket.reply.memberId, 'someone')
  assert.equal(harness.hasGroup, false)
})

test('a dynamic member is given an id, waited for as long as its session, and enters with it', () => {
  const harness = new ClassicHarness()
  const first = harness.join({ clientId: 'app' })
  const memberId = 'app-00000000-0000-4000-8000-000000000001'
  assert.deepEqual(first.reply, { errorCode: 79, protocolName: null, leader: '', memberId, members: [] })
  assert.deepEqual(harness.timers(), { [memberId]: 10_000 })
  const joined = harness.join({ memberId })
  assert.deepEqual(harness.timers(), { [memberId]: 300_000, join: 3000 })
  harness.advance(3000)
  assert.deepEqual(joined.reply, {
    ...{ errorCode: 0, generationId: 1, protocolType: 'consumer', protocolName: 'range', leader: memberId },
    ...{ skipAssignment: false, memberId },
    members: [{ memberId, groupInstanceId: null, metadata: Buffer.from('meta') }],
  })
  assert.deepEqual(harness.timers(), { [memberId]: 10_000, sync: 60_000 })
})

test('the first join writes the new group, without what is still being negotiated', () => {
  const harness = new ClassicHarness()
  harness.join({ apiVersion: 3 })
  const value = { protocolType: '', generation: 0, protocol: null, leader: null, members: [] }
  assert.deepEqual(harness.records(), [{ ...value, currentStateTimestamp: START_MS }])
  harness.join({ apiVersion: 3 })
  assert.equal(harness.recordCount, 1)
})

test('a group whose first record is refused was never there', () => {
  for (const apiVersion of [3, 9]) {
    const harness = new ClassicHarness()
    harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
    const ticket = harness.join({ apiVersion })
    assert.equal(errorOf(ticket), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(ticket.reply.memberId, '')
    assert.equal(harness.hasGroup, false)
    assert.deepEqual(harness.timers(), {})
    harness.join({ apiVersion: 3 })
    assert.equal(harness.group.state(), 'PreparingRebalance')
  }
})

test('before version 4 a dynamic member is added at once', () => {
  const harness = new ClassicHarness()
  const ticket = harness.join({ apiVersion: 3 })
  assert.equal(ticket.isAnswered, false)
  assert.equal(harness.group.memberCount(), 1)
})

test('in version 0 the rebalance timeout is the session timeout', () => {
  const harness = new ClassicHarness()
  harness.join({ apiVersion: 0, sessionTimeoutMs: 20_000, rebalanceTimeoutMs: -1 })
  harness.advance(3000)
  assert.equal(harness.timers()['sync'], 20_000)
})

test('below version 7 a refusal names no protocol by an empty string', () => {
  const harness = new ClassicHarness()
  assert.equal(harness.join({ memberId: 'x', apiVersion: 6 }).reply.protocolName, '')
  assert.equal(harness.join({ memberId: 'x', apiVersion: 7 }).reply.protocolName, null)
})

test('without a protocol type or a protocol nobody enters an empty group', () => {
  const harness = new ClassicHarness()
  assert.equal(errorOf(harness.join({ protocolType: '' })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.join({ protocols: [] })), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('another protocol type, or no protocol in common, is refused', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ protocols: ['range', 'sticky'] })
  assert.equal(errorOf(harness.join({ protocolType: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.join({ protocols: ['other'] })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.join({ memberId: memberId!, protocols: ['other'] })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(harness.join({ protocols: ['other', 'sticky'] })), 'MEMBER_ID_REQUIRED')
})

test('an unknown member, an unknown instance and a fenced instance are refused', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ instanceId: 'i' })
  assert.equal(errorOf(harness.join({ memberId: 'x' })), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(harness.join({ memberId: memberId!, instanceId: 'j' })), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(harness.join({ memberId: 'x', instanceId: 'i' })), 'FENCED_INSTANCE_ID')
})

test('in an empty group a former member is unknown', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  harness.leave({ memberId: memberId! })
  assert.equal(harness.group.state(), 'Empty')
  assert.equal(errorOf(harness.join({ memberId: memberId! })), 'UNKNOWN_MEMBER_ID')
})

test('a full group turns new members away and keeps its own', () => {
  const harness = new ClassicHarness()
  harness.world.changedSettings = { maxSize: 2 }
  const [leader, follower] = harness.stable({}, {})
  const refused = harness.join()
  assert.equal(errorOf(refused), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(refused.reply.memberId, '')
  harness.join({ memberId: leader! })
  assert.equal(errorOf(harness.join()), 'MEMBER_ID_REQUIRED', 'one waits, so there is room still')
  harness.join({ memberId: follower! })
  assert.equal(errorOf(harness.join()), 'GROUP_MAX_SIZE_REACHED')
})

test('when the limit was lowered the last to join again are turned away, and nobody waits for them', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.world.changedSettings = { maxSize: 1 }
  const joined = harness.join({ memberId: leader! })
  assert.equal(errorOf(harness.join({ memberId: follower! })), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(joined), 'NONE')
  assert.equal(harness.group.memberCount(), 1)
})

test('a pending id that is turned away is waited for no longer', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  const { memberId } = harness.join().reply
  harness.world.changedSettings = { maxSize: 1 }
  const joined = harness.join({ memberId: leader! })
  assert.equal(joined.isAnswered, false)
  assert.equal(errorOf(harness.join({ memberId })), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(joined), 'NONE')
  assert.equal(harness.timers()[memberId], undefined)
})

test('no more ids are handed out than may be pending', () => {
  const harness = new ClassicHarness()
  const [leader] = harness.stable({})
  const { pending } = ClassicGroup.stateOf(harness.group).members
  for (let index = 0; index < PENDING_IDS_MAX - 1; index++) pending.add(`p${index}`)
  assert.equal(errorOf(harness.join()), 'MEMBER_ID_REQUIRED')
  assert.equal(errorOf(harness.join()), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(harness.heartbeat(leader!, 1), 'NONE')
})

test('while the generation is being completed, who missed its reply is told again, members to the leader alone', () => {
  const harness = new ClassicHarness()
  const leader = harness.enter().memberId
  const follower = harness.enter().memberId
  harness.advance(6000)
  assert.equal(harness.group.state(), 'CompletingRebalance')
  const again = harness.join({ memberId: leader }).reply
  assert.equal(again.generationId, 1)
  assert.deepEqual(
    again.members.map(({ memberId }) => memberId),
    [leader, follower],
  )
  assert.deepEqual(harness.join({ memberId: follower }).reply.members, [])
  assert.equal(harness.group.state(), 'CompletingRebalance')
})

test('while the generation is being completed, changed metadata begins a rebalance', () => {
  const harness = new ClassicHarness()
  const leader = harness.enter().memberId
  const follower = harness.enter().memberId
  harness.advance(6000)
  const waiting = harness.sync({ memberId: follower, generation: 1 })
  const changed = harness.join({ memberId: follower, metadata: 'other' })
  assert.equal(errorOf(waiting), 'REBALANCE_IN_PROGRESS')
  assert.equal(changed.isAnswered, false)
  assert.equal(harness.group.state(), 'PreparingRebalance')
  harness.join({ memberId: leader })
  assert.equal(changed.reply.generationId, 2)
})

test('in a stable group a follower that has not changed is told the generation; nobody rebalances', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.advance(4000)
  assert.deepEqual(harness.join({ memberId: follower! }).reply, {
    ...{ errorCode: 0, generationId: 1, protocolType: 'consumer', protocolName: 'range', leader: leader! },
    ...{ skipAssignment: false, memberId: follower!, members: [] },
  })
  assert.equal(harness.group.state(), 'Stable')
  assert.deepEqual(harness.timers(), { [leader!]: 6000, [follower!]: 10_000 })
})

test('in a stable group changed metadata, other protocols, or the leader begin a rebalance', () => {
  const changes = [
    { who: 1, parts: { metadata: 'other' } },
    { who: 1, parts: { protocols: ['range', 'sticky'] } },
    { who: 0, parts: {} },
  ]
  for (const { who, parts } of changes) {
    const harness = new ClassicHarness()
    const ids = harness.stable({}, {})
    const joined = harness.join({ memberId: ids[who]!, ...parts })
    assert.equal(harness.group.state(), 'PreparingRebalance')
    assert.equal(harness.timers()['join'], 60_000)
    harness.join({ memberId: ids[1 - who]! })
    assert.equal(joined.reply.generationId, 2)
    assert.equal(joined.reply.leader, ids[0])
  }
})

test('a member that asks twice waits once: the newer request gets the generation', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  const older = harness.join({ memberId: leader! })
  const newer = harness.join({ memberId: leader! })
  assert.equal(errorOf(older), 'REBALANCE_IN_PROGRESS')
  assert.equal(older.reply.memberId, leader)
  harness.join({ memberId: follower! })
  assert.equal(newer.reply.generationId, 2)
})

test('a protocol that is listed twice counts once', () => {
  const harness = new ClassicHarness()
  harness.stable({ protocols: ['range', 'range'] }, { protocols: ['range'] })
  assert.equal(ClassicGroup.stateOf(harness.group).protocol, 'range')
})

test('metadata outlives the request whose bytes it came in', () => {
  const harness = new ClassicHarness()
  const ticket = harness.join({ apiVersion: 3 })
  harness.advance(3000)
  const { memberId } = ticket.reply
  const metadata = Buffer.from('mine')
  const request = { groupId: GROUP_ID, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, memberId }
  const protocols = [{ name: 'range', metadata }]
  harness.transcript.submit((subject, second, nowMs) =>
    subject.group!.join(
      { ...request, groupInstanceId: null, protocolType: 'consumer', protocols, reason: null },
      { clientId: 'c', clientHost: '/h', apiVersion: 9, mayDescribeTopic: () => true },
      second,
      nowMs,
    ),
  )
  metadata.fill(0)
  const [member] = ClassicGroup.stateOf(harness.group).members.all()
  assert.equal(member!.terms.protocols[0]!.metadata.toString(), 'mine')
})
