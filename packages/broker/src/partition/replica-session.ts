/**
 * The follower's side of a fetch session (KIP-227): which partitions the leader's side knows, as what, and so what the
 * next request must name. Pure. A partition that is left out for a while is forgotten and added again.
 */

import type { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import type { Uuid } from '../metadata/image.ts'

type FetchRequest = RequestInputOf<typeof Fetch>
type FetchTopics = NonNullable<FetchRequest['topics']>

export interface SessionEntry {
  readonly topicId: Uuid
  readonly index: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly bytesMax: number
}

const FINAL_EPOCH = 0x7fff_ffff

export class ReplicaSession {
  #id = 0
  #epoch = 0
  /** By key, what the leader's side was last told. */
  #told = new Map<string, SessionEntry>()

  /** The part of the next request that is the session's; the caller sends it, and tells of the answer. */
  next(
    wanted: readonly SessionEntry[],
  ): Pick<FetchRequest, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'> {
    const before = this.#epoch === 0 ? new Map<string, SessionEntry>() : this.#told
    const next = new Map(wanted.map((entry) => [keyOf(entry), entry]))
    const changed = wanted.filter((entry) => !isSame(before.get(keyOf(entry)), entry))
    const forgotten = [...before].filter(([key]) => !next.has(key)).map(([, entry]) => entry)
    this.#told = next
    return {
      ...{ sessionId: this.#id, sessionEpoch: this.#epoch },
      topics: grouped(changed, ({ index, bytesMax, topicId: _, highWatermark, ...position }) => ({
        ...{ partition: index, partitionMaxBytes: bytesMax, highWatermark: BigInt(highWatermark) },
        ...position,
      })).map(([topicId, partitions]) => ({ topicId, partitions })) as FetchTopics,
      forgottenTopicsData: grouped(forgotten, ({ index }) => index).map(([topicId, partitions]) => ({
        ...{ topicId, partitions },
      })),
    }
  }

  /** The request was answered: the session goes on, or has just begun. A session id of 0: the leader keeps none. */
  answered(sessionId: number): void {
    this.#id = sessionId
    this.#epoch = sessionId === 0 ? 0 : this.#epoch === FINAL_EPOCH ? 1 : this.#epoch + 1
  }

  /** The answer was lost, or the leader's side has forgotten: the next request names everything again. */
  reset(): void {
    this.#id = 0
    this.#epoch = 0
    this.#told = new Map()
  }
}

export function keyOf({ topicId, index }: { readonly topicId: Uuid; readonly index: number }): string {
  return `${topicId} ${index}`
}

function isSame(told: SessionEntry | undefined, entry: SessionEntry): boolean {
  return (
    told !== undefined &&
    told.fetchOffset === entry.fetchOffset &&
    told.currentLeaderEpoch === entry.currentLeaderEpoch &&
    told.lastFetchedEpoch === entry.lastFetchedEpoch &&
    told.logStartOffset === entry.logStartOffset &&
    told.highWatermark === entry.highWatermark &&
    told.bytesMax === entry.bytesMax
  )
}

function grouped<T>(entries: readonly SessionEntry[], of: (entry: SessionEntry) => T): [Uuid, T[]][] {
  const topics = new Map<Uuid, T[]>()
  for (const entry of entries) {
    const partitions = topics.get(entry.topicId)
    if (partitions === undefined) topics.set(entry.topicId, [of(entry)])
    else partitions.push(of(entry))
  }
  return [...topics]
}
