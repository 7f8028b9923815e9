/**
 * Owns the look-up of offsets (ListOffsets): the beginning and end of partitions, and the first record at or after a
 * time. Asks each leader once for all of its partitions, and goes after leaders that move.
 */
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from './client.ts'
import { backoffMs, isRetriable } from './retry.ts'

/** `end` is the high watermark, or for read_committed the last stable offset. `max-timestamp` is the newest record's. */
export type OffsetSpec = 'beginning' | 'end' | 'max-timestamp' | { readonly timestampMs: number }

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface OffsetQuery {
  readonly topic: string
  readonly partition: number
  readonly at: OffsetSpec
}

export interface OffsetAnswer {
  readonly topic: string
  readonly partition: number
  /** −1 where no record is as new as the time that was asked for. */
  readonly offset: number
  /** Of the record found by time, in ms since 1970, else −1. */
  readonly timestampMs: number
  /** −1 where the broker does not tell. */
  readonly leaderEpoch: number
}

export interface OffsetOptions {
  readonly isolation?: Isolation
  /** For all attempts together, in ms. 30,000 when left out. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const TIMEOUT_MS = 30_000
const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
/** The first version that knows the newest timestamp (KIP-734). */
const MAX_TIMESTAMP_VERSION = 7

/** Answers in the order of the questions. Rejects with ProtocolError, or when a leader stays out of reach. */
export async function listOffsets(
  client: Client,
  queries: readonly OffsetQuery[],
  options: OffsetOptions = {},
): Promise<OffsetAnswer[]> {
  const { clock, timers, random } = client.ports
  const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? TIMEOUT_MS)
  const answers = new Map<OffsetQuery, OffsetAnswer>()
  for (let failures = 0; ; ) {
    const open = queries.filter((query) => !answers.has(query))
    if (open.length === 0) return queries.map((query) => answers.get(query)!)
    const error = await askLeaders(client, open, { answers, options })
    if (error === null) continue
    failures++
    if (!isRetriable(error) || clock.monotonicMs() >= deadlineMs) throw error
    const signal = options.signal === undefined ? {} : { signal: options.signal }
    await timers.sleep(backoffMs(failures, { backoff: client.backoff, random }), signal)
    await client.metadata.refresh(signal)
  }
}

/** One round; answers what it can and returns the first error, if there is one. */
async function askLeaders(
  client: Client,
  queries: readonly OffsetQuery[],
  context: { answers: Map<OffsetQuery, OffsetAnswer>; options: OffsetOptions },
): Promise<unknown> {
  const byLeader = new Map<number, OffsetQuery[]>()
  const asked = new Set<string>()
  let error: unknown = null
  for (const query of queries) {
    // A request may name a partition once: a second question about it waits for the next round.
    const name = `${query.topic} ${query.partition}`
    if (asked.has(name)) continue
    asked.add(name)
    const leader = client.metadata.leader(query.topic, query.partition)
    if (leader === undefined) error ??= await missingLeader(client, query, context.options)
    else byLeader.set(leader.leaderId, [...(byLeader.get(leader.leaderId) ?? []), query])
  }
  const rounds = [...byLeader].map(([leaderId, some]) => askLeader(client, { leaderId, queries: some }, context))
  for (const outcome of await Promise.all(rounds)) error ??= outcome
  return error
}

async function missingLeader(client: Client, query: OffsetQuery, options: OffsetOptions): Promise<unknown> {
  const { topic: name, partition } = query
  try {
    const topic = await client.metadata.find(name, { timeoutMs: 0, autoCreate: false, ...abortOf(options) })
    if (partition >= topic.partitions.length) {
      const text = `Topic "${name}" has no partition ${partition}: it has ${topic.partitions.length}, numbered from 0`
      return new RangeError(text)
    }
  } catch (error) {
    return error
  }
  // Now that the topic is known, the next round asks its leader.
  if (client.metadata.leader(name, partition) !== undefined) return null
  return new ProtocolError('LEADER_NOT_AVAILABLE', `Partition "${name}-${partition}" has no leader`)
}

async function askLeader(
  client: Client,
  target: { leaderId: number; queries: readonly OffsetQuery[] },
  { answers, options }: { answers: Map<OffsetQuery, OffsetAnswer>; options: OffsetOptions },
): Promise<unknown> {
  try {
    const connection = await client.connections.to(target.leaderId, 'main', abortOf(options))
    const needsNewest = target.queries.some((query) => query.at === 'max-timestamp')
    const response = await connection.request(ListOffsets, requestOf(client, target.queries, options), {
      versionMin: needsNewest ? MAX_TIMESTAMP_VERSION : 1,
      ...abortOf(options),
    })
    return takeAnswers(target.queries, response.topics, answers)
  } catch (error) {
    return error
  }
}

type TopicAnswers = readonly {
  readonly name: string
  readonly partitions: readonly {
    partitionIndex: number
    errorCode: number
    timestamp: number
    offset: number
    leaderEpoch: number
  }[]
}[]

function takeAnswers(
  queries: readonly OffsetQuery[],
  topics: TopicAnswers,
  answers: Map<OffsetQuery, OffsetAnswer>,
): unknown {
  const rows = new Map(
    topics.flatMap(({ name, partitions }) => partitions.map((row) => [`${name} ${row.partitionIndex}`, row])),
  )
  let error: unknown = null
  for (const query of queries) {
    const row = rows.get(`${query.topic} ${query.partition}`)
    const name = row === undefined ? 'UNKNOWN_SERVER_ERROR' : errorName(row.errorCode)
    if (row === undefined || name !== 'NONE') {
      error ??= new ProtocolError(name, `Cannot look up an offset of "${query.topic}-${query.partition}": ${name}`)
      continue
    }
    const { topic, partition } = query
    const { offset, timestamp: timestampMs, leaderEpoch } = row
    answers.set(query, { topic, partition, offset, timestampMs, leaderEpoch })
  }
  return error
}

function requestOf(client: Client, queries: readonly OffsetQuery[], options: OffsetOptions) {
  const topics = new Map<
    string,
    { name: string; partitions: { partitionIndex: number; currentLeaderEpoch: number; timestamp: number }[] }
  >()
  for (const { topic: name, partition: partitionIndex, at } of queries) {
    const topic = topics.get(name) ?? { name, partitions: [] }
    topics.set(name, topic)
    const currentLeaderEpoch = client.metadata.leader(name, partitionIndex)?.leaderEpoch ?? -1
    topic.partitions.push({ partitionIndex, currentLeaderEpoch, timestamp: timestampOf(at) })
  }
  const isolationLevel = options.isolation === 'read_committed' ? 1 : 0
  // Below version 2 there is no isolation level: such brokers have no transactions either.
  return { replicaId: -1, isolationLevel, topics: [...topics.values()] }
}

function timestampOf(at: OffsetSpec): number {
  if (at === 'end') return LATEST
  if (at === 'beginning') return EARLIEST
  return at === 'max-timestamp' ? MAX_TIMESTAMP : at.timestampMs
}

function abortOf(options: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal }
}
