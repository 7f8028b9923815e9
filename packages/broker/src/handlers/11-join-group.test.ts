import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { GroupBroker, NOBODY, SUBSCRIPTION } from '../testing/group-broker.ts'
import { RawClient } from '../testing/raw-client.ts'
import { joinGroup } from './11-join-group.ts'
import { heartbeat } from './12-heartbeat.ts'
import { leaveGroup } from './13-leave-group.ts'
import { syncGroup } from './14-sync-group.ts'
import { call } from './admin-harness.ts'

const JOIN = { groupId: 'g', sessionTimeoutMs: 30_000, memberId: '', protocolType: 'consumer' }
const PROTOCOLS = [{ name: 'range', metadata: SUBSCRIPTION }]

test('a member joins, syncs, is alive and leaves in every version', async () => {
  await using harness = await GroupBroker.open()
  const { client } = harness
  for (let version = 0; version <= 9; version++) {
    const groupId = `g${version}`
    const request = { ...JOIN, groupId, protocols: PROTOCOLS, ...(version >= 1 ? { rebalanceTimeoutMs: 30_000 } : {}) }
    const first = await client.ask(JoinGroup, version, request)
    assert.equal(errorName(first.errorCode), version >= 4 ? 'MEMBER_ID_REQUIRED' : 'NONE')
    const { memberId } = first
    const joined = version >= 4 ? await client.ask(JoinGroup, version, { ...request, memberId }) : first
    const { generationId, leader, members, protocolName } = joined
    assert.deepEqual([generationId, leader, protocolName], [1, memberId, 'range'])
    assert.deepEqual(
      members.map(({ metadata }) => metadata),
      [SUBSCRIPTION],
    )
    const sync = Math.min(version, 5)
    const assignments = [{ memberId, assignment: Buffer.from('mine') }]
    const protocol = sync >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
    const synced = await client.ask(SyncGroup, sync, { groupId, memberId, generationId, assignments, ...protocol })
    assert.equal(String(synced.assignment), 'mine')
    const beat = Math.min(version, 4)
    assert.equal((await client.ask(Heartbeat, beat, { groupId, memberId, generationId })).errorCode, 0)
    const leave = Math.min(version, 5)
    const leaver = leave >= 3 ? { members: [{ memberId }] } : { memberId }
    assert.equal((await client.ask(LeaveGroup, leave, { groupId, ...leaver })).errorCode, 0)
    const gone = await client.ask(Heartbeat, beat, { groupId, memberId, generationId })
    assert.equal(errorName(gone.errorCode), 'UNKNOWN_MEMBER_ID')
  }
})

test('a join that waits holds up what its connection sends after it, and nobody else', async () => {
  await using harness = await GroupBroker.open()
  const { client, broker } = harness
  const { memberId, generationId } = await harness.member()
  using other = await RawClient.connect(broker.port)
  const request = { ...JOIN, rebalanceTimeoutMs: 30_000, protocols: PROTOCOLS }
  const given = await other.ask(JoinGroup, 5, request)
  other.send(JoinGroup, 5, { ...request, memberId: given.memberId }, 1)
  other.send(ApiVersions, 0, {}, 2)
  // The rebalance has begun: the join of the newcomer waits for the member that is there.
  for (;;) {
    const { errorCode } = await client.ask(Heartbeat, 3, { groupId: 'g', memberId, generationId })
    if (errorName(errorCode) === 'REBALANCE_IN_PROGRESS') break
  }
  assert.equal(other.takeFrame(), null)
  const joined = await client.ask(JoinGroup, 5, { ...request, memberId })
  assert.deepEqual([joined.generationId, joined.members.length], [2, 2])
  const theirs = await other.receive(JoinGroup, 5)
  assert.deepEqual([theirs?.generationId, theirs?.leader, theirs?.members], [2, memberId, []])
  assert.equal((await other.receive(ApiVersions, 0))?.errorCode, 0)
})

