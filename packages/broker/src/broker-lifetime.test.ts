/** Starting and stopping: what a broker leaves behind, what it answers on the way out, and whom it does not touch. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '@ottla/base/disk.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { Broker } from './broker.ts'
import { MemoryStore, memoryContent } from './metadata/memory-store.ts'
import { RawClient } from './testing/raw-client.ts'
import {
  batchOf,
  fetchOne,
  fetchRequest,
  produceError,
  produceOne,
  produceRequest,
  type Settings,
} from './testing/still-world.ts'

const WAIT_MS_MAX = 60_000
const MARKER = '/data/.kafka_cleanshutdown'
const TWO_LISTENERS: Settings = {
  listeners: 'IN://127.0.0.1:9092,OUT://127.0.0.1:9093',
  'advertised.listeners': 'IN://inside:19092,OUT://outside.example:29093',
  'listener.security.protocol.map': 'IN:PLAINTEXT,OUT:PLAINTEXT',
  'inter.broker.listener.name': 'IN',
}

/** A machine whose time the test moves, and on which brokers are started. */
class Machine {
  readonly time = new FakeTime()
  readonly disk = new MemoryDisk({ random: seededRandom(1), clock: this.time })
  readonly network = new MemoryNetwork({ timers: this.time })
  readonly logger = new MemoryLogger()
  readonly #content = memoryContent()

  start(settings: Settings = {}): Promise<Broker> {
    const { time, disk, network, logger } = this
    const ports = {
      ...{ clock: time, timers: time, disk, logger, random: seededRandom(2), network: network.join('broker') },
      openStore: async () => new MemoryStore({ content: this.#content }),
    }
    const all = { listeners: 'PLAINTEXT://127.0.0.1:9092', 'log.dirs': '/data', ...settings }
    return this.until(Broker.start({ storage: 'memory', settings: all, ports }))
  }

  async stop(broker: Broker): Promise<void> {
    await this.until(broker[Symbol.asyncDispose]())
  }

  async connect(port = 9092): Promise<RawClient> {
    const connecting = this.network.join('client').connect({ host: 'broker', port, timeoutMs: 1000 })
    return new RawClient(await this.until(connecting), { pump: () => this.time.settle() })
  }

  async createTopics(client: RawClient, names: readonly string[], numPartitions = 1): Promise<string[]> {
    const topics = names.map((name) => ({ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }))
    const reply = await client.ask(CreateTopics, 7, { topics, timeoutMs: 1000 })
    return reply.topics.map(({ errorCode }) => errorName(errorCode))
  }

  /** What listens there until it is stopped. */
  occupy(port: number) {
    return this.network.join('broker').listen({ host: '127.0.0.1', port, accept: () => {} })
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += 10) {
      await this.time.settle()
      if (isSettled) return promise
      await this.time.run(10)
    }
    throw new Error('It does not end')
  }

  /** Nothing runs here, and nothing keeps a broker from starting. */
  assertFree(): void {
    assert.deepEqual([this.time.pendingTimers, this.network.openEnds], [0, 0])
    this.disk.lockDirectory('/data').release()
  }
}

test('a start on an address that is taken fails and leaves nothing running', async () => {
  const machine = new Machine()
  const other = await machine.occupy(9092)
  await assert.rejects(machine.start(), { name: 'NetworkError', code: 'EADDRINUSE' })
  await other.stop()
  machine.assertFree()
  await machine.stop(await machine.start())
  machine.assertFree()
})

test('where the second listener’s address is taken the first is given back', async () => {
  const machine = new Machine()
  const other = await machine.occupy(9093)
  await assert.rejects(machine.start(TWO_LISTENERS), { code: 'EADDRINUSE' })
  await other.stop()
  machine.assertFree()
  await machine.stop(await machine.start(TWO_LISTENERS))
})

test('a start on a directory that is locked fails and says what to do', async () => {
  const machine = new Machine()
  const first = await machine.start()
  const second = machine.start({ listeners: 'PLAINTEXT://127.0.0.1:9094' })
  await assert.rejects(second, { name: 'LogDirectoryError', message: /another broker is running on it/ })
  using client = await machine.connect()
  assert.equal((await client.ask(Metadata, 12, { topics: [] })).brokers.length, 1, 'the first goes on')
  await machine.stop(first)
  await machine.time.settle()
  machine.assertFree()
})

test('a wrong configuration is refused before anything is touched', async () => {
  const machine = new Machine()
  await assert.rejects(machine.start({ 'num.partitions': 'many' }), { name: 'ConfigError' })
  assert.deepEqual([machine.disk.operations, machine.time.pendingTimers], [0, 0])
})

test('a start that fails, and one that cannot open a log, leave no word of a clean stop: the next looks at all of them', async () => {
  const machine = new Machine()
  const first = await machine.start()
  using client = await machine.connect()
  await machine.createTopics(client, ['t'])
  await produceOne(client, batchOf())
  await machine.stop(first)
  assert.ok(machine.disk.exists(MARKER))
  machine.disk.failNext({ operation: 'list', path: '/data', code: 'EIO' })
  await assert.rejects(machine.start(), { name: 'DiskError', code: 'EIO' })
  assert.equal(machine.disk.exists(MARKER), false)
  machine.assertFree()
  const open = machine.disk.open.bind(machine.disk)
  machine.disk.open = (path, options) => {
    if (path.endsWith('t-0/00000000000000000000.log')) throw new DiskError(`Cannot open "${path}"`, 'EIO')
    return open(path, options)
  }
  const second = await machine.start()
  using asker = await machine.connect()
  assert.equal(errorName((await fetchOne(asker)).errorCode), 'KAFKA_STORAGE_ERROR')
  await machine.stop(second)
  machine.disk.open = open
  assert.equal(machine.disk.exists(MARKER), false)
  machine.assertFree()
  const again = await machine.start()
  using reader = await machine.connect()
  assert.equal((await fetchOne(reader)).highWatermark, 1)
  await machine.stop(again)
})

test('a clean stop is written last, and taken back before the next start serves', async () => {
  const machine = new Machine()
  const first = await machine.start()
  assert.equal(machine.disk.exists(MARKER), false)
  await machine.stop(first)
  assert.match(machine.disk.readFile(MARKER).toString(), /^\{"version":0,"brokerEpoch":[1-9]\d*\}$/)
  const operations = machine.disk.operations
  const second = await machine.start()
  assert.equal(machine.disk.exists(MARKER), false)
  assert.ok(machine.disk.operations > operations)
  await machine.stop(second)
})

test('a stop that cannot write its marker is a stop all the same', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  machine.disk.failNext({ operation: 'create', path: `${MARKER}.tmp`, code: 'ENOSPC' })
  await machine.stop(broker)
  machine.assertFree()
  assert.ok(machine.logger.lines.some(({ level, message }) => level === 'warn' && /stopped cleanly/.test(message)))
})

