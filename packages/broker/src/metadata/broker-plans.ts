/** Registration of brokers, and blocks of producer ids. Pure. */
import type { ProducerIdBlock, RegisterBroker } from './controller-client.ts'
import {
  aliveKey,
  brokerKey,
  CLUSTER_KEY,
  encodeBroker,
  encodeCluster,
  encodeFeatures,
  encodeProducerIds,
  encodeSupports,
  FEATURES_KEY,
  PRODUCER_IDS_KEY,
  supportsKey,
} from './documents.ts'
import { featureRanges, type SupportedFeature } from './features.ts'
import type { MetadataImage, Uuid } from './image.ts'
import type { Plan } from './plan.ts'
import type { ChangeSet } from './store.ts'

/** Kafka's size of a block; the ids of a block that a broker did not use up are lost with it. */
export const PRODUCER_ID_BLOCK = 1000

/**
 * A new incarnation of a broker: its epoch is the revision of this commit. It is fenced until it gives its sign of life,
 * and no other process of this id may be giving one. What it led before is the controller's business.
 */
export function planRegisterBroker(
  image: MetadataImage,
  command: RegisterBroker,
  { newClusterId }: { newClusterId: () => Uuid },
): ChangeSet {
  const { id, incarnation, rack, listeners, directories, features } = command
  const before = image.brokers.get(id)
  const isFirst = image.clusterId === ''
  const lostData = before?.lostData === true || (before?.directories ?? []).some((one) => !directories.includes(one))
  const broker = { incarnation, rack, listeners, directories, fenced: true, epoch: null, lostData }
  return {
    ifRevision: [
      // The finalized levels are those that this broker was found to support.
      isFirst ? { key: CLUSTER_KEY, revision: 0 } : { key: FEATURES_KEY, revision: Math.max(image.features.epoch, 0) },
      { key: brokerKey(id), revision: before?.revision ?? 0 },
      { key: aliveKey(id), revision: 0 },
    ],
    puts: [
      ...(isFirst ? formattedCluster(newClusterId(), features) : []),
      { key: brokerKey(id), value: encodeBroker(broker) },
      { key: supportsKey(id), value: encodeSupports({ incarnation, ranges: featureRanges(features) }) },
    ],
    deletes: [],
  }
}

/** What the first broker of a cluster writes: its id, and the features at the levels that new clusters start with. */
function formattedCluster(clusterId: Uuid, features: readonly SupportedFeature[]): { key: string; value: string }[] {
  const levels = new Map(features.map(({ name, initialLevel }) => [name, initialLevel]))
  return [
    { key: CLUSTER_KEY, value: encodeCluster(clusterId) },
    { key: FEATURES_KEY, value: encodeFeatures(levels) },
  ]
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
