/**
 * What becomes of partitions whose log has failed on the disk of one of their replicas. Pure. The replica leaves the
 * in-sync set, whose others go on without it, and leads no more where another one can; it joins again by following, once
 * its log is back. Where nobody else can lead it keeps the partition, in a new epoch: its log may come back without what
 * was not synced, and the same offsets must not mean two things in one epoch.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { Outcome } from './controller-client.ts'
import { changePartition, type ElectionRules } from './elections.ts'
import { type MetadataImage, NO_LEADER, type PartitionImage, type Uuid } from './image.ts'
import { electionRules, PartitionChanges } from './partition-sets.ts'
import type { Plan } from './plan.ts'

export interface FailedLogs {
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly logs: readonly FailedLog[]
}

export interface FailedLog {
  readonly topicId: Uuid
  readonly index: number
  /** The leader epoch in which it failed; −1 where it was never open in this life of its broker. */
  readonly failedEpoch: number
}

/** A report that came late, or a second time, finds nothing left to do. */
export function planFailedLogs(
  image: MetadataImage,
  { brokerId, brokerEpoch, logs }: FailedLogs,
  config: BrokerConfig,
): Plan<Outcome<null>> {
  if (image.brokers.get(brokerId)?.epoch !== brokerEpoch) {
    return { sets: [], success: new ProtocolError('STALE_BROKER_EPOCH') }
  }
  const changes = new PartitionChanges(image)
  const rulesOf = electionRules(image, config)
  for (const { topicId, index, failedEpoch } of logs) {
    const topic = image.topicsById.get(topicId)
    const partition = changes.get(topicId, index)
    if (topic === undefined || partition === undefined || partition.replicas.length === 1) continue
    changes.set(topicId, withoutLog(partition, { brokerId, failedEpoch }, rulesOf(topic)))
  }
  return { sets: changes.sets(), success: null }
}

function withoutLog(
  before: PartitionImage,
  { brokerId, failedEpoch }: { brokerId: number; failedEpoch: number },
  rules: ElectionRules,
): PartitionImage {
  const { isr, leader, leaderEpoch } = before
  if (leader !== brokerId && !isr.includes(brokerId)) return before
  const isEligible = (id: number): boolean => id !== brokerId && rules.isEligible(id)
  const others = isr.filter((id) => id !== brokerId)
  const after = changePartition(before, { isr: others }, { ...rules, isEligible })
  if (after.leader !== NO_LEADER || leader !== brokerId) return after
  return leaderEpoch > failedEpoch ? before : changePartition(before, { leader: 'renewed' }, rules)
}
