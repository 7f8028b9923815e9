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

/** Kills the leader; resolves once records are acknowledged again, and the killed one is back and in sync. */
async function replaceLeader(t: TestContext, cluster: BrokerCluster, client: Client, load: Load): Promise<void> {
  const { leader, leaderEpoch } = await stateOf(client, TOPIC)
  load.takeLongestGapMs()
  await cluster.broker(leader).kill()
  await load.more(20)
  t.diagnostic(`broker ${leader} was killed: no acknowledgement for ${load.takeLongestGapMs()} ms`)
  const after = await stateOf(client, TOPIC)
  assert.notEqual(after.leader, leader)
  assert.ok(after.leaderEpoch > leaderEpoch)
  await cluster.restart(leader)
  const whole = await untilIsr(client, TOPIC, ALL)
  assert.equal(whole.leader, after.leader, 'who comes back does not lead at once')
  await load.more(20)
}

test(
  'what three brokers acknowledged survives kill -9 of one leader after the other, and producing goes on',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await using cluster = await BrokerCluster.start({ store: `etcd://${etcd.address}/three`, brokers: 3 })
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
      for (let round = 0; round < 3; round++) await replaceLeader(t, cluster, client, load)
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
