/** Owns one Fetch request to one broker: what is asked for, and which answer belongs to which position. */
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import type { Lane } from '../connections.ts'
import type { PartitionPlace, ToldLeader } from '../metadata.ts'
import type { Isolation } from '../offsets.ts'
import type { PartitionPosition } from './partition-position.ts'

export interface FetchSettings {
  readonly isolation: Isolation
  readonly fetchWaitMs: number
  readonly fetchBytesMin: number
  readonly fetchBytesMax: number
  readonly partitionBytesMax: number
  /** Where the consumer is, as the brokers' `broker.rack` names it; empty: nowhere in particular. */
  readonly rack: string
}

export type PartitionAnswer = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number]

export interface FetchedPartition {
  readonly position: PartitionPosition
  readonly answer: PartitionAnswer
  /** That the leader was asked with. */
  readonly leaderEpoch: number
  /** With a refusal the answer named a leader that we did not know of (KIP-951). */
  readonly namesLeader: boolean
}

/** Beyond the broker's own wait: the way, and reading what was asked for from a slow disk, in ms. */
const ANSWER_MARGIN_MS = 30_000
/** The last version that names topics by name. */
const BY_NAME_VERSION_MAX = 12
/** The first version that can say how far our newest record's epoch went. */
const EPOCHS_VERSION_MIN = 12

interface Asked {
  readonly position: PartitionPosition
  readonly topicId: string
  readonly leaderEpoch: number
}

/** Rejects with ProtocolError where the request as a whole was refused, or as a lost connection does. */
export async function fetchFrom(
  client: Client,
  call: {
    brokerId: number
    positions: readonly PartitionPosition[]
    settings: FetchSettings
    lane: Lane
    signal: AbortSignal
  },
): Promise<FetchedPartition[]> {
  const { brokerId, positions, settings, lane, signal } = call
  const connection = await client.connections.to(brokerId, lane, { signal })
  // Connecting takes time: a partition may have moved meanwhile. The new leader's epoch must not vouch for this broker,
  // which may lack what its leader has, and would say that the offset is out of range.
  const asked = positions.filter((one) => isReadAt(client, one, brokerId)).map((one) => askedOf(client, one))
  if (asked.length === 0) return []
  const byName = asked.some(({ topicId }) => topicId === ZERO_UUID)
  const bounds = byName ? { versionMax: BY_NAME_VERSION_MAX } : {}
  const knowsEpochs = connection.versionOf(Fetch, bounds) >= EPOCHS_VERSION_MIN
  const timeoutMs = settings.fetchWaitMs + ANSWER_MARGIN_MS
  const answer = await connection.request(Fetch, requestOf(asked, settings, knowsEpochs), {
    timeoutMs,
    signal,
    ...bounds,
  })
  if (answer.errorCode !== 0) throw new ProtocolError(errorName(answer.errorCode))
  return matched(asked, answer, (place, told) => client.metadata.learnLeader(place, { ...told, by: brokerId }))
}

function isReadAt(client: Client, position: PartitionPosition, brokerId: number): boolean {
  const nearest = position.nearest(client.ports.clock.monotonicMs())
  return brokerId === (nearest ?? client.metadata.leader(position.topic, position.partition)?.leaderId)
}

function askedOf(client: Client, position: PartitionPosition): Asked {
  const { topic, partition } = position
  if (position.topicId === ZERO_UUID) position.topicId = client.metadata.topic(topic)?.topicId ?? ZERO_UUID
  return {
    position,
    topicId: position.topicId,
    leaderEpoch: client.metadata.leader(topic, partition)?.leaderEpoch ?? -1,
  }
}

function requestOf(asked: readonly Asked[], settings: FetchSettings, knowsEpochs: boolean) {
  type Row = ReturnType<typeof partitionOf>
  const topics = new Map<string, { topic: string; topicId: string; partitions: Row[] }>()
  for (const one of asked) {
    const { topic } = one.position
    const row = topics.get(topic) ?? { topic, topicId: one.topicId, partitions: [] }
    topics.set(topic, row)
    row.partitions.push(partitionOf(one, settings, knowsEpochs))
  }
  return {
    maxWaitMs: settings.fetchWaitMs,
    minBytes: settings.fetchBytesMin,
    maxBytes: settings.fetchBytesMax,
    rackId: settings.rack,
    isolationLevel: settings.isolation === 'read_committed' ? 1 : 0,
    topics: [...topics.values()],
  }
}

/** A new leader is told the epoch of our newest record, once, so that it can say if its log never had it (KIP-320). */
function partitionOf({ position, leaderEpoch }: Asked, settings: FetchSettings, knowsEpochs: boolean) {
  const isNewLeader = knowsEpochs && leaderEpoch !== position.leaderEpoch
  return {
    partition: position.partition,
    currentLeaderEpoch: leaderEpoch,
    fetchOffset: position.offset,
    lastFetchedEpoch: isNewLeader ? position.lastEpoch : -1,
    partitionMaxBytes: settings.partitionBytesMax,
  }
}

function matched(
  asked: readonly Asked[],
  answer: ResponseOf<typeof Fetch>,
  learnLeader: (place: PartitionPlace, told: Omit<ToldLeader, 'by'>) => boolean,
): FetchedPartition[] {
  const open = new Map<string, Asked>()
  for (const one of asked) {
    open.set(`${one.position.topic} ${one.position.partition}`, one)
    open.set(`${one.topicId} ${one.position.partition}`, one)
  }
  return answer.responses.flatMap((topic) =>
    topic.partitions.flatMap((row) => {
      const one = open.get(`${topic.topic === '' ? topic.topicId : topic.topic} ${row.partitionIndex}`)
      if (one === undefined) return []
      const { position, topicId, leaderEpoch } = one
      const place = { topic: position.topic, topicId, partition: row.partitionIndex }
      const told = { leader: row.currentLeader, endpoints: answer.nodeEndpoints }
      return [{ position, answer: row, leaderEpoch, namesLeader: learnLeader(place, told) }]
    }),
  )
}
