import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { imageWith, topicIdOf } from '../coordinator/testing/transcript.ts'
import { GroupBroker } from '../testing/group-broker.ts'
import { failedOffsetFetch, offsetFetch } from './09-offset-fetch.ts'
import { call, type Denied } from './admin-harness.ts'

test('offsets come with epoch and metadata, and partitions without one as -1, in every version', async () => {
  await using harness = await GroupBroker.open()
  await harness.commit(6, { 1: 7 })
  for (let version = 1; version <= 10; version++) {
    const name = version >= 10 ? { topicId: harness.topicId } : { name: 't' }
    const topics = [{ ...name, partitionIndexes: [0, 1] }]
    const request = version >= 8 ? { groups: [{ groupId: 'g', topics }] } : { groupId: 'g', topics: topics as never }
    const reply = await harness.client.ask(OffsetFetch, version, request)
    const topic = (version >= 8 ? reply.groups[0]! : reply).topics[0]!
    const epoch = version >= 5 ? 0 : -1
    const none = { partitionIndex: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
    assert.deepEqual(topic.partitions, [
      none,
      { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: epoch, metadata: 'at 7', errorCode: 0 },
    ])
  }
})

test('no topics named are all topics, from version 2 on', async () => {
  await using harness = await GroupBroker.open()
  await harness.commit(6, { 1: 7, 2: 8 })
  for (let version = 2; version <= 10; version++) {
    const request = version >= 8 ? { groups: [{ groupId: 'g', topics: null }] } : { groupId: 'g', topics: null }
    const reply = await harness.client.ask(OffsetFetch, version, request)
    const topics = version >= 8 ? reply.groups[0]!.topics : reply.topics
    assert.deepEqual(
      topics.map(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset)),
      [[7, 8]],
    )
    if (version >= 10) assert.equal(reply.groups[0]!.topics[0]!.topicId, harness.topicId)
    else assert.equal(topics[0]!.name, 't')
  }
})

test('groups of one request have an answer each; a member is known by its id and epoch', async () => {
  await using harness = await GroupBroker.open()
  await harness.commit(6, { 1: 7 }, { group: 'a' })
  const topics = [{ name: 't', partitionIndexes: [1] }]
  const groups = ['a', 'none', 'a'].map((groupId) => ({ groupId, topics }))
  const reply = await harness.client.ask(OffsetFetch, 9, { groups, requireStable: true })
  assert.deepEqual(
    reply.groups.map(({ groupId, topics: [topic] }) => [groupId, topic!.partitions[0]!.committedOffset]),
    [
      ['a', 7],
      ['none', -1],
      ['a', 7],
    ],
  )
})

const OFFSETS = [
  { name: 'a', partitions: [] },
  { name: 'b', partitions: [] },
]

/** What the coordinator is asked for, and what the client is told. */
async function fetch(version: number, request: object, denied: Denied = []) {
  const asked: (string[] | null)[] = []
  const fetchOffsets = async ({ groupId, topics }: { groupId: string; topics: { name: string }[] | null }) => {
    asked.push(topics?.map(({ name }) => name) ?? null)
    return {
      groupId,
      topics: topics === null ? OFFSETS : topics.map((topic) => ({ ...topic, partitions: [] })),
      errorCode: 0,
    }
  }
  const parts = { groups: { fetchOffsets }, image: () => imageWith({ a: 1 }) } as never
  const reply = await call(OffsetFetch, offsetFetch(parts), { version, request: request as never, denied })
  return { asked, reply }
}

test('topics that the client may not see are left out of all, and refused where they are named', async () => {
  const denied = [['describe', 'topic', 'b']] as const
  const all = await fetch(8, { groups: [{ groupId: 'g', topics: null }] }, denied)
  assert.deepEqual(
    all.reply.groups[0]!.topics.map(({ name }) => name),
    ['a'],
  )
  const topics = ['b', 'a'].map((name) => ({ name, partitionIndexes: [0] }))
  const named = await fetch(8, { groups: [{ groupId: 'g', topics }] }, denied)
  assert.deepEqual(named.asked, [['a']])
  const [b, a] = named.reply.groups[0]!.topics
  assert.deepEqual([b!.name, errorName(b!.partitions[0]!.errorCode)], ['b', 'TOPIC_AUTHORIZATION_FAILED'])
  assert.equal(a!.name, 'a')
})

