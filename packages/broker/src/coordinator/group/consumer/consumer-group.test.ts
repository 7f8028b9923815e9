import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoded, topicIdOf } from '../../testing/transcript.ts'
import { fromList } from '../assignors/topic-partitions.ts'
import { ClassicGroup } from '../classic/classic-group.ts'
import type { CommitRequest } from '../group.ts'
import { GROUP, joining, Scene } from './consumer-harness.ts'
import { PartitionOwners } from './partition-owners.ts'

function commit(parts: Partial<CommitRequest>): CommitRequest {
  return {
    memberId: 'm1',
    groupInstanceId: null,
    generationOrEpoch: 1,
    apiVersion: 9,
    isTransactional: false,
    ...parts,
  }
}

function stable(): Scene {
  const scene = new Scene({ t: 2 })
  scene.join('m1', ['t'])
  return scene
}

test('offsets are committed by members in their epoch', () => {
  const scene = stable()
  const error = (parts: Partial<CommitRequest>) => scene.group.checkCommit(commit(parts), 0).error
  assert.equal(error({}), null)
  assert.equal(error({ memberId: 'm2' }), 'UNKNOWN_MEMBER_ID')
  assert.equal(error({ generationOrEpoch: 2 }), 'STALE_MEMBER_EPOCH')
  assert.equal(error({ generationOrEpoch: 0 }), 'STALE_MEMBER_EPOCH')
  assert.equal(error({ apiVersion: 8 }), 'UNSUPPORTED_VERSION')
  assert.equal(error({ memberId: '', generationOrEpoch: -1 }), 'UNKNOWN_MEMBER_ID')
  assert.equal(error({ isTransactional: true, generationOrEpoch: 2, apiVersion: 3 }), 'ILLEGAL_GENERATION')
  assert.equal(error({ isTransactional: true, memberId: '', generationOrEpoch: -1 }), null)
  scene.say('m1', { epoch: -1 })
  assert.equal(error({ memberId: '', generationOrEpoch: -1 }), null)
  assert.equal(error({ generationOrEpoch: 1 }), 'UNKNOWN_MEMBER_ID')
})

test('offsets are fetched by members in their epoch, and by anybody from outside', () => {
  const { group } = stable()
  assert.equal(group.checkFetch({ memberId: null, memberEpoch: -1 }), null)
  assert.equal(group.checkFetch({ memberId: 'm1', memberEpoch: 1 }), null)
  assert.equal(group.checkFetch({ memberId: 'm1', memberEpoch: 2 }), 'STALE_MEMBER_EPOCH')
  assert.equal(group.checkFetch({ memberId: 'm2', memberEpoch: 1 }), 'UNKNOWN_MEMBER_ID')
  assert.equal(group.checkFetch({ memberId: null, memberEpoch: 1 }), 'UNKNOWN_MEMBER_ID')
})

test('a group is described with its epochs, its assignor, and what each member has and will have', () => {
  const scene = stable()
  scene.join('m2', ['t'], { rackId: 'r' })
  const topicId = topicIdOf('t')
  const described = scene.group.describe()
  assert.deepEqual(
    { ...described, members: [] },
    {
      ...{ errorCode: 0, groupId: GROUP, groupState: 'Reconciling', groupEpoch: 2, assignmentEpoch: 2 },
      ...{ assignorName: 'uniform', members: [] },
    },
  )
  assert.deepEqual(described.members[0], {
    ...{ memberId: 'm1', instanceId: null, rackId: null, memberEpoch: 1, clientId: 'client', clientHost: '/127.0.0.1' },
    ...{ subscribedTopicNames: ['t'], subscribedTopicRegex: '', memberType: 1 },
    assignment: { topicPartitions: [{ topicId, topicName: 't', partitions: [0, 1] }] },
    targetAssignment: { topicPartitions: [{ topicId, topicName: 't', partitions: [0] }] },
  })
  assert.equal(described.members[1]!.rackId, 'r')
})

