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
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[]
