import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { decodeVersioned, encodeVersioned } from '@ottla/protocol/versioned.ts'
import { testCaller } from '../../testing/transcript.ts'
import { ClassicGroup } from '../classic/classic-group.ts'
import type { LeaveReply } from '../classic/leave.ts'
import type { JoinReply, SyncReply } from '../classic/member.ts'
import { GROUP, joining, Scene } from './consumer-harness.ts'

type Owned = Readonly<Record<string, readonly number[]>>

function metadata(topics: readonly string[], owned: Owned = {}): Buffer {
  const ownedPartitions = Object.entries(owned).map(([topic, partitions]) => ({ topic, partitions: [...partitions] }))
  return encodeVersioned(ConsumerProtocolSubscription, 1, { topics: [...topics], ownedPartitions })
}

/** What members of the classic protocol do, to whichever kind the group is of. */
class Classic extends Scene {
  join11(
    memberId: string,
    topics: readonly string[],
    more: { owned?: Owned; instanceId?: string; apiVersion?: number; protocol?: string; metadata?: Buffer } = {},
  ) {
    const { owned = {}, instanceId = null, apiVersion = 9, protocol = 'range' } = more
    const said = more.metadata ?? metadata(topics, owned)
    const request = {
      ...{
        groupId: GROUP,
        sessionTimeoutMs: 20_000,
        rebalanceTimeoutMs: 30_000,
        memberId,
        groupInstanceId: instanceId,
      },
      ...{ protocolType: 'consumer', protocols: [{ name: protocol, metadata: said }], reason: null },
    }
    return this.transcript.submit<JoinReply>(({ group }, ticket, nowMs) =>
      group!.join(request, testCaller({ apiVersion }), ticket, nowMs),
    )
  }

  sync14(memberId: string, generationId: number, assignments: { memberId: string; assignment: Buffer }[] = []) {
    const request = {
      groupId: GROUP,
      generationId,
      memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments,
    }
    return this.transcript.submit<SyncReply>(({ group }, ticket, nowMs) =>
      group!.sync(request, testCaller({ apiVersion: 5 }), ticket, nowMs),
    )
  }

  /** What a sync tells. */
  assigned(memberId: string, generationId: number): Owned {
    const { assignment } = this.sync14(memberId, generationId).reply
    const { assignedPartitions } = decodeVersioned(ConsumerProtocolAssignment, assignment)
    return Object.fromEntries(assignedPartitions.map(({ topic, partitions }) => [topic, [...partitions]]))
  }

  heartbeat12(memberId: string, generationId: number): string {
    const request = { groupId: GROUP, generationId, memberId, groupInstanceId: null }
    const { reply } = this.transcript.submit<{ errorCode: number }>((subject, ticket, nowMs) =>
      subject.group!.kind === 'consumer'
        ? subject.consumer.classicHeartbeat(request, testCaller(), ticket, nowMs)
        : subject.classic.heartbeat(request, testCaller(), ticket, nowMs),
    )
    return errorName(reply.errorCode)
  }

  leave13(members: readonly (string | { memberId: string; groupInstanceId: string })[]): string[] {
    const request = {
      groupId: GROUP,
      memberId: '',
      members: members.map((member) => ({
        ...(typeof member === 'string' ? { memberId: member, groupInstanceId: null } : member),
        reason: null,
      })),
    }
    const { reply } = this.transcript.submit<LeaveReply>(({ group }, ticket, nowMs) =>
      group!.leave(request, testCaller({ apiVersion: 5 }), ticket, nowMs),
    )
    return reply.members!.map(({ errorCode }) => errorName(errorCode))
  }
}

/** A classic group of one stable member that owns all of `t`. */
function classicScene(partitions = 2): { scene: Classic; memberId: string } {
  const scene = new Classic({ t: partitions })
  scene.transcript.subject.group = ClassicGroup.created(GROUP, scene.world)
  const ticket = scene.join11('', ['t'], { apiVersion: 3 })
  scene.transcript.advance(3000)
  const { memberId } = ticket.reply
  const all = Array.from({ length: partitions }, (_, at) => at)
  const assignment = encodeVersioned(ConsumerProtocolAssignment, 1, {
    assignedPartitions: [{ topic: 't', partitions: all }],
  })
  assert.equal(errorName(scene.sync14(memberId, 1, [{ memberId, assignment }]).reply.errorCode), 'NONE')
  return { scene, memberId }
}

