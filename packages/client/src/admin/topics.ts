/** Owns operations on topics: create, delete, add partitions, describe, list. Each topic has its own outcome. */
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { ADMIN_TIMEOUT_MS, type AdminOptions, ask, errorOf, type Outcome } from './call.ts'

export interface NewTopic {
  readonly name: string
  /** The broker's num.partitions when left out. */
  readonly partitions?: number
  /** The broker's default.replication.factor when left out. */
  readonly replicationFactor?: number
  /** Replicas of each partition, by node id, the preferred leader first; instead of the two above. */
  readonly assignments?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
}

export interface CreatedTopic extends Outcome {
  readonly topicId: string
  /** −1 where the broker does not tell. */
  readonly partitions: number
  readonly replicationFactor: number
}

export interface TopicPartition {
  readonly partition: number
  /** −1 without a leader. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
  readonly error: ErrorName
}

export interface TopicDescription extends Outcome {
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly TopicPartition[]
}

/** Below it a broker's own defaults cannot be asked for. */
const DEFAULTS_VERSION_MIN = 4

export async function createTopics(
  client: Client,
  topics: readonly NewTopic[],
  options: AdminOptions & { validateOnly?: boolean } = {},
): Promise<CreatedTopic[]> {
  const usesDefaults = topics.some((topic) => topic.partitions === undefined || topic.replicationFactor === undefined)
  const request = {
    topics: topics.map(newTopicRow),
    timeoutMs: timeoutOf(options),
    validateOnly: options.validateOnly ?? false,
  }
  const versionMin = usesDefaults ? DEFAULTS_VERSION_MIN : CreateTopics.versions[0]
  const answer = await ask(client, { api: CreateTopics, request, reads: false, versionMin }, options)
  return answer.topics.map((row) => ({
    name: row.name,
    topicId: row.topicId,
    partitions: row.numPartitions,
    replicationFactor: row.replicationFactor,
    error: errorOf(`create topic "${row.name}"`, row.errorCode, row.errorMessage),
  }))
}

export async function deleteTopics(
  client: Client,
  names: readonly string[],
  options: AdminOptions = {},
): Promise<Outcome[]> {
  const call = async (
    request: { topics?: { name: string; topicId: string }[]; topicNames?: readonly string[] },
    version: number,
  ) =>
    await ask(
      client,
      { api: DeleteTopics, request: { ...request, timeoutMs: timeoutOf(options) }, reads: false, versionMin: version },
      options,
    )
  const connection = await client.connections.any()
  const byRow = connection.versionOf(DeleteTopics) >= 6
  const answer = byRow
    ? await call({ topics: names.map((name) => ({ name, topicId: ZERO_UUID })) }, 6)
    : await call({ topicNames: names }, DeleteTopics.versions[0])
  return answer.responses.map((row) => {
    const name = row.name ?? row.topicId
    return { name, error: errorOf(`delete topic "${name}"`, row.errorCode, row.errorMessage) }
  })
}

/** `total` is the number of partitions afterwards. Records with a key will go elsewhere than before. */
export async function createPartitions(
  client: Client,
  topics: readonly { readonly name: string; readonly total: number }[],
  options: AdminOptions & { validateOnly?: boolean } = {},
): Promise<Outcome[]> {
  const rows = topics.map(({ name, total: count }) => ({ name, count, assignments: null }))
  const request = { topics: rows, timeoutMs: timeoutOf(options), validateOnly: options.validateOnly ?? false }
  const answer = await ask(client, { api: CreatePartitions, request, reads: false }, options)
  return answer.results.map(({ name, errorCode, errorMessage }) => {
    return { name, error: errorOf(`add partitions to topic "${name}"`, errorCode, errorMessage) }
  })
}

/** By name; those that do not exist have an error. */
export async function describeTopics(
  client: Client,
  names: readonly string[],
  options: AdminOptions = {},
): Promise<TopicDescription[]> {
  if (names.length === 0) return []
  return await describe(
    client,
    names.map((name) => ({ name })),
    options,
  )
}

/** All topics that this client may see, by name. */
export async function listTopics(client: Client, options: AdminOptions = {}): Promise<TopicDescription[]> {
  return await describe(client, null, options)
}

async function describe(
  client: Client,
  topics: { name: string }[] | null,
  options: AdminOptions,
): Promise<TopicDescription[]> {
  const request = { topics, allowAutoTopicCreation: false }
  // Before version 4 a question would create the topic.
  const answer = await ask(
    client,
    { api: Metadata, request, reads: true, versionMin: topics === null ? 1 : 4 },
    options,
  )
  return answer.topics.map(toDescription).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function toDescription(topic: ResponseOf<typeof Metadata>['topics'][number]): TopicDescription {
  const name = topic.name ?? topic.topicId
  const partitions = topic.partitions.map((row) => ({
    partition: row.partitionIndex,
    leader: row.leaderId,
    leaderEpoch: row.leaderEpoch,
    replicas: row.replicaNodes,
    isr: row.isrNodes,
    offlineReplicas: row.offlineReplicas,
    error: errorName(row.errorCode),
  }))
  partitions.sort((a, b) => a.partition - b.partition)
  const error = errorOf(`describe topic "${name}"`, topic.errorCode)
  return { name, topicId: topic.topicId, isInternal: topic.isInternal, partitions, error }
}

function newTopicRow({ name, partitions = -1, replicationFactor = -1, assignments, configs = {} }: NewTopic) {
  return {
    name,
    numPartitions: assignments === undefined ? partitions : -1,
    replicationFactor: assignments === undefined ? replicationFactor : -1,
    assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
}

function timeoutOf(options: AdminOptions): number {
  return options.timeoutMs ?? ADMIN_TIMEOUT_MS
}
