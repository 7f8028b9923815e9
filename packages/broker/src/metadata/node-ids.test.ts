import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import { imageOf } from './changes.ts'
import { brokerKey, encodeBroker, encodeShard, encodeTopic, shardKey, topicKey } from './documents.ts'
import { type MemoryFaults, MemoryStore } from './memory-store.ts'
import { claimNodeId, nextNodeId } from './node-ids.ts'
import { plaintext } from './one-broker.ts'

const claim = (store: MemoryStore, name: string): Promise<number> => {
  return claimNodeId({ store, random: seededRandom(name) })
}

test('new brokers get ids from 1 on, also where they claim them at the same moment', async () => {
  const store = new MemoryStore()
  assert.equal(await claim(store, 'first'), 1)
  const together = await Promise.all(['second', 'third', 'fourth'].map((name) => claim(store, name)))
  assert.deepEqual(together.toSorted(), [2, 3, 4])
})

test('an id that a broker has or had is not given again', async () => {
  const store = new MemoryStore()
  const partition = { index: 0, replicas: [7, 4], isr: [4], leader: 4, leaderEpoch: 0, partitionEpoch: 0 }
  await store.commit({
    ifRevision: [],
    puts: [
      { key: brokerKey(4), value: encodeBroker({ ...plaintext(4), fenced: false, epoch: 1, lostData: false }) },
      { key: topicKey('topic'), value: encodeTopic({ name: 't', partitionCount: 1, configs: new Map() }) },
      { key: shardKey('topic', 0), value: encodeShard([partition]) },
    ],
    deletes: [],
  })
  assert.equal(nextNodeId(imageOf(await store.read(''))), 8)
  assert.equal(await claim(store, 'new'), 8)
})

for (const fault of ['unknown, applied', 'unknown, lost'] as const) {
  test(`a claim whose outcome is not known (${fault}) takes one id`, async () => {
    const faults: MemoryFaults = { nextCommit: fault }
    const store = new MemoryStore({ faults })
    assert.equal(await claim(store, 'first'), 1)
    assert.deepEqual([...imageOf(await store.read('')).brokers.keys()], [1])
  })
}
