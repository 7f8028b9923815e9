/**
 * The records of `__consumer_offsets` as values: one table of their types, encoding with the versions that Kafka 4.2
 * writes, decoding of all that it reads. Types of groups that are not there yet, and unknown ones, decode to null.
 *
 * Which record belongs to which group is told by `groupIdOf`; what it means, by whoever applies it.
 */
import type { DataInputOf, DataMessage, DataOf } from '@ottla/protocol/codec.ts'
import {
  ConsumerGroupCurrentMemberAssignmentKey,
  ConsumerGroupCurrentMemberAssignmentValue,
  ConsumerGroupMemberMetadataKey,
  ConsumerGroupMemberMetadataValue,
  ConsumerGroupMetadataKey,
  ConsumerGroupMetadataValue,
  ConsumerGroupPartitionMetadataKey,
  ConsumerGroupPartitionMetadataValue,
  ConsumerGroupRegularExpressionKey,
  ConsumerGroupRegularExpressionValue,
  ConsumerGroupTargetAssignmentMemberKey,
  ConsumerGroupTargetAssignmentMemberValue,
  ConsumerGroupTargetAssignmentMetadataKey,
  ConsumerGroupTargetAssignmentMetadataValue,
} from '@ottla/protocol/persisted/consumer-groups.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  LegacyOffsetCommitValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from '@ottla/protocol/persisted/offsets-and-groups.ts'
import { decodeKey, decodeVersioned, encodeKey, encodeVersioned, keyTypeOf } from '@ottla/protocol/versioned.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import type { CoordinatorRecord } from '../machine.ts'

/** Each type with the version of its value that is written. */
const TYPES = {
  offsetCommit: { key: OffsetCommitKey, value: OffsetCommitValue, version: 4 },
  groupMetadata: { key: GroupMetadataKey, value: GroupMetadataValue, version: 3 },
  consumerGroupMetadata: { key: ConsumerGroupMetadataKey, value: ConsumerGroupMetadataValue, version: 0 },
  /** Read, and removed, but not written since Kafka 4.0. */
  consumerGroupPartitionMetadata: {
    ...{ key: ConsumerGroupPartitionMetadataKey, value: ConsumerGroupPartitionMetadataValue, version: 0 },
  },
  consumerGroupMemberMetadata: {
    ...{ key: ConsumerGroupMemberMetadataKey, value: ConsumerGroupMemberMetadataValue, version: 0 },
  },
  consumerGroupTargetAssignmentMetadata: {
    ...{ key: ConsumerGroupTargetAssignmentMetadataKey, value: ConsumerGroupTargetAssignmentMetadataValue, version: 0 },
  },
  consumerGroupTargetAssignmentMember: {
    ...{ key: ConsumerGroupTargetAssignmentMemberKey, value: ConsumerGroupTargetAssignmentMemberValue, version: 0 },
  },
  consumerGroupCurrentMemberAssignment: {
    ...{ key: ConsumerGroupCurrentMemberAssignmentKey, value: ConsumerGroupCurrentMemberAssignmentValue, version: 0 },
  },
  consumerGroupRegularExpression: {
    ...{ key: ConsumerGroupRegularExpressionKey, value: ConsumerGroupRegularExpressionValue, version: 0 },
  },
} as const

/** The only version that knows of an expiry of its own. */
const OFFSET_VERSION_WITH_EXPIRY = 1

export type GroupRecordType = keyof typeof TYPES
export type GroupRecordKey<T extends GroupRecordType> = DataOf<(typeof TYPES)[T]['key']>
export type GroupRecordValue<T extends GroupRecordType> = DataOf<(typeof TYPES)[T]['value']>
type KeyInput<T extends GroupRecordType> = DataInputOf<(typeof TYPES)[T]['key']>
type ValueInput<T extends GroupRecordType> = DataInputOf<(typeof TYPES)[T]['value']>

export interface GroupRecordOf<T extends GroupRecordType> {
  readonly type: T
  readonly key: GroupRecordKey<T>
  /** Null: a tombstone. */
  readonly value: GroupRecordValue<T> | null
}

/** Narrow it by `type`. */
export type GroupRecord = { [T in GroupRecordType]: GroupRecordOf<T> }[GroupRecordType]

export function groupRecord<T extends GroupRecordType>(
  type: T,
  key: KeyInput<T>,
  value: ValueInput<T>,
): CoordinatorRecord {
  const { key: keyMessage, value: valueMessage, version } = schemaOf(type)
  const written = hasExpiry(type, value) ? OFFSET_VERSION_WITH_EXPIRY : version
  return { key: encodeKey(keyMessage, key), value: encodeVersioned(valueMessage, written, value) }
}

export function groupTombstone<T extends GroupRecordType>(type: T, key: KeyInput<T>): CoordinatorRecord {
  return { key: encodeKey(schemaOf(type).key, key), value: null }
}

/**
 * Null for types that this broker does not know. Throws DecodeError for a known type's bytes that are no such record.
 * What is returned keeps nothing of the record's memory.
 */
export function decodeGroupRecord(record: CoordinatorRecord): GroupRecord | null {
  const keyType = keyTypeOf(record.key)
  if (keyType === LegacyOffsetCommitKey.type) return decodeLegacyOffset(record)
  const type = BY_KEY_TYPE.get(keyType)
  if (type === undefined) return null
  const { key, value } = schemaOf(type)
  const decoded = {
    ...{ type, key: decodeKey(key, record.key) },
    value:
      record.value === null
        ? null
        : decodeVersioned(value, WITH_BYTES.has(type) ? Buffer.from(record.value) : record.value),
  }
  return decoded as unknown as GroupRecord
}

export function groupIdOf(record: GroupRecord): string {
  return 'group' in record.key ? record.key.group : record.key.groupId
}

const BY_KEY_TYPE: ReadonlyMap<number, GroupRecordType> = new Map(
  Object.entries(TYPES).map(([type, { key }]) => [key.type, type as GroupRecordType]),
)

/** Their byte fields would be views of the log's memory. */
const WITH_BYTES: ReadonlySet<GroupRecordType> = new Set(['groupMetadata', 'consumerGroupMemberMetadata'])

type AnyMessage = DataMessage<Record<string, never>>

/** The relation of a type to its tables is lost to the compiler inside of generic functions; their signatures keep it. */
function schemaOf(type: GroupRecordType): { key: AnyMessage; value: AnyMessage; version: number } {
  return TYPES[type] as unknown as { key: AnyMessage; value: AnyMessage; version: number }
}

function hasExpiry(type: GroupRecordType, value: object): boolean {
  return type === 'offsetCommit' && ((value as ValueInput<'offsetCommit'>).expireTimestamp ?? -1) !== -1
}

/** As Kafka before 0.9 wrote them: the same key under another number. */
function decodeLegacyOffset({ key, value }: CoordinatorRecord): GroupRecord {
  const legacy = value === null ? null : decodeVersioned(LegacyOffsetCommitValue, value)
  return {
    type: 'offsetCommit',
    key: decodeKey(LegacyOffsetCommitKey, key),
    value: legacy && { ...legacy, leaderEpoch: -1, expireTimestamp: -1, topicId: ZERO_UUID },
  }
}
