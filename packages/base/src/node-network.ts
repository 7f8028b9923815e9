/**
 * The Network on TCP. Owns one read buffer that all its connections share: the kernel fills it, `onData` is called, and
 * the next read, of whichever connection, overwrites it.
 *
 * When the peer closes its direction we close ours, as Kafka does: what was given to `write` until then is still sent,
 * what is written later is dropped. Of the peers that leave at once a few are seen off in each turn. A paused connection notices that its peer has gone when it is resumed or written to.
 */
import net from 'node:net'
import { deferred } from './deferred.ts'
import { FewATurn } from './few-a-turn.ts'
import {
  type Connection,
  type ConnectOptions,
  type Listening,
  type ListenOptions,
  type Network,
  NetworkError,
} from './network.ts'
import { ConnectionOnSocket } from './node-connection.ts'
import { systemTimers } from './node-timers.ts'
import { withReusedBuffer } from './onread-socket.ts'

const READ_BUFFER_BYTES_DEFAULT = 512 * 1024

/** Connections that the kernel completes before we accept them. Linux caps it at net.core.somaxconn (4096). */
const BACKLOG_MAX = 4096

/** Of accepted connections whose peers have left. Closing takes some 20 µs, and a whole fleet may leave at once. */
const CLOSED_PER_TURN_MAX = 200

export interface NodeNetworkOptions {
  readonly readBufferBytes?: number
  /**
   * False reads by `'data'` events, into fresh memory. So it is on Windows, where the kernel may fill the buffers of
   * several connections at once.
   */
  readonly reuseReadBuffer?: boolean
}

export class NodeNetwork implements Network {
  readonly #readBuffer: Buffer | null
  readonly #closings = new FewATurn({ perTurnMax: CLOSED_PER_TURN_MAX, timers: systemTimers })

  constructor(options: NodeNetworkOptions = {}) {
    const { readBufferBytes = READ_BUFFER_BYTES_DEFAULT, reuseReadBuffer = process.platform !== 'win32' } = options
    this.#readBuffer = reuseReadBuffer ? Buffer.allocUnsafeSlow(readBufferBytes) : null
  }

  async listen(options: ListenOptions): Promise<Listening> {
    const { host, port, accept, failed } = options
    const wanted = { pauseOnConnect: true, noDelay: true, keepAlive: true, allowHalfOpen: true }
    const server = net.createServer(wanted, (socket) => {
      const connection = this.#accepted(socket)
      accept(connection)
      connection.start()
    })
    await started(server, { host, port })
    server.on('error', (error) => failed?.(networkError(`Cannot accept on ${host}:${port}`, error)))
    return { port: (server.address() as net.AddressInfo).port, stop: async () => void server.close() }
  }

  async connect(options: ConnectOptions): Promise<Connection> {
    const { host, port, timeoutMs, signal } = options
    signal?.throwIfAborted()
    const connection = new ConnectionOnSocket()
    const onread = this.#onread(connection)
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, ...(onread && { onread }) })
    const { promise, resolve, reject } = deferred<void>()
    const abort = () => reject(signal?.reason)
    const expired = () =>
      reject(new NetworkError(`Cannot connect to ${host}:${port}: ${timeoutMs} ms passed`, 'ETIMEDOUT'))
    const failed = (error: Error) => reject(networkError(`Cannot connect to ${host}:${port}`, error))
    const timer = setTimeout(expired, timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    socket.once('connect', resolve).once('error', failed)
    try {
      await promise
    } catch (error) {
      // A later error of the socket that nobody wants must not be an uncaught one.
      socket.on('error', () => {}).destroy()
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    socket.off('error', failed)
    connection.attach(socket, onread === null)
    connection.start()
    return connection
  }

  #accepted(socket: net.Socket): ConnectionOnSocket {
    const connection = new ConnectionOnSocket()
    const onread = this.#onread(connection)
    const reading = onread === null ? null : withReusedBuffer(socket, onread)
    this.#closeAfterPeer(reading ?? socket)
    connection.attach(reading ?? socket, reading === null)
    return connection
  }

  /** Node would do it at once for each. */
  #closeAfterPeer(socket: net.Socket): void {
    socket.once('end', () => this.#closings.add(() => socket.end()))
  }

  #onread(connection: ConnectionOnSocket): net.OnReadOpts | null {
    const buffer = this.#readBuffer
    if (buffer === null) return null
    return { buffer, callback: (length) => connection.received(buffer.subarray(0, length)) }
  }
}

async function started(server: net.Server, { host, port }: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = deferred<void>()
  const failed = (error: Error) => reject(networkError(`Cannot listen on ${host}:${port}`, error))
  server.once('error', failed)
  server.listen({ host, port, backlog: BACKLOG_MAX }, resolve)
  await promise
  server.off('error', failed)
}

function networkError(message: string, cause: Error): NetworkError {
  const { code = 'EUNKNOWN' } = cause as NodeJS.ErrnoException
  return new NetworkError(`${message}: ${cause.message || code}`, code, { cause })
}
