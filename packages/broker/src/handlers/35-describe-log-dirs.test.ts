import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { batchOf, produceOne, StillWorld } from '../testing/still-world.ts'
import { describeLogDirs } from './35-describe-log-dirs.ts'
import { call } from './admin-harness.ts'

async function open(settings: { [name: string]: string } = {}) {
  const world = await StillWorld.start({ settings })
  const client = await world.connect()
  await world.createTopic(client, 't', { partitions: 2 })
  await world.createTopic(client, 'u')
  return { world, client, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

type Topics = { topic: string; partitions: number[] }[] | null

test('the directory is described with its partitions and their sizes, in every version', async () => {
  await using opened = await open()
  const batch = batchOf()
  await produceOne(opened.client, batch, { partition: 1 })
  for (let version = 1; version <= 4; version++) {
    const { errorCode, results } = await opened.client.ask(DescribeLogDirs, version, { topics: null })
    assert.deepEqual([errorCode, results.length, results[0]!.errorCode], [0, 1, 0])
    const { logDir, topics, totalBytes, usableBytes } = results[0]!
    assert.equal(logDir, './data')
    assert.deepEqual(
      topics.map(({ name, partitions }) => [name, partitions.length]),
      [
        ['t', 2],
        ['u', 1],
      ],
    )
    const [empty, full] = topics[0]!.partitions
    assert.deepEqual(empty, { partitionIndex: 0, partitionSize: 0, offsetLag: 0, isFutureKey: false })
    assert.deepEqual(full, { partitionIndex: 1, partitionSize: batch.length, offsetLag: 0, isFutureKey: false })
    assert.equal(totalBytes > 0 && usableBytes > 0 && usableBytes <= totalBytes, version >= 4)
    if (version < 4) assert.deepEqual([totalBytes, usableBytes], [-1, -1])
  }
})

test('only what is asked for is described, and what is not here is absent', async () => {
  await using opened = await open()
  const ask = async (topics: Topics) => {
    const { results } = await opened.client.ask(DescribeLogDirs, 4, { topics })
    return results.flatMap((one) =>
      one.topics.map(({ name, partitions }) => [name, partitions.map(({ partitionIndex }) => partitionIndex)]),
    )
  }
  assert.deepEqual(
    await ask([
      { topic: 't', partitions: [1, 7] },
      { topic: 'none', partitions: [0] },
    ]),
    [['t', [1]]],
  )
  assert.deepEqual(
    await ask([
      { topic: 't', partitions: [0] },
      { topic: 't', partitions: [1] },
    ]),
    [['t', [0, 1]]],
  )
  assert.deepEqual(await ask([]), [])
})

test('several directories are described each for itself', async () => {
  await using opened = await open({ 'log.dirs': './one,./two' })
  const { results } = await opened.client.ask(DescribeLogDirs, 4, { topics: null })
  assert.deepEqual(
    results.map(({ logDir }) => logDir),
    ['./one', './two'],
  )
  const counts = results.map(({ topics }) => topics.reduce((sum, { partitions }) => sum + partitions.length, 0))
  assert.deepEqual([counts[0]! + counts[1]!, Math.min(...counts)], [3, 1])
})

test('who may not describe the cluster is told so at the top, or sees nothing in versions without a place for it', async () => {
  const handler = describeLogDirs({} as Parameters<typeof describeLogDirs>[0])
  for (let version = 1; version <= 4; version++) {
    const denied = [['describe', 'cluster', 'kafka-cluster']] as const
    const reply = await call(DescribeLogDirs, handler, { version, request: { topics: null }, denied })
    assert.equal(errorName(reply.errorCode), version >= 3 ? 'CLUSTER_AUTHORIZATION_FAILED' : 'NONE')
    assert.deepEqual(reply.results, [])
  }
})
