import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeGroupRecord } from '../group-records.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, errorOf, GROUP_ID } from './classic-harness.ts'
import { classicGroupOf, convertibleMembers, whenReplaced } from './conversion.ts'

const bytes = (text: string) => Buffer.from(text)

test('a group tells what is known of its members, in a generation and before the first', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ instanceId: 'i', protocols: ['range', 'sticky'], metadata: 's' })
  const protocols = ['range', 'sticky'].map((name) => ({ name, metadata: bytes('s') }))
  const member = { memberId: memberId!, groupInstanceId: 'i', clientId: 'client', clientHost: '/127.0.0.1' }
  assert.deepEqual(convertibleMembers(harness.group), [
    {
      ...{ ...member, rebalanceTimeoutMs: 60_000, sessionTimeoutMs: 10_000, protocols },
      ...{ subscription: bytes('s'), assignment: bytes('for 0') },
    },
  ])
  const early = new ClassicHarness()
  early.enter({ metadata: 'e' })
  assert.deepEqual(
    convertibleMembers(early.group).map(({ subscription, assignment }) => [`${subscription}`, assignment.length]),
    [['e', 0]],
  )
})

test('who waits in a group that is replaced is to join again; when it is not replaced it goes on', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  const joining = harness.join({ memberId: leader! })
  const { answers, cancelled } = whenReplaced(harness.group)
  assert.deepEqual(
    answers.map(({ reply }) => (reply as { errorCode: number }).errorCode),
    [27],
  )
  for (const key of harness.transcript.timers.keys()) assert.ok(cancelled.includes(key), key)
  harness.join({ memberId: follower! })
  assert.equal(joining.reply.generationId, 2)
})

function converted(harness: ClassicHarness) {
  const terms = { rebalanceTimeoutMs: 50_000, sessionTimeoutMs: 9000 }
  const protocols = [{ name: 'range', metadata: bytes('m') }]
  const members = ['a', 'b'].map((memberId) => ({
    ...{ memberId, groupInstanceId: null, clientId: 'c', clientHost: '/h', ...terms, protocols },
    assignment: bytes(`for ${memberId}`),
  }))
  const made = classicGroupOf({ groupId: GROUP_ID, world: harness.world, generation: 7, members }, harness.nowMs)
  harness.transcript.subject.group = made.group
  return made
}

test('a group that is made of members is stable in their generation, and the log knows it', () => {
  const harness = new ClassicHarness()
  const made = converted(harness)
  harness.transcript.run({ ...made.start(harness.nowMs), records: [made.record] })
  assert.deepEqual(harness.timers(), { a: 9000, b: 9000 })
  assert.equal(harness.heartbeat('b', 7), 'NONE')
  assert.equal(harness.sync({ memberId: 'b', generation: 7 }).reply.assignment.toString(), 'for b')
  const before = harness.group.describe()
  harness.failOver()
  assert.deepEqual(harness.group.describe(), before)
  assert.equal(ClassicGroup.stateOf(harness.group).leaderId, 'a')
})

test('a group that is made because somebody left rebalances at once', () => {
  const harness = new ClassicHarness()
  const made = converted(harness)
  harness.transcript.run({ ...made.startRebalancing(harness.nowMs), records: [made.record] })
  assert.equal(decodeGroupRecord(made.record)?.type, 'groupMetadata')
  assert.deepEqual(harness.timers(), { a: 9000, b: 9000, join: 50_000 })
  assert.equal(harness.heartbeat('a', 7), 'REBALANCE_IN_PROGRESS')
  const joined = ['a', 'b'].map((memberId) => harness.join({ memberId }))
  assert.deepEqual(joined.map(errorOf), ['NONE', 'NONE'])
  assert.equal(harness.group.generation, 8)
})

test('a rebalance that was begun since, or that nobody is left for, is not begun again', () => {
  const harness = new ClassicHarness()
  const made = converted(harness)
  harness.transcript.run({ ...made.start(harness.nowMs), records: [made.record] })
  const newcomer = harness.join({ apiVersion: 3 })
  harness.transcript.run(made.startRebalancing(harness.nowMs))
  assert.equal(harness.group.state(), 'PreparingRebalance')
  assert.ok(Object.values(harness.timers()).includes(300_000), 'the newcomer has its first join still')
  harness.leave({ memberId: 'a' }, { memberId: 'b' })
  assert.equal(newcomer.reply.generationId, 8)
  harness.leave({ memberId: newcomer.reply.memberId })
  harness.transcript.run(made.startRebalancing(harness.nowMs))
  assert.equal(harness.group.state(), 'Empty')
})
