/**
 * A broker's configuration as one immutable value: what was written in its files and on its command line, and on top
 * of it the dynamic changes of the metadata image. Typed getters for what the broker uses; `text`, `int` … for the rest.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ConfigKey } from './key.ts'
import type { Listener } from './listeners.ts'
import { BROKER_KEYS, brokerSynonyms } from './tables.ts'
import { items } from './values.ts'

/** DescribeConfigs' codes of where a value comes from. */
export const CONFIG_SOURCE = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  brokerLogger: 6,
  clientMetrics: 7,
  group: 8,
} as const

export type ConfigSource = (typeof CONFIG_SOURCE)[keyof typeof CONFIG_SOURCE]

/** One place in which a key, or one that stands in for it, has a value. */
export interface ConfigSetting {
  readonly name: string
  readonly value: string
  readonly source: ConfigSource
}

/** The values of the two resources of type broker that concern this one. */
export interface DynamicOverrides {
  /** Of the broker's own id. */
  readonly broker: ReadonlyMap<string, string>
  /** Of the empty name: the default of all brokers. */
  readonly cluster: ReadonlyMap<string, string>
}

export const NO_OVERRIDES: DynamicOverrides = { broker: new Map(), cluster: new Map() }

export interface BrokerConfigParts {
  readonly nodeId: number
  readonly listeners: readonly Listener[]
  /** What was written, by name; legal and canonical. */
  readonly written: ReadonlyMap<string, string>
}

export class BrokerConfig {
  readonly nodeId: number
  /** Those for clients and brokers; never empty. Controller listeners are not among them. */
  readonly listeners: readonly Listener[]
  readonly #parts: BrokerConfigParts
  readonly #dynamic: DynamicOverrides
  /** Values that were asked for as numbers, by name. */
  readonly #numbers = new Map<string, number | null>()

  constructor(parts: BrokerConfigParts, dynamic: DynamicOverrides = NO_OVERRIDES) {
    assert(parts.listeners.length > 0, 'A broker has a listener')
    this.nodeId = parts.nodeId
    this.listeners = parts.listeners
    this.#parts = parts
    this.#dynamic = dynamic
  }

  /** Whether an operator chose `nodeId`; else it is the default, which stands for none. */
  get isNodeIdGiven(): boolean {
    return this.isSet('node.id') || this.isSet('broker.id')
  }

