/** Owns reading what a plan is made from: brokers, replicas, their sizes, and what is being reassigned already. */
import {
  describeCluster,
  describeLogDirs,
  type LogDirectory,
  listPartitionReassignments,
  listTopics,
  type RunningReassignment,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import type { BalancedPartition, ClusterState } from './plan.ts'

export interface Snapshot {
  readonly state: ClusterState
  readonly running: readonly RunningReassignment[]
}

export function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}

export async function readCluster(client: Client, options: { readonly signal: AbortSignal }): Promise<Snapshot> {
  // A broker that has just joined is one that this client must know to ask it.
  await client.metadata.refresh(options)
  const { brokers } = await describeCluster(client, options)
  const topics = await listTopics(client, options)
  const running = await listPartitionReassignments(client, options)
  const nodeIds = brokers.map(({ nodeId }) => nodeId)
  const bytes = sizesOf(await describeLogDirs(client, { ...options, nodeIds }))
  const moving = new Map(running.map((row) => [keyOf(row), row]))
  const partitions = topics.flatMap(({ name: topic, partitions: rows }) =>
    rows.map(({ partition, replicas, leader }): BalancedPartition => {
      const key = keyOf({ topic, partition })
      const move = moving.get(key)
      const wanted = move?.replicas.filter((id) => !move.removing.includes(id)) ?? replicas
      return { topic, partition, replicas: wanted, leader, bytes: bytes.get(key) ?? 0, isMoving: move !== undefined }
    }),
  )
  return { state: { brokers: brokers.map(({ nodeId: id, rack }) => ({ id, rack })), partitions }, running }
}

/** Of each partition its largest replica: the others are on their way there. */
function sizesOf(directories: readonly LogDirectory[]): Map<string, number> {
  const bytes = new Map<string, number>()
  for (const replica of directories.flatMap(({ replicas }) => replicas)) {
    const key = keyOf(replica)
    if (!replica.isFuture) bytes.set(key, Math.max(bytes.get(key) ?? 0, replica.sizeBytes))
  }
  return bytes
}
