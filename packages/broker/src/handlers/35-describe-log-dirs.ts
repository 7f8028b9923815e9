/**
 * DescribeLogDirs (35): the log directories, what lies in each, and from version 4 on how full their disks are.
 * Partitions that are not here are absent from the reply.
 */
import type { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import type { LogDirectory } from '../partition/log-directories.ts'
import type { Partition } from '../partition/partition.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { answered, type Handler } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DescribeLogDirs>
type Response = ResponseInputOf<typeof DescribeLogDirs>
type DirectoryAnswer = Response['results'][number]

export function describeLogDirs(parts: Pick<BrokerParts, 'partitions'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)) {
      return answered({ errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), results: [] })
    }
    const wanted = wantedPartitions(request)
    const results = parts.partitions.directories.map((directory) => {
      const held = parts.partitions.heldIn(directory).filter((partition) => wanted(partition))
      return describe(directory, held)
    })
    return answered({ results })
  }
}

function wantedPartitions({ topics }: Request): (partition: Partition) => boolean {
  if (topics === null) return () => true
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of topics) {
    const indexes = wanted.get(topic) ?? new Set()
    for (const index of partitions) indexes.add(index)
    wanted.set(topic, indexes)
  }
  return (partition) => wanted.get(partition.topicName)?.has(partition.index) === true
}

function describe(directory: LogDirectory, held: readonly Partition[]): DirectoryAnswer {
  const topics = new Map<string, DirectoryAnswer['topics'][number]['partitions'][number][]>()
  for (const partition of held) {
    const partitions = topics.get(partition.topicName) ?? []
    topics.set(partition.topicName, partitions)
    partitions.push({
      partitionIndex: partition.index,
      partitionSize: partition.log.bytes,
      offsetLag: Math.max(partition.highWatermark - partition.logEndOffset, 0),
      isFutureKey: false,
    })
  }
  const code = directory.isOffline ? errorCode('KAFKA_STORAGE_ERROR') : 0
  return {
    errorCode: code,
    logDir: directory.path,
    topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    ...directory.space(),
  }
}
