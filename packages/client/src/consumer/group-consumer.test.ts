import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '@ottla/base/deferred.ts'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { settled } from '../fake-broker.ts'

import { classicWorld, END, nextWorld, places, take } from './group-world.ts'

test('classic: a member joins with the id that it is given, leads, reads from what is committed, commits and leaves', async () => {
  const it = await classicWorld()
  it.committed.set(1, 4)
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  assert.deepEqual(it.happened(), ['join new with ', 'join m with ', 'sync 1', 'assigned 0,1,2'])
  const records = consumer.records()
  const seen: string[] = []
  for (let count = 0; count < 14; count++) seen.push(await take(it, records))
  assert.deepEqual(seen.sort(), [
    '0:0',
    '0:1',
    '0:2',
    '0:3',
    '0:4',
    '0:5',
    '1:4',
    '1:5',
    '2:0',
    '2:1',
    '2:2',
    '2:3',
    '2:4',
    '2:5',
  ])
  const waiting = assert.rejects(records.next(), /disposed/)
  await settled(it.time, consumer.leave(), 1000)
  await waiting
  assert.deepEqual(it.happened(), ['commit 0@6 1@6 2@6 as 1', 'revoked 0,1,2', 'leave m'])
  await it.client[Symbol.asyncDispose]()
  await it.time.run(60_000)
  assert.equal(it.time.pendingTimers, 0)
})

test('classic, eager: before it joins again a member lets the application finish, and commits', async () => {
  const it = await classicWorld()
  const consumer = await it.join({ assignors: ['range'], autoCommit: { everyMs: 1e6 } })
  it.happened()
  const records = consumer.records()
  assert.equal(await take(it, records), '0:0')
  it.script.heartbeat = 'REBALANCE_IN_PROGRESS'
  await it.time.run(10_000)
  assert.deepEqual(it.happened(), [], 'the application holds a record')
  assert.ok(it.broker.count(Heartbeat) >= 4, 'heartbeats go on meanwhile')
  const next = take(it, records)
  await it.time.run(1000)
  const [commit, revoked, ...rest] = it.happened()
  assert.equal(commit, 'commit 0@1 1@0 2@0 as 1')
  assert.equal(revoked, 'revoked 0,1,2')
  assert.deepEqual(rest, ['join m with 0,1,2', 'sync 1', 'assigned 0,1,2'])
  assert.equal(await next, '0:1', 'neither again nor left out')
  await settled(it.time, consumer.leave(), 1000)
})

test('classic, cooperative: what goes is committed and revoked, the rest is read on, and the member joins again', async () => {
  const it = await classicWorld()
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  it.happened()
  it.script.assigned = places(0, 1)
  it.script.heartbeat = 'REBALANCE_IN_PROGRESS'
  await it.time.run(4000)
  assert.deepEqual(it.happened(), [
    'join m with 0,1,2',
    'sync 1',
    'commit 2@0 as 2',
    'revoked 2',
    'join m with 0,1',
    'sync 1',
  ])
  const seen = []
  const records = consumer.records()
  for (let count = 0; count < 12; count++) seen.push(await take(it, records))
  assert.ok(seen.every((text) => !text.startsWith('2:')))
  await settled(it.time, consumer.leave(), 1000)
})

test('classic: a member that was thrown out loses its partitions without a commit, and joins as another one', async () => {
  const it = await classicWorld()
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  it.happened()
  it.script.heartbeat = 'UNKNOWN_MEMBER_ID'
  await it.time.run(5000)
  assert.deepEqual(it.happened(), ['lost 0,1,2', 'join new with ', 'join m with ', 'sync 1', 'assigned 0,1,2'])
  await settled(it.time, consumer.leave(), 1000)
})

