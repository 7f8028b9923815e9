import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterConfigs } from '@ottla/protocol/apis/33-alter-configs.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { alterConfigs } from './33-alter-configs.ts'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

async function withTopic(): Promise<OneBroker> {
  const broker = await oneBroker()
  const configs = [{ name: 'segment.ms', value: '9' }]
  await broker.client.createTopics([{ name: 'a', partitionCount: 1, replicationFactor: 1, assignments: [], configs }], {
    validateOnly: false,
  })
  return broker
}

type Change = readonly [name: string, value: string | null, operation?: number]

const resource = (resourceType: number, resourceName: string, ...changes: Change[]) => ({
  ...{ resourceType, resourceName },
  configs: changes.map(([name, value, configOperation = 0]) => ({ name, value, configOperation })),
})

interface Options {
  readonly version?: number
  readonly denied?: Denied
  readonly validateOnly?: boolean
}

async function change(broker: OneBroker, resources: ReturnType<typeof resource>[], options: Options = {}) {
  const { version = 1, denied = [], validateOnly = false } = options
  const handler = incrementalAlterConfigs({ brokerId: 1, controller: broker.client })
  const request = { resources, validateOnly }
  return errorsOf((await call(IncrementalAlterConfigs, handler, { version, request, denied })).responses)
}

async function replace(broker: OneBroker, resources: ReturnType<typeof resource>[], options: Options = {}) {
  const { version = 2, denied = [], validateOnly = false } = options
  const handler = alterConfigs({ brokerId: 1, controller: broker.client })
  const request = { resources, validateOnly }
  return errorsOf((await call(AlterConfigs, handler, { version, request, denied })).responses)
}

const configs = (broker: OneBroker) => Object.fromEntries(broker.image().topicsByName.get('a')!.configs)

for (const version of [0, 1]) {
  test(`IncrementalAlterConfigs version ${version} changes only what is named`, async () => {
    await using broker = await withTopic()
    assert.deepEqual(
      await change(broker, [resource(2, 'a', ['flush.ms', '1'], ['cleanup.policy', 'compact', 2])], { version }),
      ['NONE'],
    )
    assert.deepEqual(configs(broker), { 'segment.ms': '9', 'flush.ms': '1', 'cleanup.policy': 'delete,compact' })
    assert.deepEqual(
      await change(broker, [resource(2, 'a', ['segment.ms', null, 1], ['cleanup.policy', 'delete', 3])], { version }),
      ['NONE'],
    )
    assert.deepEqual(configs(broker), { 'flush.ms': '1', 'cleanup.policy': 'compact' })
  })
}

for (const version of [0, 1, 2]) {
  test(`AlterConfigs version ${version} removes what is not named`, async () => {
    await using broker = await withTopic()
    assert.deepEqual(await replace(broker, [resource(2, 'a', ['flush.ms', '1'])], { version }), ['NONE'])
    assert.deepEqual(configs(broker), { 'flush.ms': '1' })
  })
}

const REFUSED = [
  ['INVALID_REQUEST', resource(2, 'a', ['flush.ms', '1'], ['flush.ms', '2', 1])],
  ['INVALID_REQUEST', resource(2, 'a', ['flush.ms', null])],
  ['INVALID_REQUEST', resource(2, 'a', ['flush.ms', '1', 9])],
  ['INVALID_REQUEST', resource(3, 'a', ['flush.ms', '1'])],
  ['INVALID_REQUEST', resource(4, '2', ['log.retention.ms', '1'])],
  ['INVALID_REQUEST', resource(4, 'x', ['log.retention.ms', '1'])],
  ['INVALID_REQUEST', resource(4, '1', ['node.id', '2'])],
  ['INVALID_CONFIG', resource(8, '1', ['ROOT', 'DEBUG'])],
  ['INVALID_REQUEST', resource(8, '2', ['ROOT', 'DEBUG'])],
  ['UNKNOWN_TOPIC_OR_PARTITION', resource(2, 'b', ['flush.ms', '1'])],
  ['INVALID_CONFIG', resource(2, 'a', ['flush.ms', 'x'])],
  ['INVALID_REQUEST', resource(32, '', ['share.isolation.level', 'read_committed'])],
] as const
test('what must not be changed is refused', async () => {
  await using broker = await withTopic()
  for (const [error, refused] of REFUSED)
    assert.deepEqual(await change(broker, [refused]), [error], JSON.stringify(refused))
})

test('a resource that comes twice is refused both times, others go through', async () => {
  await using broker = await withTopic()
  const twice = resource(2, 'a', ['flush.ms', '1'])
  const outcome = await change(broker, [twice, resource(4, '', ['log.retention.ms', '5']), twice])
  assert.deepEqual(outcome, ['INVALID_REQUEST', 'NONE', 'INVALID_REQUEST'])
  assert.equal(broker.config().text('log.retention.ms'), '5')
})

test('validation changes nothing', async () => {
  await using broker = await withTopic()
  const { revision } = broker.image()
  assert.deepEqual(await change(broker, [resource(2, 'a', ['flush.ms', '1'])], { validateOnly: true }), ['NONE'])
  assert.deepEqual(await replace(broker, [resource(2, 'a', ['flush.ms', 'x'])], { validateOnly: true }), [
    'INVALID_CONFIG',
  ])
  assert.equal(broker.image().revision, revision)
})

test('a change needs the permission of its resource', async () => {
  await using broker = await withTopic()
  const denied: Denied = [
    ['alterConfigs', 'topic', 'a'],
    ['alterConfigs', 'cluster', 'kafka-cluster'],
    ['alterConfigs', 'group', 'g'],
  ]
  const resources = [resource(2, 'a'), resource(4, '1'), resource(32, 'g'), resource(16, 's')]
  const wanted = [
    'TOPIC_AUTHORIZATION_FAILED',
    'CLUSTER_AUTHORIZATION_FAILED',
    'GROUP_AUTHORIZATION_FAILED',
    'CLUSTER_AUTHORIZATION_FAILED',
  ]
  assert.deepEqual(await change(broker, resources, { denied }), wanted)
})