test('a broker may be disposed several times, and each time is told when it has stopped', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  using client = await machine.connect()
  await machine.createTopics(client, ['t'])
  machine.disk.holdSyncs()
  client.send(Produce, 12, produceRequest(batchOf()))
  await machine.time.settle()
  const stops = [broker[Symbol.asyncDispose](), broker[Symbol.asyncDispose]()]
  let stopped = 0
  for (const stop of stops) stop.then(() => stopped++)
  await machine.time.settle()
  assert.equal(stopped, 0)
  machine.disk.releaseSyncs()
  await machine.until(Promise.all(stops))
  await machine.stop(broker)
  await machine.time.settle()
  machine.assertFree()
})

test('a stop answers what is on its way to the disk and closes long polls, without waiting for either’s time', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  using producer = await machine.connect()
  using consumer = await machine.connect()
  await machine.createTopics(producer, ['t'])
  machine.disk.holdSyncs()
  consumer.send(Fetch, 12, fetchRequest({ maxWaitMs: 30_000 }))
  producer.send(Produce, 12, produceRequest(batchOf(), { timeoutMs: 30_000 }))
  await machine.time.settle()
  const stopping = broker[Symbol.asyncDispose]()
  await machine.time.settle()
  assert.equal(consumer.ended, true)
  assert.equal(producer.ended, false)
  machine.disk.releaseSyncs()
  await machine.time.settle()
  const reply = await producer.receive(Produce, 12)
  assert.equal(errorName(reply!.responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
  await stopping
  assert.equal(machine.time.monotonicMs() < 1000, true, 'no grace was needed')
  machine.assertFree()
})

test('each client is told the addresses of the listener that it came to', async () => {
  const machine = new Machine()
  const broker = await machine.start(TWO_LISTENERS)
  assert.equal(broker.bootstrap, 'inside:19092')
  for (const [port, address] of [
    [9092, ['inside', 19092]],
    [9093, ['outside.example', 29093]],
  ] as const) {
    using client = await machine.connect(port)
    const { brokers } = await client.ask(Metadata, 12, { topics: [] })
    assert.deepEqual(
      brokers.map(({ host, port: told }) => [host, told]),
      [address],
    )
  }
  await machine.stop(broker)
})

test('a failed disk under one partition takes nothing from the others', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  using client = await machine.connect()
  await machine.createTopics(client, ['t'], 2)
  machine.disk.failNext({ operation: 'sync', path: '/data/t-0/00000000000000000000.log', code: 'EIO' })
  assert.equal(await produceError(client, batchOf(), { partition: 0 }), 'KAFKA_STORAGE_ERROR')
  assert.equal(await produceError(client, batchOf(), { partition: 1 }), 'NONE')
  assert.equal(await produceError(client, batchOf(), { partition: 0, acks: 1 }), 'KAFKA_STORAGE_ERROR')
  assert.equal(errorName((await fetchOne(client, { partition: 0 })).errorCode), 'KAFKA_STORAGE_ERROR')
  assert.equal((await fetchOne(client, { partition: 1 })).highWatermark, 1)
  await machine.stop(broker)
  assert.equal(machine.disk.exists(MARKER), false, 'not all of it was closed whole')
  const again = await machine.start()
  using reader = await machine.connect()
  assert.equal(await produceError(reader, batchOf(), { partition: 0 }), 'NONE', 'a start makes it anew')
  await machine.stop(again)
})