test('classic: a fenced instance id ends the consumer with what to do; a moved coordinator is found again', async () => {
  const it = await classicWorld()
  const consumer = await it.join()
  const found = it.broker.count(FindCoordinator)
  it.script.heartbeat = 'NOT_COORDINATOR'
  await it.time.run(4000)
  assert.ok(it.broker.count(FindCoordinator) > found)
  it.script.heartbeat = 'NONE'
  await it.time.run(4000)
  assert.ok(!it.happened().includes('lost 0,1,2'))
  it.script.heartbeat = 'FENCED_INSTANCE_ID'
  await it.time.run(10_000)
  await assert.rejects(
    consumer.records().next(),
    /Cannot stay in group "g": another member has taken over.*FENCED_INSTANCE_ID/,
  )
})

test('consumer protocol: revoke first, then acknowledge, and only then read what is new', async () => {
  const it = await nextWorld()
  it.script.assigned = places(0, 1)
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  assert.deepEqual(it.happened(), ['beat 0 with [] full', 'assigned 0,1', 'beat 1 with [0,1]'])
  const records = consumer.records()
  assert.equal(await take(it, records), '0:0')
  it.assignedOnce([1], 1)
  const beats = it.broker.count(ConsumerGroupHeartbeat)
  await it.time.run(10_000)
  assert.deepEqual(it.happened(), [], 'nothing is acknowledged while the application holds a record')
  assert.ok(it.broker.count(ConsumerGroupHeartbeat) >= beats + 9)
  assert.equal(await take(it, records), '1:0')
  assert.deepEqual(it.happened(), ['commit 0@1 as 1', 'revoked 0', 'beat 1 with [1]'])
  it.assignedOnce([1, 2], 2)
  await it.time.run(2000)
  assert.deepEqual(it.happened().sort(), ['assigned 2', 'beat 2 with [1,2]'])
  await settled(it.time, consumer.leave(), 1000)
  assert.deepEqual(it.happened().at(-1), 'beat -1')
})

test('consumer protocol: a fenced member loses its partitions and joins again from epoch 0', async () => {
  const it = await nextWorld()
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  it.happened()
  it.script.next = () => {
    it.script.next = () => ({})
    return { errorCode: errorCode('FENCED_MEMBER_EPOCH'), memberEpoch: -1 }
  }
  await it.time.run(3000)
  const events = it.happened()
  assert.deepEqual(events.slice(0, 2), ['lost 0,1,2', 'beat 0 with [] full'])
  assert.ok(events.includes('assigned 0,1,2'))
  await settled(it.time, consumer.leave(), 1000)
})

test('consumer protocol: after a lost connection everything is said again', async () => {
  const it = await nextWorld()
  const consumer = await it.join({ autoCommit: { everyMs: 1e6 } })
  it.happened()
  it.script.next = () => {
    it.script.next = () => ({})
    it.broker.hangUp()
    return {}
  }
  await it.time.run(3000)
  assert.deepEqual(it.happened(), ['beat 1 with [0,1,2] full'])
  await settled(it.time, consumer.leave(), 1000)
})

test('consumer protocol: an instance id that is in use is an error that says what to do', async () => {
  const it = await nextWorld()
  it.script.next = () => ({ errorCode: errorCode('UNRELEASED_INSTANCE_ID') })
  const consumer = await it.join({ groupInstanceId: 'i' })
  await it.time.run(10_000)
  await assert.rejects(consumer.records().next(), /live member holds this group.instance.id.*UNRELEASED_INSTANCE_ID/)
})

test('a commit waits for a rebalance to end, and is refused where the member was thrown out', async () => {
  const it = await nextWorld()
  const consumer = await it.join({ autoCommit: false })
  const offsets = [{ topic: 't', partition: 0, offset: 3 }]
  it.happened()
  const errors: ErrorName[] = ['STALE_MEMBER_EPOCH', 'COORDINATOR_LOAD_IN_PROGRESS', 'REBALANCE_IN_PROGRESS', 'NONE']
  it.script.commit = () => errors.shift()!
  await settled(it.time, consumer.commit(offsets), 5000)
  assert.equal(errors.length, 0)
  it.script.commit = () => 'UNKNOWN_MEMBER_ID'
  const refused = assert.rejects(consumer.commit(offsets), /thrown out.*UNKNOWN_MEMBER_ID/)
  await it.time.run(1000)
  await refused
  await settled(it.time, consumer.leave(), 1000)
  assert.ok(!it.happened().some((event) => event.includes('@6')), 'nothing is committed unasked')
})

