/**
 * Owns the few requests that these tests make themselves, by our own connection: making topics, producing prepared
 * batches, reading a whole partition. Asked errors come back as names, so that a test can say what it expects.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { BrokerConnection } from '@ottla/client/connection.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'

/** From here on requests name topics by their id; these tests know names. */
const NAMED_TOPICS_MAX = 12
const LATEST = -1
const FETCH_BYTES_MAX = 8 * 1024 * 1024

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export async function connect(address: BrokerAddress, clientId = 'interop'): Promise<BrokerConnection> {
  const { host, port } = address
  return await BrokerConnection.open({
    ...{ host, port, clientId, clock: systemClock, timers: systemTimers, network: new NodeNetwork() },
    requestTimeoutMs: 60_000,
  })
}

export interface NewTopic {
  readonly name: string
  readonly partitions?: number
  readonly configs?: { readonly [key: string]: string }
}

/** Makes a topic, or throws. */
export async function createTopic(connection: BrokerConnection, topic: NewTopic): Promise<void> {
  const configs = Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value }))
  const { name, partitions = 1 } = topic
  const spec = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }
  const { topics } = await connection.request(CreateTopics, { topics: [spec], timeoutMs: 30_000 })
  const { errorCode, errorMessage } = topics[0]!
  if (errorCode !== 0) throw new Error(`Cannot create topic "${name}": ${errorName(errorCode)}: ${errorMessage}`)
}

export interface Produced {
  readonly error: ErrorName
  readonly message: string | null
  readonly baseOffset: number
}

/** Sends one batch (or whatever the bytes are) to one partition. */
export async function produce(
  connection: BrokerConnection,
  target: { topic: string; partition?: number; acks?: -1 | 0 | 1 },
  records: Buffer,
): Promise<Produced> {
  const { topic, partition = 0, acks = -1 } = target
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
  const value = { acks, timeoutMs: 30_000, topicData }
  const { responses } = await connection.request(Produce, value, { versionMax: NAMED_TOPICS_MAX })
  const { errorCode, errorMessage, baseOffset } = responses[0]!.partitionResponses[0]!
  return { error: errorName(errorCode), message: errorMessage, baseOffset }
}

/** A batch of these values, in memory of its own. */
export function batchOf(values: readonly (string | Buffer)[]): Buffer {
  const builder = new BatchBuilder({ bytesMax: 2 ** 30 })
  for (const value of values) builder.append({ timestampMs: systemClock.wallMs(), key: null, value })
  return Buffer.from(builder.build())
}

/** The high watermark. */
export async function endOffset(connection: BrokerConnection, topic: string, partition = 0): Promise<number> {
  const partitions = [{ partitionIndex: partition, timestamp: LATEST }]
  const { topics } = await connection.request(ListOffsets, { replicaId: -1, topics: [{ name: topic, partitions }] })
  const { errorCode, offset } = topics[0]!.partitions[0]!
  if (errorCode !== 0) throw new Error(`Cannot find the end of "${topic}-${partition}": ${errorName(errorCode)}`)
  return offset
}

export interface FetchedPart {
  readonly error: ErrorName
  readonly highWatermark: number
  /** Whole batches, in the order of the log. */
  readonly batches: readonly Buffer[]
}

export async function fetchOnce(
  connection: BrokerConnection,
  from: { topic: string; partition?: number; offset: number; waitMs?: number },
): Promise<FetchedPart> {
  const { topic, partition = 0, offset, waitMs = 0 } = from
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: FETCH_BYTES_MAX }]
  const request = { maxWaitMs: waitMs, minBytes: 1, maxBytes: FETCH_BYTES_MAX, topics: [{ topic, partitions }] }
  const answer = await connection.request(Fetch, request, { versionMax: NAMED_TOPICS_MAX })
  const part = answer.responses[0]!.partitions[0]!
  const records = part.records === null ? [] : [...batchesIn(part.records)]
  return { error: errorName(part.errorCode), highWatermark: part.highWatermark, batches: records }
}
