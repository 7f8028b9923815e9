/** For tests of the shard: one shard driven as the runtime would, and requests whose uninteresting fields are filled in. */
import assert from 'node:assert/strict'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import { imageChange } from '../../metadata/image-change.ts'
import { imageWith, type TestTicket, TestWorld, Transcript, testCaller } from '../testing/transcript.ts'
import type { JoinReply, SyncReply } from './classic/member.ts'
import type { HeartbeatReply as ConsumerHeartbeatReply } from './consumer/heartbeat.ts'
import type { HeartbeatRequest } from './consumer/heartbeat-request.ts'
import type { DeletedGroup } from './group-admin.ts'
import { type GroupRecord, groupRecord } from './group-records.ts'
import { GroupShard } from './group-shard.ts'
import type { DeleteReply } from './offset-requests.ts'
import type { CommitReply } from './offsets.ts'

export const CHECK_INTERVAL_MS = 600_000
export const WEEK_MS = 604_800_000

export interface CommitText {
  readonly group?: string
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly offset?: number
  readonly leaderEpoch?: number
  readonly metadata?: string | null
  readonly memberId?: string
  readonly generation?: number
  readonly retentionTimeMs?: number
  readonly apiVersion?: number
}

export class ShardHarness {
  readonly world = new TestWorld()
  readonly transcript: Transcript<GroupShard>

  constructor(image: MetadataImage = imageWith({ t: 4, u: 4 })) {
    this.world.currentImage = image
    const make = () => new GroupShard({ world: this.world, expiryCheckIntervalMs: () => CHECK_INTERVAL_MS })
    this.transcript = new Transcript(make)
    this.transcript.run(this.shard.loaded(this.transcript.nowMs))
  }

  get shard(): GroupShard {
    return this.transcript.subject
  }

  /** A fail-over. */
  restart(): void {
    this.transcript.restart()
    this.transcript.run(this.shard.loaded(this.transcript.nowMs))
  }

  change(image: MetadataImage): void {
    const before = this.world.currentImage
    this.world.currentImage = image
    this.transcript.run(this.shard.imageChanged(imageChange(before, image)))
  }

  /** What an event has written. */
  written(event: () => unknown): GroupRecord[] {
    const from = this.transcript.log.length
    event()
    return this.transcript.records(from)
  }

  commitTicket(text: CommitText = {}): TestTicket<CommitReply> {
    const { group = 'g', topic = 't', topicId = ZERO_UUID, partition = 0, offset = 5, leaderEpoch = -1 } = text
    const { metadata = '', memberId = '', generation = -1, retentionTimeMs = -1, apiVersion = 9 } = text
    const partitions = [
      {
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata,
      },
    ]
    const request = {
      ...{ groupId: group, memberId, generationIdOrMemberEpoch: generation, groupInstanceId: null, retentionTimeMs },
      topics: [{ name: topic, topicId, partitions }],
    }
    return this.transcript.submit<CommitReply>((shard, ticket, nowMs) =>
      shard.commitOffsets({ request, caller: testCaller({ apiVersion }), ticket }, nowMs),
    )
  }

  /** The error of the one partition. */
  commit(text: CommitText = {}): ErrorName {
    return errorName(this.commitTicket(text).reply.topics[0]!.partitions[0]!.errorCode)
  }

  /** A commit of a transaction: the record alone, as its coordinator will write it. */
  commitInTransaction(
    producerId: number,
    { group = 'g', topic = 't', partition = 0, offset = 5 }: CommitText = {},
  ): void {
    const value = { offset, leaderEpoch: -1, metadata: '', commitTimestamp: this.transcript.nowMs }
    const record = groupRecord('offsetCommit', { group, topic, partition }, value)
    this.transcript.append(record, { producerId, producerEpoch: 0 })
  }

