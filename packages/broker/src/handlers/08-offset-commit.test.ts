import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { imageWith, topicIdOf } from '../coordinator/testing/transcript.ts'
import { emptyImage } from '../metadata/image.ts'
import { GroupBroker, NOBODY } from '../testing/group-broker.ts'
import { offsetCommit } from './08-offset-commit.ts'
import { call } from './admin-harness.ts'

const partition = (partitionIndex: number, committedMetadata: string | null = null) => ({
  ...{ partitionIndex, committedOffset: 5, committedMetadata },
})

test('offsets are committed and told in every version', async () => {
  await using harness = await GroupBroker.open()
  for (let version = 2; version <= 10; version++) {
    assert.deepEqual(await harness.commit(version, { 0: version, 3: version + 1 }), ['0: NONE', '3: NONE'])
    assert.deepEqual([await harness.fetched(0), await harness.fetched(3)], [version, version + 1])
  }
})

test('partitions that are refused do not hold up the others', async () => {
  await using harness = await GroupBroker.open()
  const topics = [
    { name: 'missing', partitions: [partition(0)] },
    { name: 't', partitions: [partition(4), partition(1), partition(2, 'x'.repeat(4097)), partition(3, 'here')] },
  ]
  const reply = await harness.client.ask(OffsetCommit, 8, {
    ...{ groupId: '', memberId: '', generationIdOrMemberEpoch: -1, topics },
  })
  const shown = reply.topics.map(({ name, partitions }) => [
    name,
    ...partitions.map(({ partitionIndex, errorCode }) => `${partitionIndex} ${errorName(errorCode)}`),
  ])
  assert.deepEqual(shown, [
    ['missing', '0 UNKNOWN_TOPIC_OR_PARTITION'],
    ['t', '4 UNKNOWN_TOPIC_OR_PARTITION', '1 NONE', '2 OFFSET_METADATA_TOO_LARGE', '3 NONE'],
  ])
  assert.deepEqual([await harness.fetched(1, ''), await harness.fetched(2, '')], [5, -1])
})

test('what the coordinator says of the group holds for all partitions that are there', async () => {
  await using harness = await GroupBroker.open()
  const topics = [{ name: 't', partitions: [partition(0), partition(9), partition(1)] }]
  const request = { groupId: 'none', memberId: 'm', generationIdOrMemberEpoch: 3, topics }
  const { topics: replies } = await harness.client.ask(OffsetCommit, 9, request)
  assert.deepEqual(
    replies[0]!.partitions.map(({ errorCode }) => errorName(errorCode)),
    ['GROUP_ID_NOT_FOUND', 'UNKNOWN_TOPIC_OR_PARTITION', 'GROUP_ID_NOT_FOUND'],
  )
})

async function refused(options: { version?: number; denied?: Parameters<typeof call>[2]['denied']; topic?: object }) {
  const { version = 9, denied = [], topic = { name: 't' } } = options
  const parts = { ...NOBODY, image: () => imageWith({ t: 1 }) }
  const topics = [{ ...topic, partitions: [partition(0)] }]
  const request = { groupId: 'g', memberId: '', generationIdOrMemberEpoch: -1, topics }
  const reply = await call(OffsetCommit, offsetCommit(parts), { version, request, denied })
  return errorName(reply.topics[0]!.partitions[0]!.errorCode)
}

test('a topic that the client may not read, or an id that no topic has, is not asked about', async () => {
  assert.equal(await refused({ denied: [['read', 'topic', 't']] }), 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(await refused({ denied: [['read', 'topic', 'u']], topic: { name: 'u' } }), 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(await refused({ version: 10, topic: { topicId: 'AAAAAAAAAAAAAAAAAAAABQ' } }), 'UNKNOWN_TOPIC_ID')
})

test('a group that the client may not read is not asked about', async () => {
  const request = { groupId: 'g', memberId: '', generationIdOrMemberEpoch: -1, topics: [] }
  const denied = [['read', 'group', 'g']] as const
  const parts = { ...NOBODY, image: () => emptyImage }
  await assert.rejects(call(OffsetCommit, offsetCommit(parts), { version: 9, request, denied }), {
    error: 'GROUP_AUTHORIZATION_FAILED',
  })
})

test('what is committed by name is stored with the id: another topic may have the name later', async () => {
  for (const version of [2, 9, 10]) {
    const stored: unknown[] = []
    const commitOffsets = async ({ topics }: { topics: { name: string; topicId: string }[] }) => {
      stored.push(...topics.map(({ name, topicId }) => [name, topicId]))
      return { topics }
    }
    const parts = { groups: { commitOffsets }, image: () => imageWith({ t: 1 }) } as never
    const topic = version < 10 ? { name: 't' } : { topicId: topicIdOf('t') }
    const topics = [{ ...topic, partitions: [partition(0)] }]
    const request = { groupId: 'g', memberId: '', generationIdOrMemberEpoch: -1, topics }
    await call(OffsetCommit, offsetCommit(parts), { version, request })
    assert.deepEqual(stored, [['t', topicIdOf('t')]])
  }
})
