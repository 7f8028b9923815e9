/**
 * Which replica a consumer should read from (KIP-392), as Kafka's RackAwareReplicaSelector chooses: one of the consumer's
 * own rack, if the leader is not in it.
 */
import type { MetadataImage } from '../metadata/image.ts'
import type { Partition } from '../partition/partition.ts'
import { isOnline } from './topic-partitions.ts'

export interface Reader {
  readonly image: MetadataImage
  readonly listener: string
  readonly rack: string
  readonly fetchOffset: number
}

/** Null: this one, which leads or has to do. */
export function nearerReplica(
  partition: Pick<Partition, 'image' | 'whoHas'>,
  { image, listener, rack, fetchOffset }: Reader,
): number | null {
  const rackOf = (id: number): string | null => image.brokers.get(id)?.rack ?? null
  if (rackOf(partition.image.leader) === rack) return null
  const nearest = partition.whoHas(fetchOffset).find((id) => rackOf(id) === rack && isOnline(image, id, listener))
  return nearest ?? null
}
