/** A whole broker whose disk fails: what clients are told meanwhile, and that nothing but time brings it back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '@ottla/base/disk.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchesIn } from '@ottla/protocol/records/batch.ts'
import { LOG_SUMMARIES_NAME } from './log/log-summaries-file.ts'
import { RETRY_MS_MAX } from './partition/offline-logs.ts'
import type { RawClient } from './testing/raw-client.ts'
import { batchOf, fetchOne, fetchRequest, produceError, produceOne, StillWorld } from './testing/still-world.ts'

const SEGMENT = '/data/t-0/00000000000000000000.log'
const SETTINGS = { 'log.dirs': '/data' }

/** The names of the errors that each API answers for `t-0`. */
async function answers(client: RawClient): Promise<Record<string, string>> {
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -2 }] }]
  const listed = await client.ask(ListOffsets, 7, { replicaId: -1, topics })
  const epochs = await client.ask(OffsetForLeaderEpoch, 4, {
    replicaId: -1,
    topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }],
  })
  const deleted = await client.ask(DeleteRecords, 2, {
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 0 }] }],
    timeoutMs: 1000,
  })
  return {
    produce: await produceError(client, batchOf()),
    fetch: errorName((await fetchOne(client)).errorCode),
    'fetch of old clients': errorName((await fetchOne(client, { version: 4 })).errorCode),
    listOffsets: errorName(listed.topics[0]!.partitions[0]!.errorCode),
    offsetForLeaderEpoch: errorName(epochs.topics[0]!.partitions[0]!.errorCode),
    deleteRecords: errorName(deleted.topics[0]!.partitions[0]!.errorCode),
  }
}

const OFFLINE = {
  produce: 'KAFKA_STORAGE_ERROR',
  fetch: 'KAFKA_STORAGE_ERROR',
  'fetch of old clients': 'NOT_LEADER_OR_FOLLOWER',
  listOffsets: 'KAFKA_STORAGE_ERROR',
  offsetForLeaderEpoch: 'KAFKA_STORAGE_ERROR',
  deleteRecords: 'KAFKA_STORAGE_ERROR',
}

/** How metadata shows `t-0`. */
async function shown(client: RawClient) {
  const { topics } = await client.ask(Metadata, 12, { topics: [{ name: 't' }] })
  const [partition] = topics[0]!.partitions
  const described = await client.ask(DescribeTopicPartitions, 0, { topics: [{ name: 't' }] })
  const [same] = described.topics[0]!.partitions
  assert.deepEqual([same!.leaderId, same!.offlineReplicas], [partition!.leaderId, partition!.offlineReplicas])
  const { leaderId, offlineReplicas, isrNodes } = partition!
  return { error: errorName(partition!.errorCode), leaderId, offlineReplicas, isrNodes }
}

async function directoryError(client: RawClient): Promise<string> {
  const { results } = await client.ask(DescribeLogDirs, 4, { topics: null })
  return errorName(results[0]!.errorCode)
}

test('a failed log answers KAFKA_STORAGE_ERROR and has no leader, the others serve, and it comes back by itself', async () => {
  await using world = await StillWorld.start({ settings: SETTINGS })
  using client = await world.connect()
  await world.createTopic(client, 't', { partitions: 2 })
  assert.equal((await produceOne(client, batchOf())).baseOffset, 0)
  client.send(Fetch, 12, fetchRequest({ offset: 1, maxWaitMs: 60_000 }))
  await world.time.settle()
  world.disk.failNext({ operation: 'write', path: SEGMENT, code: 'EIO' })
  using other = await world.connect()
  assert.equal(await produceError(other, batchOf()), 'KAFKA_STORAGE_ERROR')
  const parked = await client.receive(Fetch, 12)
  assert.equal(errorName(parked!.responses[0]!.partitions[0]!.errorCode), 'KAFKA_STORAGE_ERROR', 'who waits is told')
  assert.deepEqual(await answers(other), OFFLINE)
  const broker = 1
  assert.deepEqual(await shown(other), {
    ...{ error: 'LEADER_NOT_AVAILABLE', leaderId: -1, offlineReplicas: [broker], isrNodes: [broker] },
  })
  assert.equal(await produceError(other, batchOf(), { partition: 1 }), 'NONE')
  await world.time.run(RETRY_MS_MAX)
  assert.deepEqual(await shown(other), { error: 'NONE', leaderId: broker, offlineReplicas: [], isrNodes: [broker] })
  const { baseOffset } = await produceOne(other, batchOf())
  assert.equal((await fetchOne(other)).highWatermark, baseOffset + 1)
})

