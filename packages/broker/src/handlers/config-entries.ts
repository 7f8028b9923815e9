/** The settings of a resource as DescribeConfigs and CreateTopics tell them: value, source, synonyms. */
import {
  BROKER_DYNAMIC_ONLY_KEYS,
  BROKER_KEYS,
  type BrokerConfig,
  CLIENT_METRICS_RESOURCE_KEYS,
  CONFIG_SOURCE,
  type ConfigKey,
  type ConfigSetting,
  type ConfigSource,
  GROUP_RESOURCE_KEYS,
  groupValue,
  isDynamic,
  TOPIC_KEYS,
  TopicConfig,
} from '../config.ts'

export interface ConfigEntry {
  readonly key: ConfigKey
  /** Null where there is no value, and where nobody may see it. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  /** Strongest first, the value's own place included. */
  readonly settings: readonly ConfigSetting[]
}

type Values = ReadonlyMap<string, string>

export function topicEntries(own: Values, config: BrokerConfig): ConfigEntry[] {
  const topic = new TopicConfig(config, own)
  return [...TOPIC_KEYS.values()]
    .filter((key) => !key.internal || own.has(key.name))
    .map((key) => entry(key, { value: topic.text(key.name), settings: topic.settings(key.name), readOnly: false }))
}

/** Of one broker: what is written, what is dynamic, and all defaults. */
export function brokerEntries(config: BrokerConfig): ConfigEntry[] {
  const plain = [...BROKER_KEYS.values()]
    .filter((key) => !key.internal || config.isSet(key.name))
    .map((key) =>
      entry(key, { value: config.text(key.name), settings: config.settings(key.name), readOnly: !isDynamic(key) }),
    )
  return [...plain, ...dynamicOnlyEntries(config)]
}

/** Settings that have no place in a file are told only when they are set, as Kafka does. */
function dynamicOnlyEntries(config: BrokerConfig): ConfigEntry[] {
  return [...BROKER_DYNAMIC_ONLY_KEYS.values()].flatMap((key) => {
    const settings = config.settings(key.name)
    return settings.length === 0 ? [] : [entry(key, { value: settings[0]!.value, settings, readOnly: false })]
  })
}

/** Of the default of all brokers: the dynamic values, nothing else. */
export function clusterEntries(own: Values): ConfigEntry[] {
  return [...own].flatMap(([name, value]) => {
    const key = BROKER_KEYS.get(name) ?? BROKER_DYNAMIC_ONLY_KEYS.get(name)
    if (key === undefined) return []
    const settings = [{ name, value, source: CONFIG_SOURCE.dynamicDefaultBroker }]
    return [entry(key, { value, settings, readOnly: false })]
  })
}

export function groupEntries(own: Values, config: BrokerConfig): ConfigEntry[] {
  return [...GROUP_RESOURCE_KEYS.values()].map((key) => {
    const fallback = groupValue(key, new Map(), config)
    const set = ownSetting(key, own, CONFIG_SOURCE.group)
    const settings = set.length > 0 ? set : [{ name: key.name, value: fallback, source: CONFIG_SOURCE.default }]
    return entry(key, { value: groupValue(key, own, config), settings, readOnly: false })
  })
}

export function clientMetricsEntries(own: Values): ConfigEntry[] {
  return [...CLIENT_METRICS_RESOURCE_KEYS.values()].map((key) => {
    const settings = ownSetting(key, own, CONFIG_SOURCE.clientMetrics)
    return entry(key, { value: own.get(key.name) ?? key.defaultValue, settings, readOnly: false })
  })
}

function ownSetting(key: ConfigKey, own: Values, source: ConfigSource): ConfigSetting[] {
  const value = own.get(key.name)
  return value === undefined ? [] : [{ name: key.name, value, source }]
}

function entry(key: ConfigKey, parts: Pick<ConfigEntry, 'value' | 'settings' | 'readOnly'>): ConfigEntry {
  const { settings, readOnly } = parts
  return {
    key,
    value: key.sensitive ? null : parts.value,
    source: settings[0]?.source ?? CONFIG_SOURCE.default,
    readOnly,
    settings,
  }
}
