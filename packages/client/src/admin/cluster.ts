/** Owns what is asked about a cluster as a whole: its brokers, and what lies in their log directories. */
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { UnsupportedVersionError } from '../errors.ts'
import { type AdminOptions, ask, errorOf } from './call.ts'

export interface ClusterDescription {
  readonly clusterId: string | null
  /** −1 when unknown. With KRaft any live broker, which passes on what is the controller's. */
  readonly controllerId: number
  /** By node id. */
  readonly brokers: readonly {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }[]
}

export interface LogDirectory {
  readonly nodeId: number
  readonly path: string
  readonly error: ProtocolError | null
  /** −1 where the broker does not tell. */
  readonly totalBytes: number
  readonly usableBytes: number
  readonly replicas: readonly {
    readonly topic: string
    readonly partition: number
    readonly sizeBytes: number
    /** Records behind the high watermark, or behind the replica that it is to replace. */
    readonly offsetLag: number
    readonly isFuture: boolean
  }[]
}

/** Brokers before 2.8 are asked for their metadata instead. */
export async function describeCluster(client: Client, options: AdminOptions = {}): Promise<ClusterDescription> {
  try {
    const request = { includeClusterAuthorizedOperations: false }
    const answer = await ask(client, { api: DescribeCluster, request, reads: true }, options)
    const error = errorOf('describe the cluster', answer.errorCode, answer.errorMessage)
    if (error !== null) throw error
    const brokers = answer.brokers.map(({ brokerId: nodeId, host, port, rack }) => ({ nodeId, host, port, rack }))
    return {
      clusterId: answer.clusterId,
      controllerId: answer.controllerId,
      brokers: brokers.sort((a, b) => a.nodeId - b.nodeId),
    }
  } catch (error) {
    if (!(error instanceof UnsupportedVersionError)) throw error
  }
  await client.metadata.refresh(options.signal === undefined ? {} : { signal: options.signal })
  const { clusterId, controllerId } = client.metadata
  return {
    clusterId,
    controllerId,
    brokers: [...client.connections.brokers.values()].sort((a, b) => a.nodeId - b.nodeId),
  }
}

/** Forgets a broker that does not come back; throws where the cluster does not have it, or it lives. */
export async function unregisterBroker(client: Client, nodeId: number, options: AdminOptions = {}): Promise<void> {
  const answer = await ask(client, { api: UnregisterBroker, request: { brokerId: nodeId }, reads: false }, options)
  const error = errorOf(`unregister broker ${nodeId}`, answer.errorCode, answer.errorMessage)
  if (error !== null) throw error
}

/** Of these brokers, or of all. `topics` null means all topics. */
export async function describeLogDirs(
  client: Client,
  options: AdminOptions & {
    nodeIds?: readonly number[]
    topics?: readonly { topic: string; partitions: readonly number[] }[]
  } = {},
): Promise<LogDirectory[]> {
  const nodeIds = options.nodeIds ?? [...client.connections.brokers.keys()].sort((a, b) => a - b)
  const found = await Promise.all(nodeIds.map((nodeId) => logDirsOf(client, nodeId, options)))
  return found.flat()
}

async function logDirsOf(
  client: Client,
  nodeId: number,
  options: AdminOptions & { topics?: readonly { topic: string; partitions: readonly number[] }[] },
): Promise<LogDirectory[]> {
  const request = { topics: options.topics ?? null }
  const answer = await ask(client, { api: DescribeLogDirs, request, reads: true, nodeId }, options)
  const refused = errorOf(`describe log directories of broker ${nodeId}`, answer.errorCode)
  if (refused !== null) throw refused
  return answer.results.map((result) => ({
    nodeId,
    path: result.logDir,
    error: errorOf(`describe log directory ${result.logDir} of broker ${nodeId}`, result.errorCode),
    totalBytes: result.totalBytes,
    usableBytes: result.usableBytes,
    replicas: result.topics.flatMap(({ name: topic, partitions }) =>
      partitions.map((row) => ({
        topic,
        partition: row.partitionIndex,
        sizeBytes: row.partitionSize,
        offsetLag: row.offsetLag,
        isFuture: row.isFutureKey,
      })),
    ),
  }))
}
