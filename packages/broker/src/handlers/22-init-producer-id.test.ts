import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { emptyImage } from '../metadata/image.ts'
import { StillWorld } from '../testing/still-world.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { call, type Denied } from './admin-harness.ts'

const PLAIN = { transactionalId: null, transactionTimeoutMs: 1000 }

test('each asker gets an id of its own with epoch 0, over blocks and restarts, in every version', async () => {
  const world = await StillWorld.start()
  const seen = new Set<number>()
  const ask = async (from: StillWorld, count: number) => {
    const client = await from.connect()
    for (let i = 0; i < count; i++) {
      const { errorCode, producerId, producerEpoch } = await client.ask(InitProducerId, i % 6, PLAIN)
      assert.deepEqual([errorCode, producerEpoch, seen.has(producerId)], [0, 0, false])
      seen.add(producerId)
    }
  }
  await ask(world, 1002)
  await using second = await world.restart()
  await ask(second, 10)
  assert.equal(seen.size, 1012)
})

async function errorOf(request: object, options: { version?: number; denied?: Denied; fails?: boolean } = {}) {
  const { version = 5, denied = [], fails = false } = options
  const next = async () => {
    if (fails) throw new ProtocolError('REQUEST_TIMED_OUT')
    return 4
  }
  const parts = { image: () => emptyImage, producerIds: { next } } as unknown as Parameters<typeof initProducerId>[0]
  const reply = await call(InitProducerId, initProducerId(parts), {
    version,
    request: { ...PLAIN, ...request },
    denied,
  })
  if (reply.errorCode !== 0) assert.deepEqual([reply.producerId, reply.producerEpoch], [-1, -1])
  return errorName(reply.errorCode)
}

test('half an identity and an empty transactional id are invalid', async () => {
  assert.equal(await errorOf({ transactionalId: '' }), 'INVALID_REQUEST')
  assert.equal(await errorOf({ producerId: 5, producerEpoch: -1 }), 'INVALID_REQUEST')
  assert.equal(await errorOf({ producerId: -1, producerEpoch: 5 }), 'INVALID_REQUEST')
  assert.equal(await errorOf({ producerId: 5, producerEpoch: 5 }), 'NONE')
  assert.equal(await errorOf({ transactionalId: 'x', producerId: 5 }), 'INVALID_REQUEST')
})

test('a transactional producer is to ask again: there is no coordinator yet', async () => {
  for (let version = 0; version <= 5; version++) {
    assert.equal(await errorOf({ transactionalId: 'x' }, { version }), 'COORDINATOR_NOT_AVAILABLE')
  }
})

test('permissions come first', async () => {
  const cluster: Denied = [['idempotentWrite', 'cluster', 'kafka-cluster']]
  assert.equal(await errorOf({ producerId: 5 }, { denied: cluster }), 'CLUSTER_AUTHORIZATION_FAILED')
  const denied: Denied = [['write', 'transactionalId', 'x']]
  assert.equal(
    await errorOf({ transactionalId: 'x', producerId: 5 }, { denied }),
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  )
})

test('a controller that fails is answered with its error', async () => {
  assert.equal(await errorOf({}, { fails: true }), 'REQUEST_TIMED_OUT')
})
