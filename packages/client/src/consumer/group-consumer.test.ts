import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '@ottla/base/deferred.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { fakeCluster, settled, TOPIC_ID } from '../fake-broker.ts'
import { decodeSubscription, encodeAssignment } from './group/consumer-protocol.ts'
import type { GroupPartition } from './group/membership.ts'
import { GroupConsumer, type GroupConsumerOptions } from './group-consumer.ts'

const PARTITIONS = 3
/** In each partition: two batches of three records. */
const END = 6

function log(fetchOffset: number): Buffer {
  const batches = [0, 3].map((baseOffset) => {
    const builder = new BatchBuilder()
    for (let at = 0; at < 3; at++) builder.append({ timestampMs: 1, key: null, value: String(baseOffset + at) })
    const bytes = Buffer.from(builder.build())
    assignOffset(bytes, 0, baseOffset, 0)
    return bytes
  })
  return Buffer.concat(batches.slice(Math.floor(fetchOffset / 3)))
}

const places = (...partitions: number[]): GroupPartition[] => partitions.map((partition) => ({ topic: 't', partition }))

type Cluster = Awaited<ReturnType<typeof fakeCluster>>

/** Six records in each partition, and where they begin and end. */
function serveRecords({ broker, time }: Cluster): void {
  broker.on(Fetch, async ({ topics, maxWaitMs }) => {
    const responses = topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition: partitionIndex, fetchOffset }) => {
        return {
          partitionIndex,
          errorCode: 0,
          highWatermark: END,
          abortedTransactions: null,
          records: log(fetchOffset),
        }
      }),
    }))
    const isEmpty = responses.every(({ partitions }) => partitions.every(({ records }) => records.length === 0))
    if (isEmpty) await time.sleep(maxWaitMs)
    return { responses }
  })
  broker.on(ListOffsets, ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => {
        return { partitionIndex, errorCode: 0, offset: timestamp === -1 ? END : 0 }
      }),
    })),
  }))
}

/** The group's coordinator is this broker, and knows these offsets. */
function serveCommitted({ broker }: Cluster, committed: ReadonlyMap<number, number>): void {
  broker.on(FindCoordinator, ({ coordinatorKeys }) => ({
    coordinators: coordinatorKeys.map((key) => ({ key, nodeId: 1, host: 'broker', port: 9092, errorCode: 0 })),
  }))
  broker.on(OffsetFetch, ({ groups }) => ({
    groups: groups.map(({ groupId, topics }) => ({
      groupId,
      topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const committedOffset = committed.get(partitionIndex) ?? -1
          return { partitionIndex, committedOffset, metadata: '', errorCode: 0 }
        }),
      })),
    })),
  }))
}

/** A broker that leads t-0 to t-2 and coordinates the group; what the coordinator says is the test's. */
async function world() {
  const cluster = await fakeCluster({ partitions: PARTITIONS })
  const { broker, time } = cluster
  // Connections learn what a broker speaks when they are opened; tests script the answers afterwards.
  for (const api of [JoinGroup, SyncGroup, Heartbeat, LeaveGroup, ConsumerGroupHeartbeat]) broker.on(api, () => null)
  const committed = new Map<number, number>()
  const events: string[] = []
  const script = {
    heartbeat: 'NONE' as ErrorName,
    commit: (): ErrorName => 'NONE',
    assigned: places(0, 1, 2),
    generation: 0,
    next: (
      _request: RequestOf<typeof ConsumerGroupHeartbeat>,
    ): Partial<ResponseInputOf<typeof ConsumerGroupHeartbeat>> => ({}),
  }
  serveRecords(cluster)
  serveCommitted(cluster, committed)
  broker.on(OffsetCommit, ({ topics, generationIdOrMemberEpoch }) => {
    const error = script.commit()
    const rows = topics.flatMap(({ partitions }) => partitions)
    if (error === 'NONE') for (const row of rows) committed.set(row.partitionIndex, row.committedOffset)
    const text = rows
      .map((row) => `${row.partitionIndex}@${row.committedOffset}`)
      .sort()
      .join(' ')
    events.push(`commit ${text} as ${generationIdOrMemberEpoch}${error === 'NONE' ? '' : ` ${error}`}`)
    const answer = (partitionIndex: number) => ({ partitionIndex, errorCode: errorCode(error) })
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => answer(partitionIndex)),
      })),
    }
  })
  const client = await cluster.open()
  const join = async (options: Partial<GroupConsumerOptions>): Promise<GroupConsumer> => {
    const note = (what: string) => (some: readonly GroupPartition[]) => {
      events.push(`${what} ${some.map(({ partition }) => partition).join(',')}`)
    }
    const joining = GroupConsumer.join(client, {
      group: 'g',
      topics: ['t'],
      from: 'beginning',
      onAssigned: note('assigned'),
      onRevoked: note('revoked'),
      onLost: note('lost'),
      ...options,
    })
    const consumer = await settled(time, joining, 100)
    await time.run(1000)
    return consumer
  }
  /** What happened since the last look. */
  const happened = (): string[] => events.splice(0)
  return { ...cluster, client, script, join, events, happened, committed }
}

