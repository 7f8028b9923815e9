/** Owns moving partitions to other brokers: which replicas they shall have, taking that back, and what is under way. */
import { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { ADMIN_TIMEOUT_MS, type AdminOptions, ask, errorOf } from './call.ts'

export interface Reassignment {
  readonly topic: string
  readonly partition: number
  /** By node id, the preferred leader first; null takes a reassignment back that is under way. */
  readonly replicas: readonly number[] | null
}

export interface ReassignmentOutcome {
  readonly topic: string
  readonly partition: number
  /** Null: it is under way, or taken back. */
  readonly error: ProtocolError | null
}

export interface RunningReassignment {
  readonly topic: string
  readonly partition: number
  /** All that hold the partition now: who shall have it, in order of preference, then who goes. */
  readonly replicas: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

/** Resolves once the moves have begun; they go on for as long as it takes. A lost answer is not asked for again. */
export async function alterPartitionReassignments(
  client: Client,
  reassignments: readonly Reassignment[],
  options: AdminOptions = {},
): Promise<ReassignmentOutcome[]> {
  const topics = Array.from(byTopic(reassignments), ([name, rows]) => ({
    name,
    partitions: rows.map(({ partition: partitionIndex, replicas }) => ({ partitionIndex, replicas })),
  }))
  const request = { topics, timeoutMs: options.timeoutMs ?? ADMIN_TIMEOUT_MS }
  const answer = await ask(client, { api: AlterPartitionReassignments, request, reads: false }, options)
  const refused = errorOf('reassign partitions', answer.errorCode, answer.errorMessage)
  if (refused !== null) throw refused
  return answer.responses.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, errorCode, errorMessage }) => ({
      ...{ topic, partition },
      error: errorOf(`reassign partition "${topic}-${partition}"`, errorCode, errorMessage),
    })),
  )
}

/** Those that are under way, of these partitions or of all. */
export async function listPartitionReassignments(
  client: Client,
  options: AdminOptions & { partitions?: readonly { readonly topic: string; readonly partition: number }[] } = {},
): Promise<RunningReassignment[]> {
  const asked =
    options.partitions &&
    Array.from(byTopic(options.partitions), ([name, rows]) => ({
      name,
      partitionIndexes: rows.map(({ partition }) => partition),
    }))
  const request = { topics: asked ?? null, timeoutMs: options.timeoutMs ?? ADMIN_TIMEOUT_MS }
  const answer = await ask(client, { api: ListPartitionReassignments, request, reads: true }, options)
  const refused = errorOf('list reassignments', answer.errorCode, answer.errorMessage)
  if (refused !== null) throw refused
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, replicas, addingReplicas: adding, removingReplicas: removing }) => ({
      ...{ topic, partition, replicas, adding, removing },
    })),
  )
}

function byTopic<Row extends { readonly topic: string }>(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ({ topic }) => topic)
}
