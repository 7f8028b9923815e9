/**
 * The committed offsets of one shard's groups: what is committed, what open transactions would commit, and the records
 * that change either. Who may commit, and which groups there are, the shard decides.
 *
 * Offsets of a transaction wait beside the others under its producer id until its marker comes. Of a commit inside and
 * one outside of a transaction the one that came later into the log counts, whenever the marker comes: what compaction
 * has left of the log must tell the same.
 */
import { assert } from '@ottla/base/assert.ts'
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { type Uuid, ZERO_UUID } from '../../metadata/image.ts'
import type { CoordinatorRecord, RecordOrigin } from '../machine.ts'
import type { Group } from './group.ts'
import { type GroupRecordOf, groupRecord, groupTombstone } from './group-records.ts'
import { type CommittedOffset, OffsetTable, type TopicOffsets } from './offset-table.ts'

export type CommitTopics = RequestOf<typeof OffsetCommit>['topics']
export type CommitReply = ResponseInputOf<typeof OffsetCommit>
type CommitPartition = CommitTopics[number]['partitions'][number]

export type FetchTopics = NonNullable<RequestOf<typeof OffsetFetch>['groups'][number]['topics']>
export type FetchedTopics = NonNullable<ResponseInputOf<typeof OffsetFetch>['groups']>[number]['topics']
type FetchedPartition = FetchedTopics[number]['partitions'][number]

export interface Commit {
  readonly groupId: string
  readonly topics: CommitTopics
  /** -1: as long as the broker keeps offsets. */
  readonly retentionTimeMs: number
  /** In UTF-16 units, in spite of the setting's name. */
  readonly metadataLengthMax: number
}

interface OpenTransaction {
  readonly offsets: OffsetTable
  /** Also those whose offsets were deleted since. */
  readonly groupIds: Set<string>
}

const NO_PRODUCER = -1
/** Saturated times of clients stay what they are: for ever. */
const LATEST_MS = Number.MAX_SAFE_INTEGER

export class GroupOffsets {
  readonly #committed = new OffsetTable()
  /** By producer id. */
  readonly #pending = new Map<number, OpenTransaction>()
  /** By group, the producer ids of the transactions that have named it. */
  readonly #openTransactions = new Map<string, Set<number>>()
  #sequence = 0

  /** Of committed offsets. */
  get count(): number {
    return this.#committed.count
  }

  /** Whether any group has offsets of the topic, committed or pending. */
  hasTopic(name: string): boolean {
    return this.#committed.hasTopic(name) || this.#pending.values().some(({ offsets }) => offsets.hasTopic(name))
  }

