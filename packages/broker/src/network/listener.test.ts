import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { memoryBroker } from '../testing/memory-broker.ts'
import { RawClient } from '../testing/raw-client.ts'
import { fetchRequest, StillWorld } from '../testing/still-world.ts'

const HELLO = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }

async function isServed(client: RawClient): Promise<boolean> {
  return (await client.call(ApiVersions, 3, HELLO)) !== null
}

test('the maximum of connections is served, one more is closed, and the next once one has left', async () => {
  await using world = await StillWorld.start({ settings: { 'max.connections': '3' } })
  const clients: RawClient[] = []
  for (let i = 0; i < 3; i++) clients.push(await world.connect({ host: `client-${i}` }))
  for (const client of clients) assert.equal(await isServed(client), true)
  const refused = await world.connect({ host: 'late' })
  await world.time.settle()
  assert.equal(refused.ended, true)
  assert.match(world.logger.lines.at(-1)!.message, /Refused a connection of late: max\.connections=3 are open/)
  clients[0]![Symbol.dispose]()
  await world.time.settle()
  assert.equal(await isServed(await world.connect({ host: 'late' })), true)
})

test('one address may have its maximum of connections, others are not concerned, and exceptions are obeyed', async () => {
  const settings = { 'max.connections.per.ip': '2', 'max.connections.per.ip.overrides': '10.0.0.9:1' }
  await using world = await StillWorld.start({ settings })
  for (const [host, allowed] of [
    ['10.0.0.1', 2],
    ['10.0.0.2', 2],
    ['10.0.0.9', 1],
  ] as const) {
    for (let i = 0; i < allowed; i++) assert.equal(await isServed(await world.connect({ host })), true, host)
    const refused = await world.connect({ host })
    await world.time.settle()
    assert.equal(refused.ended, true, host)
  }
})

test('a connection that is idle too long is closed, one that waits for a reply or is used is not', async () => {
  await using world = await StillWorld.start({ settings: { 'connections.max.idle.ms': '10000' } })
  const [idle, used, waiting] = [await world.connect(), await world.connect(), await world.connect()]
  await world.createTopic(used, 't')
  for (const client of [idle, used, waiting]) assert.equal(await isServed(client), true)
  waiting.send(Fetch, 12, { ...fetchRequest(), maxWaitMs: 60_000 })
  for (let second = 0; second < 9; second++) {
    await world.time.run(1000)
    assert.equal(await isServed(used), true)
  }
  assert.equal(idle.ended, false)
  await world.time.run(2001)
  assert.deepEqual([idle.ended, used.ended, waiting.ended], [true, false, false])
})

test('a stopping broker answers what is in flight, gives up long polls and closes every connection', async () => {
  const world = await StillWorld.start()
  const [polling, idle] = [await world.connect(), await world.connect()]
  await world.createTopic(polling, 't')
  polling.send(Fetch, 12, { ...fetchRequest(), maxWaitMs: 60_000 })
  await world.time.settle()
  const before = world.time.monotonicMs()
  await world[Symbol.asyncDispose]()
  assert.deepEqual([polling.ended, idle.ended], [true, true])
  assert.ok(world.time.monotonicMs() - before < 3000, 'nobody had to be waited for')
  assert.equal(world.network.openEnds, 0)
})

test('a stopping broker waits for a client that does not take its replies, but not for ever', async () => {
  const world = await StillWorld.start()
  const client = await world.connect()
  client.pause()
  client.write(Buffer.alloc(1))
  await world.time.settle()
  const before = world.time.monotonicMs()
  for (let i = 0; i < 2000; i++) client.send(ApiVersions, 4, HELLO)
  await world.time.settle()
  await world[Symbol.asyncDispose]()
  assert.ok(world.time.monotonicMs() - before <= 3100)
})

test('connections over real sockets: served, refused beyond the limit, hung up on by a stopping broker', async () => {
  const broker = await memoryBroker({ settings: { 'max.connections.per.ip': '2' } })
  const clients = [await RawClient.connect(broker.port), await RawClient.connect(broker.port)]
  for (const client of clients) assert.equal(await isServed(client), true)
  const refused = await RawClient.connect(broker.port)
  assert.equal(await refused.frame(), null)
  await broker[Symbol.asyncDispose]()
  for (const client of clients) assert.equal(await client.frame(), null)
})
