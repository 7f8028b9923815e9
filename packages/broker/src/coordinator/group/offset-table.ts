/**
 * Committed offsets by group, topic and partition, as compact as plain maps are: a topic's name is kept once for all
 * groups, a topic's id once for all partitions of a group. Owns no rule of when an offset comes or goes.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Uuid } from '../../metadata/image.ts'

export interface CommittedOffset {
  readonly offset: number
  /** -1: the client did not tell. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** Of commits that brought a time of retention of their own; else -1. */
  readonly expireTimestampMs: number
  /** ZERO_UUID when the client named the topic instead. */
  readonly topicId: Uuid
  /** Counts up with the records of the log: of two commits the later has the larger. */
  readonly sequence: number
}

export type TopicOffsets = ReadonlyMap<number, CommittedOffset>

interface NamedTopic {
  readonly name: string
  groupCount: number
}

export class OffsetTable {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()
  readonly #topics = new Map<string, NamedTopic>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Whether any group has offsets of the topic. */
  hasTopic(name: string): boolean {
    return this.#topics.has(name)
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  topicsOf(groupId: string): ReadonlyMap<string, TopicOffsets> | undefined {
    return this.#groups.get(groupId)
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  set(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    const partitions = this.#partitionsOf(groupId, topic)
    const [any] = partitions.values()
    const topicId = any?.topicId === committed.topicId ? any.topicId : committed.topicId
    const before = partitions.size
    partitions.set(partition, { ...committed, topicId })
    this.#count += partitions.size - before
  }

  remove(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    if (!topics || !partitions?.delete(partition)) return
    this.#count--
    if (partitions.size > 0) return
    topics.delete(topic)
    this.#release(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }

  #partitionsOf(groupId: string, topic: string): Map<number, CommittedOffset> {
    const topics = this.#groups.get(groupId) ?? new Map<string, Map<number, CommittedOffset>>()
    this.#groups.set(groupId, topics)
    const known = topics.get(topic)
    if (known) return known
    const partitions = new Map<number, CommittedOffset>()
    topics.set(this.#share(topic), partitions)
    return partitions
  }

  #share(name: string): string {
    const known = this.#topics.get(name) ?? { name, groupCount: 0 }
    known.groupCount++
    this.#topics.set(known.name, known)
    return known.name
  }

  #release(name: string): void {
    const known = this.#topics.get(name)
    assert(known !== undefined, `Topic "${name}" of a committed offset is counted`)
    if (--known.groupCount === 0) this.#topics.delete(name)
  }
}
