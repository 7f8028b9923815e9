import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { brokerKey, encodeBroker } from '../metadata/documents.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { unregisterBroker } from './64-unregister-broker.ts'
import { call, type Denied } from './admin-harness.ts'

async function unregister(broker: OneBroker, brokerId: number, denied: Denied = []) {
  const handler = unregisterBroker({ controller: broker.client })
  const reply = await call(UnregisterBroker, handler, { version: 0, request: { brokerId }, denied })
  return errorName(reply.errorCode)
}

test('a broker that is gone is forgotten, one that lives or is unknown is refused', async () => {
  await using broker = await oneBroker()
  const gone = encodeBroker({ ...plaintext(2), fenced: true, epoch: null, lostData: false })
  const outcome = await broker.store.commit({ ifRevision: [], puts: [{ key: brokerKey(2), value: gone }], deletes: [] })
  assert.ok(outcome.type === 'committed')
  await broker.follower.reached(outcome.revision)
  assert.equal(await unregister(broker, 2, [['alter', 'cluster', 'kafka-cluster']]), 'CLUSTER_AUTHORIZATION_FAILED')
  assert.equal(broker.image().brokers.has(2), true)
  assert.equal(await unregister(broker, 2), 'NONE')
  assert.equal(broker.image().brokers.has(2), false)
  assert.equal(await unregister(broker, 2), 'BROKER_ID_NOT_REGISTERED')
  assert.equal(await unregister(broker, 1), 'INVALID_REQUEST')
})
