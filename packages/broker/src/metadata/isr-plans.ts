/** AlterPartition (KIP-497, KIP-903): what becomes of the ISR that a leader asks for. Pure; checks in Kafka's order. */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import { changePartition } from './elections.ts'
import { isEligible, type MetadataImage, type PartitionImage, type Uuid } from './image.ts'
import { electionRules, PartitionChanges } from './partition-sets.ts'
import type { Plan } from './plan.ts'

export interface AlterPartitions {
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly partitions: readonly AlterIsr[]
}

export interface AlterIsr {
  readonly topicId: Uuid
  readonly index: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** A broker epoch of −1 is not compared. */
  readonly isr: readonly { readonly id: number; readonly brokerEpoch: number }[]
}

/** For each partition in order: its state once the plan is written, or why it stays. */
export type AlteredPartition = PartitionImage | ErrorName

/**
 * Several leaders' requests as one plan: two of them may concern one shard. Each is answered by its partitions' states,
 * or with STALE_BROKER_EPOCH for a leader that is not the registered incarnation.
 */
export function planAlterPartitions(
  image: MetadataImage,
  requests: readonly AlterPartitions[],
  config: BrokerConfig,
): Plan<(AlteredPartition[] | ProtocolError)[]> {
  const changes = new PartitionChanges(image)
  const rulesOf = electionRules(image, config)
  const alter = (wanted: AlterIsr, leader: number): AlteredPartition => {
    const topic = image.topicsById.get(wanted.topicId)
    if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
    const partition = changes.get(topic.id, wanted.index)
    if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    const refusal = check(image, partition, wanted, leader)
    if (refusal !== null) return refusal
    const next = changePartition(partition, { isr: wanted.isr.map(({ id }) => id) }, rulesOf(topic))
    changes.set(topic.id, next)
    return next
  }
  const outcomes = requests.map(({ brokerId, brokerEpoch, partitions }) => {
    if (image.brokers.get(brokerId)?.epoch !== brokerEpoch) return new ProtocolError('STALE_BROKER_EPOCH')
    return partitions.map((wanted) => alter(wanted, brokerId))
  })
  return { sets: changes.sets(), success: outcomes }
}

function check(image: MetadataImage, partition: PartitionImage, wanted: AlterIsr, leader: number): ErrorName | null {
  // A leader that knows more than we do has been told by a later controller.
  if (wanted.leaderEpoch > partition.leaderEpoch || wanted.partitionEpoch > partition.partitionEpoch) {
    return 'NOT_CONTROLLER'
  }
  if (wanted.leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (partition.leader !== leader) return 'INVALID_REQUEST'
  if (wanted.partitionEpoch < partition.partitionEpoch) return 'INVALID_UPDATE_VERSION'
  const ids = wanted.isr.map(({ id }) => id)
  const isValid = ids.every((id) => partition.replicas.includes(id)) && new Set(ids).size === ids.length
  if (!isValid || !ids.includes(leader)) return 'INVALID_REQUEST'
  const isIneligible = wanted.isr.some(({ id, brokerEpoch }) => {
    return !isEligible(image, id) || (brokerEpoch !== -1 && image.brokers.get(id)!.epoch !== brokerEpoch)
  })
  return isIneligible ? 'INELIGIBLE_REPLICA' : null
}
