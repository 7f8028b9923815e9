import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { emptyImage } from '../metadata/image.ts'
import { memoryBroker } from '../testing/memory-broker.ts'
import { RawClient } from '../testing/raw-client.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

const SHARE_KEY = 'group:AAAAAAAAAAAAAAAAAAAABQ:0'

/** Whose topic cannot be made. */
const NO_GROUPS = { groups: { partitionOf: async () => undefined }, image: () => emptyImage }

async function find(version: number, keyType: number, keys: readonly string[], denied: Denied = []) {
  const type = version >= 1 ? { keyType } : {}
  const request = version >= 4 ? { ...type, coordinatorKeys: keys } : { ...type, key: keys[0]! }
  const handler = findCoordinator(NO_GROUPS as unknown as Parameters<typeof findCoordinator>[0])
  return call(FindCoordinator, handler, { version, request, denied })
}

test('a group is where the leader of its partition is, in every version, and its topic is there then', async () => {
  await using broker = await memoryBroker()
  using client = await RawClient.connect(broker.port)
  for (let version = 0; version <= 6; version++) {
    const key = `group ${version}`
    const reply = await client.ask(FindCoordinator, version, version >= 4 ? { coordinatorKeys: [key] } : { key })
    const { nodeId, host, port, errorCode } = version >= 4 ? reply.coordinators[0]! : reply
    assert.deepEqual([nodeId, host, port, errorCode], [1, '127.0.0.1', broker.port, 0])
  }
  const { topics } = await client.ask(Metadata, 12, { topics: [{ name: '__consumer_offsets' }] })
  assert.deepEqual([topics[0]!.partitions.length, topics[0]!.isInternal], [50, true])
})

test('without the internal topic every question is answered COORDINATOR_NOT_AVAILABLE and nowhere', async () => {
  for (let version = 0; version <= 6; version++) {
    for (const keyType of version >= 1 ? [0, 1] : [0]) {
      const reply = await find(version, keyType, ['a', 'b'])
      if (version < 4) {
        assert.deepEqual(
          [errorName(reply.errorCode), reply.nodeId, reply.host, reply.port],
          ['COORDINATOR_NOT_AVAILABLE', -1, '', -1],
        )
        assert.equal(reply.errorMessage !== null && reply.errorMessage !== '', version >= 1)
      } else {
        assert.deepEqual(
          reply.coordinators.map(({ key, nodeId, host, port }) => [key, nodeId, host, port]),
          [
            ['a', -1, '', -1],
            ['b', -1, '', -1],
          ],
        )
        assert.deepEqual(errorsOf(reply.coordinators), Array(2).fill('COORDINATOR_NOT_AVAILABLE'))
      }
    }
  }
})

test('no keys, no answers', async () => {
  assert.deepEqual((await find(4, 0, [])).coordinators, [])
})

test('an unknown kind of key is an invalid request', async () => {
  for (const keyType of [3, -1, 127]) {
    assert.equal(errorName((await find(3, keyType, ['a'])).errorCode), 'INVALID_REQUEST')
    assert.deepEqual(errorsOf((await find(6, keyType, ['a'])).coordinators), ['INVALID_REQUEST'])
  }
})

test('share partitions have coordinators from version 6 on, under keys of three parts', async () => {
  assert.deepEqual(errorsOf((await find(5, 2, [SHARE_KEY])).coordinators), ['INVALID_REQUEST'])
  const keys = [
    SHARE_KEY,
    'a:b:AAAAAAAAAAAAAAAAAAAABQ:7',
    'group',
    'group:short:0',
    `${SHARE_KEY}x`,
    ':AAAAAAAAAAAAAAAAAAAABQ:0',
  ]
  const errors = errorsOf((await find(6, 2, keys)).coordinators)
  assert.deepEqual(errors, [
    'COORDINATOR_NOT_AVAILABLE',
    'COORDINATOR_NOT_AVAILABLE',
    ...Array(4).fill('INVALID_REQUEST'),
  ])
})

test('each kind of key needs its own permission', async () => {
  const rows: [keyType: number, denied: Denied, error: string][] = [
    [0, [['describe', 'group', 'x']], 'GROUP_AUTHORIZATION_FAILED'],
    [1, [['describe', 'transactionalId', 'x']], 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
    [2, [['clusterAction', 'cluster', 'kafka-cluster']], 'CLUSTER_AUTHORIZATION_FAILED'],
  ]
  for (const [keyType, denied, error] of rows) {
    const reply = await find(6, keyType, [keyType === 2 ? SHARE_KEY : 'x'], denied)
    assert.deepEqual(errorsOf(reply.coordinators), [error])
  }
})
