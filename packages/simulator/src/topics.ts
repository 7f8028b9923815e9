/** The topics of a seed run, by what may be expected of their records, and how its brokers are set. */
import type { NewTopic } from '@ottla/client/admin.ts'
import type { Place } from './workloads/workload.ts'

/** Every record has acks=all: readers see exactly what is left. */
export const STRICT = 'strict'
/** Records with acks=1 among others: what a leader alone had may go, and be read before. */
export const MIXED = 'mixed'
/** All acks=all, with keys: of each the newest record stays. */
export const COMPACTED = 'compacted'
/** All acks=all: the oldest records go by size and on demand. */
export const BOUNDED = 'bounded'

export const STRICT_PLACES: readonly Place[] = [0, 1].map((partition) => ({ topic: STRICT, partition }))
export const MIXED_PLACE: Place = { topic: MIXED, partition: 0 }
export const COMPACTED_PLACE: Place = { topic: COMPACTED, partition: 0 }
export const BOUNDED_PLACE: Place = { topic: BOUNDED, partition: 0 }
export const PLACES: readonly Place[] = [...STRICT_PLACES, MIXED_PLACE, COMPACTED_PLACE, BOUNDED_PLACE]

export const RACKS = ['a', 'b', 'c'] as const

export const SETTINGS = {
  'min.insync.replicas': '2',
  'offsets.topic.num.partitions': '2',
  'group.initial.rebalance.delay.ms': '100',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.session.timeout.ms': '6000',
  'group.consumer.heartbeat.interval.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '1000',
  'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
  'broker.session.timeout.ms': '3000',
  'replica.lag.time.max.ms': '4000',
  'log.flush.offset.checkpoint.interval.ms': '5000',
  'log.cleaner.backoff.ms': '4000',
  'log.retention.check.interval.ms': '4000',
  'log.initial.task.delay.ms': '1000',
}

/** For a cluster of three. */
export function newTopics(configs: { readonly [name: string]: string }): NewTopic[] {
  const all = { 'min.insync.replicas': '2', ...configs }
  const small = { ...all, 'segment.ms': '4000', 'file.delete.delay.ms': '1000' }
  return [
    {
      name: STRICT,
      configs: { ...all, 'retention.ms': '-1' },
      assignments: [
        [1, 2, 3],
        [2, 3, 1],
      ],
    },
    { name: MIXED, configs: { ...all, 'retention.ms': '-1' }, assignments: [[2, 3, 1]] },
    {
      ...{ name: COMPACTED, assignments: [[3, 1, 2]] },
      configs: { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' },
    },
    {
      name: BOUNDED,
      configs: { ...small, 'retention.ms': '-1', 'retention.bytes': '10000' },
      assignments: [[1, 3, 2]],
    },
  ]
}
