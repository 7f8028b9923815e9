import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '@ottla/base/deferred.ts'
import { settled } from '../fake-broker.ts'
import type { GroupPartition } from './group/membership.ts'
import type { GroupConsumer, GroupConsumerOptions } from './group-consumer.ts'
import { classicWorld, nextWorld, places } from './group-world.ts'

type Callback = 'onAssigned' | 'onRevoked' | 'onLost'

/** Callbacks that are noted, and the named of which then waits for the consumer's farewell. */
function leavingIn(
  name: Callback,
  events: string[],
  consumer: () => GroupConsumer | Promise<GroupConsumer>,
): Partial<GroupConsumerOptions> {
  const callback = (what: Callback) => async (some: readonly GroupPartition[]) => {
    events.push(`${what} ${some.map(({ partition }) => partition).join(',')}`)
    if (what === name) await (await consumer()).leave()
    events.push(`${what} ends`)
  }
  return { onAssigned: callback('onAssigned'), onRevoked: callback('onRevoked'), onLost: callback('onLost') }
}

test('classic: a member that leaves while its partitions are revoked is told of each once, and leaves', async () => {
  const it = await classicWorld()
  const consumer: GroupConsumer = await it.join(leavingIn('onRevoked', it.events, () => consumer))
  it.happened()
  it.script.assigned = places(0, 1)
  it.script.heartbeat = 'REBALANCE_IN_PROGRESS'
  await it.time.run(4000)
  const told = it.happened().filter((event) => event.startsWith('on'))
  assert.deepEqual(told, ['onRevoked 2', 'onRevoked ends', 'onRevoked 0,1', 'onRevoked ends'])
  await settled(it.time, consumer.leave(), 100)
  await it.client[Symbol.asyncDispose]()
  await it.time.run(60_000)
  assert.equal(it.time.pendingTimers, 0)
})

test('consumer protocol: a member that leaves while a partition is revoked commits, and says that it goes', async () => {
  const it = await nextWorld()
  const consumer: GroupConsumer = await it.join({
    ...leavingIn('onRevoked', it.events, () => consumer),
    autoCommit: { everyMs: 1e6 },
  })
  it.happened()
  it.assignedOnce([0, 1], 1)
  await it.time.run(4000)
  const events = it.happened()
  assert.deepEqual(events.slice(1, 3), ['onRevoked 2', 'onRevoked ends'])
  assert.deepEqual(events.slice(-1), ['beat -1'])
  await settled(it.time, consumer.leave(), 100)
})

test('a farewell in the callback that the farewell itself calls does not wait for itself', async () => {
  const it = await classicWorld()
  const consumer: GroupConsumer = await it.join(leavingIn('onRevoked', it.events, () => consumer))
  it.happened()
  await settled(it.time, consumer.leave(), 1000)
  assert.deepEqual(it.happened().slice(-3), ['onRevoked 0,1,2', 'onRevoked ends', 'leave m'])
})

test('a member leaves when its first partitions come, or when it has lost them, and reads nothing more', async () => {
  for (const name of ['onAssigned', 'onLost'] as const) {
    const it = await classicWorld()
    const joined = deferred<GroupConsumer>()
    const consumer = await it.join(leavingIn(name, it.events, () => joined.promise))
    joined.resolve(consumer)
    it.script.heartbeat = 'UNKNOWN_MEMBER_ID'
    await it.time.run(10_000)
    assert.ok(it.happened().includes(`${name} ends`), name)
    assert.deepEqual(consumer.assignment, [])
    await settled(it.time, consumer.leave(), 100)
  }
})

test('who leaves from outside while a callback runs waits for its end', async () => {
  const it = await classicWorld()
  const consumer = await it.join({
    onRevoked: async () => {
      await it.time.sleep(3000)
      it.events.push('revoked')
    },
  })
  it.happened()
  it.script.assigned = places(0, 1)
  it.script.heartbeat = 'REBALANCE_IN_PROGRESS'
  await it.time.run(4000)
  const leaving = consumer.leave().then(() => it.events.push('left'))
  await settled(it.time, leaving, 20_000)
  const events = it.happened().filter((event) => event === 'revoked' || event === 'left' || event === 'leave m')
  assert.deepEqual(events, ['revoked', 'revoked', 'leave m', 'left'])
})