test('a consumer of the new protocol that joins a classic group converts it, and takes over its share', () => {
  const { scene, memberId: c } = classicScene()
  const told = scene.join('n', ['t'])
  assert.deepEqual(told, { memberId: 'n', epoch: 2, assignment: {} })
  assert.equal(scene.transcript.subject.consumer.memberCount(), 2)
  assert.equal(scene.heartbeat12(c, 1), 'REBALANCE_IN_PROGRESS')
  // It keeps one partition in its epoch and revokes the other one, with a second join.
  const join = scene.join11(c, ['t'], { owned: { t: [0, 1] } }).reply
  assert.deepEqual(
    [errorName(join.errorCode), join.generationId, join.protocolName, join.leader],
    ['NONE', 1, 'range', ''],
  )
  assert.deepEqual(scene.assigned(c, 1), { t: [0] })
  assert.equal(scene.heartbeat12(c, 1), 'REBALANCE_IN_PROGRESS')
  assert.equal(scene.join11(c, ['t'], { owned: { t: [0] } }).reply.generationId, 2)
  assert.deepEqual(scene.assigned(c, 2), { t: [0] })
  assert.equal(scene.heartbeat12(c, 2), 'NONE')
  assert.deepEqual(scene.told('n', { epoch: 2, owned: {} }).assignment, { t: [1] })
  assert.deepEqual(
    scene.group.describe().members.map(({ memberType }) => memberType),
    [0, 1],
  )
  assert.equal(scene.group.describe().groupState, 'Stable')
})

test('the records of a conversion make the same group after a fail-over', () => {
  const { scene } = classicScene()
  scene.join('n', ['t'])
  const before = scene.group.describe()
  scene.failOver()
  assert.deepEqual(scene.group.describe(), before)
  assert.deepEqual([...scene.transcript.timers.values()].sort(), [20_000, 45_000])
})

test('a group is not converted where that is not allowed, or not possible', () => {
  const { scene } = classicScene()
  for (const policy of ['disabled', 'downgrade'] as const) {
    scene.world.changedSettings = { consumerMigrationPolicy: policy }
    assert.equal(scene.say('n', joining(['t'])).error, 'GROUP_ID_NOT_FOUND')
  }
  scene.world.changedSettings = { consumerMaxSize: 0 }
  assert.equal(scene.say('n', joining(['t'])).error, 'GROUP_ID_NOT_FOUND')
  scene.world.changedSettings = {}
  assert.equal(scene.say('n', { epoch: 1 }).error, 'GROUP_ID_NOT_FOUND')
  assert.equal(scene.say('n', joining([], { subscribedTopicRegex: '[' })).error, 'INVALID_REGULAR_EXPRESSION')
  assert.equal(scene.transcript.subject.classic.state(), 'Stable')
})

test('a conversion that is refused by the log leaves the classic group as it was', () => {
  const { scene, memberId } = classicScene()
  scene.transcript.refuseNext('NOT_ENOUGH_REPLICAS')
  assert.equal(scene.say('n', joining(['t'])).error, 'NOT_ENOUGH_REPLICAS')
  assert.equal(scene.heartbeat12(memberId, 1), 'NONE')
  assert.equal(scene.join('n', ['t']).epoch, 2)
})

test('who waits in a classic group that is converted is told to join again', () => {
  const { scene, memberId } = classicScene()
  const waiting = scene.join11('', ['t'], { apiVersion: 3 })
  assert.equal(waiting.isAnswered, false)
  scene.join('n', ['t'])
  assert.equal(errorName(waiting.reply.errorCode), 'REBALANCE_IN_PROGRESS')
  assert.equal(scene.heartbeat12(memberId, 1), 'REBALANCE_IN_PROGRESS')
})

test('when the last member of the new protocol leaves, the group is classic again and rebalances', () => {
  const { scene, memberId: c } = classicScene()
  scene.join('n', ['t'])
  scene.join11(c, ['t'], { owned: { t: [0] } })
  assert.equal(scene.told('n', { epoch: -1 }).epoch, -1)
  assert.equal(scene.transcript.subject.classic.generation, 2)
  scene.transcript.advance(0)
  assert.equal(scene.transcript.subject.classic.state(), 'PreparingRebalance')
  assert.equal(scene.heartbeat12(c, 2), 'REBALANCE_IN_PROGRESS')
  const join = scene.join11(c, ['t'], { owned: { t: [0] } }).reply
  assert.deepEqual([join.generationId, join.leader], [3, c])
})

test('so it is when its session ends, unless the policy keeps it', () => {
  const { scene, memberId: c } = classicScene()
  scene.join('n', ['t'])
  scene.join11(c, ['t'], { owned: { t: [0] } })
  scene.assigned(c, 2)
  scene.world.changedSettings = { consumerMigrationPolicy: 'upgrade' }
  for (let beat = 0; beat < 3; beat++) {
    scene.transcript.advance(15_000)
    if (beat < 2) scene.heartbeat12(c, 2)
  }
  assert.equal(scene.transcript.subject.consumer.memberCount(), 1)
  const other = classicScene()
  other.scene.join('n', ['t'])
  other.scene.join11(other.memberId, ['t'], { owned: { t: [0] } })
  other.scene.assigned(other.memberId, 2)
  for (let beat = 0; beat < 3; beat++) {
    other.scene.transcript.advance(15_000)
    if (beat < 2) other.scene.heartbeat12(other.memberId, 2)
  }
  assert.equal(other.scene.transcript.subject.classic.memberCount(), 1)
})

