/** A Connection on a socket of Node. Owns the socket from `attach` on; the errors of a socket end here. */
import type { Socket } from 'node:net'
import { assert } from './assert.ts'
import { type Connection, type ConnectionHandlers, NetworkError } from './network.ts'

/**
 * How long an ended connection waits for its peer to close. Closing at once with unread bytes makes the kernel send a
 * reset, which would destroy at the peer the very reply that we have sent last.
 */
const LINGER_MS_MAX = 1_000

export class ConnectionOnSocket implements Connection {
  remoteAddress = ''
  remotePort = 0
  handlers: ConnectionHandlers = UNOWNED
  #socket!: Socket
  #error: Error | null = null
  #isEnding = false
  /** The reader inside `onread` is stopped by its answer too: Node would go on with what the kernel has at hand. */
  #isPaused = false

  attach(socket: Socket, readsByEvents: boolean): void {
    this.#socket = socket
    // Asked for now: Node forgets them when the connection closes.
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = new NetworkError(`Connection to ${this.#peer()}: ${error.message}`, error.code ?? 'EUNKNOWN', {
        cause: error,
      })
    })
    socket.on('close', () => {
      assert(this.handlers !== UNOWNED, `The connection to ${this.#peer()} was never owned`)
      this.handlers.onClose(this.#error)
    })
    if (readsByEvents) socket.on('data', (bytes: Buffer) => this.received(bytes))
  }

  /** Reading begins, unless the owner has paused already. */
  start(): void {
    if (!this.#isPaused) this.#socket.resume()
  }

  /** Answers whether to read on. */
  received(bytes: Buffer): boolean {
    if (this.#isEnding) return true
    this.handlers.onData(bytes)
    return !this.#isPaused
  }

  write(parts: readonly Uint8Array[], written?: () => void): void {
    const socket = this.#socket
    if (this.#isEnding || !socket.writable) {
      if (written !== undefined) process.nextTick(written)
      return
    }
    const last = parts.length - 1
    assert(last >= 0, 'A write needs at least one part')
    if (last === 0) {
      socket.write(parts[0]!, written)
      return
    }
    socket.cork()
    for (let index = 0; index < last; index++) socket.write(parts[index]!)
    socket.write(parts[last]!, written)
    socket.uncork()
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  /** What the peer still sends is read and dropped, until it closes too or the time is over. */
  end(): void {
    const socket = this.#socket
    if (this.#isEnding || socket.destroyed) return
    this.#isEnding = true
    socket.end()
    this.resume()
    const linger = setTimeout(() => socket.destroy(), LINGER_MS_MAX)
    socket.once('close', () => clearTimeout(linger))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #peer(): string {
    return `${this.remoteAddress}:${this.remotePort}`
  }
}

const UNOWNED: ConnectionHandlers = {
  onData: () => assert(false, 'A connection has received bytes before its owner set handlers'),
  onClose: () => {},
}

/** A socket that listens on both families shows IPv4 peers as IPv6: `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
