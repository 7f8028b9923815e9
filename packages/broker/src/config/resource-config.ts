/** What the resources of type group and client metrics may be given. */
import type { BrokerConfig } from './broker-config.ts'
import type { ConfigKey } from './key.ts'
import { CLIENT_METRICS_RESOURCE_KEYS, GROUP_RESOURCE_KEYS } from './tables.ts'
import { violation } from './values.ts'

/** The value that a group has for a key: its own, else the broker's setting for all groups, else the default. */
export function groupValue(key: ConfigKey, own: ReadonlyMap<string, string>, broker: BrokerConfig): string {
  return own.get(key.name) ?? (key.defaultFrom === undefined ? null : broker.text(key.defaultFrom)) ?? key.defaultValue!
}

/** What is wrong with a group's own values, as a sentence; null when nothing is. */
export function groupConfigProblem(own: ReadonlyMap<string, string>, broker: BrokerConfig): string | null {
  for (const [name, value] of own) {
    const key = GROUP_RESOURCE_KEYS.get(name)
    if (key === undefined) return `Unknown group config name: ${name}`
    const wrong = violation(key, value) ?? boundProblem(key, Number(value), broker)
    if (wrong !== null) return `Invalid value ${value} for configuration ${name}: ${wrong}`
  }
  return heartbeatProblem(own, broker)
}

function boundProblem(key: ConfigKey, value: number, broker: BrokerConfig): string | null {
  if (key.minFrom !== undefined && value < broker.int(key.minFrom))
    return `less than ${key.minFrom}=${broker.text(key.minFrom)}`
  if (key.maxFrom !== undefined && value > broker.int(key.maxFrom))
    return `more than ${key.maxFrom}=${broker.text(key.maxFrom)}`
  return null
}

function heartbeatProblem(own: ReadonlyMap<string, string>, broker: BrokerConfig): string | null {
  for (const kind of ['consumer', 'share', 'streams']) {
    const session = GROUP_RESOURCE_KEYS.get(`${kind}.session.timeout.ms`)!
    const heartbeat = GROUP_RESOURCE_KEYS.get(`${kind}.heartbeat.interval.ms`)!
    if (Number(groupValue(heartbeat, own, broker)) >= Number(groupValue(session, own, broker))) {
      return `${heartbeat.name} must be less than ${session.name}`
    }
  }
  return null
}

/** As `groupConfigProblem`; Kafka answers a bad `match` with another error than the rest. */
export function clientMetricsConfigProblem(
  own: ReadonlyMap<string, string>,
): { error: 'INVALID_CONFIG' | 'INVALID_REQUEST'; message: string } | null {
  for (const [name, value] of own) {
    const key = CLIENT_METRICS_RESOURCE_KEYS.get(name)
    if (key === undefined) return { error: 'INVALID_REQUEST', message: `Unknown client metrics configuration: ${name}` }
    const wrong = violation(key, value)
    if (wrong === null) continue
    const error = name === 'match' ? 'INVALID_CONFIG' : 'INVALID_REQUEST'
    return { error, message: `Invalid value ${value} for configuration ${name}: ${wrong}` }
  }
  return null
}
