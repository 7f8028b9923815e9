/** Three brokers on one real etcd, where the etcd or a broker is silent for longer than a session. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { needs } from '../debian.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { BrokerCluster, stateOf, untilIsr } from './broker-cluster.ts'
import { EtcdMember, startEtcd } from './etcd-process.ts'
import { contents, Load } from './load.ts'
import { TcpProxy } from './tcp-proxy.ts'

const options = { ...(await needs('etcd-server')), timeout: 60_000 }
const TOPIC = 'kept'
const ALL = [1, 2, 3]
const SESSION_MS = 2_000
/** Longer than a session with all that is needed to notice its end. */
const SILENCE_MS = 3 * SESSION_MS

interface World {
  readonly t: TestContext
  readonly cluster: BrokerCluster
  readonly client: Client
  readonly load: Load
}

/** What was acknowledged is there in the end, once and in order, on a cluster that is whole. */
async function underLoad(
  t: TestContext,
  store: (id: number) => string,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const settings = [`broker.session.timeout.ms=${SESSION_MS}`]
  await using cluster = await BrokerCluster.start({ store, brokers: 3, settings })
  try {
    await using client = await openClient({ bootstrap: cluster.bootstrap })
    const configs = { 'min.insync.replicas': '2' }
    const [created] = await createTopics(client, [{ name: TOPIC, assignments: [ALL], configs }])
    assert.equal(created?.error, null)
    await using load = new Load(client, TOPIC)
    await load.more(20)
    load.takeLongestGapMs()
    await run({ t, cluster, client, load })
    await load.more(20)
    await untilIsr(client, TOPIC, ALL)
    await load.stop()
    t.diagnostic(`no acknowledgement for ${load.takeLongestGapMs()} ms`)
    assert.deepEqual(await contents(client, TOPIC), load.acknowledged)
    for (const id of ALL) assert.ok(cluster.broker(id).isRunning, `broker ${id} runs`)
  } catch (error) {
    throw new Error(`The brokers' logs are\n${cluster.logs}`, { cause: error })
  }
}

const place = (...members: readonly { address: string }[]): string =>
  `etcd://${members.map(({ address }) => address).join(',')}/three`

test(
  'an etcd that is silent for longer than a session ends no broker; all goes on when it is back',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await underLoad(
      t,
      () => place(etcd),
      async ({ client, load }) => {
        etcd.pause()
        await systemTimers.sleep(SILENCE_MS)
        etcd.resume()
        await load.more(20)
        await untilIsr(client, TOPIC, ALL)
        const [created] = await createTopics(client, [{ name: 'later', assignments: [ALL] }])
        assert.equal(created?.error, null)
      },
    )
  },
)

test('an etcd that was killed and is back within a session is not noticed by who produces', options, async (t) => {
  await using etcd = await EtcdMember.start()
  await underLoad(
    t,
    () => place(etcd),
    async ({ client }) => {
      const before = await stateOf(client, TOPIC)
      await etcd.restart()
      assert.deepEqual(await stateOf(client, TOPIC), before)
    },
  )
})

test('of an etcd of three members each may be killed: leaders stay and are acknowledged', options, async (t) => {
  await using etcd = await startEtcd(3)
  await underLoad(
    t,
    () => place(...etcd.members),
    async ({ client, load }) => {
      const before = await stateOf(client, TOPIC)
      for (const member of etcd.members) {
        await member.restart()
        await load.more(20)
      }
      assert.deepEqual(await stateOf(client, TOPIC), before)
    },
  )
})

test(
  'a leader that is cut off from etcd alone acknowledges nothing by itself, and follows when it is back',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await underLoad(
      t,
      (id) => place(id === ALL[0] ? proxy : etcd),
      async ({ cluster, client, load }) => {
        proxy.stall()
        await usedByOthers(t, cluster, ALL[0]!)
        await systemTimers.sleep(SESSION_MS)
        proxy.heal()
        await load.more(20)
        assert.notEqual((await untilIsr(client, TOPIC, ALL)).leader, ALL[0])
      },
    )
  },
)

test(
  'a leader that stood still for longer than its session leads no more, and acknowledges nothing by itself',
  options,
  async (t) => {
    await using etcd = await EtcdMember.start()
    await underLoad(
      t,
      () => place(etcd),
      async ({ cluster, client, load }) => {
        const { leader } = await stateOf(client, TOPIC)
        cluster.broker(leader).signal('SIGSTOP')
        await usedByOthers(t, cluster, leader)
        cluster.broker(leader).signal('SIGCONT')
        await load.more(20)
        assert.notEqual((await untilIsr(client, TOPIC, ALL)).leader, leader)
      },
    )
  },
)

/** Whoever has nothing under way at the silent broker goes on without it. */
async function usedByOthers(t: TestContext, cluster: BrokerCluster, silent: number): Promise<void> {
  const startMs = systemClock.monotonicMs()
  const others = ALL.filter((id) => id !== silent)
  await using client = await openClient({ bootstrap: others.map((id) => cluster.broker(id).bootstrap).join(',') })
  await waitUntil(`another leader than ${silent}`, async () => {
    const { leader } = await stateOf(client, TOPIC)
    return others.includes(leader) ? { found: leader } : { missing: `${leader} leads` }
  })
  const topic = 'beside'
  const [created] = await createTopics(client, [{ name: topic, assignments: [others] }])
  assert.equal(created?.error, null)
  await using load = new Load(client, topic)
  await load.more(20)
  await load.stop()
  t.diagnostic(`others went on after ${Math.round(systemClock.monotonicMs() - startMs)} ms`)
  assert.deepEqual(await contents(client, topic), load.acknowledged)
}
