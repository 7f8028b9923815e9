/** kafka-configs: settings of topics, of brokers, of all brokers and of client metrics are shown, set and taken back. */
import assert from 'node:assert/strict'
import { connect, createTopic } from '../cluster.ts'
import type { ToolCheck } from './tool-check.ts'
import { linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'configs-tool'
const BROKER = ['--entity-type', 'brokers', '--entity-name', '1']
const EVERY_BROKER = ['--entity-type', 'brokers', '--entity-default']
const METRICS = ['--entity-type', 'client-metrics', '--entity-name', 'subscription']

export const CONFIG_CHECKS: readonly ToolCheck[] = [
  { name: 'kafka-configs: topics', run: topics },
  { name: 'kafka-configs: brokers', run: brokers },
  { name: 'kafka-configs: broker-defaults', run: brokerDefaults },
  { name: 'kafka-configs and kafka-client-metrics', run: clientMetrics },
]

async function topics(session: ToolSession): Promise<void> {
  await using connection = await connect(session.address)
  await createTopic(connection, { name: TOPIC })
  const topic = ['--entity-type', 'topics', '--entity-name', TOPIC]
  const added = 'retention.ms=5000,cleanup.policy=[compact,delete]'
  assert.match(
    await alter(session, topic, ['--add-config', added]),
    /Completed updating config for topic configs-tool\./,
  )
  const described = await describe(session, topic)
  assert.match(described, /^ {2}cleanup\.policy=compact,delete sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:/m)
  assert.match(described, /^ {2}retention\.ms=5000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=5000/m)
  await alter(session, topic, ['--delete-config', 'retention.ms,cleanup.policy'])
  assert.doesNotMatch(await describe(session, topic), /=/)
  const all = await describe(session, topic, ['--all'])
  assert.match(all, /^ {2}cleanup\.policy=delete .*DEFAULT_CONFIG:log\.cleanup\.policy=delete\}$/m)
  assert(linesOf(all).length > 30, 'Every setting of a topic is shown')
  assert.match(await refused(session, topic, 'nope.nope=1'), /Unknown topic config name: nope\.nope/)
  assert.match(await refused(session, topic, 'retention.ms=soon'), /InvalidConfigurationException: Invalid value soon/)
}

async function brokers(session: ToolSession): Promise<void> {
  assert.match(await describe(session, BROKER, ['--all']), /^ {2}log\.retention\.hours=168 /m)
  assert.match(await alter(session, BROKER, ['--add-config', 'log.cleaner.threads=2']), /for broker 1\./)
  assert.match(await describe(session, BROKER), /^ {2}log\.cleaner\.threads=2 .*\{DYNAMIC_BROKER_CONFIG:/m)
  await alter(session, BROKER, ['--delete-config', 'log.cleaner.threads'])
  assert.doesNotMatch(await describe(session, BROKER), /log\.cleaner\.threads/)
  assert.match(await refused(session, BROKER, 'log.dirs=/elsewhere'), /Cannot update these configs dynamically/)
}

async function brokerDefaults(session: ToolSession): Promise<void> {
  await alter(session, EVERY_BROKER, ['--add-config', 'log.retention.ms=777777777'])
  assert.match(
    await describe(session, EVERY_BROKER),
    /^ {2}log\.retention\.ms=777777777 .*DYNAMIC_DEFAULT_BROKER_CONFIG:/m,
  )
  const all = await describe(session, BROKER, ['--all'])
  assert.match(all, /^ {2}log\.retention\.ms=777777777 /m)
  await alter(session, EVERY_BROKER, ['--delete-config', 'log.retention.ms'])
  assert.doesNotMatch(await describe(session, EVERY_BROKER), /log\.retention\.ms/)
}

async function clientMetrics(session: ToolSession): Promise<void> {
  const added = 'interval.ms=10000,metrics=org.apache.kafka.'
  assert.match(await alter(session, METRICS, ['--add-config', added]), /Completed updating config/)
  const described = await describe(session, METRICS)
  assert.match(described, /^ {2}interval\.ms=10000 /m)
  assert.match(described, /^ {2}metrics=org\.apache\.kafka\. /m)
  assert(linesOf(await session.succeed('kafka-client-metrics', ['--list'])).includes('subscription'))
  await alter(session, METRICS, ['--delete-config', 'interval.ms,metrics'])
  assert(!linesOf(await session.succeed('kafka-client-metrics', ['--list'])).includes('subscription'))
  assert.match(await refused(session, METRICS, 'interval.ms=1'), /Invalid value 1 for configuration interval\.ms/)
}

async function describe(session: ToolSession, entity: readonly string[], more: readonly string[] = []) {
  return await session.succeed('kafka-configs', ['--describe', ...entity, ...more])
}

async function alter(session: ToolSession, entity: readonly string[], change: readonly string[]) {
  return await session.succeed('kafka-configs', ['--alter', ...entity, ...change])
}

async function refused(session: ToolSession, entity: readonly string[], added: string) {
  return await session.refused('kafka-configs', ['--alter', ...entity, '--add-config', added])
}
