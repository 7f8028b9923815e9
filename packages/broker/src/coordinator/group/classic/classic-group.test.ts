import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { encodeVersioned } from '@ottla/protocol/versioned.ts'
import { TestTicket, TestWorld, testCaller } from '../../testing/transcript.ts'
import { decodeGroupRecord, groupRecord } from '../group-records.ts'
import { describeAbsentGroup } from './absent-group.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, errorOf, GROUP_ID, joinRequest } from './classic-harness.ts'
import type { JoinReply } from './member.ts'

const subscription = (...topics: string[]) => encodeVersioned(ConsumerProtocolSubscription, 3, { topics })

test('a stable group is the same after a fail-over, and its sessions start anew', () => {
  const harness = new ClassicHarness()
  const [leader, second] = harness.stable({ instanceId: 'i' }, { sessionTimeoutMs: 20_000 })
  const before = harness.group.describe()
  harness.advance(9000)
  harness.failOver()
  assert.deepEqual(harness.group.describe(), before)
  assert.equal(harness.group.generation, 1)
  assert.deepEqual(harness.timers(), { [leader!]: 10_000, [second!]: 20_000 })
  assert.equal(harness.heartbeat(second!, 1), 'NONE')
  assert.equal(harness.join({ memberId: leader!, instanceId: 'i' }).isAnswered, false, 'the leader leads still')
})

test('an empty group is the same after a fail-over', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  harness.leave({ memberId: memberId! })
  const aging = harness.group.offsetAging()
  harness.failOver()
  assert.equal(harness.group.state(), 'Empty')
  assert.deepEqual(harness.group.offsetAging(), aging)
  harness.stable({})
  assert.equal(harness.group.generation, 3)
})

test('a fail-over in the middle of a rebalance brings back the last generation, and all who wait look elsewhere', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  const joining = harness.join({ memberId: leader! })
  harness.failOver()
  assert.equal(errorOf(joining), 'NOT_COORDINATOR')
  assert.equal(joining.reply.memberId, leader)
  assert.equal(harness.group.state(), 'Stable')
  harness.join({ memberId: leader!, metadata: 'other' })
  harness.join({ memberId: follower! })
  const syncing = harness.sync({ memberId: follower!, generation: 2 })
  harness.failOver()
  assert.equal(errorOf(syncing), 'NOT_COORDINATOR')
  assert.equal(harness.heartbeat(follower!, 1), 'NONE')
})

test('an unloaded group has no timer left and answers that it is not there', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  harness.join()
  const running = [...harness.transcript.timers.keys()]
  const { group } = harness
  const { cancelled } = group.unloaded()
  for (const key of running) assert.ok(cancelled.includes(key), key)
  assert.equal(group.state(), 'Dead')
  assert.equal(group.checkFetch(), 'GROUP_ID_NOT_FOUND')
  const commit = { memberId: '', groupInstanceId: null, generationOrEpoch: -1, apiVersion: 9, isTransactional: false }
  assert.deepEqual(group.checkCommit(commit, 0), { error: 'COORDINATOR_NOT_AVAILABLE', timers: [] })
  const late = ClassicGroup.stateOf(group).timerFired({ kind: 'session', memberId: memberId! }, 0)
  assert.deepEqual([late.records, late.answers, late.timers], [[], [], []])
})

test('a loaded group that is larger than the limit rebalances', () => {
  const harness = new ClassicHarness()
  harness.stable({}, {})
  harness.world.changedSettings = { maxSize: 1 }
  harness.failOver()
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.equal(harness.timers()['join'], 60_000)
})

test('what older brokers wrote is read: no rebalance timeout, no time, a leader who is gone', () => {
  const group = ClassicGroup.empty(GROUP_ID, new TestWorld())
  const member = {
    ...{ memberId: 'm', groupInstanceId: null, clientId: 'c', clientHost: '/h', sessionTimeout: 7000 },
    ...{ rebalanceTimeout: -1, subscription: Buffer.from('s'), assignment: Buffer.from('a') },
  }
  const value = { protocolType: 'connect', generation: 5, protocol: 'p', leader: 'gone', currentStateTimestamp: -1 }
  group.apply(decodeGroupRecord(groupRecord('groupMetadata', { group: GROUP_ID }, { ...value, members: [member] }))!)
  const state = ClassicGroup.stateOf(group)
  state.verify()
  assert.equal(state.leaderId, 'm')
  assert.equal(state.members.rebalanceTimeoutMs(), 7000)
  group.apply(decodeGroupRecord(groupRecord('groupMetadata', { group: GROUP_ID }, { ...value, members: [] }))!)
  assert.equal(group.offsetAging(), 'from commit')
})

