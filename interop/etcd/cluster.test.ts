/** Three brokers in processes of their own on one real etcd, as a user runs them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { needs } from '../debian.ts'
import { BrokerCluster, stateOf, untilIsr } from './broker-cluster.ts'
import { EtcdMember } from './etcd-process.ts'
import { contents, Load } from './load.ts'
import { openStore } from './store-of.ts'

const options = { ...(await needs('etcd-server')), timeout: 60_000 }
const TOPIC = 'kept'
const ALL = [1, 2, 3]

interface World {
  readonly t: TestContext
  readonly cluster: BrokerCluster
  readonly client: Client
  readonly load: Load
}

/** Ends the leader; resolves once records are acknowledged again, and the ended one is back and in sync. */
async function replaceLeader({ t, cluster, client, load }: World, how: 'kill' | 'stop'): Promise<void> {
  const { leader, leaderEpoch } = await stateOf(client, TOPIC)
  load.takeLongestGapMs()
  const exit = await cluster.broker(leader)[how]()
  if (how === 'stop') assert.equal(exit.exitCode, 0)
  await load.more(20)
  t.diagnostic(`${how} of broker ${leader}: no acknowledgement for ${load.takeLongestGapMs()} ms`)
  const after = await stateOf(client, TOPIC)
  assert.notEqual(after.leader, leader)
  assert.ok(after.leaderEpoch > leaderEpoch)
  await cluster.restart(leader)
  const whole = await untilIsr(client, TOPIC, ALL)
  assert.equal(whole.leader, after.leader, 'who comes back does not lead at once')
  await load.more(20)
}

test(
  'what three brokers acknowledged survives the end of one leader after the other, by kill -9 and by SIGTERM, and producing goes on',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await using cluster = await BrokerCluster.start({ store: () => `etcd://${etcd.address}/three`, brokers: 3 })
    try {
      await using client = await openClient({ bootstrap: cluster.bootstrap })
      const controller = await controllerOf(etcd.address)
      const replicas = [controller, ...ALL.filter((id) => id !== controller)]
      const configs = { 'min.insync.replicas': '2' }
      const [created] = await createTopics(client, [{ name: TOPIC, assignments: [replicas], configs }])
      assert.equal(created?.error, null)
      await using load = new Load(client, TOPIC)
      await load.more(20)
      // The first leader is the controller too.
      for (const how of ['kill', 'stop', 'kill'] as const) await replaceLeader({ t, cluster, client, load }, how)
      await load.stop()
      assert.deepEqual(await contents(client, TOPIC), load.acknowledged)
    } catch (error) {
      throw new Error(`The brokers' logs are\n${cluster.logs}`, { cause: error })
    }
  },
)

async function controllerOf(address: string): Promise<number> {
  await using store = await openStore({ addresses: [address], prefix: '/three' })
  return imageOf(await store.read('')).controllerId
}
