/** Rules between several broker keys, and between them and what is supported here. Kafka's facts, checked at start. */
import { assignorName } from './assignor-names.ts'
import type { BrokerConfig } from './broker-config.ts'
import { MetadataStoreProblem, metadataStorePlace } from './metadata-store.ts'
import { items } from './values.ts'

const RACK_AWARE_SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

/** Adds a sentence to `problems` for each rule that is broken, so that a file with three mistakes is told all three at once. */
export function checkConstraints(config: BrokerConfig, problems: string[]): void {
  for (const rule of [
    roles,
    metadataStore,
    directories,
    retention,
    rolls,
    replication,
    replicaSelector,
    connections,
    groups,
    shareGroups,
    streamsGroups,
  ]) {
    for (const problem of rule(config)) problems.push(problem)
  }
}

function* roles(config: BrokerConfig): Generator<string> {
  const named = config.list('process.roles')
  if (config.isSet('process.roles') && !named.includes('broker')) {
    yield 'Cannot start with process.roles=controller: the controller lives inside a broker, set process.roles=broker,controller'
  } else if (config.isSet('process.roles') && !named.includes('controller')) {
    yield 'Cannot start with process.roles=broker: every broker can be the controller, set process.roles=broker,controller, and metadata.store=etcd://… on each broker of a cluster'
  }
  const voters = config.list('controller.quorum.voters').length
  const bootstrap = config.list('controller.quorum.bootstrap.servers').length
  if (voters > 1 || bootstrap > 1) {
    yield 'Cannot start with several controllers in controller.quorum.voters or controller.quorum.bootstrap.servers: brokers are a cluster by the same metadata.store=etcd://…, and each of these would be a cluster of its own'
  }
}

function* metadataStore(config: BrokerConfig): Generator<string> {
  try {
    metadataStorePlace(config.text('metadata.store') ?? '')
  } catch (error) {
    if (!(error instanceof MetadataStoreProblem)) throw error
    yield `Cannot use "metadata.store": ${error.message}`
  }
}

function* directories(config: BrokerConfig): Generator<string> {
  if (config.logDirs.length === 0) yield 'Cannot start with an empty "log.dirs": name at least one directory'
}

function* retention(config: BrokerConfig): Generator<string> {
  for (const name of ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours']) {
    if (config.intOrNull(name) === 0)
      yield `Cannot use ${name}=0: expected a positive number, or a negative one for no limit`
  }
}

function* rolls(config: BrokerConfig): Generator<string> {
  if ((config.intOrNull('log.roll.ms') ?? 1) < 1) yield 'Cannot use "log.roll.ms" below 1'
  if ((config.intOrNull('log.roll.jitter.ms') ?? 0) < 0) yield 'Cannot use "log.roll.jitter.ms" below 0'
}

function* replication(config: BrokerConfig): Generator<string> {
  yield* atMost(config, 'replica.fetch.wait.max.ms', 'replica.socket.timeout.ms')
  yield* atMost(config, 'replica.fetch.wait.max.ms', 'replica.lag.time.max.ms')
  if (config.isSet('inter.broker.listener.name') && config.isSet('security.inter.broker.protocol')) {
    yield 'Cannot use both "inter.broker.listener.name" and "security.inter.broker.protocol": set one of them'
  }
  const listener = config.interBrokerListenerName
  if (config.listeners.some(({ name }) => name === listener)) return
  const names = config.listeners.map(({ name }) => name).join(', ')
  yield `Cannot use listener ${listener} between brokers: set "inter.broker.listener.name" to one of ${names}`
}

function* replicaSelector(config: BrokerConfig): Generator<string> {
  const named = config.text('replica.selector.class') ?? ''
  if (named === '' || named === RACK_AWARE_SELECTOR) return
  yield `Cannot use replica.selector.class=${named}: Java classes cannot run here; ${RACK_AWARE_SELECTOR} is known by its name`
}

function* connections(config: BrokerConfig): Generator<string> {
  const queued = config.int('queued.max.request.bytes')
  if (queued > 0 && queued < config.int('socket.request.max.bytes')) {
    yield 'Cannot use "queued.max.request.bytes" below "socket.request.max.bytes": a request could never be read'
  }
  const overrides = config.list('max.connections.per.ip.overrides')
  if (overrides.some((item) => !/^\S+:\d+$/.test(item))) {
    yield 'Cannot read "max.connections.per.ip.overrides": expected items like 10.0.0.1:100'
  }
  if (config.int('max.connections.per.ip') === 0 && overrides.length === 0) {
    yield 'Cannot use max.connections.per.ip=0 without "max.connections.per.ip.overrides": nobody could connect'
  }
  const idleMs = config.int('connections.max.idle.ms')
  if (idleMs >= 0 && config.int('connection.failed.authentication.delay.ms') >= idleMs) {
    yield 'Cannot use "connection.failed.authentication.delay.ms" that is not below "connections.max.idle.ms"'
  }
  const cleanerThreads = Math.max(1, config.int('log.cleaner.threads'))
  if (config.int('log.cleaner.dedupe.buffer.size') / cleanerThreads <= 1024 * 1024) {
    yield 'Cannot use "log.cleaner.dedupe.buffer.size" of 1 MiB a thread or less'
  }
}

function* groups(config: BrokerConfig): Generator<string> {
  yield* timing(config, 'consumer')
  for (const item of config.list('group.consumer.assignors')) {
    if (assignorName(item) === null)
      yield `Cannot use "${item}" of "group.consumer.assignors": expected uniform or range`
  }
}

function* shareGroups(config: BrokerConfig): Generator<string> {
  yield* timing(config, 'share')
  yield* inside(config, 'group.share.record.lock.duration.ms', [
    'group.share.min.record.lock.duration.ms',
    'group.share.max.record.lock.duration.ms',
  ])
  yield* atMost(config, 'group.share.max.size', 'group.share.max.share.sessions')
  if (items(config.text('group.share.assignors') ?? '').length !== 1)
    yield 'Cannot use "group.share.assignors": expected exactly one'
}

function* streamsGroups(config: BrokerConfig): Generator<string> {
  yield* timing(config, 'streams')
  yield* atMost(config, 'group.streams.num.standby.replicas', 'group.streams.max.standby.replicas')
}

function* timing(config: BrokerConfig, kind: 'consumer' | 'share' | 'streams'): Generator<string> {
  for (const what of ['session.timeout.ms', 'heartbeat.interval.ms']) {
    yield* inside(config, `group.${kind}.${what}`, [`group.${kind}.min.${what}`, `group.${kind}.max.${what}`])
  }
  const [heartbeat, session] = [`group.${kind}.heartbeat.interval.ms`, `group.${kind}.session.timeout.ms`]
  if (config.int(heartbeat) >= config.int(session)) yield `Cannot use "${heartbeat}" that is not below "${session}"`
}

function* inside(config: BrokerConfig, name: string, [least, most]: [string, string]): Generator<string> {
  yield* atMost(config, least, name)
  yield* atMost(config, name, most)
}

function* atMost(config: BrokerConfig, lower: string, upper: string): Generator<string> {
  if (config.int(lower) <= config.int(upper)) return
  yield `Cannot use ${lower}=${config.text(lower)}: it is more than ${upper}=${config.text(upper)}`
}
