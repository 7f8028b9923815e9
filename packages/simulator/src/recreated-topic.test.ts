import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alterGroupOffsets, createTopics, deleteTopics, listGroupOffsets } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { GroupConsumer } from '@ottla/client/consumer/group-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { recordsIn, replicaLog } from './checkers/replica-logs.ts'
import { SimulatedCluster } from './cluster.ts'

const TOPIC = 't'
const GROUP = 'g'
const IDS = [1, 2, 3]
const PLACE = { topic: TOPIC, partition: 0 }

/** Three brokers, a topic on all of them, and an admin; clients that are connected stay so, whatever becomes of the topic. */
async function world(seed: string) {
  const cluster = await SimulatedCluster.start({ seed })
  const stack = new AsyncDisposableStack()
  const owned = <T extends AsyncDisposable>(part: T): T => {
    stack.defer(() => cluster.until(Promise.resolve(part[Symbol.asyncDispose]())))
    return part
  }
  const create = async (by: Client) => {
    const configs = { 'min.insync.replicas': '2' }
    const [created] = await cluster.until(createTopics(by, [{ name: TOPIC, assignments: [IDS], configs }]))
    assert.equal(created?.error, null)
  }
  const admin = owned(await cluster.client())
  await create(admin)
  const producer = owned(new Producer(owned(await cluster.client())))
  return {
    ...{ cluster, admin, owned },
    client: async () => owned(await cluster.client()),
    /** By somebody who connects to a broker that is there. */
    recreate: async () => {
      const by = owned(await cluster.client())
      await cluster.until(deleteTopics(by, [TOPIC]))
      await create(by)
    },
    send: (value: string) => cluster.until(producer.send(TOPIC, { partition: 0, value })),
    isr: () => cluster.image.topicsByName.get(TOPIC)!.partitions[0]!.isr.length,
    async [Symbol.asyncDispose]() {
      await stack.disposeAsync()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

async function assigned(w: Awaited<ReturnType<typeof world>>, onOutOfRange: 'error' | 'beginning') {
  const assignments = [{ ...PLACE, from: 'beginning' } as const]
  const consumer = w.owned(
    await w.cluster.until(AssignedConsumer.open(await w.client(), { assignments, onOutOfRange })),
  )
  const records = consumer.records()
  return async () => String((await w.cluster.until(records.next())).value!.value)
}

test('who reads and writes by one name goes over to the new topic as a whole: nothing of it is skipped', async () => {
  await using w = await world('goes over')
  const next = await assigned(w, 'beginning')
  for (const value of ['a', 'b', 'c']) await w.send(value)
  assert.deepEqual([await next(), await next(), await next()], ['a', 'b', 'c'])
  await w.recreate()
  // More than there were in the old one: its next offset is one of the new one's.
  for (const value of ['u', 'v', 'w', 'x', 'y']) await w.send(value)
  assert.deepEqual([await next(), await next(), await next(), await next(), await next()], ['u', 'v', 'w', 'x', 'y'])
})

test('a reader that wants to know of it is told that the topic is another one', async () => {
  await using w = await world('is told')
  const next = await assigned(w, 'error')
  await w.send('a')
  assert.equal(await next(), 'a')
  await w.recreate()
  for (const value of ['u', 'v', 'w']) await w.send(value)
  await assert.rejects(next(), /"t-0" at offset 1: the topic was deleted, and made anew under its name/)
})

test('a broker that was down meanwhile has the new topic’s records alone when it is back', async () => {
  await using w = await world('down')
  for (const value of ['a', 'b', 'c']) await w.send(value)
  w.cluster.crashBroker(3, { power: true })
  await w.recreate()
  for (const value of ['x', 'y']) await w.send(value)
  await w.cluster.startBroker(3)
  await w.cluster.untilTrue(() => w.isr() === 3)
  await w.send('z')
  for (const id of IDS) await w.cluster.stopBroker(id)
  for (const id of IDS) {
    const log = replicaLog(w.cluster.disk(id), id, PLACE)
    assert.deepEqual(
      recordsIn(log, PLACE).records.map(({ value }) => value),
      ['x', 'y', 'z'],
      `broker ${id}`,
    )
  }
})

test('a follower that was cut off while the topic changed follows the new one from its beginning', async () => {
  await using w = await world('cut')
  for (const value of ['a', 'b', 'c']) await w.send(value)
  w.cluster.cutFromStore(3)
  w.cluster.network.cut('broker-3')
  await w.cluster.untilTrue(() => w.isr() === 2)
  await w.recreate()
  await w.send('x')
  w.cluster.network.heal('broker-3')
  w.cluster.healToStore(3)
  await w.cluster.untilTrue(() => w.isr() === 3)
  for (const id of IDS) {
    const [partition] = [...w.cluster.broker(id).partitions()].filter(({ topicName }) => topicName === TOPIC)
    assert.equal(partition!.logEndOffset, 1, `broker ${id}`)
  }
})

test('offsets that a group committed for the deleted topic are gone, and it reads the new one from its beginning', async () => {
  await using w = await world('offsets')
  for (const value of ['a', 'b', 'c']) await w.send(value)
  await w.cluster.until(alterGroupOffsets(w.admin, GROUP, { offsets: [{ ...PLACE, offset: 3 }] }))
  assert.deepEqual(
    (await w.cluster.until(listGroupOffsets(w.admin, GROUP))).map(({ offset }) => offset),
    [3],
  )
  await w.recreate()
  for (const value of ['u', 'v', 'w', 'x']) await w.send(value)
  assert.deepEqual(await w.cluster.until(listGroupOffsets(w.admin, GROUP)), [])
})

for (const protocol of ['classic', 'consumer'] as const) {
  test(`a member of a ${protocol} group that goes on over the change commits nothing of the old topic`, async () => {
    await using w = await world(`member ${protocol}`)
    const options = { group: GROUP, topics: [TOPIC], from: 'beginning', protocol, autoCommit: false } as const
    const consumer = w.owned(await w.cluster.until(GroupConsumer.join(await w.client(), options)))
    const records = consumer.records()
    const next = async () => String((await w.cluster.until(records.next())).value!.value)
    const committed = async () => {
      await w.cluster.until(consumer.commit())
      return (await w.cluster.until(listGroupOffsets(w.admin, GROUP))).map(({ offset }) => offset)
    }
    for (const value of ['a', 'b', 'c']) await w.send(value)
    assert.deepEqual([await next(), await next(), await next()], ['a', 'b', 'c'])
    await w.recreate()
    for (const value of ['u', 'v', 'w', 'x', 'y']) await w.send(value)
    // It has `c` in hand, and finds out about the topic by itself.
    await w.cluster.time.run(2000)
    assert.ok(
      (await committed()).every((offset) => offset === 0),
      'none, or the beginning of the new topic',
    )
    assert.deepEqual([await next(), await next()], ['u', 'v'])
    assert.deepEqual(await committed(), [2])
    assert.deepEqual([await next(), await next(), await next()], ['w', 'x', 'y'])
  })
}
