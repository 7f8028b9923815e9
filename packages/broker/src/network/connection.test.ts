import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShare } from '@ottla/base/byte-share.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ConnectionCloseError } from '../handlers/connection-close.ts'
import type { Handled } from '../handlers/context.ts'
import { Requests } from '../handlers/index.ts'
import { ClientIdentity } from '../handlers/request-context.ts'
import type { ServedApi } from '../handlers/served.ts'
import { allowAll } from '../security/authorizer.ts'
import { RawClient, requestBytes } from '../testing/raw-client.ts'
import { fetchRequest } from '../testing/still-world.ts'
import { ClientConnection, REQUESTS_IN_FLIGHT_MAX, UNREAD_REPLY_BYTES_MAX } from './connection.ts'
import { FramePool } from './frame-pool.ts'
import { TURN_MS_MAX, TurnBudget } from './turn-budget.ts'

const VERSION = 12
const EMPTY_REPLY = { responses: [] }

interface Call {
  readonly reply: Deferred<unknown>
  readonly ordered: Deferred<void>
  released: number
}

/** A connection whose requests are answered as the test says, each when it likes. */
class Fixture {
  readonly time = new FakeTime()
  readonly logger = new MemoryLogger()
  readonly share = new ByteShare('frames', 10_000_000)
  readonly turn = new TurnBudget({ clock: this.time, timers: this.time })
  readonly calls: Call[] = []
  /** How the next requests are handled: later, unless the test says otherwise. */
  handle: (call: Call) => Handled<unknown> = ({ reply }) => ({ ordered: null, reply: reply.promise })
  client!: RawClient
  connection!: ClientConnection
  closed = 0

  static async open(): Promise<Fixture> {
    const fixture = new Fixture()
    const { time, logger, share } = fixture
    const served: ServedApi[] = [
      {
        api: Fetch,
        versions: Fetch.versions,
        failed: () => EMPTY_REPLY,
        handle: () => fixture.#called(),
        mayHaveRefused: () => false,
      },
    ]
    const requests = new Requests({ served, clock: time, logger })
    const network = new MemoryNetwork({ timers: time })
    await network.join('broker').listen({
      ...{ host: 'broker', port: 1 },
      accept: (socket) => {
        const who = { listener: 'PLAINTEXT', address: socket.remoteAddress, connectionId: 1, authorizer: allowAll }
        fixture.connection = new ClientConnection({
          ...{ socket, requests, clock: time, timers: time, logger, frames: share, frameBytesMax: 1_000_000 },
          client: new ClientIdentity(who),
          pool: new FramePool({ bytesMax: 1_000_000 }),
          turn: fixture.turn,
          onClose: () => fixture.closed++,
        })
        fixture.connection.begin()
      },
    })
    const connecting = network.join('client').connect({ host: 'broker', port: 1, timeoutMs: 1000 })
    await time.settle()
    fixture.client = new RawClient(await connecting, { pump: () => time.settle() })
    return fixture
  }

  #called(): Handled<unknown> {
    const call: Call = { reply: deferred(), ordered: deferred(), released: 0 }
    this.calls.push(call)
    return { release: () => void call.released++, ...this.handle(call) }
  }

  async send(...correlationIds: number[]): Promise<void> {
    const bytes = correlationIds.map((correlationId) =>
      requestBytes(Fetch, VERSION, fetchRequest(), { correlationId, clientId: null }),
    )
    this.client.write(Buffer.concat(bytes))
    await this.time.settle()
  }

  /** Correlation ids of the replies that have arrived, in order. */
  arrived(): number[] {
    const ids: number[] = []
    for (let frame = this.client.takeFrame(); frame !== null; frame = this.client.takeFrame())
      ids.push(frame.readInt32BE(0))
    return ids
  }
}

function replyOf(bytes: number): unknown {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 0, records: [Buffer.alloc(bytes)] }
  return { responses: [{ topic: 't', partitions: [partition] }] }
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

test('replies leave in the order of the requests, however they become ready', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1, 2, 3, 4)
  assert.equal(fixture.calls.length, 4)
  for (const index of [3, 1, 2]) fixture.calls[index]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual(fixture.arrived(), [])
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [0, 0, 0, 0],
  )
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual(fixture.arrived(), [1, 2, 3, 4])
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [1, 1, 1, 1],
  )
})

