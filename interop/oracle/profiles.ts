/**
 * Owns the settings that brokers of the oracle run with, the same for Apache Kafka and for Ottla. Most scenarios use
 * `plain`; what a setting changes is asked in a profile of its own, as each is one more start of Kafka.
 */
export const NODE_ID = 1

export type ProfileName = keyof typeof PROFILES

const SHARED = {
  'node.id': String(NODE_ID),
  'offsets.topic.num.partitions': '1',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
}

export const PROFILES = {
  plain: { ...SHARED },
  strict: {
    ...SHARED,
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': 'false',
    'num.partitions': '3',
    'message.max.bytes': '2000',
    'fetch.max.bytes': '1024',
    'max.request.partition.size.limit': '2',
    'max.incremental.fetch.session.cache.slots': '0',
    'socket.request.max.bytes': '100000',
    'unstable.api.versions.enable': 'true',
    'compression.type': 'gzip',
    'broker.rack': 'rack-1',
    'group.coordinator.rebalance.protocols': 'classic',
    'offsets.retention.check.interval.ms': '50',
    'group.initial.rebalance.delay.ms': '200',
  },
  /** Groups whose members come, go and are counted within milliseconds. */
  groups: {
    ...SHARED,
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '100',
    'group.max.session.timeout.ms': '60000',
    'group.max.size': '3',
    'group.consumer.max.size': '3',
    'group.consumer.min.session.timeout.ms': '200',
    'group.consumer.min.heartbeat.interval.ms': '100',
  },
  /** For limits on connections: Kafka counts those that it will never answer as well, so no other scenario may be here. */
  crowded: { ...SHARED },
  /** What takes hours or days elsewhere happens at once. */
  impatient: {
    ...SHARED,
    'connections.max.idle.ms': '600',
    'producer.id.expiration.ms': '500',
    'producer.id.expiration.check.interval.ms': '50',
    'log.initial.task.delay.ms': '50',
    'log.retention.check.interval.ms': '50',
    'log.retention.ms': '-1',
    'group.initial.rebalance.delay.ms': '0',
    'group.consumer.migration.policy': 'disabled',
    'broker.rack': 'rack-1',
    'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[]
