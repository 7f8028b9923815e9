/** Registration of brokers, the elections that follow from it, and blocks of producer ids. Pure. */
import type { ProducerIdBlock, RegisterBroker } from './controller-client.ts'
import {
  brokerKey,
  CLUSTER_KEY,
  encodeBroker,
  encodeCluster,
  encodeFeatures,
  encodeProducerIds,
  encodeShard,
  FEATURES_KEY,
  PRODUCER_IDS_KEY,
  shardKey,
} from './documents.ts'
import { SUPPORTED_FEATURES } from './features.ts'
import { isAlive, type MetadataImage, NO_LEADER, type PartitionImage, type Uuid } from './image.ts'
import type { Plan } from './plan.ts'
import type { ChangeSet } from './store.ts'

/** Kafka's size of a block; the ids of a block that a broker did not use up are lost with it. */
export const PRODUCER_ID_BLOCK = 1000

/**
 * A new incarnation of a broker: its epoch is the revision of this commit. What it led before is elected anew, with a
 * higher leader epoch: it may have lost an unsynced tail, and the same offsets must not mean two things in one epoch.
 */
export function planRegisterBroker(
  image: MetadataImage,
  command: RegisterBroker,
  { newClusterId }: { newClusterId: () => Uuid },
): Plan<null> {
  const { id, incarnation, rack, listeners } = command
  const isFirst = image.clusterId === ''
  const cluster = isFirst ? formattedCluster(newClusterId()) : []
  const broker = encodeBroker({ incarnation, rack, listeners, fenced: false, epoch: null })
  const registration: ChangeSet = {
    ifRevision: isFirst ? [{ key: CLUSTER_KEY, revision: 0 }] : [],
    puts: [...cluster, { key: brokerKey(id), value: broker }],
    deletes: [],
  }
  return { sets: [registration, ...electionsAfterStart(image, id)], success: null }
}

/** What the first broker of a cluster writes: its id, and the features at the levels that new clusters start with. */
function formattedCluster(clusterId: Uuid): { key: string; value: string }[] {
  const levels = new Map(SUPPORTED_FEATURES.map(({ name, initialLevel }) => [name, initialLevel]))
  return [
    { key: CLUSTER_KEY, value: encodeCluster(clusterId) },
    { key: FEATURES_KEY, value: encodeFeatures(levels) },
  ]
}

/** One set for each shard with a partition that the broker led, or that waits for it. */
function electionsAfterStart(image: MetadataImage, brokerId: number): ChangeSet[] {
  const sets: ChangeSet[] = []
  for (const [topicId, shards] of image.shards) {
    for (const { first, revision, partitions } of shards) {
      const next = partitions.map((partition) => electAfterStart(image, partition, brokerId))
      if (next.every((partition, i) => partition === partitions[i])) continue
      const key = shardKey(topicId, first)
      sets.push({ ifRevision: [{ key, revision }], puts: [{ key, value: encodeShard(next) }], deletes: [] })
    }
  }
  return sets
}

function electAfterStart(image: MetadataImage, partition: PartitionImage, brokerId: number): PartitionImage {
  const concerns = partition.leader === brokerId || (partition.leader === NO_LEADER && partition.isr.includes(brokerId))
  if (!concerns) return partition
  const eligible = (id: number) => partition.isr.includes(id) && (id === brokerId || isAlive(image, id))
  const { leaderEpoch, partitionEpoch } = partition
  const leader = partition.replicas.find(eligible) ?? NO_LEADER
  return { ...partition, leader, leaderEpoch: leaderEpoch + 1, partitionEpoch: partitionEpoch + 1 }
}

export function planProducerIds(image: MetadataImage): Plan<ProducerIdBlock> {
  const { next: first, revision } = image.producerIds
  const value = encodeProducerIds(first + PRODUCER_ID_BLOCK)
  const set = {
    ifRevision: [{ key: PRODUCER_IDS_KEY, revision }],
    puts: [{ key: PRODUCER_IDS_KEY, value }],
    deletes: [],
  }
  return { sets: [set], success: { first, count: PRODUCER_ID_BLOCK } }
}
