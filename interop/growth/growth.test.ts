/** A cluster that grows and shrinks under load, by the commands that a user gives. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { planBalance } from '@ottla/cli/balance/plan.ts'
import { readCluster } from '@ottla/cli/balance/snapshot.ts'
import { createTopics, describeConfigs, listPartitionReassignments } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { needs } from '../debian.ts'
import { BrokerCluster } from '../etcd/broker-cluster.ts'
import { EtcdMember } from '../etcd/etcd-process.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { OTTLA, succeed } from '../processes.ts'
import { SpreadLoad } from './spread-load.ts'

const options = { ...(await needs('etcd-server')), timeout: 60_000 }
const TOPIC = 'growing'
const PARTITIONS = 6
const { signal } = new AbortController()

async function loadsOf(client: Client) {
  const { state, running } = await readCluster(client, { signal })
  assert.deepEqual(running, [])
  return planBalance(state).before.map(({ broker, replicas, leaders }) => [broker, replicas, leaders])
}

async function assertThrottled(client: Client, brokers: readonly number[], isThrottled: boolean): Promise<void> {
  const resources = [
    { type: 'topic', name: TOPIC } as const,
    ...brokers.map((id) => ({ type: 'broker', name: String(id) }) as const),
  ]
  for (const { entries } of await describeConfigs(client, resources)) {
    const own = entries.filter(({ name, source }) => name.includes('throttled') && source !== 'default')
    assert.equal(own.length > 0, isThrottled, JSON.stringify(own))
  }
}

/** Ctrl-C while moves that a throttle lets take for ever are under way. Answers what it said to that. */
async function interruptedBalance(client: Client, bootstrap: string): Promise<string> {
  const args = ['cluster', 'balance', '--execute', '--throttle', '10', '--bootstrap', bootstrap]
  const child = spawn(OTTLA, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 })
  const said = text(child.stderr)
  await waitUntil('moves are under way', async () => {
    const running = await listPartitionReassignments(client)
    return running.length > 0 ? { found: true } : { missing: 'none has begun' }
  })
  child.kill('SIGINT')
  return await said
}

test(
  'a broker joins and gets its share, another is emptied, and nobody who reads or writes meanwhile notices',
  options,
  async () => {
    await using etcd = await EtcdMember.start()
    await using cluster = await BrokerCluster.start({ store: () => `etcd://${etcd.address}/growth`, brokers: 2 })
    const { bootstrap } = cluster
    const ottla = async (...args: string[]) =>
      (await succeed(OTTLA, ['cluster', ...args, '--bootstrap', bootstrap])).output.toString()
    await using client = await openClient({ bootstrap })
    const assignments = Array.from({ length: PARTITIONS }, (_, i) => (i % 2 === 0 ? [1, 2] : [2, 1]))
    const [created] = await createTopics(client, [
      { name: TOPIC, assignments, configs: { 'min.insync.replicas': '2' } },
    ])
    assert.equal(created?.error, null)
    await using load = new SpreadLoad(client, { topic: TOPIC, partitions: PARTITIONS, recordBytes: 1000 })
    await load.more(50)
    await cluster.add(3)
    assert.match(await ottla('plan'), /moves, .* to copy/)
    assert.match(await interruptedBalance(client, bootstrap), /go on in the cluster, under the throttle/)
    await assertThrottled(client, [1, 2], true)
    assert.match(await ottla('balance', '--execute', '--throttle', '1MB'), /moves are done/)
    for (const [, replicas, leaders] of await loadsOf(client)) assert.deepEqual([replicas, leaders], [4, 2])
    await assertThrottled(client, [1, 2, 3], false)
    await load.more(20)
    await ottla('drain', '1', '--execute', '--throttle', '1MB')
    assert.deepEqual(await loadsOf(client), [
      [1, 0, 0],
      [2, 6, 3],
      [3, 6, 3],
    ])
    assert.equal((await cluster.broker(1).stop()).exitCode, 0)
    await load.more(20)
    await load.stop()
    assert.deepEqual(load.read, load.acknowledged)
  },
)
