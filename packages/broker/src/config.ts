/**
 * Configuration: what may be set (`config/` holds Kafka's tables and Ottla's own keys), what was set, and what that
 * comes to. This file is the door to the folder for everybody else.
 */
export {
  BrokerConfig,
  CONFIG_SOURCE,
  type ConfigSetting,
  type ConfigSource,
  type DynamicOverrides,
  NO_OVERRIDES,
} from './config/broker-config.ts'
export { dynamicBrokerKey, dynamicBrokerProblem, dynamicOverrides, isDynamic } from './config/dynamic-config.ts'
export type { ConfigKey, ConfigType } from './config/key.ts'
export type { Listener } from './config/listeners.ts'
export { ConfigError, type ConfigSources, type LoadedConfig, loadConfig } from './config/load.ts'
export { type EtcdPlace, type MetadataStorePlace, metadataStorePlace } from './config/metadata-store.ts'
export { parseProperties } from './config/properties.ts'
export { clientMetricsConfigProblem, groupConfigProblem, groupValue } from './config/resource-config.ts'
export {
  BROKER_DYNAMIC_ONLY_KEYS,
  BROKER_KEYS,
  CLIENT_METRICS_RESOURCE_KEYS,
  GROUP_RESOURCE_KEYS,
  TOPIC_KEYS,
} from './config/tables.ts'
export { TopicConfig, topicConfigProblem } from './config/topic-config.ts'
export type { IgnoredKey } from './config/unsupported.ts'
export { items, VALUE_LENGTH_MAX } from './config/values.ts'
