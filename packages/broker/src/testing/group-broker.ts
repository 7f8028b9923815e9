/** For tests of the group handlers: a broker in memory whose groups are loaded, and what is asked of it most. */
import assert from 'node:assert/strict'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { BrokerParts } from '../handlers/parts.ts'
import { type Broker, memoryBroker } from './memory-broker.ts'
import { RawClient } from './raw-client.ts'

const ROUNDS_MAX = 10_000

/** For handlers that must not ask anybody: it answers to nothing. */
export const NOBODY = { groups: {} as BrokerParts['groups'] }

export class GroupBroker implements AsyncDisposable {
  readonly broker: Broker
  readonly client: RawClient
  /** Of topic `t`, of four partitions. */
  readonly topicId: string

  private constructor(parts: { broker: Broker; client: RawClient; topicId: string }) {
    this.broker = parts.broker
    this.client = parts.client
    this.topicId = parts.topicId
  }

  static async open(settings: { readonly [name: string]: string } = {}): Promise<GroupBroker> {
    const broker = await memoryBroker({ settings: { 'group.initial.rebalance.delay.ms': '0', ...settings } })
    const client = await RawClient.connect(broker.port)
    const topics = [{ name: 't', numPartitions: 4, replicationFactor: 1, assignments: [], configs: [] }]
    const created = await client.ask(CreateTopics, 7, { topics, timeoutMs: 10_000, validateOnly: false })
    const harness = new GroupBroker({ broker, client, topicId: created.topics[0]!.topicId })
    await client.ask(FindCoordinator, 4, { coordinatorKeys: ['g'] })
    await harness.loaded()
    return harness
  }

  /** Every partition of the groups' topic is. */
  async loaded(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds++) {
      const { errorCode } = await this.client.ask(ListGroups, 4, { statesFilter: [] })
      if (errorName(errorCode) !== 'COORDINATOR_LOAD_IN_PROGRESS') return
    }
    assert.fail('The groups are loaded in the end')
  }

  /** `partition: error` of each. */
  async commit(version: number, offsets: Readonly<Record<number, number>>, member: Membership = {}): Promise<string[]> {
    const { group: groupId = 'g', memberId = '', generationId: generationIdOrMemberEpoch = -1 } = member
    const partitions = Object.entries(offsets).map(([index, offset]) => ({
      ...{ partitionIndex: Number(index), committedOffset: offset, committedMetadata: `at ${offset}` },
      ...(version >= 6 ? { committedLeaderEpoch: 0 } : {}),
    }))
    const topic = version >= 10 ? { topicId: this.topicId } : { name: 't' }
    const topics = [{ ...topic, partitions }]
    const { topics: replies } = await this.client.ask(OffsetCommit, version, {
      ...{ groupId, memberId, generationIdOrMemberEpoch, topics },
    })
    return replies[0]!.partitions.map(({ partitionIndex, errorCode }) => `${partitionIndex}: ${errorName(errorCode)}`)
  }

  /** The offset of one partition. */
  async fetched(partition: number, groupId = 'g'): Promise<number> {
    const topics = [{ name: 't', partitionIndexes: [partition] }]
    const { groups } = await this.client.ask(OffsetFetch, 8, { groups: [{ groupId, topics }] })
    return groups[0]!.topics[0]!.partitions[0]!.committedOffset
  }

  /** The only member of a group, in its first generation. */
  async member(groupId = 'g', protocolType = 'consumer'): Promise<{ memberId: string; generationId: number }> {
    const request = {
      ...{ groupId, protocolType, sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000 },
      protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
    }
    const { memberId } = await this.client.ask(JoinGroup, 5, { ...request, memberId: '' })
    const joined = await this.client.ask(JoinGroup, 5, { ...request, memberId })
    assert.deepEqual([errorName(joined.errorCode), joined.leader], ['NONE', memberId])
    const { generationId } = joined
    const assignments = [{ memberId, assignment: Buffer.from('assigned') }]
    const synced = await this.client.ask(SyncGroup, 3, { groupId, memberId, generationId, assignments })
    assert.deepEqual([errorName(synced.errorCode), String(synced.assignment)], ['NONE', 'assigned'])
    return { memberId, generationId }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]()
    await this.broker[Symbol.asyncDispose]()
  }
}

export interface Membership {
  readonly group?: string
  readonly memberId?: string
  readonly generationId?: number
}

/** Version 0 of a consumer's subscription: topic `t`, no data of its own. */
export const SUBSCRIPTION = Buffer.from('0000' + '00000001' + '000174' + 'ffffffff', 'hex')
