/** Owns the deletion of records at the beginning of partitions (KIP-107), asked of each partition's leader. */
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { ADMIN_TIMEOUT_MS, type AdminOptions, abortOf, ask, errorOf } from './call.ts'

export interface RecordDeletion {
  readonly topic: string
  readonly partition: number
  /** Records below it go; `end` for all that are committed. */
  readonly beforeOffset: number | 'end'
}

export interface DeletedRecords {
  readonly topic: string
  readonly partition: number
  /** The first offset that is left; −1 on error. */
  readonly logStartOffset: number
  readonly error: ProtocolError | null
}

const HIGH_WATERMARK = -1

export async function deleteRecords(
  client: Client,
  deletions: readonly RecordDeletion[],
  options: AdminOptions = {},
): Promise<DeletedRecords[]> {
  const byLeader = new Map<number, RecordDeletion[]>()
  const outcomes: DeletedRecords[] = []
  for (const deletion of deletions) {
    const leaderId = await leaderOf(client, deletion, options)
    if (leaderId === null)
      outcomes.push(
        failed(deletion, new ProtocolError('LEADER_NOT_AVAILABLE', `Partition ${textOf(deletion)} has no leader`)),
      )
    else byLeader.set(leaderId, [...(byLeader.get(leaderId) ?? []), deletion])
  }
  for (const [nodeId, some] of byLeader)
    outcomes.push(...(await deleteAt(client, { nodeId, deletions: some }, options)))
  return outcomes
}

async function leaderOf(
  client: Client,
  { topic, partition }: RecordDeletion,
  options: AdminOptions,
): Promise<number | null> {
  await client.metadata.find(topic, { timeoutMs: 0, autoCreate: false, ...abortOf(options) })
  return client.metadata.leader(topic, partition)?.leaderId ?? null
}

async function deleteAt(
  client: Client,
  target: { nodeId: number; deletions: readonly RecordDeletion[] },
  options: AdminOptions,
): Promise<DeletedRecords[]> {
  const topics = target.deletions.map(({ topic, partition, beforeOffset }) => ({
    name: topic,
    partitions: [{ partitionIndex: partition, offset: beforeOffset === 'end' ? HIGH_WATERMARK : beforeOffset }],
  }))
  const request = { topics: merged(topics), timeoutMs: options.timeoutMs ?? ADMIN_TIMEOUT_MS }
  const answer = await ask(client, { api: DeleteRecords, request, reads: false, nodeId: target.nodeId }, options)
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, lowWatermark: logStartOffset, errorCode }) => {
      const error = errorOf(`delete records of "${topic}-${partition}"`, errorCode)
      return { topic, partition, logStartOffset: error === null ? logStartOffset : -1, error }
    }),
  )
}

function merged<P>(topics: readonly { name: string; partitions: P[] }[]): { name: string; partitions: P[] }[] {
  const byName = new Map<string, { name: string; partitions: P[] }>()
  for (const { name, partitions } of topics) {
    const topic = byName.get(name)
    if (topic === undefined) byName.set(name, { name, partitions: [...partitions] })
    else topic.partitions.push(...partitions)
  }
  return [...byName.values()]
}

function failed({ topic, partition }: RecordDeletion, error: ProtocolError): DeletedRecords {
  return { topic, partition, logStartOffset: -1, error }
}

function textOf({ topic, partition }: RecordDeletion): string {
  return `"${topic}-${partition}"`
}
