/** How Kafka's own topics are made: by the brokers themselves, on first need, with settings of their own. Pure. */
import { assert } from '@ottla/base/assert.ts'
import type { BrokerConfig } from '../config.ts'
import type { CreateTopic } from './controller-client.ts'

/**
 * The command that creates a topic which nobody made by hand, internal or not. Where nobody has said how many replicas
 * an internal topic shall have, it gets no more than there are brokers: one broker alone can serve groups as well.
 */
export function automaticTopic(name: string, config: BrokerConfig, brokerCount: number): CreateTopic {
  const settings = INTERNAL[name]
  if (settings === undefined) return { name, partitionCount: -1, replicationFactor: -1, assignments: [], configs: [] }
  return {
    name,
    partitionCount: config.int(`${settings.prefix}.num.partitions`),
    replicationFactor: replicationFactor(`${settings.prefix}.replication.factor`, config, brokerCount),
    assignments: [],
    configs: Object.entries(settings.configs).map(([key, value]) => ({ name: key, value: textOf(value, config) })),
  }
}

/** How many replicas an internal topic shall have at the least; null where an operator, or nobody, has said so. */
export function wantedReplicas(name: string, config: BrokerConfig, brokerCount: number): number | null {
  const settings = INTERNAL[name]
  if (settings === undefined) return null
  const key = `${settings.prefix}.replication.factor`
  return config.isSet(key) ? null : replicationFactor(key, config, brokerCount)
}

function replicationFactor(key: string, config: BrokerConfig, brokerCount: number): number {
  const factor = config.int(key)
  return config.isSet(key) ? factor : Math.max(1, Math.min(factor, brokerCount))
}

interface InternalTopic {
  readonly prefix: string
  /** A text is the value; a reference is that of a broker key. */
  readonly configs: { readonly [name: string]: string | { readonly of: string } }
}

const INTERNAL: { readonly [name: string]: InternalTopic } = {
  __consumer_offsets: {
    prefix: 'offsets.topic',
    configs: {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': { of: 'offsets.topic.segment.bytes' },
    },
  },
  __transaction_state: {
    prefix: 'transaction.state.log',
    configs: {
      'unclean.leader.election.enable': 'false',
      'compression.type': 'uncompressed',
      'cleanup.policy': 'compact',
      'min.insync.replicas': { of: 'transaction.state.log.min.isr' },
      'segment.bytes': { of: 'transaction.state.log.segment.bytes' },
    },
  },
  __share_group_state: {
    prefix: 'share.coordinator.state.topic',
    configs: {
      'cleanup.policy': 'delete',
      'compression.type': 'producer',
      'segment.bytes': { of: 'share.coordinator.state.topic.segment.bytes' },
      'min.insync.replicas': { of: 'share.coordinator.state.topic.min.isr' },
      'retention.ms': '-1',
    },
  },
}

function textOf(value: string | { readonly of: string }, config: BrokerConfig): string {
  if (typeof value === 'string') return value
  const text = config.text(value.of)
  assert(text !== null, `Broker key "${value.of}" has a default`)
  return text
}