test('a log that cannot be opened at the start answers KAFKA_STORAGE_ERROR until it can, and the rest serves', async () => {
  const before = await StillWorld.start({ settings: SETTINGS })
  {
    using client = await before.connect()
    await before.createTopic(client, 't', { partitions: 2 })
    await produceOne(client, batchOf())
    await produceOne(client, batchOf(), { partition: 1 })
  }
  const open = before.disk.open.bind(before.disk)
  before.disk.open = (path, options) => {
    if (path === SEGMENT) throw new DiskError(`Cannot open "${path}"`, 'EIO')
    return open(path, options)
  }
  // Without what was remembered of it at the stop: else its files are not looked at before they are used.
  const exists = before.disk.exists.bind(before.disk)
  before.disk.exists = (path) => !path.endsWith(LOG_SUMMARIES_NAME) && exists(path)
  await using world = await before.restart()
  using client = await world.connect()
  assert.deepEqual(await answers(client), OFFLINE)
  assert.equal((await shown(client)).leaderId, -1)
  assert.equal((await fetchOne(client, { partition: 1 })).highWatermark, 1)
  before.disk.open = open
  await world.time.run(RETRY_MS_MAX)
  assert.equal((await fetchOne(client)).highWatermark, 1)
  assert.equal((await shown(client)).error, 'NONE')
})

test('a full disk is told of its directory, and space that returns is used without a restart', async () => {
  await using world = await StillWorld.start({ settings: SETTINGS })
  using client = await world.connect()
  await world.createTopic(client, 't')
  await world.createTopic(client, 'u')
  await produceOne(client, batchOf())
  assert.equal(await directoryError(client), 'NONE')
  world.disk.capacityBytes = 0
  assert.equal(await produceError(client, batchOf()), 'KAFKA_STORAGE_ERROR')
  await world.time.run(RETRY_MS_MAX)
  assert.equal(await directoryError(client), 'KAFKA_STORAGE_ERROR')
  assert.equal(errorName((await fetchOne(client, { topic: 'u' })).errorCode), 'NONE', 'what did not fail is read')
  assert.equal(await produceError(client, batchOf()), 'KAFKA_STORAGE_ERROR')
  world.disk.capacityBytes = Number.MAX_SAFE_INTEGER
  await world.time.run(2 * RETRY_MS_MAX)
  assert.equal(await directoryError(client), 'NONE')
  assert.equal(await produceError(client, batchOf()), 'NONE')
  const { records, highWatermark } = await fetchOne(client)
  assert.equal([...batchesIn(records!)].length, highWatermark, 'all that was acknowledged is there')
})

test('a disk that was read-only for a while serves what it has meanwhile, and takes more afterwards', async () => {
  await using world = await StillWorld.start({ settings: SETTINGS })
  using client = await world.connect()
  await world.createTopic(client, 't', { partitions: 2 })
  await produceOne(client, batchOf())
  await produceOne(client, batchOf(), { partition: 1 })
  world.disk.readOnly = true
  assert.equal(await produceError(client, batchOf()), 'KAFKA_STORAGE_ERROR')
  await world.time.run(5 * RETRY_MS_MAX)
  assert.equal((await fetchOne(client, { partition: 1 })).highWatermark, 1)
  world.disk.readOnly = false
  await world.time.run(2 * RETRY_MS_MAX)
  assert.equal(await produceError(client, batchOf()), 'NONE')
})

test('a coordinator whose log failed sends its groups away, and has them again when the log is back', async () => {
  await using world = await StillWorld.start({ settings: { ...SETTINGS, 'offsets.topic.num.partitions': '1' } })
  using client = await world.connect()
  const find = async () => {
    const reply = await client.ask(FindCoordinator, 3, { key: 'g', keyType: 0 })
    return errorName(reply.errorCode)
  }
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }] }]
  const commit = async () => {
    const reply = await client.ask(OffsetCommit, 8, { groupId: 'g', memberId: '', topics })
    return errorName(reply.topics[0]!.partitions[0]!.errorCode)
  }
  await world.createTopic(client, 't')
  assert.deepEqual([await find(), await commit()], ['NONE', 'NONE'])
  const path = '/data/__consumer_offsets-0/00000000000000000000.log'
  world.disk.failNext({ operation: 'write', path, code: 'EIO' })
  assert.equal(await commit(), 'NOT_COORDINATOR')
  assert.equal(await find(), 'COORDINATOR_NOT_AVAILABLE')
  await world.time.run(RETRY_MS_MAX)
  assert.equal(await find(), 'NONE')
  const asked = [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] }]
  const { groups } = await client.ask(OffsetFetch, 8, { groups: asked })
  assert.equal(groups[0]!.topics[0]!.partitions[0]!.committedOffset, 7, 'what was committed before')
  assert.equal(await commit(), 'NONE')
})
