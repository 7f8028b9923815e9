/** All configuration tables, by name. Owns the list of what exists; the rows are in the files beside. */
import { CLUSTER_KEYS, DYNAMIC_ONLY_KEYS } from './broker-keys-cluster.ts'
import { COORDINATOR_KEYS } from './broker-keys-coordinators.ts'
import { LOG_KEYS } from './broker-keys-log.ts'
import { REMOTE_LOG_KEYS } from './broker-keys-remote-log.ts'
import { SECURITY_KEYS } from './broker-keys-security.ts'
import { SERVER_KEYS } from './broker-keys-server.ts'
import type { ConfigKey } from './key.ts'
import { OTTLA_BROKER_KEYS, OTTLA_TOPIC_KEYS } from './ottla-keys.ts'
import { CLIENT_METRICS_KEYS, GROUP_KEYS } from './resource-keys.ts'
import { KAFKA_TOPIC_KEYS } from './topic-keys.ts'

export type KeyTable = ReadonlyMap<string, ConfigKey>

function tableOf(...parts: readonly (readonly ConfigKey[])[]): KeyTable {
  const rows = parts.flat().sort((a, b) => (a.name < b.name ? -1 : 1))
  return new Map(rows.map((row) => [row.name, row]))
}

/** What a configuration file may hold. */
export const BROKER_KEYS: KeyTable = tableOf(
  SERVER_KEYS,
  LOG_KEYS,
  SECURITY_KEYS,
  CLUSTER_KEYS,
  COORDINATOR_KEYS,
  REMOTE_LOG_KEYS,
  OTTLA_BROKER_KEYS,
)

/** Broker settings that exist only as dynamic ones. */
export const BROKER_DYNAMIC_ONLY_KEYS: KeyTable = tableOf(DYNAMIC_ONLY_KEYS)

export const TOPIC_KEYS: KeyTable = tableOf(KAFKA_TOPIC_KEYS, OTTLA_TOPIC_KEYS)

export const GROUP_RESOURCE_KEYS: KeyTable = tableOf(GROUP_KEYS)

export const CLIENT_METRICS_RESOURCE_KEYS: KeyTable = tableOf(CLIENT_METRICS_KEYS)

/** Keys that mean the same in different units, or stand in for each other: the first that is set wins. */
const SYNONYM_GROUPS: readonly (readonly string[])[] = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
]

/** The key's group in order of precedence; most keys are alone in theirs. */
export function brokerSynonyms(name: string): readonly string[] {
  return SYNONYM_GROUPS.find((names) => names.includes(name)) ?? [name]
}
