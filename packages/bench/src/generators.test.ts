import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { after, before, describe, type TestContext, test } from 'node:test'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { Broker } from '@ottla/broker/broker.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { numberOf, runCommand, runGenerator } from './child.ts'
import { fetchErrorAt, fetchFrame, fetchOffsetAt, fetchRecordsAt, produceErrorAt, produceFrame } from './frames.ts'
import { buildGenerators, type Generator, type Generators } from './generators.ts'
import { loadDirectory } from './paths.ts'

const disk = new NodeDisk()
const directory = `${tmpdir()}/ottla-bench-test-${process.pid}`
const timeoutMs = 60_000
const topic = 'load'

/** A program that is missing skips its test by name, except where everything has to be there. */
function programOr(context: TestContext, built: Generators[Generator]): string | null {
  if ('path' in built) return built.path
  assert.notEqual(process.env['CI'], 'true', built.missing)
  context.skip(built.missing)
  return null
}

describe('load generators against a broker in memory', () => {
  let broker: Broker
  let generators: Generators

  before(async () => {
    disk.makeDirectory(directory)
    generators = await buildGenerators(disk, directory)
    broker = await Broker.start({ storage: 'memory', port: 0 })
    await using client = await openClient({ bootstrap: broker.bootstrap })
    const names = [topic, 'latency', 'kafka', 'tail', 'history']
    await createTopics(
      client,
      names.map((name) => ({ name, partitions: name === topic ? 2 : 1, replicationFactor: 1 })),
    )
  })
  after(async () => {
    await broker[Symbol.asyncDispose]()
    await disk.removeTree(directory)
  })

  test('raw produce counts the answers of all its connections', async (context) => {
    const program = programOr(context, generators['raw-produce'])
    if (program === null) return
    const frames = [0, 1].map((partition) =>
      produceFrame({ topic, partition, acks: 1, recordCount: 1, valueBytes: 100, timestampMs: 0 }),
    )
    disk.replaceFile(`${directory}/frames`, Buffer.concat(frames))
    const load = ['-c', '3', '-d', '4', '-t', '0.2', '-e', `${produceErrorAt(topic)}`]
    const result = await runGenerator(program, ['-b', broker.bootstrap, '-f', `${directory}/frames`, ...load], {
      timeoutMs,
    })
    assert.ok(numberOf(result, 'requests') > 0)
    assert.ok(numberOf(result, 'allRequests') >= numberOf(result, 'requests'))
  })

  test("raw produce fails with the broker's error", async (context) => {
    const program = programOr(context, generators['raw-produce'])
    if (program === null) return
    disk.replaceFile(
      `${directory}/bad`,
      produceFrame({ topic, partition: 9, acks: 1, recordCount: 1, valueBytes: 1, timestampMs: 0 }),
    )
    const argv = ['-b', broker.bootstrap, '-f', `${directory}/bad`, '-e', `${produceErrorAt(topic)}`]
    await assert.rejects(runCommand(program, argv, { timeoutMs }), /answered with error 3/)
  })

  test('latency sees every record come back, those of the warm-up aside', async (context) => {
    const program = programOr(context, generators['latency'])
    if (program === null) return
    const name = 'latency'
    disk.replaceFile(
      `${directory}/produce`,
      produceFrame({ topic: name, partition: 0, acks: -1, recordCount: 1, valueBytes: 1024, timestampMs: 0 }),
    )
    disk.replaceFile(`${directory}/fetch`, fetchFrame(name))
    const places = [
      '-e',
      produceErrorAt(name),
      '-o',
      fetchOffsetAt(name),
      '-E',
      fetchErrorAt(name),
      '-R',
      fetchRecordsAt(name),
    ]
    const argv = [
      '-b',
      broker.bootstrap,
      '-p',
      `${directory}/produce`,
      '-f',
      `${directory}/fetch`,
      ...places.map(String),
    ]
    const result = await runGenerator(program, [...argv, '-r', '500', '-w', '0.1', '-t', '0.2'], { timeoutMs })
    assert.equal(numberOf(result, 'records'), 100)
    const times = ['p50', 'p99', 'p999', 'max'].map((name) => numberOf(result, `fetched.${name}`))
    assert.ok(times[0]! > 0)
    assert.deepEqual(
      times,
      times.toSorted((left, right) => left - right),
    )
  })

  test('librdkafka produces and reads back what it is told to', async (context) => {
    const program = programOr(context, generators['librdkafka'])
    if (program === null) return
    const where = ['-b', broker.bootstrap, '-t', 'kafka', '-p', '1']
    const produced = await runGenerator(program, [...where, '-n', '5000', '-s', '100', '-X', 'acks=all'], { timeoutMs })
    assert.equal(numberOf(produced, 'messages'), 5000)
    assert.equal(numberOf(produced, 'bytes'), 500_000)
    const consumed = await runGenerator(program, [...where, '-C', '-n', '5000'], { timeoutMs })
    assert.equal(numberOf(consumed, 'bytes'), numberOf(consumed, 'messages') * 100)
  })

  test('so many producers as are asked for share the messages, compressed', async (context) => {
    const program = programOr(context, generators['librdkafka'])
    if (program === null) return
    const load = ['-t', topic, '-p', '2', '-P', '3', '-n', '1000', '-X', 'compression.codec=lz4']
    const produced = await runGenerator(program, ['-b', broker.bootstrap, ...load], { timeoutMs })
    assert.equal(numberOf(produced, 'messages'), 1000)
  })

  test('librdkafka ends when its time is over', async (context) => {
    const program = programOr(context, generators['librdkafka'])
    if (program === null) return
    const load = ['-t', topic, '-p', '2', '-n', '1000000000', '-T', '0']
    const produced = await runGenerator(program, ['-b', broker.bootstrap, ...load], { timeoutMs })
    assert.ok(numberOf(produced, 'messages') < 1_000_000)
  })

  test('paced produce sees every acknowledgement, over all its connections', async (context) => {
    const program = programOr(context, generators['paced-produce'])
    if (program === null) return
    const frame = produceFrame({ topic, partition: 0, acks: -1, recordCount: 1, valueBytes: 10, timestampMs: 0 })
    disk.replaceFile(`${directory}/paced`, frame)
    const where = ['-b', broker.bootstrap, '-f', `${directory}/paced`, '-e', `${produceErrorAt(topic)}`]
    const load = ['-c', '20', '-r', '500', '-w', '0.1', '-t', '0.2', '-O', `${directory}/samples`]
    const result = await runGenerator(program, [...where, ...load], { timeoutMs })
    assert.equal(numberOf(result, 'requests'), 100)
    assert.equal(numberOf(result, 'allRequests'), 150)
    const samples = disk.readFile(`${directory}/samples`).toString().trimEnd().split('\n').map(Number)
    assert.equal(samples.length, 100)
    assert.ok(samples.every((ns) => ns > 0))
  })

  test('consumers at the tail get everything that is produced at a steady rate', async (context) => {
    const program = programOr(context, generators['mixed'])
    if (program === null) return
    const load = ['-t', 'tail', '-p', '1', '-n', '300', '-m', '300', '-r', '3000', '-s', '100', '-c', '2']
    const result = await runGenerator(program, ['-b', broker.bootstrap, ...load], { timeoutMs })
    assert.equal(numberOf(result, 'produced'), 300)
    // What came with a consumer's first batch is not counted.
    assert.equal(numberOf(result, 'consumedBytes'), numberOf(result, 'consumed') * 100)
    assert.ok(numberOf(result, 'acknowledged.p99') > 0)
  })

  test('a producer beside readers of history ends with them', async (context) => {
    const program = programOr(context, generators['mixed'])
    const filler = programOr(context, generators['librdkafka'])
    if (program === null || filler === null) return
    const where = ['-b', broker.bootstrap, '-t', 'history', '-p', '1']
    await runGenerator(filler, [...where, '-n', '5000', '-s', '100'], { timeoutMs })
    const load = ['-n', '5000', '-r', '1000', '-s', '100', '-c', '1']
    const result = await runGenerator(program, [...where, ...load], { timeoutMs })
    assert.ok(numberOf(result, 'consumed') <= 6000)
  })

  test("drop cache finds a topic's files and no other's", async (context) => {
    const program = programOr(context, generators['drop-cache'])
    if (program === null) return
    for (const name of ['orders-0', 'orders-1', 'others-0']) {
      disk.makeDirectory(`${directory}/data/${name}`)
      disk.replaceFile(`${directory}/data/${name}/0.log`, Buffer.alloc(10_000))
    }
    const result = await runGenerator(program, [directory, 'orders'], { timeoutMs })
    assert.equal(numberOf(result, 'files'), 2)
    assert.equal(numberOf(result, 'bytes'), 20_000)
  })

  test('the C code has no warnings', async (context) => {
    if (programOr(context, generators['librdkafka']) === null) return
    const sources = disk.list(loadDirectory).filter(({ name }) => name.endsWith('.c'))
    const flags = ['-fsyntax-only', '-Wall', '-Wextra', '-Wpedantic', '-Werror']
    for (const { name } of sources) await runCommand('cc', [...flags, `${loadDirectory}${name}`], { timeoutMs })
  })
})
