/** From changes of configuration to documents: topics, brokers, groups, client metrics. Pure; Kafka's errors. */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import {
  BROKER_KEYS,
  type BrokerConfig,
  CLIENT_METRICS_RESOURCE_KEYS,
  type ConfigKey,
  clientMetricsConfigProblem,
  dynamicBrokerKey,
  dynamicBrokerProblem,
  GROUP_RESOURCE_KEYS,
  groupConfigProblem,
  groupValue,
  items,
  TOPIC_KEYS,
  TopicConfig,
  VALUE_LENGTH_MAX,
} from '../config.ts'
import type { AlterConfig, ConfigChange } from './controller-client.ts'
import { configDocumentKey, encodeConfig, encodeTopic, topicKey } from './documents.ts'
import { type ConfigResourceType, dynamicConfig, type MetadataImage, type TopicImage } from './image.ts'
import { attempt, type Plan } from './plan.ts'
import { topicNameProblem } from './topic-names.ts'
import { checkTopicConfigs } from './topic-plans.ts'

type Values = ReadonlyMap<string, string>

export function planAlterConfig(
  image: MetadataImage,
  command: AlterConfig,
  config: BrokerConfig,
): Plan<null> | ProtocolError {
  return attempt(() => {
    checkLengths(command.changes)
    const sets = command.type === 'topic' ? alterTopic(image, command, config) : alterResource(image, command, config)
    return { sets, success: null }
  })
}

function checkLengths(changes: readonly ConfigChange[]): void {
  const long = changes.find(({ value }) => value !== null && value.length > VALUE_LENGTH_MAX)
  if (long === undefined) return
  throw new ProtocolError('INVALID_CONFIG', `The configuration value of ${long.key} is longer than ${VALUE_LENGTH_MAX}`)
}

function alterTopic(image: MetadataImage, command: AlterConfig, config: BrokerConfig): Plan<null>['sets'] {
  const topic = topicOf(image, command.name)
  const effective = new TopicConfig(config, topic.configs)
  const configs = changed(command, topic.configs, {
    keyOf: (name) => TOPIC_KEYS.get(name),
    current: (key) => effective.text(key.name) ?? '',
  })
  checkTopicConfigs(configs, config)
  if (sameValues(configs, topic.configs)) return []
  const { id, name, revision, partitions } = topic
  const value = encodeTopic({ name, configs, partitionCount: partitions.length })
  return [{ ifRevision: [{ key: topicKey(id), revision }], puts: [{ key: topicKey(id), value }], deletes: [] }]
}

function topicOf(image: MetadataImage, name: string): TopicImage {
  const problem = topicNameProblem(name)
  if (problem !== null) throw new ProtocolError('INVALID_TOPIC_EXCEPTION', problem)
  const topic = image.topicsByName.get(name)
  if (topic === undefined) {
    throw new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  }
  return topic
}

function alterResource(image: MetadataImage, command: AlterConfig, config: BrokerConfig): Plan<null>['sets'] {
  const type = command.type as ConfigResourceType
  const { values: own, revision } = dynamicConfig(image, type, command.name)
  const values = changed(command, own, {
    keyOf: (name) => KEY_OF[type](name),
    current: (key) => own.get(key.name) ?? behind(type, key, config),
  })
  checkResource(command, { own, values }, config)
  if (sameValues(values, own)) return []
  const key = configDocumentKey(type, command.name)
  const ifRevision = [{ key, revision }]
  if (values.size === 0) return [{ ifRevision, puts: [], deletes: [key] }]
  return [{ ifRevision, puts: [{ key, value: encodeConfig(values) }], deletes: [] }]
}

const KEY_OF: { readonly [T in ConfigResourceType]: (name: string) => ConfigKey | undefined } = {
  broker: dynamicBrokerKey,
  group: (name) => GROUP_RESOURCE_KEYS.get(name),
  'client-metrics': (name) => CLIENT_METRICS_RESOURCE_KEYS.get(name),
}

/** What counts where the resource has no value of its own. */
function behind(type: ConfigResourceType, key: ConfigKey, config: BrokerConfig): string {
  if (type === 'group') return groupValue(key, new Map(), config)
  const isStatic = type === 'broker' && BROKER_KEYS.has(key.name)
  return (isStatic ? config.text(key.name) : key.defaultValue) ?? ''
}

function checkResource(
  command: AlterConfig,
  { own, values }: { own: Values; values: Values },
  config: BrokerConfig,
): void {
  switch (command.type) {
    case 'broker':
      checkBroker(command, { own, values }, config)
      return
    case 'group': {
      if (command.name === '') throw new ProtocolError('INVALID_REQUEST', 'Default group resources are not allowed.')
      const problem = groupConfigProblem(values, config)
      if (problem !== null) throw new ProtocolError('INVALID_CONFIG', problem)
      return
    }
    default: {
      if (command.name === '') throw new ProtocolError('INVALID_REQUEST', "Subscription name can't be empty")
      const problem = clientMetricsConfigProblem(values)
      if (problem !== null) throw new ProtocolError(problem.error, problem.message)
    }
  }
}

function checkBroker(
  command: AlterConfig,
  { own, values }: { own: Values; values: Values },
  config: BrokerConfig,
): void {
  const names = new Set([...own.keys(), ...values.keys(), ...command.changes.map(({ key }) => key)])
  for (const name of names) {
    const value = values.get(name) ?? null
    const isNamed = command.changes.some(({ key }) => key === name)
    if (!isNamed && value === (own.get(name) ?? null)) continue
    const problem = dynamicBrokerProblem({ name, value, cluster: command.name === '' }, config)
    if (problem !== null) throw new ProtocolError('INVALID_REQUEST', problem)
  }
}

interface Lookups {
  readonly keyOf: (name: string) => ConfigKey | undefined
  /** The effective value, from which APPEND and SUBTRACT start. */
  readonly current: (key: ConfigKey) => string
}

/** The resource's own values after the changes, not yet checked. */
function changed(command: AlterConfig, own: Values, lookups: Lookups): Map<string, string> {
  const values = new Map(command.complete ? [] : own)
  for (const change of command.changes) {
    if (change.operation === 'delete') values.delete(change.key)
    else if (change.operation === 'set') values.set(change.key, parsed(lookups.keyOf(change.key), change.value!))
    else values.set(change.key, changedList(change, lookups))
  }
  return values
}

/** Blanks around a value are the value's own only where it is free text. */
function parsed(key: ConfigKey | undefined, value: string): string {
  return key === undefined || key.type === 'string' || key.type === 'password' ? value : value.trim()
}

function changedList(change: ConfigChange, { keyOf, current }: Lookups): string {
  const key = keyOf(change.key)
  if (key?.type !== 'list') {
    const verb = change.operation.toUpperCase()
    throw new ProtocolError('INVALID_CONFIG', `Can't ${verb} to key ${change.key} because its type is not LIST.`)
  }
  const before = items(current(key))
  const named = items(change.value!)
  if (change.operation === 'subtract') return before.filter((item) => !named.includes(item)).join(',')
  return [...before, ...named.filter((item, i) => !before.includes(item) && named.indexOf(item) === i)].join(',')
}

function sameValues(a: Values, b: Values): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value)
}