async function classicWorld() {
  const it = await world()
  const { broker, events, script } = it
  broker.on(JoinGroup, ({ memberId, protocols }) => {
    const { owned } = decodeSubscription(protocols[0]!.metadata)
    events.push(`join ${memberId === '' ? 'new' : memberId} with ${owned.map(({ partition }) => partition).join(',')}`)
    const answer = { protocolName: protocols[0]!.name, protocolType: 'consumer', leader: '', members: [] }
    if (memberId === '') return { ...answer, errorCode: errorCode('MEMBER_ID_REQUIRED'), memberId: 'm' }
    script.heartbeat = 'NONE'
    const members = [{ memberId, metadata: protocols[0]!.metadata }]
    return { ...answer, errorCode: 0, generationId: ++script.generation, leader: 'm', memberId, members }
  })
  broker.on(SyncGroup, ({ assignments }) => {
    events.push(`sync ${assignments.length}`)
    return { errorCode: 0, assignment: encodeAssignment(script.assigned) }
  })
  broker.on(Heartbeat, () => ({ errorCode: errorCode(script.heartbeat) }))
  broker.on(LeaveGroup, ({ members }) => {
    events.push(`leave ${members.map(({ memberId }) => memberId).join(',')}`)
    return { errorCode: 0, members: members.map((row) => ({ ...row, errorCode: 0 })) }
  })
  const join = async (options: Partial<GroupConsumerOptions> = {}): Promise<GroupConsumer> =>
    await it.join({ protocol: 'classic', ...options })
  return { ...it, join }
}

async function nextWorld() {
  const it = await world()
  const { broker, events, script } = it
  let epoch = 0
  broker.on(ConsumerGroupHeartbeat, (request) => {
    const { memberEpoch, topicPartitions, subscribedTopicNames, memberId } = request
    const owned = topicPartitions?.flatMap(({ partitions }) => [...partitions].sort()).join(',')
    if (memberEpoch <= 0 || owned !== undefined)
      events.push(
        `beat ${memberEpoch}${owned === undefined ? '' : ` with [${owned}]`}${subscribedTopicNames === null ? '' : ' full'}`,
      )
    if (memberEpoch === 0) epoch++
    const partitions = script.assigned.map(({ partition }) => partition)
    const assignment = memberEpoch === 0 ? { topicPartitions: [{ topicId: TOPIC_ID, partitions }] } : null
    const answer = {
      errorCode: 0,
      memberId,
      memberEpoch: Math.max(epoch, memberEpoch),
      heartbeatIntervalMs: 1000,
      assignment,
    }
    return { ...answer, ...script.next(request) }
  })
  const join = async (options: Partial<GroupConsumerOptions> = {}): Promise<GroupConsumer> =>
    await it.join({ protocol: 'consumer', ...options })
  const assignedOnce = (partitions: number[], memberEpoch: number): void => {
    script.next = () => {
      script.next = () => ({ memberEpoch })
      return { memberEpoch, assignment: { topicPartitions: [{ topicId: TOPIC_ID, partitions }] } }
    }
  }
  return { ...it, join, assignedOnce }
}

async function take(
  it: { time: Parameters<typeof settled>[0] },
  records: AsyncGenerator<{ partition: number; offset: number }>,
) {
  const { value } = await settled(it.time, records.next(), 2000)
  assert.ok(value)
  return `${value.partition}:${value.offset}`
}

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
