/** What Metadata and DescribeTopicPartitions tell about a partition: who leads it, as seen from the client's listener. */
import { endpointOf, type MetadataImage, NO_LEADER, type PartitionImage } from '../metadata/image.ts'
import type { Partitions } from '../partition/partitions.ts'

/**
 * A partition as this broker knows it: while its log here is offline, or another may lead it because nobody has heard of
 * this broker for a session, this broker does not lead it.
 */
export interface SeenPartition extends PartitionImage {
  /** This broker's id where its log of the partition is offline. */
  readonly offlineReplica?: number
}

export function seenHere(
  parts: { readonly brokerId: number; readonly partitions: Pick<Partitions, 'find' | 'isOffline'> },
  topicId: string,
  partition: PartitionImage,
): SeenPartition {
  const { brokerId, partitions } = parts
  if (!partitions.isOffline(topicId, partition.index)) {
    const isLost = partition.leader === brokerId && partitions.find(topicId, partition.index)?.isUnheard === true
    return isLost ? { ...partition, leader: NO_LEADER } : partition
  }
  const leader = partition.leader === brokerId ? NO_LEADER : partition.leader
  return { ...partition, leader, offlineReplica: brokerId }
}

export type LeaderState = 'reachable' | 'unavailable' | 'not on this listener'

export function leaderState(image: MetadataImage, partition: PartitionImage, listener: string): LeaderState {
  const broker = image.brokers.get(partition.leader)
  if (partition.leader === NO_LEADER || broker === undefined || broker.fenced) return 'unavailable'
  return endpointOf(broker, listener) === undefined ? 'not on this listener' : 'reachable'
}

/** Replicas that are fenced, unknown, without an address on the client's listener, or with a log that failed. */
export function offlineReplicas(image: MetadataImage, partition: SeenPartition, listener: string): number[] {
  return partition.replicas.filter((id) => id === partition.offlineReplica || !isOnline(image, id, listener))
}

export function isOnline(image: MetadataImage, brokerId: number, listener: string): boolean {
  const broker = image.brokers.get(brokerId)
  return broker !== undefined && !broker.fenced && endpointOf(broker, listener) !== undefined
}