test('members of the classic protocol that do not join or sync in time are removed', () => {
  const { scene, memberId: c } = classicScene()
  scene.world.changedSettings = { consumerSessionTimeoutMs: 600_000 }
  scene.join('n', ['t'])
  for (let beat = 0; beat < 3; beat++) {
    assert.equal(scene.heartbeat12(c, 1), 'REBALANCE_IN_PROGRESS')
    scene.transcript.advance(10_000)
  }
  assert.equal(scene.heartbeat12(c, 1), 'UNKNOWN_MEMBER_ID')
  const joined = scene.join11('d', ['t']).reply
  const generation = joined.generationId!
  assert.equal(errorName(joined.errorCode), 'NONE')
  for (let beat = 0; beat < 3; beat++) {
    scene.transcript.advance(10_000)
    if (beat < 2) scene.heartbeat12('d', generation)
  }
  assert.equal(scene.heartbeat12('d', generation), 'UNKNOWN_MEMBER_ID')
})

test('the classic requests are checked against the member', () => {
  const { scene, memberId: c } = classicScene()
  scene.join('n', ['t'])
  assert.equal(scene.heartbeat12('n', 2), 'UNKNOWN_MEMBER_ID')
  assert.equal(scene.heartbeat12('x', 2), 'UNKNOWN_MEMBER_ID')
  assert.equal(scene.heartbeat12(c, 7), 'ILLEGAL_GENERATION')
  assert.equal(errorName(scene.sync14(c, 7).reply.errorCode), 'ILLEGAL_GENERATION')
  assert.equal(errorName(scene.sync14(c, 1).reply.errorCode), 'REBALANCE_IN_PROGRESS')
  assert.equal(errorName(scene.sync14('n', 2).reply.errorCode), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorName(scene.join11('', ['t'], { protocol: 'other' }).reply.errorCode), 'INCONSISTENT_GROUP_PROTOCOL')
  const required = scene.join11('', ['t']).reply
  assert.equal(errorName(required.errorCode), 'MEMBER_ID_REQUIRED')
  assert.equal(errorName(scene.join11(required.memberId, ['t']).reply.errorCode), 'NONE')
  assert.deepEqual(scene.leave13([required.memberId, required.memberId, 'x']), [
    'NONE',
    'UNKNOWN_MEMBER_ID',
    'UNKNOWN_MEMBER_ID',
  ])
})

test('a subscription that cannot be read is refused once its member has an id', () => {
  const { scene } = classicScene()
  scene.join('n', ['t'])
  const metadata = Buffer.from('x')
  const required = scene.join11('', ['t'], { metadata }).reply
  assert.equal(errorName(required.errorCode), 'MEMBER_ID_REQUIRED')
  const refused = scene.join11(required.memberId, ['t'], { metadata }).reply
  assert.equal(errorName(refused.errorCode), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('LeaveGroup removes members of the new protocol too, by their id or instance id', () => {
  const scene = new Classic({ t: 2 })
  scene.join('n', ['t'])
  scene.join('s', ['t'], { instanceId: 'i' })
  assert.deepEqual(scene.leave13([{ memberId: 'n', groupInstanceId: 'i' }]), ['FENCED_INSTANCE_ID'])
  assert.deepEqual(scene.leave13(['n', { memberId: '', groupInstanceId: 'i' }]), ['NONE', 'NONE'])
  assert.equal(scene.group.describe().groupState, 'Empty')
})

test('a static member that comes back with the classic protocol takes its place, and the group is classic', () => {
  const { scene, memberId: c } = classicScene()
  scene.join('n', ['t'], { instanceId: 'i' })
  const joined = scene.join11('', ['t'], { instanceId: 'i' }).reply
  assert.equal(errorName(joined.errorCode), 'NONE')
  scene.transcript.advance(0)
  scene.transcript.advance(0)
  assert.equal(scene.transcript.subject.classic.memberCount(), 2)
  assert.equal(scene.heartbeat12(c, scene.transcript.subject.classic.generation), 'REBALANCE_IN_PROGRESS')
})

test('a member of the classic protocol is told to join once all that it waits for is free', () => {
  const { scene, memberId: c } = classicScene(4)
  scene.join('n', ['t'])
  scene.join11(c, ['t'], { owned: { t: [0, 1] } })
  scene.assigned(c, 2)
  assert.deepEqual(scene.told('n', { epoch: 2, owned: {} }).assignment, { t: [2, 3] })
  assert.equal(scene.join11('', ['t'], { apiVersion: 3 }).reply.generationId, 3)
  const d = scene.group.describe().members.at(-1)!.memberId
  assert.deepEqual(scene.assigned(d, 3), {})
  assert.equal(scene.heartbeat12(d, 3), 'NONE')
  assert.deepEqual(scene.told('n', { epoch: 2, owned: { t: [2, 3] } }).assignment, { t: [2] })
  assert.equal(scene.heartbeat12(d, 3), 'NONE')
  assert.equal(scene.told('n', { epoch: 2, owned: { t: [2] } }).epoch, 3)
  assert.equal(scene.heartbeat12(d, 3), 'REBALANCE_IN_PROGRESS')
  assert.equal(scene.join11(d, ['t']).reply.generationId, 3)
  assert.deepEqual(scene.assigned(d, 3), { t: [3] })
  assert.equal(scene.heartbeat12(d, 3), 'NONE')
})
