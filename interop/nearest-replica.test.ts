import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '@ottla/broker/broker.ts'
import { MemoryStore } from '@ottla/broker/metadata/memory-store.ts'
import { StoreView } from '@ottla/broker/metadata/shared-store.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { batchOf, connect, produce } from './cluster.ts'
import { needs } from './debian.ts'
import { run } from './processes.ts'

const { skip } = await needs('kcat')
const SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const TOPIC = 't'
const [LEADER, NEAR] = [1, 2]

/** Two brokers in racks `rack-1` and `rack-2`, of one store, in memory. */
async function twoRacks(stack: AsyncDisposableStack): Promise<Broker[]> {
  const store = stack.use(new MemoryStore())
  const brokers: Broker[] = []
  for (const id of [LEADER, NEAR]) {
    const settings = { 'node.id': `${id}`, 'broker.rack': `rack-${id}`, 'replica.selector.class': SELECTOR }
    const ports = { openStore: async () => new StoreView(store) }
    brokers.push(stack.use(await Broker.start({ storage: 'memory', port: 0, settings, ports })))
  }
  return brokers
}

test(
  'librdkafka with client.rack reads from the replica of its rack, all there is and in order',
  skip === undefined ? {} : { skip },
  async () => {
    await using stack = new AsyncDisposableStack()
    const [leader] = await twoRacks(stack)
    const connection = stack.use(await connect({ host: '127.0.0.1', port: leader!.port }))
    const assignments = [{ partitionIndex: 0, brokerIds: [LEADER, NEAR] }]
    const topic = { name: TOPIC, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
    await connection.request(CreateTopics, { topics: [topic], timeoutMs: 30_000 })
    const values = Array.from({ length: 20 }, (_, i) => `v${i}`)
    for (const value of values)
      assert.equal((await produce(connection, { topic: TOPIC }, batchOf([value]))).error, 'NONE')
    const reading = ['-C', '-q', '-t', TOPIC, '-p', '0', '-o', 'beginning', '-e', '-X', 'fetch.wait.max.ms=10']
    const { output, errors, exitCode } = await run('kcat', [
      ...['-b', leader!.bootstrap, '-X', `client.rack=rack-${NEAR}`, '-d', 'fetch', ...reading],
    ])
    assert.equal(exitCode, 0, errors)
    assert.deepEqual(String(output).trim().split('\n'), values)
    const enqueued = String(errors).match(/^.*Enqueue \d+ message.*$/gm) ?? []
    assert.ok(enqueued.length > 0 && enqueued.every((line) => line.includes(`/${NEAR}: Enqueue`)), enqueued.join('\n'))
  },
)
