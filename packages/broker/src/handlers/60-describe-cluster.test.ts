import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { type OneBroker, oneBroker, plaintext } from '../metadata/one-broker.ts'
import { describeCluster } from './60-describe-cluster.ts'
import { call, errorsOf } from './admin-harness.ts'

const ask = (broker: OneBroker, version: number, request: object = {}) =>
  call(DescribeCluster, describeCluster(broker), {
    version,
    request: { includeClusterAuthorizedOperations: false, ...request },
  })

for (const version of [0, 1, 2]) {
  test(`version ${version} tells the cluster's id and its brokers`, async () => {
    await using broker = await oneBroker({ others: [{ ...plaintext(3), rack: 'r' }] })
    const reply = await ask(broker, version)
    assert.deepEqual([errorsOf([reply]), reply.clusterId, reply.controllerId], [['NONE'], broker.image().clusterId, 1])
    assert.deepEqual(
      reply.brokers.map(({ brokerId, host, rack }) => [brokerId, host, rack]),
      [
        [1, 'host-1', null],
        [3, 'host-3', 'r'],
      ],
    )
    assert.equal(reply.clusterAuthorizedOperations, -2147483648)
  })
}

test('controllers are asked elsewhere, other endpoints are unknown', async () => {
  await using broker = await oneBroker()
  assert.deepEqual(errorsOf([await ask(broker, 1, { endpointType: 2 })]), ['MISMATCHED_ENDPOINT_TYPE'])
  assert.deepEqual(errorsOf([await ask(broker, 1, { endpointType: 3 })]), ['UNSUPPORTED_ENDPOINT_TYPE'])
})

test('fenced brokers are told in version 2 to who asks', async () => {
  await using broker = await oneBroker()
  const image = () => {
    const { brokers, ...rest } = broker.image()
    return { ...rest, brokers: new Map([...brokers, [2, { ...brokers.get(1)!, id: 2, fenced: true }]]) }
  }
  const seen = (request: object) => ask({ ...broker, image }, 2, request)
  assert.deepEqual(
    (await seen({})).brokers.map(({ brokerId }) => brokerId),
    [1],
  )
  assert.deepEqual(
    (await seen({ includeFencedBrokers: true })).brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced]),
    [
      [1, false],
      [2, true],
    ],
  )
})
