import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommitRequest } from '../group.ts'
import { ClassicHarness } from './classic-harness.ts'

test('a heartbeat keeps the session of a stable member', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  harness.advance(9999)
  assert.equal(harness.heartbeat(memberId!, 1), 'NONE')
  assert.deepEqual(harness.timers(), { [memberId!]: 10_000 })
})

test('a heartbeat of a stranger, of a fenced instance, or of another generation keeps nothing', () => {
  const harness = new ClassicHarness()
  assert.equal(harness.heartbeat('x', 1), 'UNKNOWN_MEMBER_ID')
  const [memberId] = harness.stable({ instanceId: 'i' })
  harness.advance(1000)
  assert.equal(harness.heartbeat('x', 1), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.heartbeat('x', 1, 'i'), 'FENCED_INSTANCE_ID')
  assert.equal(harness.heartbeat(memberId!, 1, 'j'), 'UNKNOWN_MEMBER_ID')
  assert.equal(harness.heartbeat(memberId!, 0, 'i'), 'ILLEGAL_GENERATION')
  assert.deepEqual(harness.timers(), { [memberId!]: 9000 })
})

test('in a join phase a heartbeat keeps the session and tells to join again', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.join({ memberId: leader! })
  harness.advance(5000)
  assert.equal(harness.heartbeat(follower!, 1), 'REBALANCE_IN_PROGRESS')
  assert.equal(harness.timers()[follower!], 10_000)
})

test('while the generation is being completed a heartbeat is fine', () => {
  const harness = new ClassicHarness()
  const { memberId } = harness.enter()
  harness.advance(3000)
  assert.equal(harness.heartbeat(memberId, 1), 'NONE')
})

test('in an empty group everybody is unknown', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  harness.leave({ memberId: memberId! })
  assert.equal(harness.heartbeat(memberId!, 2), 'UNKNOWN_MEMBER_ID')
})

const ADMIN: CommitRequest = {
  ...{ memberId: '', groupInstanceId: null, generationOrEpoch: -1, apiVersion: 9, isTransactional: false },
}

function commit(harness: ClassicHarness, parts: Partial<CommitRequest>) {
  const { error, timers } = harness.group.checkCommit({ ...ADMIN, ...parts }, harness.nowMs)
  return { error, kept: timers.map(({ key, afterMs }) => [(JSON.parse(key) as string[])[2], afterMs]) }
}

test('offsets of an empty group may be committed by anybody without a generation', () => {
  const harness = new ClassicHarness()
  harness.join()
  assert.deepEqual(commit(harness, {}), { error: null, kept: [] })
  assert.deepEqual(commit(harness, { memberId: 'x' }), { error: null, kept: [] })
  assert.equal(commit(harness, { memberId: 'x', generationOrEpoch: 0 }).error, 'UNKNOWN_MEMBER_ID')
})

test('a commit of a stable member keeps its session', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({})
  const request = { memberId: memberId!, generationOrEpoch: 1 }
  assert.deepEqual(commit(harness, request), { error: null, kept: [[memberId, 10_000]] })
  assert.deepEqual(commit(harness, { ...request, isTransactional: true }), { error: null, kept: [] })
})

test('a commit of a stranger, a fenced instance, another generation or nobody is refused and keeps nothing', () => {
  const harness = new ClassicHarness()
  const [memberId] = harness.stable({ instanceId: 'i' })
  const refusals: [Partial<CommitRequest>, string][] = [
    [{ memberId: 'x', generationOrEpoch: 1 }, 'UNKNOWN_MEMBER_ID'],
    [{ memberId: 'x', groupInstanceId: 'i', generationOrEpoch: 1 }, 'FENCED_INSTANCE_ID'],
    [{ memberId: memberId!, generationOrEpoch: 2 }, 'ILLEGAL_GENERATION'],
    [{ memberId: memberId!, generationOrEpoch: -1 }, 'ILLEGAL_GENERATION'],
    [{}, 'UNKNOWN_MEMBER_ID'],
  ]
  for (const [request, error] of refusals) assert.deepEqual(commit(harness, request), { error, kept: [] })
  assert.equal(commit(harness, { isTransactional: true }).error, null)
})

test('a commit is taken in a join phase, and not while the generation is being completed', () => {
  const harness = new ClassicHarness()
  const [leader, follower] = harness.stable({}, {})
  harness.join({ memberId: leader! })
  const request = { memberId: follower!, generationOrEpoch: 1 }
  assert.deepEqual(commit(harness, request), { error: null, kept: [[follower, 10_000]] })
  harness.join({ memberId: follower! })
  const completing = { memberId: follower!, generationOrEpoch: 2 }
  assert.deepEqual(commit(harness, completing), { error: 'REBALANCE_IN_PROGRESS', kept: [] })
  assert.equal(commit(harness, { ...completing, isTransactional: true }).error, null)
})
