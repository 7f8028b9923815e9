import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ListConfigResources } from '@ottla/protocol/apis/74-list-config-resources.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { listConfigResources } from './74-list-config-resources.ts'
import { call, type Denied } from './admin-harness.ts'

async function broker(): Promise<OneBroker> {
  const one = await oneBroker({ others: [plaintext(3)] })
  await one.client.createTopics(
    [{ name: 'orders', partitionCount: 1, replicationFactor: 1, assignments: [], configs: [] }],
    { validateOnly: false },
  )
  const set = (type: 'group' | 'client-metrics', name: string, key: string, value: string) =>
    ({ type, name, complete: false, changes: [{ operation: 'set', key, value }] }) as const
  const commands = [
    set('group', 'search', 'consumer.session.timeout.ms', '50000'),
    set('client-metrics', 'm', 'interval.ms', '1000'),
  ]
  assert.deepEqual(await one.client.alterConfigs(commands, { validateOnly: false }), [null, null])
  return one
}

async function ask(one: OneBroker, version: number, resourceTypes: number[] = [], denied: Denied = []) {
  const request = version === 0 ? {} : { resourceTypes }
  const reply = await call(ListConfigResources, listConfigResources(one), { version, request, denied })
  return reply.configResources.map(({ resourceType, resourceName }) => [resourceType, resourceName])
}

test('version 0 names the subscriptions of client metrics alone', async () => {
  await using one = await broker()
  assert.deepEqual(await ask(one, 0), [[16, 'm']])
})

test('version 1 names the resources of the types that were asked for, each type once', async () => {
  await using one = await broker()
  const groups = [[32, 'search']]
  assert.deepEqual(await ask(one, 1, [32, 32]), groups)
  const brokers = [4, 8].flatMap((type) => ['1', '3'].map((id) => [type, id]))
  assert.deepEqual(await ask(one, 1), [[2, 'orders'], ...brokers, [16, 'm'], ...groups])
})

test('types that there are not, and clients that may not ask, are refused', async () => {
  await using one = await broker()
  await assert.rejects(ask(one, 1, [2, 3]), new ProtocolError('UNSUPPORTED_VERSION', 'Unsupported resource type: 3'))
  const denied: Denied = [['describeConfigs', 'cluster', 'kafka-cluster']]
  await assert.rejects(ask(one, 1, [2], denied), { name: 'ProtocolError', error: 'CLUSTER_AUTHORIZATION_FAILED' })
})