test('a request that fails as a whole is answered in the form of its API', async () => {
  await using harness = await GroupBroker.open()
  const { client } = harness
  const request = { ...JOIN, groupId: '', memberId: 'm', rebalanceTimeoutMs: 1, protocols: PROTOCOLS }
  const joined = await client.ask(JoinGroup, 5, request)
  assert.deepEqual([errorName(joined.errorCode), joined.memberId], ['INVALID_GROUP_ID', 'm'])
  const short = await client.ask(JoinGroup, 9, { ...request, groupId: 'g', sessionTimeoutMs: 1 })
  assert.deepEqual([errorName(short.errorCode), short.protocolName], ['INVALID_SESSION_TIMEOUT', null])
  const member = { groupId: '', memberId: 'm', generationId: 1 }
  assert.equal(
    errorName((await client.ask(SyncGroup, 4, { ...member, assignments: [] })).errorCode),
    'INVALID_GROUP_ID',
  )
  assert.equal(errorName((await client.ask(Heartbeat, 4, member)).errorCode), 'INVALID_GROUP_ID')
  const left = await client.ask(LeaveGroup, 5, { groupId: '', members: [{ memberId: 'm' }] })
  assert.equal(errorName(left.errorCode), 'INVALID_GROUP_ID')
})

test('a stopping broker sends away who waits in a join', async () => {
  const harness = await GroupBroker.open({ 'group.initial.rebalance.delay.ms': '60000' })
  const { client } = harness
  client.send(JoinGroup, 3, { ...JOIN, rebalanceTimeoutMs: 300_000, protocols: PROTOCOLS })
  using other = await RawClient.connect(harness.broker.port)
  // Requests of two connections are read in any order; this one comes after the join was.
  for (let waits = false; !waits; ) waits = (await phaseOf(other)) === 'PreparingRebalance'
  const stopped = harness.broker[Symbol.asyncDispose]()
  const reply = await client.receive(JoinGroup, 3)
  assert.equal(reply && errorName(reply.errorCode), 'NOT_COORDINATOR')
  await stopped
  client[Symbol.dispose]()
})

async function phaseOf(client: RawClient): Promise<string | undefined> {
  return (await client.ask(ListGroups, 4, { statesFilter: [] })).groups[0]?.groupState
}

test('a member of a group that is being loaded is told that all is well, and of other failures the truth', async () => {
  const member = { groupId: 'g', memberId: 'm', generationId: 1 }
  const answerTo = (error: 'COORDINATOR_LOAD_IN_PROGRESS' | 'NOT_COORDINATOR') => {
    const groups = { heartbeat: async () => Promise.reject(new ProtocolError(error)) }
    return call(Heartbeat, heartbeat({ groups } as never), { version: 4, request: member })
  }
  assert.equal((await answerTo('COORDINATOR_LOAD_IN_PROGRESS')).errorCode, 0)
  await assert.rejects(answerTo('NOT_COORDINATOR'), { error: 'NOT_COORDINATOR' })
})

test('a group that the client may not read is not asked about', async () => {
  const denied = [['read', 'group', 'g']] as const
  const refused = { error: 'GROUP_AUTHORIZATION_FAILED' }
  const member = { groupId: 'g', memberId: 'm', generationId: 1 }
  const join = { ...JOIN, rebalanceTimeoutMs: 1, protocols: PROTOCOLS }
  await assert.rejects(call(JoinGroup, joinGroup(NOBODY), { version: 9, request: join, denied }), refused)
  const sync = { ...member, assignments: [], protocolType: 'consumer', protocolName: 'range' }
  await assert.rejects(call(SyncGroup, syncGroup(NOBODY), { version: 5, request: sync, denied }), refused)
  await assert.rejects(call(Heartbeat, heartbeat(NOBODY), { version: 4, request: member, denied }), refused)
  const leave = { groupId: 'g', members: [] }
  await assert.rejects(call(LeaveGroup, leaveGroup(NOBODY), { version: 5, request: leave, denied }), refused)
})

test('a sync that does not name its protocol is refused from version 5 on, before anything else', async () => {
  const request = { groupId: 'g', memberId: 'm', generationId: 1, assignments: [] }
  await assert.rejects(call(SyncGroup, syncGroup(NOBODY), { version: 5, request, denied: [['read', 'group', 'g']] }), {
    error: 'INCONSISTENT_GROUP_PROTOCOL',
  })
})
