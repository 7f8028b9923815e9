import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { type ControllerMethod, decodeResult, encodeResult, failAll } from './forwarded.ts'

const RESULTS: readonly (readonly [method: ControllerMethod, result: Parameters<typeof encodeResult>[1]])[] = [
  [
    'createTopics',
    [{ id: 'id', configs: new Map([['a', '1']]) }, new ProtocolError('TOPIC_ALREADY_EXISTS', 'It is there')],
  ],
  ['deleteTopics', [null, null]],
  ['createPartitions', []],
  ['updateFeatures', null],
  ['allocateProducerIds', { first: 1000, count: 1000 }],
  ['alterPartitions', ['INELIGIBLE_REPLICA', { isr: [1], leader: 1 }]],
  ['alterPartitions', new ProtocolError('STALE_BROKER_EPOCH')],
  ['electLeaders', [{ topic: 't', index: 0, error: null }]],
  ['electLeaders', []],
  ['alterReassignments', [{ topic: 't', index: 0, error: { name: 'INVALID_REPLICA_ASSIGNMENT', message: 'No' } }]],
  ['listReassignments', [{ topic: 't', index: 0, replicas: [2, 1], adding: [2], removing: [1] }]],
  ['unregisterBroker', null],
]

for (const [method, result] of RESULTS) {
  test(`what ${method} comes to is the same at the broker that asked: ${JSON.stringify(result)}`, () => {
    assert.deepEqual(decodeResult(method, encodeResult(method, result)), result)
  })
}

test('a call that fails as a whole fails in the form of its method', () => {
  const error = new ProtocolError('NOT_CONTROLLER')
  assert.deepEqual(failAll({ method: 'deleteTopics', args: [['a', 'b']] }, error), [error, error])
  assert.equal(failAll({ method: 'electLeaders', args: [{ election: 'preferred', partitions: [] }] }, error), error)
})
