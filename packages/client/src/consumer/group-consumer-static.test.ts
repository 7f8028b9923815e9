import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { metadataAnswer, settled } from '../fake-broker.ts'
import type { GroupConsumer } from './group-consumer.ts'
import { classicWorld, nextWorld, take } from './group-world.ts'

const STATIC = { groupInstanceId: 'i', autoCommit: { everyMs: 1e9 }, processingTimeoutMs: 1e9 }

/** A coordinator that tells members by their instance id (KIP-345), and leaves a leader that comes back as it was. */
async function staticWorld() {
  const it = await classicWorld()
  let processes = 0
  it.broker.on(JoinGroup, ({ memberId, groupInstanceId, protocols }) => {
    it.events.push(`join ${memberId === '' ? 'new' : memberId} as ${groupInstanceId}`)
    const isBack = memberId === '' && processes > 0
    if (memberId === '') processes++
    const { name: protocolName, metadata } = protocols[0]!
    const mine = `${groupInstanceId}-${processes}`
    const members = [{ memberId: mine, groupInstanceId, metadata }]
    const answer = { errorCode: 0, generationId: 1, protocolType: 'consumer', protocolName, leader: mine }
    return { ...answer, memberId: mine, members, skipAssignment: isBack }
  })
  return it
}

const placesOf = ({ assignment }: GroupConsumer) => assignment.map(({ partition, offset }) => `${partition}@${offset}`)

test('classic: a static member goes without a word and comes back to its partitions, where it was', async () => {
  const it = await staticWorld()
  const first = await it.join(STATIC)
  assert.deepEqual(it.happened(), ['join new as i', 'sync 1', 'assigned 0,1,2'])
  const records = first.records()
  for (const expected of ['0:0', '0:1', '0:2']) assert.equal(await take(it, records), expected)
  await settled(it.time, first.leave(), 1000)
  assert.deepEqual(it.happened(), ['commit 0@2 1@0 2@0 as 1', 'revoked 0,1,2'])
  const second = await it.join(STATIC)
  assert.deepEqual(it.happened(), ['join new as i', 'sync 0', 'assigned 0,1,2'])
  assert.equal(second.memberId, 'i-2')
  assert.deepEqual(placesOf(second), ['0@2', '1@0', '2@0'])
  await it.time.run(10_000)
  await settled(it.time, second.leave(), 1000)
  const names = ['JoinGroup', 'SyncGroup', 'Heartbeat', 'OffsetCommit']
  const asked = it.broker.asked.filter(({ name }) => names.includes(name))
  assert.deepEqual(new Set(asked.map(({ name }) => name)), new Set(names))
  for (const { name, value } of asked) assert.equal((value as { groupInstanceId: string }).groupInstanceId, 'i', name)
})

test('classic: a leader that came back, and was to share out nothing, still sees new partitions', async () => {
  const it = await staticWorld()
  await settled(it.time, (await it.join(STATIC)).leave(), 1000)
  const consumer = await it.join(STATIC)
  await it.time.run(600_000)
  assert.deepEqual(it.happened().slice(-3), ['join new as i', 'sync 0', 'assigned 0,1,2'])
  it.broker.on(Metadata, ({ topics }) =>
    metadataAnswer({ names: topics?.map(({ name }) => name ?? '') ?? ['t'], partitions: 4 }),
  )
  await it.time.run(600_000)
  assert.deepEqual(it.happened(), ['join i-2 as i', 'sync 1'])
  await settled(it.time, consumer.leave(), 1000)
})

test('consumer protocol: a static member says that it will be back, and is, as another member', async () => {
  const it = await nextWorld()
  const first = await it.join(STATIC)
  const records = first.records()
  for (const expected of ['0:0', '0:1', '0:2']) assert.equal(await take(it, records), expected)
  it.happened()
  await settled(it.time, first.leave(), 1000)
  assert.deepEqual(it.happened(), ['commit 0@2 1@0 2@0 as 1', 'revoked 0,1,2', 'beat -2'])
  const second = await it.join(STATIC)
  assert.deepEqual(it.happened(), ['beat 0 with [] full', 'assigned 0,1,2', 'beat 2 with [0,1,2]'])
  assert.deepEqual(placesOf(second), ['0@2', '1@0', '2@0'])
  assert.notEqual(second.memberId, first.memberId)
  await settled(it.time, second.leave(), 1000)
  for (const { name, value } of it.broker.asked) {
    if (name !== ConsumerGroupHeartbeat.name) continue
    assert.equal((value as RequestOf<typeof ConsumerGroupHeartbeat>).instanceId, 'i')
  }
})

test('who comes back while another has the instance id loses its partitions and commits nothing of them', async () => {
  const [classic, next] = [await staticWorld(), await nextWorld()]
  const consumers = [await classic.join(STATIC), await next.join(STATIC)]
  for (const it of [classic, next]) it.happened()
  classic.script.heartbeat = 'FENCED_INSTANCE_ID'
  next.script.next = () => ({ errorCode: errorCode('FENCED_INSTANCE_ID') })
  for (const [i, it] of [classic, next].entries()) {
    await it.time.run(10_000)
    assert.equal(it.happened()[0], 'lost 0,1,2')
    await assert.rejects(consumers[i]!.records().next(), /another member has taken over.*FENCED_INSTANCE_ID/)
    await settled(it.time, consumers[i]!.leave(), 20_000)
    assert.ok(!it.broker.asked.some(({ name }) => name === 'OffsetCommit' || name === 'LeaveGroup'))
  }
})
