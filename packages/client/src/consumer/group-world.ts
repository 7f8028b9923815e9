/**
 * For tests of group consumers: a broker that leads three partitions with six records each and coordinates the group as
 * the test says. Notes what it was asked and what the application was told, in order.
 */
import assert from 'node:assert/strict'
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
export const END = 6

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

export const places = (...partitions: number[]): GroupPartition[] =>
  partitions.map((partition) => ({ topic: 't', partition }))

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
export async function world() {
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

export async function classicWorld() {
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

export async function nextWorld() {
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

export async function take(
  it: { time: Parameters<typeof settled>[0] },
  records: AsyncGenerator<{ partition: number; offset: number }>,
) {
  const { value } = await settled(it.time, records.next(), 2000)
  assert.ok(value)
  return `${value.partition}:${value.offset}`
}
