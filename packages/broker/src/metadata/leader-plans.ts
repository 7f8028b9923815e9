/** Elections that somebody asks for (ElectLeaders), and preferred leaders that get their place back by themselves. Pure. */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { ElectedPartition, ElectLeaders } from './controller-client.ts'
import { changePartition } from './elections.ts'
import { type MetadataImage, NO_LEADER, type PartitionImage, type TopicImage } from './image.ts'
import { editPartitions, electionRules, PartitionChanges } from './partition-sets.ts'
import type { Plan } from './plan.ts'
import type { ChangeSet } from './store.ts'

type Election = ElectLeaders['election']

/**
 * Every partition that was asked for is answered, in order; where all were, those that need no election are left out.
 * As in Kafka, a preferred election of a partition without a leader takes another replica where the preferred one
 * cannot lead, and an unclean one takes whoever may lead cleanly first.
 */
export function planElectLeaders(
  image: MetadataImage,
  { election, partitions }: ElectLeaders,
  config: BrokerConfig,
): Plan<ElectedPartition[]> {
  const changes = new PartitionChanges(image)
  const rulesOf = electionRules(image, config)
  const elect = (topicName: string, index: number): ErrorName | null => {
    const topic = image.topicsByName.get(topicName)
    const partition = topic && changes.get(topic.id, index)
    if (topic === undefined || partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    if (hasLeader(partition, election)) return 'ELECTION_NOT_NEEDED'
    const next = electedBy(election, { partition, rules: rulesOf(topic) })
    if (next === partition) return NOBODY[election]
    changes.set(topic.id, next)
    return null
  }
  const asked = partitions ?? allPartitions(image)
  const all = asked.map(({ topic, index }) => ({ topic, index, error: elect(topic, index) }))
  const success = partitions === null ? all.filter(({ error }) => error !== 'ELECTION_NOT_NEEDED') : all
  return { sets: changes.sets(), success }
}

/**
 * Leaders that go back to the first of their replicas, as soon as it can lead. Kafka's rule since it has no ZooKeeper:
 * any partition that is led by another one, no share of them is tolerated.
 */
export function planBalanceLeaders(image: MetadataImage, config: BrokerConfig): ChangeSet[] {
  const rulesOf = electionRules(image, config)
  return editPartitions(image, (partition, topic: TopicImage) => {
    // One that has no leader is elected by whoever keeps house.
    if (partition.leader === NO_LEADER || hasLeader(partition, 'preferred')) return partition
    const next = electedBy('preferred', { partition, rules: rulesOf(topic) })
    return next.leader === partition.replicas[0] ? next : partition
  })
}

const NOBODY = {
  preferred: 'PREFERRED_LEADER_NOT_AVAILABLE',
  unclean: 'ELIGIBLE_LEADERS_NOT_AVAILABLE',
} as const satisfies { readonly [E in Election]: ErrorName }

function hasLeader({ leader, replicas }: PartitionImage, election: Election): boolean {
  return election === 'preferred' ? leader === replicas[0] : leader !== NO_LEADER
}

function electedBy(
  election: Election,
  { partition, rules }: { partition: PartitionImage; rules: ReturnType<ReturnType<typeof electionRules>> },
): PartitionImage {
  if (election === 'preferred') return changePartition(partition, { leader: 'preferred' }, rules)
  return changePartition(partition, {}, { ...rules, unclean: true })
}

function allPartitions(image: MetadataImage): { topic: string; index: number }[] {
  return [...image.topicsByName.values()].flatMap(({ name, partitions }) =>
    partitions.map(({ index }) => ({ topic: name, index })),
  )
}
