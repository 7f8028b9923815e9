import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { type RawClient, requestBytes } from './testing/raw-client.ts'
import { batchOf, fetchOne, fetchRequest, produceOne, produceRequest, StillWorld } from './testing/still-world.ts'

const LARGE = batchOf({ records: [{ value: 'v'.repeat(150_000) }] })

async function connect(world: StillWorld, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (let i = 0; i < count; i++) clients.push(await world.connect())
  return clients
}

test('many large producers at once all get their turn, though only two fit into the share of request frames', async () => {
  const settings = { 'socket.request.max.bytes': '200000', 'queued.max.request.bytes': '524288' }
  await using world = await StillWorld.start({ settings })
  const clients = await connect(world, 40)
  await world.createTopic(clients[0]!, 't')
  const request = requestBytes(Produce, 12, produceRequest(LARGE))
  // Each sends a part that stays in the broker's memory, so that they could wait for one another.
  for (const client of clients) client.write(request.subarray(0, 60_000))
  await world.time.settle()
  for (const client of clients) client.write(request.subarray(60_000))
  const offsets: number[] = []
  for (const client of clients) {
    const reply = await client.receive(Produce, 12)
    offsets.push(reply!.responses[0]!.partitionResponses[0]!.baseOffset)
  }
  assert.deepEqual(
    offsets.toSorted((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i),
  )
})

test('a producer that stops in the middle of its request holds up nobody else once it is gone', async () => {
  const settings = { 'socket.request.max.bytes': '200000', 'queued.max.request.bytes': '200000' }
  await using world = await StillWorld.start({ settings })
  const [stuck, next] = await connect(world, 2)
  await world.createTopic(next!, 't')
  const request = requestBytes(Produce, 12, produceRequest(LARGE))
  stuck!.write(request.subarray(0, 60_000))
  await world.time.settle()
  next!.write(request)
  await world.time.settle()
  assert.equal(next!.takeFrame(), null, 'the share is taken')
  stuck![Symbol.dispose]()
  assert.equal((await next!.receive(Produce, 12))!.responses[0]!.partitionResponses[0]!.errorCode, 0)
})

test('slow readers hold up nobody: others produce and fetch, and the slow ones get all when they read', async () => {
  await using world = await StillWorld.start()
  const [writer, ...slow] = await connect(world, 21)
  await world.createTopic(writer!, 't')
  for (let i = 0; i < 10; i++) await produceOne(writer!, LARGE)
  for (const client of slow) {
    client.pause()
    for (let id = 1; id <= 50; id++) client.send(Fetch, 12, fetchRequest({ maxBytes: 200_000 }), id)
  }
  await world.time.settle()
  assert.equal((await produceOne(writer!, LARGE)).errorCode, 0)
  assert.ok((await fetchOne(writer!, { offset: 5 })).records!.length > 0)
  for (const client of slow) {
    client.resume()
    for (let id = 1; id <= 50; id++) assert.equal((await client.frame())?.readInt32BE(0), id)
  }
})