test('a request waits until the one before it is ordered, not until it is answered', async () => {
  const fixture = await Fixture.open()
  fixture.handle = ({ reply, ordered }) => ({ ordered: ordered.promise, reply: reply.promise })
  await fixture.send(1, 2)
  assert.equal(fixture.calls.length, 1)
  fixture.calls[0]!.ordered.resolve()
  await fixture.time.settle()
  assert.equal(fixture.calls.length, 2)
  fixture.calls[1]!.ordered.reject(new Error('also an end'))
  await fixture.send(3)
  assert.equal(fixture.calls.length, 3)
  assert.deepEqual(fixture.arrived(), [])
})

test('a request without a reply leaves no gap', async () => {
  const fixture = await Fixture.open()
  fixture.handle = () => ({ ordered: null, reply: fixture.calls.length === 2 ? null : EMPTY_REPLY })
  await fixture.send(1, 2, 3)
  assert.deepEqual(fixture.arrived(), [1, 3])
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [1, 1, 1],
  )
  assert.equal(fixture.connection.busy, false)
})

test('a client may have the maximum of requests in flight, one more waits in the socket', async () => {
  const fixture = await Fixture.open()
  await fixture.send(...ids(REQUESTS_IN_FLIGHT_MAX + 1))
  await fixture.send(REQUESTS_IN_FLIGHT_MAX + 2)
  assert.equal(fixture.calls.length, REQUESTS_IN_FLIGHT_MAX)
  assert.equal(fixture.connection.requestsInFlight, REQUESTS_IN_FLIGHT_MAX)
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.equal(fixture.calls.length, REQUESTS_IN_FLIGHT_MAX + 1)
  for (const { reply } of fixture.calls) reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  for (const { reply } of fixture.calls) reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual(fixture.arrived(), ids(REQUESTS_IN_FLIGHT_MAX + 2))
  assert.equal(fixture.share.usedBytes, 0)
})

test('a client that does not read is not served beyond the bound, and goes on when it reads', async () => {
  const fixture = await Fixture.open()
  const replyBytes = UNREAD_REPLY_BYTES_MAX / 8
  fixture.handle = () => ({ ordered: null, reply: replyOf(replyBytes) })
  fixture.client.pause()
  await fixture.send(...ids(100))
  // Eight in one turn reach the bound; what the kernel takes of them makes room for a few more.
  const kernelBytes = 256 * 1024
  assert.ok(
    fixture.calls.length * replyBytes <= UNREAD_REPLY_BYTES_MAX + kernelBytes + replyBytes,
    `${fixture.calls.length}`,
  )
  await fixture.send(101)
  const before = fixture.calls.length
  await fixture.time.run(10_000)
  assert.equal(fixture.calls.length, before)
  assert.ok(fixture.calls.some(({ released }) => released === 0))
  fixture.client.resume()
  await fixture.time.settle()
  assert.deepEqual(fixture.arrived(), ids(101))
  assert.ok(fixture.calls.every(({ released }) => released === 1))
  assert.equal(fixture.share.usedBytes, 0)
})

test('many replies that are ready in one turn do not pass the bound together', async () => {
  const fixture = await Fixture.open()
  fixture.handle = () => ({ ordered: null, reply: replyOf(UNREAD_REPLY_BYTES_MAX / 2) })
  const bytes = ids(50).map((correlationId) =>
    requestBytes(Fetch, VERSION, fetchRequest(), { correlationId, clientId: null }),
  )
  fixture.client.pause()
  fixture.client.write(Buffer.concat(bytes))
  fixture.time.turn()
  assert.equal(fixture.calls.length, 2, 'the second reaches the bound before anything was written')
  fixture.client.resume()
  await fixture.time.settle()
  assert.equal(fixture.calls.length, 50)
})

test('what a closed connection has not sent is released once: sent, ready and late replies alike', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1, 2, 3)
  fixture.calls[0]!.reply.resolve(replyOf(10))
  await fixture.time.settle()
  fixture.calls[2]!.reply.resolve(replyOf(10))
  await fixture.time.settle()
  fixture.client[Symbol.dispose]()
  await fixture.time.settle()
  assert.equal(fixture.closed, 1)
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [1, 0, 1],
  )
  fixture.calls[1]!.reply.resolve(replyOf(10))
  await fixture.time.settle()
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [1, 1, 1],
  )
  assert.equal(fixture.share.usedBytes, 0)
})

test('a handler that finds its client gone is released too', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1)
  fixture.client[Symbol.dispose]()
  await fixture.time.settle()
  fixture.calls[0]!.reply.resolve(null)
  await fixture.time.settle()
  assert.equal(fixture.calls[0]!.released, 1)
})

