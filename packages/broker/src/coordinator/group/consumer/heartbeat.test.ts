import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageWith } from '../../testing/transcript.ts'
import { joining, requestOf, type Said, Scene } from './consumer-harness.ts'
import { heartbeatProblem } from './heartbeat-request.ts'

function problem(memberId: string, said: Said, apiVersion = 1): string {
  const found = heartbeatProblem(requestOf(memberId, said), { apiVersion, assignors: ['uniform', 'range'] })
  return found === null ? 'none' : `${found.error}: ${found.message}`
}

test('a request that contradicts itself is refused before the group is looked at', () => {
  const join = joining(['t'])
  assert.equal(problem('m', join), 'none')
  assert.equal(problem('', join), "INVALID_REQUEST: MemberId can't be empty.")
  assert.equal(problem('', join, 0), 'none')
  assert.equal(problem('', { epoch: 1 }, 0), "INVALID_REQUEST: MemberId can't be empty.")
  assert.equal(problem('', { epoch: -1 }, 0), "INVALID_REQUEST: MemberId can't be empty.")
  assert.equal(problem('m', { ...join, groupId: ' ' }), "INVALID_REQUEST: GroupId can't be empty.")
  assert.equal(problem('m', { ...join, instanceId: '' }), "INVALID_REQUEST: InstanceId can't be empty.")
  assert.equal(problem('m', { ...join, rackId: '' }), "INVALID_REQUEST: RackId can't be empty.")
  assert.equal(
    problem('m', { ...join, rebalanceTimeoutMs: -1 }),
    'INVALID_REQUEST: RebalanceTimeoutMs must be provided in first request.',
  )
  for (const owned of [null, { t: [0] }]) {
    assert.equal(problem('m', { ...join, owned }), 'INVALID_REQUEST: TopicPartitions must be empty when (re-)joining.')
  }
  assert.match(
    problem('m', { ...join, subscribedTopicNames: null }),
    /^INVALID_REQUEST: Either SubscribedTopicNames or/,
  )
  assert.equal(problem('m', { ...join, subscribedTopicNames: null, subscribedTopicRegex: '' }), 'none')
  assert.equal(problem('m', { epoch: -2 }), "INVALID_REQUEST: InstanceId can't be null.")
  assert.equal(problem('m', { epoch: -3 }), 'INVALID_REQUEST: MemberEpoch is invalid.')
  assert.equal(
    problem('m', { ...join, serverAssignor: 'sticky' }),
    'UNSUPPORTED_ASSIGNOR: ServerAssignor sticky is not supported. Supported assignors: uniform, range.',
  )
})

test('the first member makes the group and has all partitions in one heartbeat', () => {
  const scene = new Scene({ t: 3 })
  const records = scene.records(() => {
    assert.deepEqual(scene.join('m1', ['t']), { memberId: 'm1', epoch: 1, assignment: { t: [0, 1, 2] } })
  })
  assert.deepEqual(records, [
    'MemberMetadata m1: t',
    'Metadata: epoch 1',
    'TargetAssignmentMember m1: [t0 t1 t2]',
    'TargetAssignmentMetadata: epoch 1',
    'CurrentMemberAssignment m1: epoch 1, state 0, [t0 t1 t2], []',
  ])
  assert.deepEqual([...scene.transcript.timers], [['["consumer","g","m1","session"]', 45_000]])
  assert.equal(scene.group.state(), 'Stable')
})

test('a heartbeat that brings nothing new writes nothing, tells nothing and keeps the session', () => {
  const scene = new Scene({ t: 3 })
  scene.join('m1', ['t'])
  scene.transcript.advance(30_000)
  const records = scene.records(() => {
    assert.deepEqual(scene.told('m1', { epoch: 1 }), { memberId: 'm1', epoch: 1, assignment: null })
  })
  assert.deepEqual(records, [])
  assert.deepEqual([...scene.transcript.timers.values()], [45_000])
})

