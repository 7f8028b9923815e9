/** What a client is told of a partition that is not here, whose disk fails, or whose bytes are damaged. */
import { DiskError } from '@ottla/base/disk.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { DecompressionError } from '@ottla/protocol/records/compression.ts'
import { RecordFormatError } from '@ottla/protocol/records/record-cursor.ts'
import { CorruptLogError, LogOfflineError } from '../log/errors.ts'
import type { TopicImage } from '../metadata/image.ts'
import type { Partition } from '../partition/partition.ts'
import type { Partitions } from '../partition/partitions.ts'

/**
 * The partition when its log is there, failed or not. One that others hold, or that is still being opened here, sends its
 * client to look for its leader again.
 */
export function findPartition(
  partitions: Pick<Partitions, 'find' | 'isOffline'>,
  topic: Pick<TopicImage, 'id' | 'partitions'>,
  index: number,
): Partition | ErrorName {
  const partition = partitions.find(topic.id, index)
  if (partition !== undefined) return partition
  if (partitions.isOffline(topic.id, index)) return 'KAFKA_STORAGE_ERROR'
  return topic.partitions[index] === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'NOT_LEADER_OR_FOLLOWER'
}

/**
 * The error of a read that failed, as Kafka's clients know it; the operator is told, too. Rethrows what neither the disk
 * nor the bytes are to blame for.
 */
export function readError(partition: Partition, error: unknown): ErrorName {
  if (error instanceof LogOfflineError) return 'KAFKA_STORAGE_ERROR'
  if (error instanceof DiskError) {
    partition.readFailed(error)
    return 'KAFKA_STORAGE_ERROR'
  }
  const isDamage = [CorruptLogError, RecordFormatError, DecompressionError].some((kind) => error instanceof kind)
  if (!isDamage) throw error
  partition.readFailed(error as Error)
  return 'CORRUPT_MESSAGE'
}
