/** From changes of single partitions to what is written: whole shard documents, each compared on its revision. Pure. */
import { type BrokerConfig, TopicConfig } from '../config.ts'
import { encodeShard, shardKey } from './documents.ts'
import type { ElectionRules } from './elections.ts'
import {
  isEligible,
  type MetadataImage,
  type PartitionImage,
  partitionOf,
  type TopicImage,
  type Uuid,
} from './image.ts'
import type { ChangeSet } from './store.ts'

/** KIP-966 counts from this level of the feature on. */
const ELR_FEATURE = 'eligible.leader.replicas.version'

/** The partition as it shall be, or the same object where it stays. */
export type PartitionEdit = (partition: PartitionImage, topic: TopicImage) => PartitionImage

/** One set for each shard in which the edit changes something; partitions that no topic shows are left alone. */
export function editPartitions(image: MetadataImage, edit: PartitionEdit, only?: readonly Uuid[]): ChangeSet[] {
  const sets: ChangeSet[] = []
  for (const topicId of only ?? image.shards.keys()) {
    const topic = image.topicsById.get(topicId)
    if (topic === undefined) continue
    for (const { first, revision, partitions } of image.shards.get(topicId) ?? []) {
      if (first >= topic.partitions.length) continue
      const next = partitions.map((partition) => edit(partition, topic))
      if (next.every((partition, i) => partition === partitions[i])) continue
      const key = shardKey(topicId, first)
      sets.push({ ifRevision: [{ key, revision }], puts: [{ key, value: encodeShard(next) }], deletes: [] })
    }
  }
  return sets
}

/** Changes of single partitions that one plan gathers, on top of each other: a request may name a partition twice. */
export class PartitionChanges {
  readonly #image: MetadataImage
  readonly #changed = new Map<Uuid, Map<number, PartitionImage>>()

  constructor(image: MetadataImage) {
    this.#image = image
  }

  /** As it shall be by now; undefined where no topic shows it. */
  get(topicId: Uuid, index: number): PartitionImage | undefined {
    return this.#changed.get(topicId)?.get(index) ?? partitionOf(this.#image, topicId, index)
  }

  set(topicId: Uuid, partition: PartitionImage): void {
    const ofTopic = this.#changed.get(topicId) ?? new Map<number, PartitionImage>()
    this.#changed.set(topicId, ofTopic.set(partition.index, partition))
  }

  sets(): ChangeSet[] {
    const edit: PartitionEdit = (partition, topic) => this.get(topic.id, partition.index) ?? partition
    return editPartitions(this.#image, edit, [...this.#changed.keys()])
  }
}

/** By which rules a topic's partitions find their leaders, as of this image; looked up once a topic. */
export function electionRules(
  image: MetadataImage,
  config: BrokerConfig,
  eligible: (brokerId: number) => boolean = (id) => isEligible(image, id),
): (topic: TopicImage) => ElectionRules {
  const usesElr = (image.features.levels.get(ELR_FEATURE) ?? 0) >= 1
  const known = new Map<Uuid, ElectionRules>()
  return (topic) => {
    let rules = known.get(topic.id)
    if (rules === undefined) {
      const settings = new TopicConfig(config, topic.configs)
      rules = {
        isEligible: eligible,
        minInSyncReplicas: settings.number('min.insync.replicas'),
        unclean: settings.boolean('unclean.leader.election.enable'),
        usesElr,
      }
      known.set(topic.id, rules)
    }
    return rules
  }
}
