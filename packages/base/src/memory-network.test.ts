import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeTime } from './fake-time.ts'
import { MemoryNetwork } from './memory-network.ts'
import type { Connection } from './network.ts'
import { networkContract } from './network-contract.ts'
import { systemTimers } from './node-timers.ts'
import { seededRandom } from './random.ts'

networkContract('MemoryNetwork', () => new MemoryNetwork({ timers: systemTimers }).join('broker'))
networkContract('MemoryNetwork that breaks up what it carries', () =>
  new MemoryNetwork({ timers: systemTimers, random: seededRandom(1) }).join('broker'),
)

interface End {
  readonly connection: Connection
  readonly received: string[]
  readonly closes: (string | null)[]
}

function end(connection: Connection): End {
  const self: End = { connection, received: [], closes: [] }
  connection.handlers = {
    onData: (bytes) => self.received.push(bytes.toString()),
    onClose: (error) => self.closes.push(error === null ? null : (error as NodeJS.ErrnoException).code!),
  }
  return self
}

/** Two hosts, `one` connected to port 9092 of `two`. */
async function twoHosts() {
  const time = new FakeTime()
  const network = new MemoryNetwork({ timers: time })
  const accepted: End[] = []
  await network.join('two').listen({ host: 'two', port: 9092, accept: (connection) => accepted.push(end(connection)) })
  const connecting = network.join('one').connect({ host: 'two', port: 9092, timeoutMs: 100 })
  await time.settle()
  const client = end(await connecting)
  return { time, network, client, server: accepted[0]! }
}

describe('MemoryNetwork', () => {
  test('a cut holds bytes back and heal delivers them in order', async () => {
    const { time, network, client, server } = await twoHosts()
    network.cut('one', 'two')
    client.connection.write([Buffer.from('a')])
    client.connection.write([Buffer.from('b')])
    await time.run(1_000)
    assert.deepEqual(server.received, [])
    assert.equal(client.connection.bufferedBytes, 2)
    network.heal('one', 'two')
    await time.settle()
    assert.deepEqual(server.received, ['a', 'b'])
  })

  test('on a slow way bytes come late and in order, the other way they do not', async () => {
    const { time, network, client, server } = await twoHosts()
    network.slow('one', 'two', 50)
    client.connection.write([Buffer.from('a')])
    server.connection.write([Buffer.from('x')])
    await time.run(49)
    assert.deepEqual([server.received, client.received], [[], ['x']])
    client.connection.write([Buffer.from('b')])
    await time.run(60)
    assert.equal(server.received.join(''), 'ab')
    network.heal('one', 'two')
    client.connection.write([Buffer.from('c')])
    await time.settle()
    assert.equal(server.received.join(''), 'abc')
  })

  test('a reset ends both sides with an error, and what was on its way never arrives', async () => {
    const { time, network, client, server } = await twoHosts()
    network.cutOneWay('two', 'one')
    client.connection.write([Buffer.from('request')])
    await time.settle()
    server.connection.write([Buffer.from('answer')])
    await time.settle()
    network.reset('two', 'one')
    network.heal('two', 'one')
    await time.settle()
    assert.deepEqual([server.received, client.received], [['request'], []])
    assert.deepEqual([client.closes, server.closes], [['ECONNRESET'], ['ECONNRESET']])
    assert.equal(network.openEnds, 0)
  })

  test('an end that closes behind a cut is learnt when it has healed', async () => {
    const { time, network, client, server } = await twoHosts()
    network.cut('two')
    client.connection.destroy()
    await time.settle()
    assert.deepEqual([client.closes, server.closes], [[null], []])
    network.heal('two')
    await time.settle()
    assert.deepEqual(server.closes, [null])
  })

  test('connecting across a cut times out, or succeeds when it heals in time', async () => {
    const { time, network } = await twoHosts()
    const connect = () => network.join('one').connect({ host: 'two', port: 9092, timeoutMs: 100 })
    network.cut('one', 'two')
    const refused = assert.rejects(connect(), { code: 'ETIMEDOUT' })
    await time.run(100)
    await refused
    const connecting = connect()
    await time.run(99)
    network.heal('one', 'two')
    end(await connecting)
    assert.equal(time.pendingTimers, 0)
  })

  test('a host that is cut off from others still reaches itself', async () => {
    const time = new FakeTime()
    const network = new MemoryNetwork({ timers: time })
    network.cut('one')
    const host = network.join('one')
    const { port } = await host.listen({ host: '0.0.0.0', port: 0, accept: end })
    const connecting = host.connect({ host: 'localhost', port, timeoutMs: 100 })
    await time.settle()
    end(await connecting)
  })

  test('a crashed host is silent, its peers are reset and its port is free', async () => {
    const { time, network, client, server } = await twoHosts()
    client.connection.write([Buffer.from('lost')])
    network.crash('two')
    await time.settle()
    assert.deepEqual([server.received, server.closes], [[], []])
    assert.deepEqual(client.closes, ['ECONNRESET'])
    assert.equal(network.openEnds, 0)
    const connecting = network.join('one').connect({ host: 'two', port: 9092, timeoutMs: 100 })
    const refused = assert.rejects(connecting, { code: 'ECONNREFUSED' })
    await time.settle()
    await refused
    await network.join('two').listen({ host: 'two', port: 9092, accept: end })
  })

  test('bytes that a reader keeps beyond its call are spoilt', async () => {
    const { time, client, server } = await twoHosts()
    let kept: Buffer = Buffer.alloc(0)
    server.connection.handlers.onData = (bytes) => {
      kept = bytes
    }
    client.connection.write([Buffer.from('ab')])
    await time.settle()
    assert.deepEqual([...kept], [0xdd, 0xdd])
  })

  test('a paused reader makes the writer wait at 256 KiB', async () => {
    const { time, client, server } = await twoHosts()
    server.connection.pause()
    const written: number[] = []
    for (let index = 0; index < 6; index++) {
      client.connection.write([Buffer.alloc(65_536)], () => written.push(index))
    }
    await time.settle()
    assert.deepEqual(written, [0, 1, 2, 3])
    assert.equal(client.connection.bufferedBytes, 2 * 65_536)
    server.connection.resume()
    await time.settle()
    assert.deepEqual(written, [0, 1, 2, 3, 4, 5])
  })

  test('only the names of a host can be listened on', async () => {
    const network = new MemoryNetwork({ timers: new FakeTime() })
    await assert.rejects(network.join('one').listen({ host: 'two', port: 1, accept: end }), { code: 'EADDRNOTAVAIL' })
  })
})
