/** What Metadata and DescribeTopicPartitions tell about a partition: who leads it, as seen from the client's listener. */
import { endpointOf, type MetadataImage, NO_LEADER, type PartitionImage } from '../metadata/image.ts'

export type LeaderState = 'reachable' | 'unavailable' | 'not on this listener'

export function leaderState(image: MetadataImage, partition: PartitionImage, listener: string): LeaderState {
  const broker = image.brokers.get(partition.leader)
  if (partition.leader === NO_LEADER || broker === undefined || broker.fenced) return 'unavailable'
  return endpointOf(broker, listener) === undefined ? 'not on this listener' : 'reachable'
}

/** Replicas that are fenced, unknown, or without an address on the client's listener. */
export function offlineReplicas(image: MetadataImage, partition: PartitionImage, listener: string): number[] {
  return partition.replicas.filter((id) => !isOnline(image, id, listener))
}

export function isOnline(image: MetadataImage, brokerId: number, listener: string): boolean {
  const broker = image.brokers.get(brokerId)
  return broker !== undefined && !broker.fenced && endpointOf(broker, listener) !== undefined
}
