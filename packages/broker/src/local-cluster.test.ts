import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { BrokerConnection } from '@ottla/client/connection.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { ConfigError } from './config.ts'
import { LocalCluster } from './local-cluster.ts'

test('brokers of one process are one cluster: a topic made at one is known, with its replicas, at each', async () => {
  await using cluster = await LocalCluster.start({ brokers: 3, storage: 'memory', port: 0 })
  const connections = await Promise.all(cluster.bootstrap.split(',').map(connect))
  const topic = { name: 't', numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }
  const created = await connections[1]!.request(CreateTopics, { topics: [topic] })
  assert.equal(created.topics[0]!.errorCode, 0)
  for (const connection of connections) {
    const { brokers, topics } = await connection.request(Metadata, { topics: null })
    assert.deepEqual(brokers.map(({ nodeId }) => nodeId).toSorted(), [1, 2, 3])
    assert.deepEqual([...topics[0]!.partitions[0]!.replicaNodes].toSorted(), [1, 2, 3])
  }
  for (const connection of connections) await connection[Symbol.asyncDispose]()
})

test('what several brokers cannot share is refused before anything is started', async () => {
  const refused = (options: Parameters<typeof LocalCluster.start>[0]) =>
    assert.rejects(LocalCluster.start({ storage: 'memory', ...options }), ConfigError)
  await refused({ brokers: 0 })
  await refused({ brokers: 10 })
  await refused({ brokers: 2, port: 65_535 })
  await refused({ brokers: 2, advertise: 'somewhere:9092' })
  await refused({ brokers: 2, settings: { 'node.id': '5' } })
})

async function connect(address: string): Promise<BrokerConnection> {
  const [host, port] = address.split(':')
  const ports = { network: new NodeNetwork(), clock: systemClock, timers: systemTimers }
  return BrokerConnection.open({ host: host!, port: Number(port), clientId: 'test', ...ports })
}