test('a full request is told the whole assignment again', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  const full = { ...joining(['t']), epoch: 1, owned: { t: [0, 1] } }
  assert.deepEqual(scene.told('m1', full).assignment, { t: [0, 1] })
})

test('a member that owns nothing is told an empty assignment when it joins', () => {
  const scene = new Scene()
  assert.deepEqual(scene.join('m1', ['nowhere']), { memberId: 'm1', epoch: 1, assignment: {} })
})

test('version 0 may leave the making of its member id to the coordinator', () => {
  const scene = new Scene({ t: 1 })
  const reply = scene.say('', joining(['t']), { apiVersion: 0 }).reply
  assert.equal(reply.memberId, '00000000-0000-4000-8000-000000000001')
})

test('a second member gets its share only once the first has given it up', () => {
  const scene = new Scene({ t: 4 })
  scene.join('m1', ['t'])
  const records = scene.records(() => {
    assert.deepEqual(scene.join('m2', ['t']), { memberId: 'm2', epoch: 2, assignment: {} })
  })
  assert.deepEqual(records, [
    'MemberMetadata m2: t',
    'Metadata: epoch 2',
    'TargetAssignmentMember m1: [t0 t1]',
    'TargetAssignmentMember m2: [t2 t3]',
    'TargetAssignmentMetadata: epoch 2',
    'CurrentMemberAssignment m2: epoch 2, state 2, [], []',
  ])
  assert.deepEqual(scene.told('m2', { epoch: 2 }).assignment, null)
  // It keeps its epoch while it revokes, and owes that within its rebalance timeout.
  assert.deepEqual(scene.told('m1', { epoch: 1 }), { memberId: 'm1', epoch: 1, assignment: { t: [0, 1] } })
  assert.equal(scene.transcript.timers.get('["consumer","g","m1","rebalance"]'), 60_000)
  assert.equal(scene.group.state(), 'Reconciling')
  // Saying nothing of what it owns, or that it owns all, is no revocation.
  assert.equal(scene.told('m1', { epoch: 1 }).epoch, 1)
  assert.equal(scene.told('m1', { epoch: 1, owned: { t: [0, 1, 2, 3] } }).epoch, 1)
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }).assignment, null)
  assert.deepEqual(scene.told('m1', { epoch: 1, owned: { t: [0, 1] } }), { memberId: 'm1', epoch: 2, assignment: null })
  assert.equal(scene.transcript.timers.has('["consumer","g","m1","rebalance"]'), false)
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }).assignment, { t: [2, 3] })
  assert.equal(scene.group.state(), 'Stable')
})

test('free partitions are handed out one owner at a time', () => {
  const scene = new Scene({ t: 6 })
  scene.join('m1', ['t'])
  scene.join('m2', ['t'])
  scene.told('m1', { epoch: 1, owned: { t: [0, 1, 2] } })
  scene.told('m2', { epoch: 2, owned: {} })
  scene.join('m3', ['t'])
  scene.told('m1', { epoch: 2, owned: { t: [0, 1] } })
  assert.deepEqual(scene.told('m3', { epoch: 3, owned: {} }).assignment, { t: [2] })
  scene.told('m2', { epoch: 2, owned: { t: [3, 4] } })
  assert.deepEqual(scene.told('m3', { epoch: 3, owned: { t: [2] } }).assignment, { t: [2, 5] })
})

test('epochs that are not the member’s are fenced, except the last one with a lost reply', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  assert.equal(scene.say('m1', { epoch: 2 }).error, 'FENCED_MEMBER_EPOCH')
  scene.setTopics({ t: 3 })
  assert.equal(scene.told('m1', { epoch: 1, owned: { t: [0, 1] } }).epoch, 2)
  // The reply was lost: the member is still in epoch 1 and owns no more than it was assigned.
  assert.equal(scene.told('m1', { epoch: 1, owned: { t: [0, 1] } }).epoch, 2)
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'FENCED_MEMBER_EPOCH')
  assert.equal(scene.say('m1', { epoch: 1, owned: { t: [9] } }).error, 'FENCED_MEMBER_EPOCH')
  scene.setTopics({ t: 4 })
  scene.told('m1', { epoch: 2, owned: { t: [0, 1, 2] } })
  assert.equal(scene.say('m1', { epoch: 1, owned: {} }).error, 'FENCED_MEMBER_EPOCH')
})

