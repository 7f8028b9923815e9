/** What every Network promises, as a suite that each implementation runs. Holds no implementation's own promises. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred } from './deferred.ts'
import type { Connection, Network, NetworkError } from './network.ts'

/** Fails a promise that is never kept; far beyond what any of these takes. */
const CONNECT_TIMEOUT_MS = 10_000

/** An end of a connection that keeps what it reads and can be waited for. */
class Peer {
  readonly connection: Connection
  receivedBytes = 0
  readonly #pieces: Buffer[] = []
  closedWith: Error | null | undefined
  closes = 0
  #wanted: { isMet: () => boolean; met: () => void }[] = []

  constructor(connection: Connection) {
    this.connection = connection
    connection.handlers = {
      onData: (bytes) => {
        this.#pieces.push(Buffer.from(bytes))
        this.receivedBytes += bytes.length
        this.#check()
      },
      onClose: (error) => {
        this.closes++
        this.closedWith = error
        this.#check()
      },
    }
  }

  get received(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  reads(bytes: number): Promise<void> {
    return this.#until(() => this.receivedBytes >= bytes)
  }

  closed(): Promise<void> {
    return this.#until(() => this.closes > 0)
  }

  write(...texts: (string | Buffer)[]): Promise<void> {
    const { promise, resolve } = deferred<void>()
    const parts = texts.map((text) => Buffer.from(text as string))
    this.connection.write(parts, () => resolve())
    return promise
  }

  #until(isMet: () => boolean): Promise<void> {
    const { promise, resolve } = deferred<void>()
    this.#wanted.push({ isMet, met: resolve })
    this.#check()
    return promise
  }

  #check(): void {
    for (const { isMet, met } of this.#wanted) if (isMet()) met()
    this.#wanted = this.#wanted.filter(({ isMet }) => !isMet())
  }
}

interface Joined {
  readonly client: Peer
  readonly server: Peer
}

async function joined(network: Network, run: (ends: Joined) => Promise<void>): Promise<void> {
  const accepted = deferred<Peer>()
  const accept = (connection: Connection) => accepted.resolve(new Peer(connection))
  const listening = await network.listen({ host: '127.0.0.1', port: 0, accept })
  const client = new Peer(
    await network.connect({ host: '127.0.0.1', port: listening.port, timeoutMs: CONNECT_TIMEOUT_MS }),
  )
  const server = await accepted.promise
  try {
    await run({ client, server })
  } finally {
    await listening.stop()
    client.connection.destroy()
    server.connection.destroy()
    await Promise.all([client.closed(), server.closed()])
  }
}

export function networkContract(name: string, makeNetwork: () => Network): void {
  describe(name, () => {
    connecting(makeNetwork)
    sending(makeNetwork)
    backPressure(makeNetwork)
    closing(makeNetwork)
  })
}

function connecting(makeNetwork: () => Network): void {
  test('both ends know their peer', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      assert.notEqual(client.connection.remoteAddress, '')
      assert.notEqual(server.connection.remoteAddress, '')
      assert.ok(client.connection.remotePort > 0)
      assert.ok(server.connection.remotePort > 0)
    }))

  test('a port that is taken is refused', async () => {
    const network = makeNetwork()
    const accept = (connection: Connection) => connection.destroy()
    const first = await network.listen({ host: '127.0.0.1', port: 0, accept })
    await assert.rejects(network.listen({ host: '127.0.0.1', port: first.port, accept }), isError('EADDRINUSE'))
    await first.stop()
  })

  test('connecting where nobody listens is refused, also after a listener has stopped', async () => {
    const network = makeNetwork()
    const listening = await network.listen({ host: '127.0.0.1', port: 0, accept: (connection) => connection.destroy() })
    await listening.stop()
    const options = { host: '127.0.0.1', port: listening.port, timeoutMs: CONNECT_TIMEOUT_MS }
    await assert.rejects(network.connect(options), isError('ECONNREFUSED'))
  })

  test('a connect that is aborted rejects with the reason of the signal', async () => {
    const network = makeNetwork()
    const reason = new Error('no longer wanted')
    const options = { host: '127.0.0.1', port: 1, timeoutMs: CONNECT_TIMEOUT_MS }
    await assert.rejects(network.connect({ ...options, signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const connecting = network.connect({ ...options, signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(connecting, reason)
  })

  test('open connections survive the end of listening', async () => {
    const network = makeNetwork()
    const accepted = deferred<Peer>()
    const accept = (connection: Connection) => accepted.resolve(new Peer(connection))
    const listening = await network.listen({ host: '127.0.0.1', port: 0, accept })
    const client = new Peer(
      await network.connect({ host: '127.0.0.1', port: listening.port, timeoutMs: CONNECT_TIMEOUT_MS }),
    )
    const server = await accepted.promise
    await listening.stop()
    void client.write('still here')
    await server.reads(10)
    client.connection.destroy()
    await server.closed()
  })
}

function sending(makeNetwork: () => Network): void {
  test('parts arrive in order and once, whatever their number and size', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      const big = Buffer.alloc(3_000_000, 'abcdefghij')
      await Promise.all([
        client.write('one'),
        client.write('two', '', 'three', big),
        client.write(big),
        client.write('end'),
      ])
      const expected = Buffer.concat([Buffer.from('onetwothree'), big, big, Buffer.from('end')])
      await server.reads(expected.length)
      assert.ok(server.received.equals(expected))
    }))

  test('both directions carry bytes at the same time', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      const big = Buffer.alloc(1_000_000, 'klmnopqrs')
      void client.write(big)
      void server.write(big)
      await Promise.all([client.reads(big.length), server.reads(big.length)])
      assert.ok(client.received.equals(big) && server.received.equals(big))
    }))

  test('a write is reported as written once, and never within the call', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      let reports = 0
      client.connection.write([Buffer.from('x'), Buffer.from('y')], () => reports++)
      assert.equal(reports, 0)
      await server.reads(2)
      await client.write('z')
      assert.equal(reports, 1)
    }))
}