test('ids that no topic has are refused, and topics that have none any more are left out of all', async () => {
  const topics = ['b', 'a'].map((name) => ({ topicId: topicIdOf(name), partitionIndexes: [0] }))
  const named = await fetch(10, { groups: [{ groupId: 'g', topics }] })
  assert.deepEqual(named.asked, [['a']])
  const [b, a] = named.reply.groups[0]!.topics
  assert.deepEqual([b!.topicId, errorName(b!.partitions[0]!.errorCode)], [topicIdOf('b'), 'UNKNOWN_TOPIC_ID'])
  assert.equal(a!.topicId, topicIdOf('a'))
  const all = await fetch(10, { groups: [{ groupId: 'g', topics: null }] })
  assert.deepEqual(
    all.reply.groups[0]!.topics.map(({ topicId }) => topicId),
    [topicIdOf('a')],
  )
})

test('a group that the client may not see fails alone, in the place that its version has for it', async () => {
  const denied = [['describe', 'group', 'g']] as const
  const topics = [{ name: 'a', partitionIndexes: [3] }]
  const refused = 'GROUP_AUTHORIZATION_FAILED'
  const one = await fetch(1, { groupId: 'g', topics }, denied)
  assert.equal(errorName(one.reply.topics[0]!.partitions[0]!.errorCode), refused)
  const two = await fetch(2, { groupId: 'g', topics }, denied)
  assert.deepEqual([errorName(two.reply.errorCode), two.reply.topics], [refused, []])
  const eight = await fetch(
    8,
    {
      groups: [
        { groupId: 'g', topics },
        { groupId: 'h', topics },
      ],
    },
    denied,
  )
  assert.deepEqual(
    eight.reply.groups.map(({ errorCode, topics: { length } }) => [errorName(errorCode), length]),
    [
      [refused, 0],
      ['NONE', 1],
    ],
  )
})

test('a failure of the whole request has a form in every version', () => {
  const group = { groupId: 'g', memberId: null, memberEpoch: -1, topics: null }
  const request = {
    groupId: 'g',
    topics: [{ name: 'a', partitionIndexes: [3] }],
    groups: [group],
    requireStable: false,
  }
  assert.equal(failedOffsetFetch(request, { code: -1, version: 1 }).topics![0]!.partitions[0]!.errorCode, -1)
  assert.equal(failedOffsetFetch(request, { code: -1, version: 7 }).errorCode, -1)
  assert.equal(failedOffsetFetch(request, { code: -1, version: 8 }).groups![0]!.errorCode, -1)
})

test('who asks by name asks for the topic that has it now, not for one that had it before', async () => {
  const asked: unknown[] = []
  const fetchOffsets = async ({
    groupId,
    topics,
  }: {
    groupId: string
    topics: { name: string; topicId: string }[]
  }) => {
    asked.push(...topics.map(({ name, topicId }) => [name, topicId]))
    return { groupId, topics: topics.map((topic) => ({ ...topic, partitions: [] })), errorCode: 0 }
  }
  const parts = { groups: { fetchOffsets }, image: () => imageWith({ a: 1 }) } as never
  const topics = ['a', 'unknown'].map((name) => ({ name, partitionIndexes: [0] }))
  await call(OffsetFetch, offsetFetch(parts), { version: 7, request: { groupId: 'g', topics } as never })
  await call(OffsetFetch, offsetFetch(parts), { version: 9, request: { groups: [{ groupId: 'g', topics }] } as never })
  const expected = [
    ['a', topicIdOf('a')],
    ['unknown', ZERO_UUID],
  ]
  assert.deepEqual(asked, [...expected, ...expected])
})