test('a fenced member joins again with epoch 0, under its id, and has its assignment back', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  const records = scene.records(() => {
    assert.deepEqual(scene.join('m1', ['t']), { memberId: 'm1', epoch: 1, assignment: { t: [0, 1] } })
  })
  assert.deepEqual(records, [])
})

test('who is not there is told so', () => {
  const scene = new Scene({ t: 1 })
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'GROUP_ID_NOT_FOUND')
  assert.equal(scene.say('m1', { epoch: -1 }).error, 'GROUP_ID_NOT_FOUND')
  scene.join('m1', ['t'])
  assert.equal(scene.say('m2', { epoch: 1 }).error, 'UNKNOWN_MEMBER_ID')
  assert.equal(scene.say('m2', { epoch: -1 }).error, 'UNKNOWN_MEMBER_ID')
})

test('a group takes as many members as it may', () => {
  const scene = new Scene({ t: 1 })
  scene.world.changedSettings = { consumerMaxSize: 1 }
  scene.join('m1', ['t'])
  assert.equal(scene.say('m2', joining(['t'])).error, 'GROUP_MAX_SIZE_REACHED')
  assert.equal(scene.told('m1', { epoch: 1 }).epoch, 1)
})

test('a member that leaves frees its partitions and moves the epoch', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  scene.join('m2', ['t'])
  const records = scene.records(() => {
    const { memberId, memberEpoch, heartbeatIntervalMs, assignment } = scene.say('m1', { epoch: -1 }).reply
    assert.deepEqual([memberId, memberEpoch, heartbeatIntervalMs, assignment], ['m1', -1, 0, undefined])
  })
  assert.deepEqual(records, [
    'CurrentMemberAssignment m1 gone',
    'TargetAssignmentMember m1 gone',
    'MemberMetadata m1 gone',
    'Metadata: epoch 3',
  ])
  assert.deepEqual([...scene.transcript.timers.keys()], ['["consumer","g","m2","session"]'])
  assert.equal(scene.group.state(), 'Assigning')
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }), { memberId: 'm2', epoch: 3, assignment: { t: [0, 1] } })
  scene.say('m2', { epoch: -1 })
  assert.equal(scene.group.state(), 'Empty')
})

test('a silent member is removed when its session ends', () => {
  const scene = new Scene({ t: 1 })
  scene.join('m1', ['t'])
  scene.transcript.advance(44_999)
  assert.equal(scene.group.memberCount(), 1)
  scene.transcript.advance(1)
  assert.equal(scene.group.memberCount(), 0)
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'UNKNOWN_MEMBER_ID')
})

test('a member that does not revoke in time is removed although it is alive', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'], { rebalanceTimeoutMs: 20_000 })
  scene.join('m2', ['t'])
  scene.told('m1', { epoch: 1, owned: { t: [0, 1] } })
  scene.transcript.advance(19_000)
  scene.told('m1', { epoch: 1, owned: { t: [0, 1] } })
  scene.transcript.advance(1_000)
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'UNKNOWN_MEMBER_ID')
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }).assignment, { t: [0, 1] })
})

test('another coordinator starts sessions and revocations anew', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  scene.join('m2', ['t'])
  scene.told('m1', { epoch: 1, owned: { t: [0, 1] } })
  scene.failOver()
  assert.deepEqual(
    new Map(scene.transcript.timers),
    new Map([
      ['["consumer","g","m1","session"]', 45_000],
      ['["consumer","g","m2","session"]', 45_000],
      ['["consumer","g","m1","rebalance"]', 60_000],
    ]),
  )
  scene.told('m1', { epoch: 1, owned: { t: [0] } })
  assert.deepEqual(scene.told('m2', { epoch: 2, owned: {} }).assignment, { t: [1] })
})

