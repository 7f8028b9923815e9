/**
 * Owns what these tests ask a broker about groups, by requests of our own: who is a member and owns what, in how many
 * rounds that came about, and what is committed.
 */
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import { ConsumerProtocolAssignment } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { GroupMetadataKey, GroupMetadataValue } from '@ottla/protocol/persisted/offsets-and-groups.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { decodeKey, decodeVersioned, keyTypeOf } from '@ottla/protocol/versioned.ts'
import { fetchOnce } from '../cluster.ts'

export interface MemberView {
  readonly clientId: string
  /** `topic-partition` */
  readonly partitions: readonly string[]
}

export interface GroupView {
  readonly state: string
  /** The generation, or the group epoch. */
  readonly round: number
  readonly members: readonly MemberView[]
}

const OFFSETS_TOPIC = '__consumer_offsets'
/** From here on requests name topics by their id. */
const NAMED_TOPICS_MAX = 9

/**
 * Follows the groups of one broker. Which generations a classic group has completed is read from the records that the
 * coordinator wrote of it, as DescribeGroups does not tell: the tests' brokers keep all groups in one partition.
 */
export class GroupObserver implements AsyncDisposable {
  readonly #generations = new Map<string, number>()
  #connection: BrokerConnection
  #offset = 0

  constructor(connection: BrokerConnection) {
    this.#connection = connection
  }

  get connection(): BrokerConnection {
    return this.#connection
  }

  /** To the same broker, which was started anew. */
  async reconnect(connection: BrokerConnection): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
    this.#connection = connection
  }

  async view(group: string, options: { readonly isConsumer: boolean }): Promise<GroupView> {
    return options.isConsumer ? await this.#viewConsumer(group) : await this.#viewClassic(group)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  /** The round is read last, so that a view never has members of a round later than its own. */
  async #viewClassic(group: string): Promise<GroupView> {
    const { groups } = await this.#connection.request(DescribeGroups, { groups: [group] })
    const { groupState: state, members } = groups[0]!
    await this.#readGenerations()
    return {
      ...{ state, round: this.#generations.get(group) ?? 0 },
      members: members.map(({ clientId, memberAssignment }) => ({ clientId, partitions: assigned(memberAssignment) })),
    }
  }

  async #viewConsumer(group: string): Promise<GroupView> {
    const request = { groupIds: [group], includeAuthorizedOperations: false }
    const { groups } = await this.#connection.request(ConsumerGroupDescribe, request)
    const { groupState: state, groupEpoch: round, members } = groups[0]!
    return {
      ...{ state, round },
      members: members.map(({ clientId, assignment }) => ({
        clientId,
        partitions: assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
          partitions.map((index) => `${topicName}-${index}`),
        ),
      })),
    }
  }

  async #readGenerations(): Promise<void> {
    for (;;) {
      const { batches } = await fetchOnce(this.#connection, { topic: OFFSETS_TOPIC, offset: this.#offset })
      if (batches.length === 0) return
      for (const record of batches.flatMap((batch) => [...readRecords(batch)])) {
        this.#offset = record.offset + 1
        this.#takeGeneration(record.key, record.value)
      }
    }
  }

  #takeGeneration(key: Buffer | null, value: Buffer | null): void {
    if (key === null || value === null || keyTypeOf(key) !== GroupMetadataKey.type) return
    const { group } = decodeKey(GroupMetadataKey, key)
    this.#generations.set(group, decodeVersioned(GroupMetadataValue, value, { newer: 'clamped' }).generation)
  }
}

function assigned(bytes: Buffer): string[] {
  if (bytes.length === 0) return []
  const { assignedPartitions } = decodeVersioned(ConsumerProtocolAssignment, bytes, { newer: 'clamped' })
  return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((index) => `${topic}-${index}`))
}

/** By `topic-partition`, the offset; partitions without one are left out. */
export async function committedOffsets(connection: BrokerConnection, group: string): Promise<Map<string, number>> {
  const request = { groups: [{ groupId: group, topics: null }], requireStable: false }
  const answer = await connection.request(OffsetFetch, request, { versionMin: 8, versionMax: NAMED_TOPICS_MAX })
  const { topics } = answer.groups[0]!
  return new Map(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset }) => [`${name}-${partitionIndex}`, committedOffset] as const),
    ),
  )
}
