/** Keys that Kafka does not have. */
import { boolean, type ConfigKey, string } from './key.ts'

export const OTTLA_BROKER_KEYS: readonly ConfigKey[] = [
  boolean('log.write.caching', 'false', { update: 'cluster-wide' }),
  string('metadata.store', 'embedded', { importance: 'high', valid: { oneOf: ['embedded'] } }),
]

export const OTTLA_TOPIC_KEYS: readonly ConfigKey[] = [
  boolean('write.caching', 'false', { from: ['log.write.caching'] }),
]