function backPressure(makeNetwork: () => Network): void {
  test('a paused connection reads nothing, and then everything', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      server.connection.pause()
      const big = Buffer.alloc(24_000_000, 'tuvwxyz')
      const written = client.write(big)
      await roundTrips(server, client)
      assert.equal(server.receivedBytes, 0)
      assert.ok(client.connection.bufferedBytes > 0, 'the writer sees what was not taken')
      server.connection.resume()
      await Promise.all([written, server.reads(big.length)])
      assert.ok(server.received.equals(big))
      assert.equal(client.connection.bufferedBytes, 0)
    }))

  test('a reader that pauses while it reads is not called again until it resumes', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      const big = Buffer.alloc(1_000_000, 'abc')
      const { onData } = server.connection.handlers
      let calls = 0
      server.connection.handlers.onData = (bytes) => {
        calls++
        server.connection.pause()
        onData(bytes)
      }
      void client.write(big)
      while (server.receivedBytes < big.length) {
        const before = calls
        await server.reads(server.receivedBytes + 1)
        await roundTrips(server, client)
        assert.equal(calls, before + 1)
        server.connection.resume()
      }
      assert.ok(server.received.equals(big))
    }))
}

function closing(makeNetwork: () => Network): void {
  test('end sends what was written, then both ends close without an error, once', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      const big = Buffer.alloc(2_000_000, 'd')
      void client.write(big)
      client.connection.end()
      client.connection.end()
      await Promise.all([client.closed(), server.closed()])
      assert.ok(server.received.equals(big))
      assert.deepEqual([client.closedWith, server.closedWith], [null, null])
      assert.deepEqual([client.closes, server.closes], [1, 1])
    }))

  test('a reply that was written before the peer ended its direction is still sent', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      const reply = Buffer.alloc(500_000, 'e')
      server.connection.handlers.onData = () => {
        void server.write(reply)
        server.connection.end()
      }
      void client.write('request')
      await client.closed()
      assert.ok(client.received.equals(reply))
    }))

  test('destroy closes both ends, gives unsent parts back and may be repeated', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      server.connection.pause()
      const written = client.write(Buffer.alloc(24_000_000))
      client.connection.destroy()
      client.connection.destroy()
      await Promise.all([written, client.closed()])
      server.connection.resume()
      await server.closed()
      assert.deepEqual([client.closes, server.closes], [1, 1])
    }))

  test('a write after the end is dropped and given back', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      client.connection.end()
      await client.write('late')
      await Promise.all([client.closed(), server.closed()])
      await Promise.all([client.write('too'), server.write('late')])
      assert.equal(server.receivedBytes, 0)
    }))

  test('a reader that destroys its connection is not called again', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      let calls = 0
      server.connection.handlers.onData = () => {
        calls++
        server.connection.destroy()
      }
      void client.write(Buffer.alloc(8_000_000))
      await Promise.all([server.closed(), client.closed()])
      assert.equal(calls, 1)
    }))

  test('nothing is read after end', () =>
    joined(makeNetwork(), async ({ client, server }) => {
      server.connection.end()
      void client.write('late')
      await Promise.all([server.closed(), client.closed()])
      assert.equal(server.receivedBytes, 0)
    }))
}

/** Time in which the bytes of the other direction would have arrived, counted in what has passed, not in milliseconds. */
async function roundTrips(from: Peer, to: Peer): Promise<void> {
  for (let count = 0; count < 5; count++) {
    void from.write('.')
    await to.reads(to.receivedBytes + 1)
  }
}

function isError(code: string): (error: NetworkError) => boolean {
  return (error) => error.name === 'NetworkError' && error.code === code
}
