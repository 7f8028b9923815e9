/** For tests of plans: the image of a small cluster with one topic, and what a plan makes of it. */
import { applyRevision } from './changes.ts'
import { emptyImage, type MetadataImage, type PartitionImage, partitionOf, type Uuid } from './image.ts'
import { plaintext } from './one-broker.ts'
import type { ChangeSet } from './store.ts'

export const TOPIC_ID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** Topic `t`: partitions on brokers 1, 2 and 3, led by 1, as far as not said otherwise. Broker n's epoch is 10 + n. */
export function clusterImage(
  partitions: readonly Partial<PartitionImage>[],
  options: { brokers?: readonly number[]; fenced?: readonly number[]; configs?: { [key: string]: string } } = {},
): MetadataImage {
  const { brokers = [1, 2, 3], fenced = [], configs = {} } = options
  const full = partitions.map((fields, index) => ({
    ...{ index, replicas: [1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 4, partitionEpoch: 7 },
    ...fields,
  }))
  const topic = { id: TOPIC_ID, name: 't', internal: false, configs: new Map(Object.entries(configs)), revision: 1 }
  const registered = brokers.map((id) => {
    const rest = { fenced: fenced.includes(id), lostData: false, epoch: 10 + id, revision: 10 + id }
    return [id, { ...plaintext(id), ...rest }] as const
  })
  const withPartitions = { ...topic, partitions: full }
  return {
    ...emptyImage,
    revision: 20,
    brokers: new Map(registered),
    topicsById: new Map([[TOPIC_ID, withPartitions]]),
    topicsByName: new Map([['t', withPartitions]]),
    features: { levels: new Map([['eligible.leader.replicas.version', 1]]), epoch: 1 },
    shards: new Map([[TOPIC_ID, [{ first: 0, revision: 20, partitions: full }]]]),
  }
}

/** The image once all of it is written. */
export function written(image: MetadataImage, sets: readonly ChangeSet[]): MetadataImage {
  let next = image
  for (const { puts, deletes } of sets) {
    const revision = next.revision + 1
    const changes = [
      ...puts.map((put) => ({ ...put, revision })),
      ...deletes.map((key) => ({ key, value: null, revision })),
    ]
    next = applyRevision(next, revision, changes)
  }
  return next
}

export function partitionIn(image: MetadataImage, index = 0): PartitionImage {
  return partitionOf(image, TOPIC_ID, index)!
}