test('a partition is not let go while a commit of it is tried again: it would undo what the next owner commits', async () => {
  const it = await nextWorld()
  it.script.assigned = places(0, 1)
  const consumer = await it.join({ autoCommit: false })
  it.happened()
  it.script.commit = () => 'COORDINATOR_LOAD_IN_PROGRESS'
  const committing = consumer.commit([{ topic: 't', partition: 0, offset: 3 }])
  it.assignedOnce([1], 1)
  await it.time.run(5000)
  assert.ok(!it.happened().some((event) => event.startsWith('revoked') || event === 'beat 1 with [1]'))
  it.script.commit = () => 'NONE'
  await settled(it.time, committing, 5000)
  await it.time.run(2000)
  const events = it.happened()
  assert.ok(events.indexOf('revoked 0') > events.indexOf('commit 0@3 as 1'), `${events}`)
  assert.ok(events.includes('beat 1 with [1]'))
  await settled(it.time, consumer.leave(), 1000)
})

test('an application that asks for nothing leaves the group, and is told', async () => {
  const it = await classicWorld()
  const consumer = await it.join({ processingTimeoutMs: 8000 })
  const records = consumer.records()
  await take(it, records)
  await it.time.run(5000)
  assert.ok(!it.happened().includes('leave m'))
  await it.time.run(5000)
  assert.ok(it.happened().includes('leave m'))
  await assert.rejects(async () => {
    for (;;) await records.next()
  }, /nothing was asked for in 8000 ms.*processingTimeoutMs/)
})

test('a reader that leaves in the middle of a batch and comes back misses nothing', async () => {
  const it = await classicWorld()
  it.script.assigned = places(0)
  const consumer = await it.join()
  const first = consumer.records()
  const seen = [await take(it, first), await take(it, first)]
  await first.return()
  const second = consumer.records()
  for (let count = 0; count < 4; count++) seen.push(await take(it, second))
  assert.deepEqual(seen, ['0:0', '0:1', '0:2', '0:3', '0:4', '0:5'])
  await settled(it.time, consumer.leave(), 1000)
})

test('leaving takes no longer than its bound where the coordinator is silent', async () => {
  const it = await classicWorld()
  const consumer = await it.join()
  it.broker.on(OffsetCommit, () => null)
  it.broker.on(LeaveGroup, () => null)
  await settled(it.time, consumer.leave(), 15_000)
})

test('what is lost while the application still prepares for it is not read', async () => {
  const it = await classicWorld()
  const prepared = deferred<void>()
  let calls = 0
  const consumer = await it.join({ onAssigned: async () => await (calls++ === 0 ? prepared.promise : undefined) })
  it.script.assigned = places(1)
  it.script.heartbeat = 'UNKNOWN_MEMBER_ID'
  await it.time.run(5000)
  prepared.resolve()
  await it.time.run(5000)
  assert.deepEqual(
    consumer.assignment.map(({ partition, offset }) => [partition, offset]),
    [[1, 0]],
  )
  const records = consumer.records()
  for (let count = 0; count < END; count++) assert.match(await take(it, records), /^1:/)
  await settled(it.time, consumer.leave(), 1000)
})

test('a reader that does not wait any longer leaves the consumer as it is', async () => {
  const it = await classicWorld()
  it.script.assigned = places(0)
  const consumer = await it.join()
  const first = consumer.records()
  for (let count = 0; count < END; count++) await take(it, first)
  const patience = new AbortController()
  await first.return()
  const refused = assert.rejects(consumer.records({ signal: patience.signal }).next(), /no longer/)
  await it.time.run(1000)
  patience.abort(new Error('no longer'))
  await refused
  await it.time.run(10_000)
  assert.ok(!it.happened().includes('leave m'))
  await settled(it.time, consumer.leave(), 1000)
})
