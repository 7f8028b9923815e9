import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { imageWith } from '../coordinator/testing/transcript.ts'
import { GroupBroker } from '../testing/group-broker.ts'
import { offsetDelete } from './47-offset-delete.ts'
import { call, type Denied } from './admin-harness.ts'

const topic = (name: string, ...indexes: number[]) => ({
  name,
  partitions: indexes.map((partitionIndex) => ({ partitionIndex })),
})

test('offsets are deleted; a missing topic or partition does not hold up the others', async () => {
  await using harness = await GroupBroker.open()
  await harness.commit(8, { 0: 1, 1: 2 })
  const request = { groupId: 'g', topics: [topic('missing', 0), topic('t', 0, 9, 2)] }
  const { errorCode, topics } = await harness.client.ask(OffsetDelete, 0, request)
  const errors = topics.map(({ partitions }) => partitions.map((partition) => errorName(partition.errorCode)))
  const missing = 'UNKNOWN_TOPIC_OR_PARTITION'
  assert.deepEqual([errorCode, errors], [0, [[missing], ['NONE', missing, 'NONE']]])
  assert.deepEqual([await harness.fetched(0), await harness.fetched(1)], [-1, 2])
})

test('an error of the group is the only thing that is told', async () => {
  await using harness = await GroupBroker.open()
  await harness.member('workers', 'connect')
  const ask = async (groupId: string) => {
    const { errorCode, topics } = await harness.client.ask(OffsetDelete, 0, { groupId, topics: [topic('t', 0)] })
    return [errorName(errorCode), topics.length]
  }
  assert.deepEqual(await ask('none'), ['GROUP_ID_NOT_FOUND', 0])
  assert.deepEqual(await ask('workers'), ['NON_EMPTY_GROUP', 0])
  assert.deepEqual(await ask(''), ['INVALID_GROUP_ID', 0])
  const none = await harness.client.ask(OffsetDelete, 0, { groupId: 'none', topics: [topic('missing', 0)] })
  assert.deepEqual([errorName(none.errorCode), none.topics], ['GROUP_ID_NOT_FOUND', []])
})

test('a topic to which a member subscribes keeps its offsets', async () => {
  await using harness = await GroupBroker.open()
  const member = await harness.member()
  await harness.commit(8, { 0: 1 }, member)
  const { topics } = await harness.client.ask(OffsetDelete, 0, { groupId: 'g', topics: [topic('t', 0)] })
  assert.equal(errorName(topics[0]!.partitions[0]!.errorCode), 'GROUP_SUBSCRIBED_TO_TOPIC')
  assert.equal(await harness.fetched(0), 1)
})

test('groups and topics that the client may not use are not asked about', async () => {
  const asked: string[][] = []
  const deleteOffsets = async ({ topics }: { topics: { name: string }[] }) => {
    asked.push(topics.map(({ name }) => name))
    return { errorCode: 0, topics: [] }
  }
  const parts = { groups: { deleteOffsets }, image: () => imageWith({ t: 1 }) } as never
  const ask = (denied: Denied) =>
    call(OffsetDelete, offsetDelete(parts), { version: 0, request: { groupId: 'g', topics: [topic('t', 0)] }, denied })
  await assert.rejects(ask([['delete', 'group', 'g']]), { error: 'GROUP_AUTHORIZATION_FAILED' })
  const { topics } = await ask([['read', 'topic', 't']])
  assert.deepEqual(asked, [[]])
  assert.equal(errorName(topics[0]!.partitions[0]!.errorCode), 'TOPIC_AUTHORIZATION_FAILED')
})