test('the tombstones of a group leave nothing of it', () => {
  const scene = stable()
  scene.join('m2', [], { subscribedTopicNames: null, subscribedTopicRegex: 't' })
  scene.transcript.finishWork()
  const tombstones = scene.group.tombstones()
  const alive = new Set(scene.transcript.log.map(({ record }) => record.key.toString('hex')))
  assert.ok(decoded(tombstones).every(({ value }) => value === null))
  assert.ok(alive.isSubsetOf(new Set(tombstones.map(({ key }) => key.toString('hex')))))
  assert.equal(decoded(tombstones).at(-1)!.type, 'consumerGroupMetadata')
})

test('an empty classic group gives way to the first member of the new protocol', () => {
  const scene = new Scene({ t: 1 })
  scene.transcript.subject.group = ClassicGroup.empty(GROUP, scene.world)
  assert.equal(scene.say('m1', { epoch: 1 }).error, 'GROUP_ID_NOT_FOUND')
  const records = scene.records(() => assert.equal(scene.join('m1', ['t']).epoch, 1))
  assert.equal(records[0], 'groupMetadata gone')
  assert.equal(scene.group.memberCount(), 1)
})

test('records of a member in any order make the same group', () => {
  const scene = stable()
  scene.join('m2', ['t'])
  const before = scene.group.describe()
  const latest = new Map(scene.transcript.log.map(({ record }) => [record.key.toString('hex'), record]))
  for (const order of [[...latest.values()], [...latest.values()].reverse()]) {
    const fresh = new Scene({ t: 2 })
    for (const record of order) fresh.transcript.append(record)
    const after = fresh.group.describe()
    assert.deepEqual({ ...after, members: [] }, { ...before, members: [] })
    assert.deepEqual(new Set(after.members), new Set(before.members))
  }
})

test('a static member is found by its instance although its predecessor’s end comes later in the log', () => {
  const scene = new Scene({ t: 1 })
  scene.join('m1', ['t'], { instanceId: 'i' })
  scene.told('m1', { epoch: -2, instanceId: 'i' })
  const end = scene.transcript.log.length
  scene.join('m2', ['t'], { instanceId: 'i' })
  const compacted = new Scene({ t: 1 })
  const replaced = scene.transcript.log.slice(end).map(({ record }) => record)
  const order = [
    ...scene.transcript.log.slice(0, end).map(({ record }) => record),
    ...replaced.slice(3),
    ...replaced.slice(0, 3),
  ]
  for (const record of order) compacted.transcript.append(record)
  assert.equal(compacted.told('m2', { epoch: 1, instanceId: 'i' }).epoch, 1)
})

test('a partition is the member’s of whom the log has told last', () => {
  const owners = new PartitionOwners()
  const one = fromList([{ topicId: 't', partitions: [0, 1] }])
  owners.take('m1', one)
  owners.take('m2', fromList([{ topicId: 't', partitions: [1] }]))
  owners.release('m1', one)
  assert.deepEqual([owners.ownerOf('t', 0), owners.ownerOf('t', 1)], [undefined, 'm2'])
})

test('a change of topics reaches the groups that read them and no others', () => {
  const scene = stable()
  const { watch } = scene.transcript.subject
  const told: string[] = []
  watch.watch('u', { topicsChanged: () => told.push('u') })
  scene.setTopics({ t: 3 })
  assert.deepEqual(told, [])
  scene.setTopics({ t: 3, u: 1 })
  scene.setTopics({ t: 3, u: 2 })
  scene.setTopics({ t: 3 })
  assert.deepEqual(told, ['u', 'u', 'u'])
  assert.equal(watch.newTopicsVersion, 3)
})

test('a member of a later version’s state starts anew, owning nothing', () => {
  const scene = stable()
  const at = scene.transcript.log.findLast(({ record }) => record.key.readInt16BE(0) === 8)!
  const value = Buffer.from(at.record.value!)
  value.writeUInt8(99, 10)
  scene.transcript.append({ key: at.record.key, value })
  assert.equal(scene.say('m1', { epoch: 1, owned: { t: [0] } }).error, 'FENCED_MEMBER_EPOCH')
  assert.deepEqual(scene.told('m1', joining(['t'])), { memberId: 'm1', epoch: 1, assignment: { t: [0, 1] } })
})