test('a reply that cannot be encoded is released, closes the connection and is told in the log', async () => {
  for (const late of [true, false]) {
    const fixture = await Fixture.open()
    if (!late) fixture.handle = () => ({ ordered: null, reply: { responses: 'nonsense' } })
    await fixture.send(1)
    fixture.calls[0]!.reply.resolve({ responses: 'nonsense' })
    await fixture.time.settle()
    assert.deepEqual([fixture.calls[0]!.released, fixture.closed, fixture.logger.lines.length], [1, 1, 1])
  }
})

test('an answer that is a hang-up comes after the replies before it, and nothing after it is served', async () => {
  const fixture = await Fixture.open()
  fixture.handle = ({ reply }) => {
    if (fixture.calls.length === 2) throw new ConnectionCloseError('acks=0 went wrong')
    return { ordered: null, reply: reply.promise }
  }
  await fixture.send(1, 2, 3)
  assert.deepEqual([fixture.calls.length, fixture.client.ended], [2, false])
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual([fixture.arrived(), fixture.client.ended, fixture.closed], [[1], true, 1])
  assert.equal(fixture.share.usedBytes, 0)
})

test('nothing behind a request whose answer is a hang-up is answered, and what was ready is released', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1, 2, 3, 4)
  fixture.calls[2]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  fixture.connection.finish()
  fixture.calls[1]!.reply.reject(new ConnectionCloseError('the broker stops'))
  await fixture.time.settle()
  assert.deepEqual([fixture.arrived(), fixture.closed], [[], 0])
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual(fixture.arrived(), [1])
  fixture.calls[3]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual([fixture.arrived(), fixture.closed], [[], 1])
  assert.deepEqual(
    fixture.calls.map(({ released }) => released),
    [1, 1, 1, 1],
  )
})

test('a broken frame closes the connection with one line in the log, after the replies before it', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1)
  fixture.client.write(Buffer.from('ffffffff00', 'hex'))
  await fixture.time.settle()
  assert.equal(fixture.client.ended, false)
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual([fixture.arrived(), fixture.client.ended], [[1], true])
  assert.equal(fixture.logger.lines.length, 1)
  assert.match(fixture.logger.lines[0]!.message, /a frame of -1 bytes/)
})

test('a connection that finishes answers what is in flight, takes nothing more and closes', async () => {
  const fixture = await Fixture.open()
  await fixture.send(1, 2)
  fixture.connection.finish()
  await fixture.send(3)
  assert.deepEqual([fixture.calls.length, fixture.client.ended], [2, false])
  fixture.calls[1]!.reply.resolve(EMPTY_REPLY)
  fixture.calls[0]!.reply.resolve(EMPTY_REPLY)
  await fixture.time.settle()
  assert.deepEqual([fixture.arrived(), fixture.client.ended, fixture.closed], [[1, 2], true, 1])
})

test('a client that sends half a frame and goes leaves nothing behind', async () => {
  const fixture = await Fixture.open()
  const bytes = requestBytes(Fetch, VERSION, fetchRequest())
  fixture.client.write(bytes.subarray(0, 20))
  await fixture.time.settle()
  assert.ok(fixture.share.usedBytes > 0)
  fixture.client[Symbol.dispose]()
  await fixture.time.settle()
  assert.deepEqual([fixture.share.usedBytes, fixture.closed, fixture.calls.length], [0, 1, 0])
})

test('requests in pieces of any length are all served', async () => {
  const fixture = await Fixture.open()
  fixture.handle = () => ({ ordered: null, reply: EMPTY_REPLY })
  const header = (correlationId: number) => ({ correlationId, clientId: 'pieces' })
  const bytes = Buffer.concat(ids(20).map((id) => requestBytes(Fetch, VERSION, fetchRequest(), header(id))))
  for (let at = 0; at < bytes.length; at += 7) {
    fixture.client.write(bytes.subarray(at, at + 7))
    await fixture.time.settle()
  }
  assert.deepEqual(fixture.arrived(), ids(20))
})

test('a connection whose turn is spent rests, and is served in order in the next one', async () => {
  const fixture = await Fixture.open()
  assert.equal(fixture.turn.isSpent(), false)
  fixture.time.stall(TURN_MS_MAX)
  const bytes = requestBytes(Fetch, VERSION, fetchRequest(), { correlationId: 1, clientId: null })
  fixture.turn.rest(() => {
    assert.equal(fixture.calls.length, 0, 'Who rested before comes first')
    fixture.time.stall(TURN_MS_MAX)
  })
  fixture.client.write(bytes.subarray(0, 10))
  fixture.client.write(bytes.subarray(10))
  await fixture.time.settle()
  assert.equal(fixture.calls.length, 1)
  assert.equal(fixture.turn.isSpent(), false, 'Nobody rests any more')
})
