/** How a broker starts, refuses to start, and stops: what an operator meets. Each broker is a process of its own. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, test } from 'node:test'
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import { BrokerProcess, type BrokerProcessOptions, NotReadyError } from './broker-process.ts'
import { batchOf, connect, createTopic, endOffset, fetchOnce, produce } from './cluster.ts'
import { recordsOf } from './partition-contents.ts'
import { OTTLA, REPOSITORY } from './processes.ts'
import { TempDirectory } from './temp-directory.ts'

const CANNOT_START = 1
const WRONG_ARGUMENTS = 2
const BROKER_RESOURCE = 4
/** A fetch that nobody will answer before the broker stops. */
const LONG_POLL_MS = 60_000

const directory = new TempDirectory('limits')
after(() => directory[Symbol.dispose]())

test('a second broker on the same data directory is refused by name, and the first goes on', async () => {
  const dataDir = directory.of('shared')
  await using first = await BrokerProcess.start({ dataDir })
  const errors = await refusal({ dataDir }, CANNOT_START)
  assert.match(errors, new RegExp(dataDir))
  assert.match(errors, /another broker/)
  assert.equal(errors.trim().split('\n').length, 1, 'The message is a sentence, no stack')
  await using client = await connect(first)
  await createTopic(client, { name: 'topic' })
})

test('a broker that was killed leaves no lock behind', async () => {
  const dataDir = directory.of('killed')
  const first = await BrokerProcess.start({ dataDir })
  await first.kill()
  await using second = await BrokerProcess.start({ dataDir })
  assert(second.isRunning)
})

test('a port in use is refused by name', async () => {
  await using first = await BrokerProcess.start({ dataDir: directory.of('holder') })
  const errors = await refusal({ dataDir: directory.of('late'), listen: first.bootstrap }, CANNOT_START)
  assert.match(errors, new RegExp(`${first.host}:${first.port}`))
  assert.match(errors, /in use/)
})

test('advertising 0.0.0.0 is refused with the remedy', async () => {
  const errors = await refusal({ dataDir: directory.of('everywhere'), listen: '0.0.0.0:0' }, WRONG_ARGUMENTS)
  assert.match(errors, /Cannot advertise 0\.0\.0\.0/)
  assert.match(errors, /Set advertised\.listeners=PLAINTEXT:\/\/<.+>/)
})

test('a broker that listens everywhere advertises what it is told', async () => {
  const options = { dataDir: directory.of('advertised'), listen: '0.0.0.0:0', args: ['--advertise', 'localhost:0'] }
  await using broker = await BrokerProcess.start(options)
  assert.equal(broker.host, 'localhost')
  await using client = await connect({ host: '127.0.0.1', port: broker.port })
  await createTopic(client, { name: 'topic' })
})

test('an unknown key is refused and the nearest one named', async () => {
  const args = ['--set', 'log.retention.huors=1']
  const errors = await refusal({ dataDir: directory.of('unknown'), args }, WRONG_ARGUMENTS)
  assert.match(errors, /Unknown configuration key "log\.retention\.huors"/)
  assert.match(errors, /did you mean "log\.retention\.hours"/)
})

test('a malformed value is refused with its key', async () => {
  const args = ['--set', 'num.partitions=many']
  const errors = await refusal({ dataDir: directory.of('malformed'), args }, WRONG_ARGUMENTS)
  assert.match(errors, /num\.partitions=many/)
})

test("Kafka's own server.properties starts a broker, and each key without meaning is told once", async () => {
  const text = readFileSync(`${REPOSITORY}interop/fixtures/server.properties`, 'utf8')
  const path = directory.of('server.properties')
  writeFileSync(
    path,
    text.replaceAll(/:909[23]/g, ':0').replace(/^log\.dirs=.*$/m, `log.dirs=${directory.of('stock')}`),
  )
  await using broker = BrokerProcess.of([OTTLA, 'start', path])
  await broker.ready()
  assert.equal(broker.host, 'localhost')
  await using client = await connect({ host: '127.0.0.1', port: broker.port })
  const resources = [{ resourceType: BROKER_RESOURCE, resourceName: '1', configurationKeys: ['log.retention.hours'] }]
  const { results } = await client.request(DescribeConfigs, { resources })
  assert.equal(results[0]!.configs[0]!.value, '168', 'Node 1 obeys the file')
  assert.deepEqual(await broker.stop(), { exitCode: 0, signal: null })
  for (const key of ['controller.quorum.bootstrap.servers', 'num.network.threads', 'num.io.threads']) {
    const lines = broker.logLines.filter((line) => line.includes(` ${key} `))
    assert.equal(lines.length, 1, `${key} is told once`)
  }
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops a broker with exit code 0 and keeps what was written, while clients wait`, async () => {
    const dataDir = directory.of(signal)
    const broker = await BrokerProcess.start({ dataDir })
    const client = await connect(broker)
    await createTopic(client, { name: 'topic' })
    assert.equal((await produce(client, { topic: 'topic', acks: 1 }, batchOf(['kept']))).error, 'NONE')
    const end = await endOffset(client, 'topic')
    const waiting = fetchOnce(client, { topic: 'topic', offset: end, waitMs: LONG_POLL_MS }).catch(() => null)
    broker.signal(signal)
    assert.deepEqual(await broker.exited, { exitCode: 0, signal: null })
    await waiting
    await using next = await BrokerProcess.start({ dataDir })
    await using reader = await connect(next)
    const records = await recordsOf(reader, { topic: 'topic' })
    assert.deepEqual(records, [{ offset: 0, value: 'kept' }])
    assert.deepEqual(next.logLines, [], 'Nothing needs to be recovered after a stop in good order')
  })
}

test('--http serves /live, /ready and /metrics, and nothing else', async () => {
  const http = `127.0.0.1:${await freePort()}`
  await using broker = await BrokerProcess.start({ dataDir: directory.of('http'), args: ['--http', http] })
  await using client = await connect(broker)
  await createTopic(client, { name: 'topic' })
  const get = async (path: string) => await fetch(`http://${http}${path}`)
  assert.equal((await get('/live')).status, 200)
  assert.equal((await get('/ready')).status, 200)
  const metrics = await get('/metrics')
  assert.equal(metrics.status, 200)
  assert.match(metrics.headers.get('content-type') ?? '', /text\/plain/)
  assert.match(await metrics.text(), /^# TYPE \w+ (counter|gauge|histogram)$/m)
  assert.equal((await get('/secret')).status, 404)
})

/** Starts a broker that must not come up; answers with what it said. */
async function refusal(options: BrokerProcessOptions, exitCode: number): Promise<string> {
  await using broker = BrokerProcess.launch(options)
  try {
    await broker.ready()
  } catch (error) {
    if (!(error instanceof NotReadyError)) throw error
    assert.equal(error.exitCode, exitCode)
    return error.errors
  }
  return assert.fail('The broker has started')
}

/** A port that was free just now: --http does not say which one it took. */
async function freePort(): Promise<number> {
  const server = createServer()
  const listening = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', listening.resolve)
  await listening.promise
  const address = server.address()
  await server[Symbol.asyncDispose]()
  assert(address !== null && typeof address === 'object')
  return address.port
}
