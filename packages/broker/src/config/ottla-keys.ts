/** Keys that Kafka does not have. */
import { boolean, type ConfigKey, string } from './key.ts'

export const OTTLA_BROKER_KEYS: readonly ConfigKey[] = [
  boolean('log.write.caching', 'false', { update: 'cluster-wide' }),
  // May hold a password.
  string('metadata.store', 'embedded', { importance: 'high', sensitive: true, valid: { nonNull: true } }),
]

export const OTTLA_TOPIC_KEYS: readonly ConfigKey[] = [
  boolean('write.caching', 'false', { from: ['log.write.caching'] }),
]