  apply({ key, value }: GroupRecordOf<'offsetCommit'>, { producerId }: RecordOrigin): void {
    const { group, topic, partition } = key
    if (value === null) {
      this.#committed.remove(group, topic, partition)
      for (const pending of this.#pendingOf(group)) pending.remove(group, topic, partition)
      return
    }
    const table = producerId === NO_PRODUCER ? this.#committed : this.#pendingBy(producerId, group)
    table.set(group, topic, partition, {
      ...{ offset: value.offset, leaderEpoch: value.leaderEpoch, metadata: value.metadata, topicId: value.topicId },
      ...{ commitTimestampMs: value.commitTimestamp, expireTimestampMs: value.expireTimestamp },
      sequence: this.#sequence++,
    })
  }

  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void {
    const pending = this.#pending.get(producerId)
    if (pending === undefined) return
    this.#pending.delete(producerId)
    for (const groupId of pending.groupIds) {
      const producerIds = this.#openTransactions.get(groupId)
      assert(producerIds?.delete(producerId) === true, `Group "${groupId}" knows of its open transaction`)
      if (producerIds.size === 0) this.#openTransactions.delete(groupId)
    }
    if (outcome === 'commit') this.#materialize(pending.offsets)
  }

  /** The reply names all partitions of the commit; those with metadata that is too long are not in the records. */
  commit(commit: Commit, nowMs: number): { records: CoordinatorRecord[]; reply: CommitReply } {
    const isTooLong = ({ committedMetadata }: CommitPartition) =>
      (committedMetadata?.length ?? 0) > commit.metadataLengthMax
    const records = commit.topics.flatMap(({ name, topicId, partitions }) =>
      partitions
        .filter((partition) => !isTooLong(partition))
        .map((partition) => commitRecord(commit, { name, topicId }, partition, nowMs)),
    )
    const topics = commit.topics.map(({ name, topicId, partitions }) => ({
      ...{ name, topicId },
      partitions: partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: errorCode(isTooLong(partition) ? 'OFFSET_METADATA_TOO_LARGE' : 'NONE'),
      })),
    }))
    return { records, reply: { topics } }
  }

  /** `requireStable`: offsets that an open transaction may yet change are not told. */
  fetch(groupId: string, topics: FetchTopics, requireStable: boolean): FetchedTopics {
    return topics.map(({ name, topicId, partitionIndexes }) => ({
      ...{ name, topicId },
      partitions: partitionIndexes.map((partitionIndex) => {
        if (requireStable && this.isUnstable(groupId, name, partitionIndex)) return unstable(partitionIndex)
        const committed = this.#committed.get(groupId, name, partitionIndex)
        return committed === undefined || isOfAnother(committed, topicId)
          ? nothingFetched(partitionIndex)
          : fetched(partitionIndex, committed)
      }),
    }))
  }

  /** `topicIdOf`: who has the name now; ZERO_UUID: nobody. What was committed of another is left out. */
  fetchAll(groupId: string, topicIdOf: (name: string) => Uuid, requireStable: boolean): FetchedTopics {
    const topics = this.#committed.topicsOf(groupId) ?? new Map<string, TopicOffsets>()
    return [...topics].flatMap(([name, partitions]) => {
      const topicId = topicIdOf(name)
      const own = [...partitions].filter(([, committed]) => !isOfAnother(committed, topicId))
      const told = own.map(([partitionIndex, committed]) =>
        requireStable && this.isUnstable(groupId, name, partitionIndex)
          ? unstable(partitionIndex)
          : fetched(partitionIndex, committed),
      )
      return told.length === 0 ? [] : [{ name, partitions: told }]
    })
  }

  has(groupId: string, topic: string, partition: number): boolean {
    return this.#committed.get(groupId, topic, partition) !== undefined
  }

  /** Whether an open transaction may change the offset. */
  isUnstable(groupId: string, topic: string, partition: number): boolean {
    for (const pending of this.#pendingOf(groupId)) if (pending.get(groupId, topic, partition)) return true
    return false
  }

  /** Whether anything of the group is committed, or may be yet. */
  hasAny(groupId: string): boolean {
    return this.#committed.topicsOf(groupId) !== undefined || this.#openTransactions.has(groupId)
  }

  hasOpenTransaction(groupId: string): boolean {
    return this.#openTransactions.has(groupId)
  }

  /** What removes the offset; nothing where there is none. */
  *tombstone(groupId: string, topic: string, partition: number): Generator<CoordinatorRecord> {
    if (this.has(groupId, topic, partition) || this.isUnstable(groupId, topic, partition)) {
      yield groupTombstone('offsetCommit', { group: groupId, topic, partition })
    }
  }

  /** What removes all offsets of the group, each once. */
  *tombstones(groupId: string): Generator<CoordinatorRecord> {
    for (const [topic, partition] of places(this.#committed, groupId)) {
      yield groupTombstone('offsetCommit', { group: groupId, topic, partition })
    }
    const told = new OffsetTable()
    for (const pending of this.#pendingOf(groupId)) {
      for (const [topic, partition] of places(pending, groupId)) {
        if (this.has(groupId, topic, partition) || told.get(groupId, topic, partition)) continue
        told.set(groupId, topic, partition, pending.get(groupId, topic, partition)!)
        yield groupTombstone('offsetCommit', { group: groupId, topic, partition })
      }
    }
  }

  /** What removes the offsets of topics that are gone, of all groups. */
  *tombstonesOfTopics(names: ReadonlySet<string>): Generator<CoordinatorRecord> {
    const groupIds = new Set([...this.#committed.groupIds(), ...this.#openTransactions.keys()])
    for (const groupId of groupIds) {
      for (const [topic, partition] of this.#placesIn(groupId, names)) {
        yield groupTombstone('offsetCommit', { group: groupId, topic, partition })
      }
    }
  }

  /** What removes the offsets that have aged out: of topics to which no live member subscribes, in no transaction. */
  *expired(group: Group, { nowMs, retentionMs }: { nowMs: number; retentionMs: number }): Generator<CoordinatorRecord> {
    const aging = group.offsetAging()
    if (aging === 'kept') return
    for (const [topic, partitions] of this.#committed.topicsOf(group.groupId) ?? []) {
      if (isSubscribed(group, topic)) continue
      for (const [partition, committed] of partitions) {
        const fromMs = aging === 'from commit' ? committed.commitTimestampMs : aging.fromMs
        const { expireTimestampMs } = committed
        const isOld = expireTimestampMs === -1 ? nowMs - fromMs >= retentionMs : nowMs >= expireTimestampMs
        if (!isOld || this.isUnstable(group.groupId, topic, partition)) continue
        yield groupTombstone('offsetCommit', { group: group.groupId, topic, partition })
      }
    }
  }

  /** How many offsets of the group are committed. */
  countOf(groupId: string): number {
    let count = 0
    for (const partitions of this.#committed.topicsOf(groupId)?.values() ?? []) count += partitions.size
    return count
  }

  *#pendingOf(groupId: string): Generator<OffsetTable> {
    for (const producerId of this.#openTransactions.get(groupId) ?? []) yield this.#pending.get(producerId)!.offsets
  }

  #pendingBy(producerId: number, groupId: string): OffsetTable {
    const open = this.#openTransactions.get(groupId) ?? new Set()
    this.#openTransactions.set(groupId, open.add(producerId))
    const pending = this.#pending.get(producerId) ?? { offsets: new OffsetTable(), groupIds: new Set() }
    pending.groupIds.add(groupId)
    this.#pending.set(producerId, pending)
    return pending.offsets
  }

  #materialize(pending: OffsetTable): void {
    for (const groupId of pending.groupIds()) {
      for (const [topic, partition] of places(pending, groupId)) {
        const offered = pending.get(groupId, topic, partition)!
        const known = this.#committed.get(groupId, topic, partition)
        if (known && known.sequence > offered.sequence) continue
        this.#committed.set(groupId, topic, partition, offered)
      }
    }
  }

  *#placesIn(groupId: string, names: ReadonlySet<string>): Generator<[topic: string, partition: number]> {
    for (const place of places(this.#committed, groupId)) if (names.has(place[0])) yield place
    for (const pending of this.#pendingOf(groupId)) {
      for (const [topic, partition] of places(pending, groupId)) {
        if (names.has(topic) && !this.has(groupId, topic, partition)) yield [topic, partition]
      }
    }
  }
}

/** Whether a live member needs the topic; when it cannot be told, those of consumers are taken to. */
export function isSubscribed(group: Group, topic: string): boolean {
  return group.subscribedTopics()?.has(topic) ?? group.protocolType === 'consumer'
}

function* places(table: OffsetTable, groupId: string): Generator<[topic: string, partition: number]> {
  for (const [topic, partitions] of table.topicsOf(groupId) ?? []) {
    for (const partition of partitions.keys()) yield [topic, partition]
  }
}

function commitRecord(
  { groupId, retentionTimeMs }: Commit,
  { name, topicId }: { name: string; topicId: Uuid },
  { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }: CommitPartition,
  nowMs: number,
): CoordinatorRecord {
  const expireTimestamp = retentionTimeMs === -1 ? -1 : Math.min(nowMs + retentionTimeMs, LATEST_MS)
  return groupRecord(
    'offsetCommit',
    { group: groupId, topic: name, partition: partitionIndex },
    {
      ...{ offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: committedMetadata ?? '' },
      ...{ commitTimestamp: nowMs, expireTimestamp, topicId },
    },
  )
}

/** The topic was deleted, and another has its name now. */
function isOfAnother({ topicId }: CommittedOffset, asked: Uuid): boolean {
  return topicId !== asked && topicId !== ZERO_UUID && asked !== ZERO_UUID
}

function fetched(partitionIndex: number, { offset, leaderEpoch, metadata }: CommittedOffset): FetchedPartition {
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: 0 }
}

function nothingFetched(partitionIndex: number): FetchedPartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
}

function unstable(partitionIndex: number): FetchedPartition {
  return { ...nothingFetched(partitionIndex), errorCode: errorCode('UNSTABLE_OFFSET_COMMIT') }
}
