import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import type { RawClient } from '../testing/raw-client.ts'
import { StillWorld } from '../testing/still-world.ts'

const ROUNDS_MAX = 1000

/** The groups' topic is there, and all of it loaded. */
async function loaded(world: StillWorld, client: RawClient): Promise<void> {
  await client.ask(FindCoordinator, 4, { coordinatorKeys: ['g'] })
  for (let rounds = 0; rounds < ROUNDS_MAX; rounds++) {
    if ((await listed(client)) !== 'COORDINATOR_LOAD_IN_PROGRESS') return
    await world.time.run(1)
  }
  assert.fail('The groups are loaded in the end')
}

async function listed(client: RawClient): Promise<string> {
  const { errorCode, groups } = await client.ask(ListGroups, 4, { statesFilter: [] })
  return errorCode === 0 ? groups.map((group) => `${group.groupId} ${group.groupState}`).join() : errorName(errorCode)
}

function sendCommit(client: RawClient, committedOffset: number): void {
  const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: 'm' }]
  client.send(OffsetCommit, 8, { groupId: 'g', memberId: '', topics: [{ name: 't', partitions }] })
}

async function committed(client: RawClient): Promise<string> {
  const reply = await client.receive(OffsetCommit, 8)
  return errorName(reply!.topics[0]!.partitions[0]!.errorCode)
}

function commit(client: RawClient, committedOffset: number): Promise<string> {
  sendCommit(client, committedOffset)
  return committed(client)
}

async function fetched(client: RawClient): Promise<number | string> {
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const { groups } = await client.ask(OffsetFetch, 8, { groups: [{ groupId: 'g', topics }] })
  const [group] = groups
  return group!.errorCode === 0 ? group!.topics[0]!.partitions[0]!.committedOffset : errorName(group!.errorCode)
}

test('before the topic is there nobody is the coordinator; the first who looks for one makes it', async () => {
  await using world = await StillWorld.start()
  const client = await world.connect()
  await world.createTopic(client, 't')
  assert.deepEqual([await commit(client, 1), await fetched(client)], ['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  assert.equal(await listed(client), '')
  await loaded(world, client)
  assert.deepEqual([await commit(client, 1), await fetched(client)], ['NONE', 1])
})

test('offsets and members survive a restart of the broker', async () => {
  const world = await StillWorld.start({ settings: { 'group.initial.rebalance.delay.ms': '0' } })
  const first = await world.connect()
  await world.createTopic(first, 't')
  await loaded(world, first)
  assert.equal(await commit(first, 7), 'NONE')
  const protocols = [{ name: 'range', metadata: Buffer.from('m') }]
  const join = { groupId: 'h', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'x', protocols }
  first.send(JoinGroup, 3, { ...join, memberId: '' })
  await world.time.run(1)
  const { memberId, generationId } = (await first.receive(JoinGroup, 3))!
  const member = { groupId: 'h', memberId, generationId }
  await first.ask(SyncGroup, 2, { ...member, assignments: [{ memberId, assignment: Buffer.from('a') }] })
  await using second = await world.restart()
  const client = await second.connect()
  await loaded(second, client)
  assert.equal(await fetched(client), 7)
  assert.equal((await client.ask(Heartbeat, 3, member)).errorCode, 0)
  const synced = await client.ask(SyncGroup, 2, { ...member, assignments: [] })
  assert.equal(String(synced.assignment), 'a')
})

test('with the topic of the groups all of them are gone, and new ones can begin', async () => {
  await using world = await StillWorld.start()
  const client = await world.connect()
  await world.createTopic(client, 't')
  await loaded(world, client)
  await commit(client, 7)
  assert.equal(await listed(client), 'g Empty')
  const topics = [{ name: '__consumer_offsets', topicId: ZERO_UUID }]
  const deleted = await client.ask(DeleteTopics, 6, { topics, timeoutMs: 1000 })
  assert.equal(deleted.responses[0]!.errorCode, 0)
  assert.equal(await fetched(client), 'NOT_COORDINATOR')
  await loaded(world, client)
  assert.deepEqual([await listed(client), await fetched(client)], ['', -1])
})

test('a deleted topic takes its offsets along', async () => {
  await using world = await StillWorld.start()
  const client = await world.connect()
  const topicId = await world.createTopic(client, 't')
  await loaded(world, client)
  await commit(client, 7)
  await client.ask(DeleteTopics, 6, { topics: [{ topicId }], timeoutMs: 1000 })
  assert.equal(await fetched(client), -1)
})

test('a commit that is never written to the disk is answered in time, and counts once it was', async () => {
  await using world = await StillWorld.start()
  const client = await world.connect()
  await world.createTopic(client, 't')
  await loaded(world, client)
  world.disk.holdSyncs()
  sendCommit(client, 7)
  await world.time.run(5000)
  assert.equal(await committed(client), 'COORDINATOR_NOT_AVAILABLE')
  world.disk.releaseSyncs()
  await world.time.settle()
  assert.equal(await fetched(client), 7)
})