test('on a full disk nothing is acknowledged, and nothing that was is lost', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  using client = await machine.connect()
  await machine.createTopics(client, ['t'], 2)
  const large = batchOf({ records: [{ value: 'x'.repeat(5000) }] })
  const acknowledged = [0, 0]
  machine.disk.capacityBytes = 30_000
  for (const partition of [0, 1]) {
    for (let error = 'NONE'; error === 'NONE'; ) {
      error = await produceError(client, large, { partition })
      if (error === 'NONE') acknowledged[partition]!++
      else assert.equal(error, 'KAFKA_STORAGE_ERROR')
    }
  }
  assert.ok(acknowledged[0]! > 1)
  assert.equal(await produceError(client, batchOf(), { partition: 0 }), 'KAFKA_STORAGE_ERROR', 'small ones neither')
  await machine.stop(broker)
  machine.disk.capacityBytes = 1_000_000
  const again = await machine.start()
  using reader = await machine.connect()
  for (const partition of [0, 1]) {
    assert.equal((await fetchOne(reader, { partition })).highWatermark, acknowledged[partition])
    assert.equal(await produceError(reader, batchOf(), { partition }), 'NONE')
  }
  await machine.stop(again)
})

test('a topic that a full disk has no room for takes down nothing else', async () => {
  const machine = new Machine()
  const broker = await machine.start()
  using client = await machine.connect()
  await machine.createTopics(client, ['t'])
  machine.disk.failNext({ operation: 'write', path: '/data/u-0/partition.metadata', code: 'ENOSPC' })
  assert.deepEqual(await machine.createTopics(client, ['u']), ['NONE'])
  assert.equal(await produceError(client, batchOf(), { topic: 't' }), 'NONE')
  assert.notEqual(await produceError(client, batchOf(), { topic: 'u' }), 'NONE')
  await machine.time.run(60_000)
  using later = await machine.connect()
  assert.equal(await produceError(later, batchOf(), { topic: 'u' }), 'NONE', 'it is there as soon as there is room')
  await machine.stop(broker)
})

test('two brokers in one process know nothing of each other', async () => {
  await using one = await Broker.start({ storage: 'memory', port: 0 })
  await using other = await Broker.start({ storage: 'memory', port: 0 })
  assert.notEqual(one.port, other.port)
  using here = await RawClient.connect(one.port)
  using there = await RawClient.connect(other.port)
  const topics = [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  await here.ask(CreateTopics, 7, { topics, timeoutMs: 1000 })
  const [mine, theirs] = [await namesOf(here), await namesOf(there)]
  assert.deepEqual([mine.names, theirs.names], [['t'], []])
  assert.notEqual(mine.clusterId, theirs.clusterId)
  await other[Symbol.asyncDispose]()
  assert.equal(await produceError(here, batchOf({ records: [{ timestampMs: 1 }] })), 'NONE')
})

async function namesOf(client: RawClient) {
  const { topics, clusterId } = await client.ask(Metadata, 12, { topics: null })
  return { names: topics.map(({ name }) => name), clusterId }
}

test('an embedded broker that has stopped leaves no socket, no timer and no file', async () => {
  const held = () => process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|Immediate|TickObject/.test(name))
  const before = held()
  for (let life = 0; life < 2; life++) {
    const broker = await Broker.start({ storage: 'memory', port: 0, http: { host: '127.0.0.1', port: 0 } })
    const client = await RawClient.connect(broker.port)
    await namesOf(client)
    assert.ok(held().length > before.length, 'while it runs there is something to leave')
    await broker[Symbol.asyncDispose]()
    assert.equal(await client.frame(), null, 'its clients are told')
    client[Symbol.dispose]()
  }
  assert.deepEqual(held().sort(), before.sort())
})
