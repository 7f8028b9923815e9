import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { BrokerConnection, type BrokerConnectionOptions } from './connection.ts'
import {
  BrokenProtocolError,
  ConnectionClosedError,
  OverloadError,
  RequestTimeoutError,
  UnsupportedVersionError,
} from './errors.ts'
import { FakeBroker, metadataAnswer, settled } from './fake-broker.ts'

async function world() {
  const time = new FakeTime()
  const network = new MemoryNetwork({ timers: time })
  const broker = await FakeBroker.start(network.join('broker'), 9092)
  broker.on(Metadata, () => metadataAnswer({ names: ['t'], partitions: 1 }))
  const open = (more: Partial<BrokerConnectionOptions> = {}): Promise<BrokerConnection> =>
    BrokerConnection.open({
      network: network.join('client'),
      clock: time,
      timers: time,
      host: 'broker',
      port: 9092,
      clientId: 'test',
      ...more,
    })
  return { time, network, broker, open, opened: (more = {}) => settled(time, open(more)) }
}

const question = { topics: [{ name: 't' }] }

test('the highest version that both sides speak is used, within the bounds of the caller', async () => {
  const { broker, opened } = await world()
  broker.on(Metadata, () => metadataAnswer({ names: ['t'], partitions: 1 }), [1, 9])
  const connection = await opened()
  assert.equal(connection.versionOf(Metadata), 9)
  assert.equal(connection.versionOf(Metadata, { versionMax: 5 }), 5)
  assert.throws(() => connection.versionOf(Metadata, { versionMin: 10 }), UnsupportedVersionError)
  assert.throws(() => connection.versionOf(DescribeCluster), /does not know DescribeCluster/)
})

test('a broker that does not know our ApiVersions is asked again in the version that it names', async () => {
  const { broker, opened } = await world()
  broker.on(ApiVersions, () => ({ errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 4 }] }), [0, 2])
  const connection = await opened()
  assert.deepEqual(
    broker.asked.map(({ version }) => version),
    [4, 2],
  )
  assert.equal(connection.versionOf(Metadata), 4)
})

test('pipelined requests get their own answers, also where correlation ids wrap around', async () => {
  const { time, broker, opened } = await world()
  broker.on(Metadata, ({ topics }) => metadataAnswer({ names: topics!.map(({ name }) => name!), partitions: 1 }))
  const connection = await opened({ firstCorrelationId: 0x7fff_ffff - 10 })
  const names = Array.from({ length: 50 }, (_, index) => `t${index}`)
  const answers = Promise.all(names.map((name) => connection.request(Metadata, { topics: [{ name }] })))
  assert.deepEqual(
    (await settled(time, answers)).map(({ topics }) => topics[0]!.name),
    names,
  )
})

test('no more requests are under way than inFlightMax, and one beyond waitingMax is refused', async () => {
  const { time, broker, opened } = await world()
  broker.on(Metadata, () => null)
  const connection = await opened({ inFlightMax: 2, waitingMax: 1 })
  const requests = Array.from({ length: 4 }, () => connection.request(Metadata, question))
  const outcomes = Promise.allSettled(requests)
  await time.settle()
  assert.equal(connection.inFlightCount, 2)
  assert.equal(broker.count(Metadata), 2)
  await assert.rejects(requests[3]!, OverloadError)
  await connection[Symbol.asyncDispose]()
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    Array(4).fill('rejected'),
  )
})

test('a lost connection fails everything that is pending, and everything after it', async () => {
  const { time, broker, opened } = await world()
  broker.on(Metadata, () => 'hang-up')
  const connection = await opened()
  const both = [connection.request(Metadata, question), connection.request(Metadata, question)]
  const outcomes = Promise.allSettled(both)
  await settled(time, outcomes)
  for (const request of both) await assert.rejects(request, ConnectionClosedError)
  assert.ok(connection.isClosed)
  await assert.rejects(connection.request(Metadata, question), ConnectionClosedError)
})

test('a request without an answer in its time fails by name and closes the connection', async () => {
  const { time, broker, opened } = await world()
  broker.on(Metadata, () => null)
  const connection = await opened()
  const request = connection.request(Metadata, question, { timeoutMs: 500 })
  const failure = assert.rejects(
    request,
    (error) => error instanceof RequestTimeoutError && /Metadata.*500 ms/.test(error.message),
  )
  await time.run(499)
  assert.ok(!connection.isClosed)
  await time.run(1)
  await failure
  assert.ok(connection.isClosed)
  assert.equal(time.pendingTimers, 0)
})

test('an aborted request gives up its answer, and later answers still find their requests', async () => {
  const { time, broker, opened } = await world()
  broker.on(Metadata, ({ topics }) => metadataAnswer({ names: [topics![0]!.name!], partitions: 1 }))
  const connection = await opened()
  const abort = new AbortController()
  const first = connection.request(Metadata, { topics: [{ name: 'a' }] }, { signal: abort.signal })
  const second = connection.request(Metadata, { topics: [{ name: 'b' }] })
  const failure = assert.rejects(first, /enough/)
  abort.abort(new Error('enough'))
  await failure
  assert.equal((await settled(time, second)).topics[0]!.name, 'b')
})

test('a broker that accepts and stays silent is given up after connectTimeoutMs', async () => {
  const { time, broker, open } = await world()
  broker.on(ApiVersions, () => null)
  const failure = assert.rejects(open({ connectTimeoutMs: 1000 }), RequestTimeoutError)
  await time.run(1000)
  await failure
})

test('what is no Kafka closes the connection with an error that says so', async () => {
  const { time, network, open } = await world()
  await network.join('web').listen({
    host: '',
    port: 80,
    accept: (connection) => {
      connection.handlers = {
        onData: () => connection.write([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]),
        onClose: () => {},
      }
    },
  })
  const failure = assert.rejects(
    open({ host: 'web', port: 80 }),
    (error) => error instanceof BrokenProtocolError && /Kafka broker's port/.test(error.message),
  )
  await time.settle()
  await failure
})
