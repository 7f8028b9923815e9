/** Broker settings that change while the broker runs: which may, to what, and what an image says they are. */
import { dynamicConfig, type MetadataImage } from '../metadata/image.ts'
import { type BrokerConfig, type DynamicOverrides, NO_OVERRIDES } from './broker-config.ts'
import type { ConfigKey } from './key.ts'
import { nearest } from './nearest.ts'
import { BROKER_DYNAMIC_ONLY_KEYS, BROKER_KEYS } from './tables.ts'
import { VALUE_LENGTH_MAX, violation } from './values.ts'

export function dynamicOverrides(image: MetadataImage, brokerId: number): DynamicOverrides {
  const broker = dynamicConfig(image, 'broker', String(brokerId))
  const cluster = dynamicConfig(image, 'broker', '')
  if (broker.revision === 0 && cluster.revision === 0) return NO_OVERRIDES
  return { broker: broker.values, cluster: cluster.values }
}

export function dynamicBrokerKey(name: string): ConfigKey | undefined {
  return BROKER_KEYS.get(name) ?? BROKER_DYNAMIC_ONLY_KEYS.get(name)
}

/** Whether the key may change while this broker runs. */
export function isDynamic(key: ConfigKey): boolean {
  return key.updateMode === 'cluster-wide' || DYNAMIC_PER_BROKER.has(key.name)
}

/** Kafka lets them shrink to half and grow to double at a time. */
const THREAD_COUNTS: ReadonlySet<string> = new Set([
  'num.io.threads',
  'num.network.threads',
  'num.replica.fetchers',
  'num.recovery.threads.per.data.dir',
  'background.threads',
])

/**
 * Why this change must not be made to a resource of type broker, as a sentence; null when it may. `value` null removes
 * the setting. `cluster`: the resource is the default of all brokers. `config` is of the broker that is asked.
 */
export function dynamicBrokerProblem(
  change: { name: string; value: string | null; cluster: boolean },
  config: BrokerConfig,
): string | null {
  const { name, value, cluster } = change
  const key = dynamicBrokerKey(name)
  if (key === undefined) return unknownProblem(name)
  if (key.updateMode === 'read-only') return `Cannot update these configs dynamically: ${name}`
  if (key.updateMode === 'per-broker' && cluster) return `Cannot update per-broker configs for the cluster: ${name}`
  if (!isDynamic(key)) {
    return `Cannot update ${name} while the broker runs: set it in the broker's file and restart`
  }
  if (value === null) return null
  if (value.length > VALUE_LENGTH_MAX) return `Invalid value for configuration ${name}: longer than ${VALUE_LENGTH_MAX}`
  const wrong = violation(key, value)
  if (wrong !== null) return `Invalid value ${value} for configuration ${name}: ${wrong}`
  return THREAD_COUNTS.has(name) ? threadProblem(name, Number(value), config.int(name)) : null
}

/** Of the keys for one broker, those that need no new listener and no TLS. */
const DYNAMIC_PER_BROKER: ReadonlySet<string> = new Set(BROKER_DYNAMIC_ONLY_KEYS.keys())

function unknownProblem(name: string): string {
  const meant = nearest(name, BROKER_KEYS.keys())
  return `Unknown broker config name: ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}`
}

function threadProblem(name: string, wanted: number, current: number): string | null {
  if (wanted < Math.floor(current / 2)) return `Cannot set ${name}=${wanted}: less than half of the current ${current}`
  return wanted > current * 2 ? `Cannot set ${name}=${wanted}: more than double of the current ${current}` : null
}
