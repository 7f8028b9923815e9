import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '@ottla/broker/broker.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { batchOf, connect, createTopic, produce } from '../cluster.ts'
import { Lane, recordText } from './lanes.ts'

let broker: Broker
let connection: BrokerConnection

before(async () => {
  broker = await Broker.start({ storage: 'memory', port: 0 })
  connection = await connect({ host: '127.0.0.1', port: broker.port })
})

after(async () => {
  await connection[Symbol.asyncDispose]()
  await broker[Symbol.asyncDispose]()
})

async function laneHolding(topic: string, numbers: readonly number[]): Promise<Lane> {
  await createTopic(connection, { name: topic })
  await produce(connection, { topic }, batchOf(numbers.map((number) => recordText(number, 10))))
  return new Lane(topic, 0)
}

test('a lane that holds each record once passes, also when it is looked at in pieces', async () => {
  const lane = await laneHolding('whole', [0, 1, 2])
  lane.acknowledge({ first: 0, count: 3, offset: 0 })
  await lane.check(connection)
  await produce(connection, { topic: 'whole' }, batchOf([recordText(3, 0)]))
  await lane.check(connection)
  await lane.checkAll(connection)
})

test('an acknowledged record that is missing is found', async () => {
  const lane = await laneHolding('short', [0, 1])
  lane.acknowledge({ first: 0, count: 3, offset: 0 })
  await assert.rejects(lane.check(connection), /3 records were acknowledged and 2 are there/)
})

test('a record that is there twice, is missing in the middle, or has moved is found', async () => {
  for (const [topic, numbers] of [
    ['twice', [0, 1, 1]],
    ['hole', [0, 2]],
    ['swapped', [1, 0]],
  ] as const) {
    const lane = await laneHolding(topic, numbers)
    await assert.rejects(lane.check(connection), /the record at/)
  }
})

test('an acknowledgement at another offset is found', () => {
  const lane = new Lane('somewhere', 0)
  assert.throws(() => lane.acknowledge({ first: 5, count: 1, offset: 4 }), /record 5 is acknowledged at its own offset/)
})
