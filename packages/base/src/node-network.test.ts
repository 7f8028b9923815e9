import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, test } from 'node:test'
import { deferred } from './deferred.ts'
import type { Connection } from './network.ts'
import { networkContract } from './network-contract.ts'
import { NodeNetwork } from './node-network.ts'
import { withReusedBuffer } from './onread-socket.ts'

networkContract('NodeNetwork with a reused read buffer', () => new NodeNetwork())
networkContract('NodeNetwork with a read buffer of 1,000 bytes', () => new NodeNetwork({ readBufferBytes: 1_000 }))
networkContract('NodeNetwork with data events', () => new NodeNetwork({ reuseReadBuffer: false }))

/** Listens, connects a plain socket of Node, and hands over both ends. */
async function withPlainClient(
  options: { network?: NodeNetwork; host?: string; client?: net.SocketConstructorOpts },
  run: (ends: { connection: Connection; client: net.Socket; closed: Promise<Error | null> }) => Promise<void>,
): Promise<void> {
  const { network = new NodeNetwork(), host = '127.0.0.1' } = options
  const accepted = deferred<Connection>()
  const closed = deferred<Error | null>()
  const accept = (connection: Connection) => {
    connection.handlers = { onData: () => {}, onClose: closed.resolve }
    accepted.resolve(connection)
  }
  const listening = await network.listen({ host, port: 0, accept })
  const client = new net.Socket(options.client).connect(listening.port, '127.0.0.1')
  client.on('error', () => {})
  try {
    await run({ connection: await accepted.promise, client, closed: closed.promise })
  } finally {
    await listening.stop()
    client.destroy()
    await closed.promise
  }
}

describe('NodeNetwork', () => {
  test('this Node lets accepted sockets read into a reused buffer', async () => {
    const taken = deferred<net.Socket | null>()
    const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
      taken.resolve(withReusedBuffer(accepted, { buffer: Buffer.alloc(10), callback: () => true }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    const socket = await taken.promise
    assert.notEqual(socket, null)
    socket?.destroy()
    client.destroy()
    const closed = deferred<void>()
    server.close(() => closed.resolve())
    await closed.promise
  })

  test('a socket without the internals that a reused buffer needs is left as it is', () => {
    const socket = new net.Socket()
    assert.equal(withReusedBuffer(socket, { buffer: Buffer.alloc(10), callback: () => true }), null)
    assert.equal(socket.destroyed, false)
    socket.destroy()
  })

  test('a reset by the peer is told to the owner as an error and to nobody else', () =>
    withPlainClient({}, async ({ client, closed }) => {
      client.resetAndDestroy()
      const error = (await closed) as NodeJS.ErrnoException
      assert.equal(error.name, 'NetworkError')
      assert.equal(error.code, 'ECONNRESET')
    }))

  test('writing to a peer that has gone ends the connection', () =>
    withPlainClient({}, async ({ connection, client, closed }) => {
      connection.pause()
      client.resetAndDestroy()
      let isOpen = true
      void closed.then(() => {
        isOpen = false
      })
      const flood = () => connection.write([Buffer.alloc(65_536)], () => isOpen && setImmediate(flood))
      flood()
      assert.match(((await closed) as NodeJS.ErrnoException).code ?? '', /EPIPE|ECONNRESET/)
    }))

  test('an ended connection does not wait for ever for a peer that never closes', () =>
    withPlainClient({ client: { allowHalfOpen: true } }, async ({ connection, closed }) => {
      connection.end()
      assert.equal(await closed, null)
    }))

  test('bytes that a client sent together with its end are read', async () => {
    const received: Buffer[] = []
    const closed = deferred<Error | null>()
    const accept = (connection: Connection) => {
      connection.handlers = { onData: (bytes) => received.push(Buffer.from(bytes)), onClose: closed.resolve }
    }
    const listening = await new NodeNetwork().listen({ host: '127.0.0.1', port: 0, accept })
    net.connect(listening.port, '127.0.0.1').resume().end('all at once')
    assert.equal(await closed.promise, null)
    assert.equal(Buffer.concat(received).toString(), 'all at once')
    await listening.stop()
  })

  test('an IPv4 peer of a socket for both families has its IPv4 address', (context) =>
    withPlainClient({ host: '::' }, async ({ connection }) => {
      assert.equal(connection.remoteAddress, '127.0.0.1')
    }).catch((error) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error
      context.skip('this machine has no IPv6')
    }))

  test('a name that nobody has is an error of the network', async () => {
    const options = { host: 'no-such-host.invalid', port: 1, timeoutMs: 60_000 }
    await assert.rejects(new NodeNetwork().connect(options), { name: 'NetworkError', code: /ENOTFOUND|EAI_AGAIN/ })
  })

  test('connections share one read buffer and still keep their bytes apart', async () => {
    const network = new NodeNetwork()
    const texts = new Map<number, string>()
    const done = deferred<void>()
    const accept = (connection: Connection) => {
      const onData = (bytes: Buffer) => {
        texts.set(connection.remotePort, (texts.get(connection.remotePort) ?? '') + bytes.toString())
        if ([...texts.values()].join('').length === 2_000) done.resolve()
      }
      connection.handlers = { onData, onClose: () => {} }
    }
    const listening = await network.listen({ host: '127.0.0.1', port: 0, accept })
    const clients = ['a', 'b'].map((letter) => net.connect(listening.port, '127.0.0.1').end(letter.repeat(1_000)))
    await done.promise
    assert.deepEqual([...texts.values()].sort(), ['a'.repeat(1_000), 'b'.repeat(1_000)])
    for (const client of clients) client.destroy()
    await listening.stop()
  })
})