test('a group shows its assignments always, its protocol and metadata while it is stable', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ instanceId: 'i' })
  const member = { memberId: memberId!, groupInstanceId: 'i', clientId: 'client', clientHost: '/127.0.0.1' }
  const shown = { errorCode: 0, groupId: GROUP_ID, protocolType: 'consumer' }
  assert.deepEqual(harness.group.describe(), {
    ...{ ...shown, groupState: 'Stable', protocolData: 'range' },
    members: [{ ...member, memberMetadata: Buffer.from('meta'), memberAssignment: Buffer.from('for 0') }],
  })
  harness.join({ apiVersion: 3 })
  const [first] = harness.group.describe().members
  assert.deepEqual(first, { ...member, memberMetadata: Buffer.alloc(0), memberAssignment: Buffer.from('for 0') })
  const { groupState, protocolData, protocolType } = harness.group.describe()
  assert.deepEqual([groupState, protocolType, protocolData], ['PreparingRebalance', 'consumer', ''])
})

test('a group that is not there is Dead; from version 6 on that is an error', () => {
  const dead = { groupId: 'x', groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
  assert.deepEqual(describeAbsentGroup('x', 5), { ...dead, errorCode: 0 })
  assert.deepEqual(describeAbsentGroup('x', 6), { ...dead, errorCode: 69, errorMessage: 'Group x not found.' })
})

test('the topics of all members of the generation are known; of other groups, or malformed ones, none are', () => {
  const harness = new ClassicHarness()
  harness.stable({ metadata: subscription('a', 'b') }, { metadata: subscription('b', 'c') })
  assert.deepEqual(harness.group.subscribedTopics(), new Set(['a', 'b', 'c']))
  harness.failOver()
  assert.deepEqual(harness.group.subscribedTopics(), new Set(['a', 'b', 'c']))
  const malformed = new ClassicHarness()
  malformed.stable({ metadata: '' })
  assert.equal(malformed.group.subscribedTopics(), null)
  const connect = new ClassicHarness()
  connect.enter({ protocolType: 'connect' })
  connect.advance(3000)
  assert.equal(connect.group.subscribedTopics(), null)
})

test('offsets age from when the group became empty, or from their commit while it is stable and its topics are known', () => {
  const simple = ClassicGroup.empty(GROUP_ID, new TestWorld())
  assert.equal(simple.offsetAging(), 'from commit')
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ metadata: subscription('a') })
  assert.equal(harness.group.offsetAging(), 'from commit')
  harness.join({ memberId: memberId!, metadata: 'not readable' })
  assert.equal(harness.group.offsetAging(), 'kept', 'not stable')
  harness.settle([memberId!])
  assert.equal(harness.group.offsetAging(), 'kept', 'topics not known')
  harness.advance(1000)
  harness.leave({ memberId: memberId! })
  assert.deepEqual(harness.group.offsetAging(), { fromMs: harness.nowMs })
})

test('joins do not look at all members, however many there are', () => {
  const harness = new ClassicHarness()
  harness.enter({ apiVersion: 3, instanceId: 'first' })
  const { members } = ClassicGroup.stateOf(harness.group)
  const all = members.all.bind(members)
  let scans = 0
  members.all = () => {
    scans++
    return all()
  }
  const caller = testCaller({ apiVersion: 3 })
  for (let index = 0; index < 1000; index++) {
    const ticket = new TestTicket<JoinReply>()
    harness.transcript.run(harness.group.join(joinRequest({}), caller, ticket, harness.nowMs))
  }
  assert.equal(harness.group.memberCount(), 1001)
  assert.equal(scans, 0)
})