test('null and -1 leave the subscription as it is; an empty list ends it', () => {
  const scene = new Scene({ t: 2, u: 1 })
  scene.join('m1', ['t', 'u'])
  assert.deepEqual(
    scene.records(() => scene.told('m1', { epoch: 1 })),
    [],
  )
  const told = scene.told('m1', { epoch: 1, subscribedTopicNames: [], owned: { t: [0, 1], u: [0] } })
  assert.deepEqual(told, { memberId: 'm1', epoch: 1, assignment: {} })
  assert.deepEqual(scene.told('m1', { epoch: 1, owned: {} }), { memberId: 'm1', epoch: 2, assignment: null })
  assert.deepEqual([...scene.group.subscribedTopics()], [])
})

test('the order of names, and names said twice, are no change', () => {
  const scene = new Scene({ t: 1, u: 1 })
  scene.join('m1', ['t', 'u'])
  assert.deepEqual(
    scene.records(() => scene.told('m1', { epoch: 1, subscribedTopicNames: ['u', 't', 'u'] })),
    [],
  )
})

test('a change of the topics moves the epoch once, at the next heartbeat of any member', () => {
  const scene = new Scene({ t: 2, other: 1 })
  scene.join('m1', ['t', 'later'])
  assert.deepEqual(
    scene.records(() => scene.setTopics({ t: 2, other: 5 })),
    [],
  )
  assert.deepEqual(
    scene.records(() => scene.told('m1', { epoch: 1, owned: { t: [0, 1] } })),
    [],
  )
  scene.setTopics({ t: 3, later: 1 })
  assert.deepEqual(scene.told('m1', { epoch: 1, owned: { t: [0, 1] } }), {
    ...{ memberId: 'm1', epoch: 2, assignment: { t: [0, 1, 2], later: [0] } },
  })
  assert.deepEqual(
    scene.records(() => scene.told('m1', { epoch: 2 })),
    [],
  )
  scene.setTopics({ t: 3 })
  const told = scene.told('m1', { epoch: 2, owned: { t: [0, 1, 2], later: [0] } })
  assert.deepEqual(told, { memberId: 'm1', epoch: 2, assignment: { t: [0, 1, 2] } })
  assert.equal(scene.told('m1', { epoch: 2, owned: { t: [0, 1, 2] } }).epoch, 3)
})

test('a change while nobody coordinated is seen by the next coordinator, no change is not', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  scene.failOver()
  assert.deepEqual(
    scene.records(() => scene.told('m1', { epoch: 1 })),
    [],
  )
  scene.world.currentImage = imageWith({ t: 3 }, 2)
  scene.failOver()
  assert.equal(scene.told('m1', { epoch: 1 }).epoch, 2)
})

test('records that are refused change nothing', () => {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  scene.setTopics({ t: 3 })
  scene.transcript.refuseNext('NOT_ENOUGH_REPLICAS')
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'NOT_ENOUGH_REPLICAS')
  assert.equal(scene.told('m1', { epoch: 1 }).epoch, 2)
})

test('the assignor that most ask for is used, the first configured one in a tie', () => {
  const scene = new Scene({ t: 1, u: 1 })
  scene.join('m1', ['t', 'u'])
  assert.equal(scene.group.describe().assignorName, 'uniform')
  scene.join('m2', ['t', 'u'], { serverAssignor: 'range' })
  assert.equal(scene.group.describe().assignorName, 'range')
  const target = scene.group.describe().members.map((each) => each.targetAssignment.topicPartitions.length)
  assert.deepEqual(target, [2, 0])
  scene.join('m3', ['t', 'u'], { serverAssignor: 'uniform' })
  assert.equal(scene.group.describe().assignorName, 'uniform')
})
