/**
 * A TCP connection that sends whatever bytes it is told to and sees frames and the end of the connection: what a hostile
 * or broken client is. Frames wait in memory until they are asked for, unless it is told not to read at all.
 */
import { connect, type Socket } from 'node:net'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { FrameReader } from '@ottla/client/frame-reader.ts'
import type { BrokerAddress } from './cluster.ts'

const FRAME_BYTES_MAX = 256 * 1024 * 1024

export class RawConnection implements Disposable {
  readonly #socket: Socket
  readonly #frames: Buffer[] = []
  readonly #closed = deferred<void>()
  #isClosed = false
  #news: Deferred<void> = deferred()

  static async open({ host, port }: BrokerAddress): Promise<RawConnection> {
    const socket = connect({ host, port, noDelay: true })
    const { promise, resolve, reject } = deferred<void>()
    socket.once('connect', resolve).once('error', reject)
    await promise
    return new RawConnection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const reader = new FrameReader({ bytesMax: FRAME_BYTES_MAX, onFrame: (frame) => this.#take(frame) })
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    // A reset is one of the ways in which a broker may close.
    socket.on('error', () => {})
    socket.on('close', () => this.#end())
  }

  /** By which the broker's side tells this connection from others. */
  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  /** Resolves once the broker has closed the connection. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Bytes that the system did not take yet: what we send faster than the broker reads. */
  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  /** Leaves what the broker sends in the kernel from now on. */
  stopReading(): void {
    this.#socket.pause()
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends int32 size and body. */
  writeFrame(body: Buffer): void {
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    this.#socket.write(Buffer.concat([size, body]))
  }

  /** The next frame without its size; null once the broker has closed the connection. */
  async frame(): Promise<Buffer | null> {
    while (this.#frames.length === 0 && !this.#isClosed) await this.#news.promise
    return this.#frames.shift() ?? null
  }

  /** Ends our direction, as a client that goes away in good order. */
  end(): void {
    this.#socket.end()
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #take(frame: Buffer): void {
    this.#frames.push(frame)
    this.#wake()
  }

  #end(): void {
    this.#isClosed = true
    this.#closed.resolve()
    this.#wake()
  }

  #wake(): void {
    const { resolve } = this.#news
    this.#news = deferred()
    resolve()
  }
}
