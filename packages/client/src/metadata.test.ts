import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { openClient } from './client.ts'
import { BrokersUnreachableError } from './errors.ts'
import { FakeBroker, fakeCluster, metadataAnswer, settled } from './fake-broker.ts'
import { listOffsets } from './offsets.ts'

test('a bootstrap broker that is down or silent is passed over', async () => {
  const { time, network, ports } = await fakeCluster()
  const silent = await FakeBroker.start(network.join('silent'), 9092)
  silent.on(ApiVersions, () => null)
  for (const bootstrap of ['down:9092,broker:9092', 'silent:9092,broker:9092', 'down:1,silent:9092,broker:9092']) {
    const client = await settled(time, openClient({ bootstrap, ports }), 10_000)
    assert.equal(client.metadata.clusterId, 'c', bootstrap)
  }
})

test('where nobody answers the error names every address', async () => {
  const { time, ports } = await fakeCluster()
  const opening = openClient({ bootstrap: 'down:1,gone:2', ports })
  await assert.rejects(
    settled(time, opening, 10_000),
    (error) => error instanceof BrokersUnreachableError && /down:1.*gone:2|gone:2.*down:1/.test(error.message),
  )
})

test('refreshes that are asked for together share one request, and later ones keep a distance', async () => {
  const { time, broker, open } = await fakeCluster()
  const client = await open()
  const before = broker.count(Metadata)
  const both = Promise.all([client.metadata.refresh(), client.metadata.refresh()])
  await time.run(99)
  assert.equal(broker.count(Metadata), before)
  await settled(time, both, 1)
  assert.equal(broker.count(Metadata), before + 1)
})

test('an older leader epoch is not believed, unless the topic is another one', async () => {
  const { time, broker, open } = await fakeCluster()
  const client = await open()
  const withEpoch = (leaderEpoch: number, topicId?: string) => {
    const answer = metadataAnswer({ names: ['t'], partitions: 1 })
    return {
      ...answer,
      topics: answer.topics.map((topic) => ({
        ...topic,
        ...(topicId === undefined ? {} : { topicId }),
        partitions: topic.partitions.map((row) => ({ ...row, leaderEpoch })),
      })),
    }
  }
  const learn = async (answer: ReturnType<typeof withEpoch>): Promise<number | undefined> => {
    broker.on(Metadata, () => answer)
    await settled(time, client.metadata.refresh(), 1000)
    return client.metadata.leader('t', 0)?.leaderEpoch
  }
  await settled(time, client.metadata.find('t', { timeoutMs: 0, autoCreate: false }))
  assert.equal(await learn(withEpoch(5)), 5)
  assert.equal(await learn(withEpoch(4)), 5)
  assert.equal(await learn(withEpoch(0, 'bbbbbbbbbbbbbbbbbbbbbA')), 0)
})

test('brokers that are lost are connected to again, and not more often than the backoff allows', async () => {
  const { time, network, broker, open } = await fakeCluster()
  const client = await open()
  assert.ok(await settled(time, client.connections.to(1, 'main')))
  network.crash('broker')
  await time.settle()
  for (let attempt = 0; attempt < 3; attempt++) {
    const opening = client.connections.to(1, 'main')
    const failure = assert.rejects(opening)
    await time.run(2000)
    await failure
  }
  const again = await FakeBroker.start(network.join('broker'), 9092)
  assert.ok(await settled(time, client.connections.to(1, 'main'), 2000))
  assert.equal(again.asked[0]?.name, 'ApiVersions')
  assert.ok(broker.count(ApiVersions) >= 1)
})

test('two questions about one partition go in two requests, as brokers demand', async () => {
  const { time, broker, open } = await fakeCluster()
  broker.on(ListOffsets, ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => ({
        partitionIndex,
        errorCode: errorCode(partitions.length > 1 ? 'INVALID_REQUEST' : 'NONE'),
        offset: timestamp === -1 ? 9 : 2,
      })),
    })),
  }))
  const client = await open()
  const queries = (['beginning', 'end'] as const).map((at) => ({ topic: 't', partition: 0, at }))
  assert.deepEqual(
    (await settled(time, listOffsets(client, queries))).map(({ offset }) => offset),
    [2, 9],
  )
})

test('a partition that the topic does not have is refused by its number', async () => {
  const { time, open } = await fakeCluster()
  const client = await open()
  const asking = listOffsets(client, [{ topic: 't', partition: 3, at: 'end' }])
  await assert.rejects(settled(time, asking, 1000), /has no partition 3: it has 1/)
})