  /** The same of another broker. */
  withNodeId(nodeId: number): BrokerConfig {
    return new BrokerConfig({ ...this.#parts, nodeId }, this.#dynamic)
  }

  /** The same files with other dynamic changes. */
  withDynamic(dynamic: DynamicOverrides): BrokerConfig {
    return new BrokerConfig(this.#parts, dynamic)
  }

  /**
   * Where the key and those that stand in for it are set, strongest first: all of the broker's dynamic values, then the
   * cluster's, then the written ones, then defaults. Begins with the key itself, as Kafka's DescribeConfigs does.
   */
  settings(name: string): ConfigSetting[] {
    const names = brokerSynonyms(name)
    const found = [
      ...settingsIn(this.#dynamic.broker, names, CONFIG_SOURCE.dynamicBroker),
      ...settingsIn(this.#dynamic.cluster, names, CONFIG_SOURCE.dynamicDefaultBroker),
      ...settingsIn(this.#parts.written, names, CONFIG_SOURCE.staticBroker),
      ...names.flatMap(defaultSetting),
    ]
    const first = found.findIndex((setting) => setting.name === name)
    return first < 0 ? [] : found.slice(first)
  }

  /** Whether somebody gave the key a value, be it the default's. */
  isSet(name: string): boolean {
    return this.#override(name) !== undefined
  }

  /** Null where there is neither a value nor a default. */
  text(name: string): string | null {
    return this.#override(name) ?? keyNamed(name).defaultValue
  }

  int(name: string): number {
    return this.intOrNull(name) ?? this.#missing(name)
  }

  /** Values of 64 bits are rounded to a double: only 9223372036854775807 (never, unlimited) is meant to be that large. */
  intOrNull(name: string): number | null {
    // Read for every request, and parsed once: what is set in a BrokerConfig does not change.
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const text = this.text(name)
    const value = text === null ? null : Number(text)
    this.#numbers.set(name, value)
    return value
  }

  boolean(name: string): boolean {
    return this.text(name) === 'true'
  }

  list(name: string): string[] {
    return items(this.text(name) ?? '')
  }

  get rack(): string | null {
    return this.text('broker.rack')
  }

  /** Never empty. */
  get logDirs(): string[] {
    return this.list(this.text('log.dirs') === null ? 'log.dir' : 'log.dirs')
  }

  /** The name of the listener by which other brokers come. */
  get interBrokerListenerName(): string {
    return (this.text('inter.broker.listener.name') ?? this.text('security.inter.broker.protocol')!).toUpperCase()
  }

  /** Whether consumers are sent to a replica of their own rack, as Kafka's RackAwareReplicaSelector does (KIP-392). */
  get selectsNearestReplica(): boolean {
    return (this.text('replica.selector.class') ?? '') !== ''
  }

  /** Of all replicas that their topics name for this role, in bytes a second; set only while the broker runs. */
  throttledRate(role: 'leader' | 'follower'): number {
    const text = this.#override(`${role}.replication.throttled.rate`)
    return text === undefined ? Number.POSITIVE_INFINITY : Number(text)
  }

  get replicationQuotaWindows(): { readonly windows: number; readonly windowMs: number } {
    const windowMs = this.int('replication.quota.window.size.seconds') * 1000
    return { windows: this.int('replication.quota.window.num'), windowMs }
  }

  get numPartitions(): number {
    return this.int('num.partitions')
  }

  get defaultReplicationFactor(): number {
    return this.int('default.replication.factor')
  }

  get autoCreateTopics(): boolean {
    return this.boolean('auto.create.topics.enable')
  }

  get deleteTopics(): boolean {
    return this.boolean('delete.topic.enable')
  }

  get requestBytesMax(): number {
    return this.int('socket.request.max.bytes')
  }

  /** -1: the broker's own share for request frames. */
  get queuedRequestBytesMax(): number {
    return this.int('queued.max.request.bytes')
  }

  get listenBacklog(): number {
    return this.int('socket.listen.backlog.size')
  }

  get connectionsMax(): number {
    return this.int('max.connections')
  }

  get connectionsPerIpMax(): number {
    return this.int('max.connections.per.ip')
  }

  /** Addresses (or host names, as written) with limits of their own. */
  get connectionsPerIpMaxOverrides(): ReadonlyMap<string, number> {
    return new Map(this.list('max.connections.per.ip.overrides').map(addressAndLimit))
  }

  /** Negative: never. */
  get connectionsIdleMsMax(): number {
    return this.int('connections.max.idle.ms')
  }

  get fetchBytesMax(): number {
    return this.int('fetch.max.bytes')
  }

  get fetchSessionsMax(): number {
    return this.int('max.incremental.fetch.session.cache.slots')
  }

  get describedPartitionsMax(): number {
    return this.int('max.request.partition.size.limit')
  }

  get producerIdExpirationMs(): number {
    return this.int('producer.id.expiration.ms')
  }

  get retentionCheckIntervalMs(): number {
    return this.int('log.retention.check.interval.ms')
  }

  get unstableApiVersions(): boolean {
    return this.boolean('unstable.api.versions.enable')
  }

  #override(name: string): string | undefined {
    return this.#dynamic.broker.get(name) ?? this.#dynamic.cluster.get(name) ?? this.#parts.written.get(name)
  }

  #missing(name: string): never {
    assert(false, `Cannot read "${name}": it has no value`)
  }
}

function settingsIn(
  values: ReadonlyMap<string, string>,
  names: readonly string[],
  source: ConfigSource,
): ConfigSetting[] {
  return names.flatMap((name) => {
    const value = values.get(name)
    return value === undefined ? [] : [{ name, value, source }]
  })
}

function defaultSetting(name: string): ConfigSetting[] {
  const value = BROKER_KEYS.get(name)?.defaultValue ?? null
  return value === null ? [] : [{ name, value, source: CONFIG_SOURCE.default }]
}

function keyNamed(name: string): ConfigKey {
  const key = BROKER_KEYS.get(name)
  assert(key !== undefined, `"${name}" is not a broker key`)
  return key
}

/** `address:limit`; an address of IPv6 has colons of its own. */
function addressAndLimit(item: string): [string, number] {
  const at = item.lastIndexOf(':')
  return [item.slice(0, at).trim(), Number(item.slice(at + 1))]
}
