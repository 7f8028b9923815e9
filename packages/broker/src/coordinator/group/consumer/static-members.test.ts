import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joining, Scene } from './consumer-harness.ts'

const instanceId = 'i'

test('a static member that left for now is replaced under a new id, with its assignment', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  const left = scene.records(() => {
    assert.equal(scene.told('m1', { epoch: -2, instanceId }).epoch, -2)
  })
  assert.deepEqual(left, ['CurrentMemberAssignment m1: epoch -2, state 0, [t0 t1], []'])
  const records = scene.records(() => {
    assert.deepEqual(scene.join('m2', ['t'], { instanceId }), { memberId: 'm2', epoch: 1, assignment: { t: [0, 1] } })
  })
  assert.deepEqual(records, [
    'CurrentMemberAssignment m1 gone',
    'TargetAssignmentMember m1 gone',
    'MemberMetadata m1 gone',
    'MemberMetadata m2: t',
    'TargetAssignmentMember m2: [t0 t1]',
    'CurrentMemberAssignment m2: epoch 0, state 0, [t0 t1], []',
    'CurrentMemberAssignment m2: epoch 1, state 0, [t0 t1], []',
  ])
  assert.deepEqual([...scene.transcript.timers.keys()], ['["consumer","g","m2","session"]'])
})

test('it may come back under the id that it had', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  scene.told('m1', { epoch: -2, instanceId })
  assert.deepEqual(scene.join('m1', ['t'], { instanceId }), { memberId: 'm1', epoch: 1, assignment: { t: [0, 1] } })
  assert.equal(scene.transcript.timers.get('["consumer","g","m1","session"]'), 45_000)
  assert.equal(scene.told('m1', { epoch: 1, instanceId }).epoch, 1)
})

test('its partitions are kept for it until its session is over', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  scene.join('m2', ['t'])
  scene.told('m1', { epoch: 1, instanceId, owned: { t: [0] } })
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }).assignment, { t: [1] })
  scene.told('m1', { epoch: -2, instanceId })
  scene.transcript.advance(30_000)
  assert.equal(scene.told('m2', { epoch: 2 }).epoch, 2)
  scene.transcript.advance(15_000)
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: { t: [1] } }), {
    ...{ memberId: 'm2', epoch: 3, assignment: { t: [1, 0].sort() } },
  })
})

test('an instance has one member', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  assert.equal(scene.say('m2', joining(['t'], { instanceId })).error, 'UNRELEASED_INSTANCE_ID')
  assert.equal(scene.say('m2', { epoch: 1, instanceId }).error, 'FENCED_INSTANCE_ID')
  assert.equal(scene.say('m2', { epoch: -1, instanceId }).error, 'FENCED_INSTANCE_ID')
  assert.equal(scene.say('m2', { epoch: -2, instanceId }).error, 'FENCED_INSTANCE_ID')
  assert.equal(scene.say('m1', { epoch: 1, instanceId: 'j' }).error, 'UNKNOWN_MEMBER_ID')
  assert.equal(scene.say('m1', { epoch: -2, instanceId: 'j' }).error, 'UNKNOWN_MEMBER_ID')
})

test('a static member that leaves for good is gone at once', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  assert.equal(scene.told('m1', { epoch: -1, instanceId }).epoch, -1)
  assert.equal(scene.group.isEmpty(), true)
  assert.equal(scene.join('m2', ['t'], { instanceId }).epoch, 3)
})

test('the member that was replaced is unknown', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { instanceId })
  scene.told('m1', { epoch: -2, instanceId })
  assert.equal(scene.say('m1', { epoch: 1, instanceId }).error, 'FENCED_MEMBER_EPOCH')
  scene.join('m2', ['t'], { instanceId })
  assert.equal(scene.say('m1', { epoch: 1, instanceId }).error, 'FENCED_INSTANCE_ID')
})

test('who comes back with another subscription moves the epoch once', () => {
  const scene = new Scene({ t: 2, u: 1 })
  scene.join('m1', ['t'], { instanceId })
  scene.told('m1', { epoch: -2, instanceId })
  const told = scene.join('m2', ['u'], { instanceId })
  assert.deepEqual(told, { memberId: 'm2', epoch: 2, assignment: { u: [0] } })
  assert.equal(scene.group.describe().groupEpoch, 2)
})
