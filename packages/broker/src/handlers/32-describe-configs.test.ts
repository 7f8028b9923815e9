import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import type { AlteredResourceType } from '../metadata/controller-client.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

async function withTopic(settings: { [key: string]: string } = {}): Promise<OneBroker> {
  const broker = await oneBroker({ settings })
  const configs = [{ name: 'cleanup.policy', value: 'delete' }]
  await broker.client.createTopics([{ name: 'a', partitionCount: 1, replicationFactor: 1, assignments: [], configs }], {
    validateOnly: false,
  })
  return broker
}

const resource = (resourceType: number, resourceName: string, ...configurationKeys: string[]) => ({
  ...{ resourceType, resourceName },
  configurationKeys: configurationKeys.length === 0 ? null : configurationKeys,
})

function ask(
  broker: OneBroker,
  resources: ReturnType<typeof resource>[],
  options: { version?: number; denied?: Denied; request?: object } = {},
) {
  const { version = 4, denied = [], request = {} } = options
  return call(DescribeConfigs, describeConfigs(broker), { version, request: { resources, ...request }, denied })
}

async function set(
  broker: OneBroker,
  type: AlteredResourceType,
  name: string,
  [key, value]: [string, string],
): Promise<void> {
  const command = { type, name, complete: false, changes: [{ operation: 'set', key, value } as const] }
  assert.deepEqual(await broker.client.alterConfigs([command], { validateOnly: false }), [null])
}

for (const version of [1, 2, 3, 4]) {
  test(`version ${version} tells a topic's settings with their sources`, async () => {
    await using broker = await withTopic()
    const { results } = await ask(broker, [resource(2, 'a')], { version })
    const configs = new Map(results[0]!.configs.map((config) => [config.name, config]))
    assert.deepEqual([configs.size, configs.has('internal.segment.bytes')], [34, false])
    assert.deepEqual([configs.get('cleanup.policy')!.value, configs.get('cleanup.policy')!.configSource], ['delete', 1])
    const segment = configs.get('segment.bytes')!
    assert.deepEqual(
      [segment.value, segment.configSource, segment.readOnly, segment.synonyms],
      ['1073741824', 5, false, []],
    )
    assert.equal(segment.configType, version >= 3 ? 3 : 0)
  })
}

test('only the keys that are asked for are told, unknown ones are absent', async () => {
  await using broker = await withTopic()
  const { results } = await ask(broker, [resource(2, 'a', 'retention.ms', 'nonsense')])
  assert.deepEqual(
    results[0]!.configs.map(({ name }) => name),
    ['retention.ms'],
  )
})

test('synonyms stand in order of precedence', async () => {
  await using broker = await withTopic({ 'log.segment.bytes': '2000000' })
  await set(broker, 'broker', '', ['log.segment.bytes', '3000000'])
  const request = { includeSynonyms: true }
  const { results } = await ask(broker, [resource(2, 'a', 'segment.bytes'), resource(4, '1', 'log.segment.bytes')], {
    request,
  })
  for (const { configs } of results) {
    assert.deepEqual([configs[0]!.value, configs[0]!.configSource], ['3000000', 3])
    assert.deepEqual(
      configs[0]!.synonyms.map(({ value, source }) => [value, source]),
      [
        ['3000000', 3],
        ['2000000', 4],
        ['1073741824', 5],
      ],
    )
  }
})

test('a broker tells what is written, what is read-only, and never a secret', async () => {
  await using broker = await withTopic({ 'num.partitions': '3', 'ssl.key.password': 'hush-hush' })
  const request = { includeSynonyms: true }
  const { results } = await ask(broker, [resource(4, '1')], { request })
  const configs = new Map(results[0]!.configs.map((config) => [config.name, config]))
  assert.deepEqual(
    [
      configs.get('num.partitions')!.value,
      configs.get('num.partitions')!.configSource,
      configs.get('num.partitions')!.readOnly,
    ],
    ['3', 4, true],
  )
  assert.equal(configs.get('log.retention.ms')!.readOnly, false)
  const password = configs.get('ssl.key.password')!
  assert.deepEqual([password.value, password.isSensitive, password.synonyms[0]!.value], [null, true, null])
  assert.ok(!JSON.stringify(results).includes('hush-hush'))
  assert.equal(configs.has('group.share.enable'), false)
})

test('the default of all brokers has its dynamic values only', async () => {
  await using broker = await withTopic()
  assert.deepEqual((await ask(broker, [resource(4, '')])).results[0]!.configs, [])
  await set(broker, 'broker', '', ['message.max.bytes', '5'])
  const [result] = (await ask(broker, [resource(4, '')])).results
  assert.deepEqual(
    result!.configs.map(({ name, value, configSource }) => [name, value, configSource]),
    [['message.max.bytes', '5', 3]],
  )
})

test('groups and client metrics have their own values, else the defaults', async () => {
  await using broker = await withTopic({ 'group.share.record.lock.duration.ms': '31000' })
  await set(broker, 'group', 'g', ['consumer.session.timeout.ms', '50000'])
  const { results } = await ask(broker, [
    resource(32, 'g', 'consumer.session.timeout.ms', 'share.record.lock.duration.ms'),
    resource(16, 's', 'interval.ms'),
  ])
  assert.deepEqual(
    results.flatMap(({ configs }) => configs.map(({ value, configSource }) => [value, configSource])),
    [
      ['50000', 8],
      ['31000', 5],
      ['300000', 5],
    ],
  )
})

test('each resource has its own error', async () => {
  await using broker = await withTopic()
  const resources = [
    resource(2, 'b'),
    resource(2, 'b b'),
    resource(4, '2'),
    resource(4, 'x'),
    resource(32, ''),
    resource(16, ''),
    resource(8, '1'),
    resource(8, ''),
  ]
  const { results } = await ask(broker, resources)
  assert.deepEqual(errorsOf(results), [
    ...[
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TOPIC_EXCEPTION',
      'INVALID_REQUEST',
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ],
    ...['INVALID_REQUEST', 'NONE', 'INVALID_REQUEST'],
  ])
})

test('an unknown type of resource fails the whole request', async () => {
  await using broker = await withTopic()
  assert.deepEqual(errorsOf((await ask(broker, [resource(2, 'a'), resource(7, 'x')])).results), [
    'INVALID_REQUEST',
    'INVALID_REQUEST',
  ])
})

test('settings need a permission of their resource', async () => {
  await using broker = await withTopic()
  const denied: Denied = [
    ['describeConfigs', 'topic', 'a'],
    ['describeConfigs', 'cluster', 'kafka-cluster'],
    ['describeConfigs', 'group', 'g'],
  ]
  const { results } = await ask(broker, [resource(2, 'a'), resource(4, '1'), resource(32, 'g'), resource(16, 's')], {
    denied,
  })
  assert.deepEqual(errorsOf(results), [
    'TOPIC_AUTHORIZATION_FAILED',
    'CLUSTER_AUTHORIZATION_FAILED',
    'GROUP_AUTHORIZATION_FAILED',
    'CLUSTER_AUTHORIZATION_FAILED',
  ])
})

test('documentation comes when asked for', async () => {
  await using broker = await withTopic()
  const documented = async (request: object) =>
    (await ask(broker, [resource(2, 'a', 'retention.ms')], { request })).results[0]!.configs[0]!.documentation
  assert.match((await documented({ includeDocumentation: true })) ?? '', /older than this/)
  assert.equal(await documented({}), null)
})
