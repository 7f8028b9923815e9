import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { ReplicaFetcher } from '@ottla/broker/partition/fetcher.ts'
import type { FollowedPartition } from '@ottla/broker/partition/followed-partition.ts'
import { ReplicationQuota } from '@ottla/broker/partition/replication-quota.ts'
import { FakeBroker } from '@ottla/client/fake-broker.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'

const SETTINGS = {
  ...{
    waitMaxMs: 500,
    minBytes: 1,
    partitionBytesMax: 1024,
    isPartitionBytesMaxGiven: true,
    responseBytesMax: 4096,
    backoffMs: 100,
  },
  socketTimeoutMs: 1000,
}

/** Of a partition that leads here as soon as `leads` is true: then it answers nothing that a follower is asked. */
function partitionThat(state: { leads: boolean }): FollowedPartition {
  const following = (): never | undefined =>
    assert.equal(state.leads, false, 'a leader is asked as a follower') as undefined
  return {
    ...{
      topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      topicName: 't',
      index: 0,
      leaderEpoch: 3,
      highWatermark: 0,
      isSettled: true,
      image: { isr: [2], leader: 2 },
      rules: { throttle: { leader: null, follower: null } },
    },
    get fetchPosition() {
      following()
      return { fetchOffset: 0, lastFetchedEpoch: -1, logStartOffset: 0 }
    },
    settled: async () => following(),
    appendFetched: async () => following(),
    observeLeader: () => following(),
    truncateToShared: async () => following(),
    resetTo: async () => following(),
  }
}

test('a partition that is to lead itself before its leader was reached is not asked for what only a follower knows', async () => {
  const time = new FakeTime()
  const network = new MemoryNetwork({ timers: time })
  const leader = await FakeBroker.start(network.join('leader'), 9092)
  leader.on(Fetch, () => null)
  const logger = new MemoryLogger()
  const fetcher = new ReplicaFetcher({
    ...{ localBrokerId: 1, localBrokerEpoch: () => 7, leaderId: 2, address: () => ({ host: 'leader', port: 9092 }) },
    ...{ settings: () => SETTINGS, onRefused: () => {}, network: network.join('follower') },
    ...{ clock: time, timers: time, random: seededRandom('fetcher'), logger },
    quota: new ReplicationQuota(),
  })
  const state = { leads: false }
  const partition = partitionThat(state)
  network.cut('leader', 'follower')
  fetcher.add(partition)
  await time.run(10)
  fetcher.remove(partition)
  state.leads = true
  network.heal('leader', 'follower')
  await time.run(2000)
  assert.equal(leader.count(Fetch), 0)
  assert.deepEqual(
    logger.lines.map(({ fields }) => String(fields['error'])).filter((error) => error.includes('Assertion')),
    [],
  )
  await fetcher[Symbol.asyncDispose]()
})
