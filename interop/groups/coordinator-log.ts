/**
 * Owns reading what the coordinator wrote of groups, as events in the order of the log: the tests' brokers keep all
 * groups in one partition of `__consumer_offsets`. Who owned what at which moment, and what was committed then, stands
 * nowhere else.
 */
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ConsumerProtocolAssignment } from '@ottla/protocol/embedded/consumer-protocol.ts'
import {
  ConsumerGroupCurrentMemberAssignmentKey,
  ConsumerGroupCurrentMemberAssignmentValue,
  ConsumerGroupMemberMetadataKey,
  ConsumerGroupMemberMetadataValue,
  ConsumerGroupMetadataKey,
  ConsumerGroupMetadataValue,
} from '@ottla/protocol/persisted/consumer-groups.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from '@ottla/protocol/persisted/offsets-and-groups.ts'
import { type LogRecord, readRecords } from '@ottla/protocol/records/record.ts'
import { decodeKey, decodeVersioned, keyTypeOf } from '@ottla/protocol/versioned.ts'
import { fetchOnce } from '../cluster.ts'

/** Partitions are `topic-0`. */
export type GroupEvent = { readonly group: string; readonly timestampMs: number } & (
  | { readonly kind: 'generation'; readonly round: number; readonly owners: ReadonlyMap<string, readonly string[]> }
  | { readonly kind: 'epoch'; readonly round: number }
  | { readonly kind: 'member'; readonly memberId: string; readonly clientId: string }
  | { readonly kind: 'owned'; readonly memberId: string; readonly partitions: readonly string[] }
  | { readonly kind: 'commit'; readonly partition: string; readonly offset: number }
)

type Content = GroupEvent extends infer Event ? (Event extends GroupEvent ? Omit<Event, 'timestampMs'> : never) : never

/** From here on Metadata tells the ids of topics. */
const TOPIC_IDS_MIN = 10
const OFFSETS_TOPIC = '__consumer_offsets'
const NEWER = { newer: 'clamped' } as const

export class CoordinatorLog {
  /** Topics that were deleted are still in the log. */
  readonly #names = new Map<string, string>()
  #offset = 0

  /** What has come since it was asked last. */
  async *read(connection: BrokerConnection): AsyncGenerator<GroupEvent> {
    for (;;) {
      const { batches } = await fetchOnce(connection, { topic: OFFSETS_TOPIC, offset: this.#offset })
      if (batches.length === 0) return
      for (const record of batches.flatMap((batch) => [...readRecords(batch)])) {
        this.#offset = record.offset + 1
        const content = contentOf(record)
        if (content === null) continue
        const event = content.kind === 'owned' ? await this.#named(content, connection) : content
        yield { ...event, timestampMs: record.timestamp } as GroupEvent
      }
    }
  }

  /** A topic that came and went since the log was read last keeps its id for a name. */
  async #named(owned: Content & { kind: 'owned' }, connection: BrokerConnection): Promise<Content> {
    const ids = owned.partitions.map((partition) => partition.slice(0, partition.lastIndexOf('-')))
    if (ids.some((id) => !this.#names.has(id))) await this.#learnNames(connection)
    const partitions = owned.partitions.map((partition, index) => {
      const id = ids[index]!
      return (this.#names.get(id) ?? id) + partition.slice(id.length)
    })
    return { ...owned, partitions }
  }

  async #learnNames(connection: BrokerConnection): Promise<void> {
    const { topics } = await connection.request(Metadata, { topics: null }, { versionMin: TOPIC_IDS_MIN })
    for (const { topicId, name } of topics) if (name !== null) this.#names.set(topicId, name)
  }
}

/** Null where it is of no interest here. */
function contentOf({ key, value }: LogRecord): Content | null {
  if (key === null) return null
  switch (keyTypeOf(key)) {
    case OffsetCommitKey.type:
      return value === null ? null : commitOf(key, value)
    case GroupMetadataKey.type:
      return value === null ? null : generationOf(key, value)
    case ConsumerGroupMetadataKey.type:
      return value === null ? null : epochOf(key, value)
    case ConsumerGroupMemberMetadataKey.type:
      return value === null ? null : memberOf(key, value)
    case ConsumerGroupCurrentMemberAssignmentKey.type:
      return ownedOf(key, value)
    default:
      return null
  }
}

function commitOf(key: Buffer, value: Buffer): Content {
  const { group, topic, partition } = decodeKey(OffsetCommitKey, key)
  const { offset } = decodeVersioned(OffsetCommitValue, value, NEWER)
  return { kind: 'commit', group, partition: `${topic}-${partition}`, offset }
}

function generationOf(key: Buffer, value: Buffer): Content {
  const { group } = decodeKey(GroupMetadataKey, key)
  const { generation: round, members } = decodeVersioned(GroupMetadataValue, value, NEWER)
  const owners = members.map(({ clientId, assignment }) => [clientId, assignedPartitions(assignment)] as const)
  return { kind: 'generation', group, round, owners: new Map(owners) }
}

function epochOf(key: Buffer, value: Buffer): Content {
  const { groupId: group } = decodeKey(ConsumerGroupMetadataKey, key)
  return { kind: 'epoch', group, round: decodeVersioned(ConsumerGroupMetadataValue, value, NEWER).epoch }
}

function memberOf(key: Buffer, value: Buffer): Content {
  const { groupId: group, memberId } = decodeKey(ConsumerGroupMemberMetadataKey, key)
  const { clientId } = decodeVersioned(ConsumerGroupMemberMetadataValue, value, NEWER)
  return { kind: 'member', group, memberId, clientId }
}

/** What a member has to give up is its own until it has done so. */
function ownedOf(key: Buffer, value: Buffer | null): Content {
  const { groupId: group, memberId } = decodeKey(ConsumerGroupCurrentMemberAssignmentKey, key)
  if (value === null) return { kind: 'owned', group, memberId, partitions: [] }
  const current = decodeVersioned(ConsumerGroupCurrentMemberAssignmentValue, value, NEWER)
  const topics = [...current.assignedPartitions, ...current.partitionsPendingRevocation]
  const partitions = topics.flatMap(({ topicId, partitions: all }) => all.map((index) => `${topicId}-${index}`))
  return { kind: 'owned', group, memberId, partitions }
}

/** Of a classic member's assignment, which is its client's. */
export function assignedPartitions(bytes: Buffer): string[] {
  if (bytes.length === 0) return []
  const { assignedPartitions: topics } = decodeVersioned(ConsumerProtocolAssignment, bytes, NEWER)
  return topics.flatMap(({ topic, partitions }) => partitions.map((index) => `${topic}-${index}`))
}