  /** `topic-partition=offset` or the error of it; of all topics unless some are named. */
  fetch(options: { group?: string; partitions?: readonly number[]; topicId?: string; requireStable?: boolean } = {}) {
    const { group = 'g', partitions, topicId = ZERO_UUID, requireStable = false } = options
    const topics = partitions === undefined ? null : [{ name: 't', topicId, partitionIndexes: [...partitions] }]
    const reply = this.shard.fetchOffsets({ groupId: group, memberId: null, memberEpoch: -1, topics, requireStable })
    assert.equal(reply.errorCode, 0)
    return reply.topics.flatMap((topic) =>
      topic.partitions.map(({ partitionIndex, committedOffset, errorCode }) => {
        const shown = errorCode === 0 ? committedOffset : errorName(errorCode)
        return `${topic.name}-${partitionIndex}=${shown}`
      }),
    )
  }

  deleteOffsets(partitions: readonly number[], { group = 'g', topic = 't' } = {}): DeleteReply {
    const topics = [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }]
    return this.transcript.submit<DeleteReply>((shard, ticket) =>
      shard.deleteOffsets({ groupId: group, topics }, ticket),
    ).reply
  }

  deleteGroups(...groupIds: readonly string[]): string[] {
    const { reply } = this.transcript.submit<DeletedGroup[]>((shard, ticket) => shard.delete(groupIds, ticket))
    return reply.map(({ groupId, errorCode }) => `${groupId}: ${errorName(errorCode)}`)
  }

  list(filters: { states?: string[]; types?: string[] } = {}): string[] {
    const { states = [], types = [] } = filters
    return this.shard
      .list({ statesFilter: states, typesFilter: types })
      .map(
        ({ groupId, groupType, groupState, protocolType }) => `${groupId} ${groupType} ${groupState} "${protocolType}"`,
      )
  }

  join(
    memberId = '',
    parts: { group?: string; apiVersion?: number; protocolType?: string } = {},
  ): TestTicket<JoinReply> {
    const { group = 'g', apiVersion = 9, protocolType = 'consumer' } = parts
    const request = {
      ...{ groupId: group, memberId, groupInstanceId: null, protocolType, reason: null },
      ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 },
      protocols: [{ name: 'range', metadata: Buffer.from('no subscription') }],
    }
    return this.transcript.submit<JoinReply>((shard, ticket, nowMs) =>
      shard.join({ request, caller: testCaller({ apiVersion }), ticket }, nowMs),
    )
  }

  /** A member of a group that has gone through its first join phase. */
  joined(parts: { group?: string; protocolType?: string } = {}): JoinReply {
    const { memberId } = this.join('', parts).reply
    const ticket = this.join(memberId, parts)
    this.transcript.advance(3000)
    return ticket.reply
  }

  /** The leader's, who gives itself something. */
  sync(memberId: string, generationId: number): TestTicket<SyncReply> {
    const request = {
      ...{ groupId: 'g', generationId, memberId, groupInstanceId: null, protocolType: 'consumer' },
      ...{ protocolName: 'range', assignments: [{ memberId, assignment: Buffer.from('something') }] },
    }
    return this.transcript.submit<SyncReply>((shard, ticket, nowMs) =>
      shard.sync({ request, caller: testCaller({ apiVersion: 5 }), ticket }, nowMs),
    )
  }

  consumerHeartbeat(parts: Partial<HeartbeatRequest> = {}): TestTicket<ConsumerHeartbeatReply> {
    const request: HeartbeatRequest = {
      ...{ groupId: 'g', memberId: 'member', memberEpoch: 0, instanceId: null, rackId: null },
      ...{ rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['t'], subscribedTopicRegex: null },
      ...{ serverAssignor: null, topicPartitions: [], ...parts },
    }
    return this.transcript.submit<ConsumerHeartbeatReply>((shard, ticket, nowMs) =>
      shard.consumerHeartbeat({ request, caller: testCaller({ apiVersion: 1 }), ticket }, nowMs),
    )
  }
}
