/**
 * One end of a connection of the MemoryNetwork. Owns what this end has written and the peer has not read, in two
 * queues as a kernel has them: writes that still wait for room, and bytes on their way, which are at most
 * IN_FLIGHT_BYTES_MAX while the peer is paused.
 */
import { assert } from './assert.ts'
import { type Connection, type ConnectionHandlers, NetworkError } from './network.ts'
import type { Random } from './random.ts'
import type { Timers } from './timers.ts'

const IN_FLIGHT_BYTES_MAX = 256 * 1024
const READ_BYTES_MAX = 64 * 1024
/** What a reader finds where it looks at bytes after its call has ended. */
const STALE_BYTE = 0xdd

export interface ConnectionPair {
  readonly timers: Timers
  readonly random: Random | null
  readonly isCut: (fromHost: string, toHost: string) => boolean
  /** How long bytes are on their way that leave now. */
  readonly delayMs: (fromHost: string, toHost: string) => number
  readonly closed: (connection: MemoryConnection) => void
}

interface Write {
  readonly parts: readonly Uint8Array[]
  /** What is left to send: all parts joined, from the moment on when the first byte is taken. */
  rest: Buffer | null
  readonly written: (() => void) | undefined
}

export class MemoryConnection implements Connection {
  readonly localHost: string
  readonly remoteAddress: string
  readonly remotePort: number
  handlers: ConnectionHandlers = UNOWNED
  readonly #pair: ConnectionPair
  #peer!: MemoryConnection
  readonly #writes: Write[] = []
  #bufferedBytes = 0
  /** Taken by this end's kernel, not read by the peer yet. */
  readonly #inFlight: Buffer[] = []
  #inFlightBytes = 0
  #isScheduled = false
  #isPaused = false
  /** This end sends no more; the peer learns it behind the last byte. */
  #isEnded = false
  /** Ended, and the peer has read all of it. */
  #isFinished = false
  #isClosed = false
  #isCrashed = false
  readonly #transfer = () => this.#run()

  constructor(pair: ConnectionPair, names: { localHost: string; remoteHost: string; remotePort: number }) {
    this.#pair = pair
    this.localHost = names.localHost
    this.remoteAddress = names.remoteHost
    this.remotePort = names.remotePort
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer
    peer.#peer = this
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  write(parts: readonly Uint8Array[], written?: () => void): void {
    assert(parts.length > 0, 'A write needs at least one part')
    if (this.#isEnded || this.#isClosed) {
      if (written !== undefined) this.#pair.timers.endOfTurn(written)
      return
    }
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    this.#writes.push({ parts, rest: null, written })
    this.#bufferedBytes += bytes
    this.schedule()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#peer.schedule()
  }

  end(): void {
    this.#isEnded = true
    // The peer's bytes are read and dropped from now on, so that its end is seen.
    this.resume()
    this.schedule()
  }

  /** What is in flight still arrives; what waits for room is lost. */
  destroy(): void {
    if (this.#isClosed) return
    this.#isEnded = true
    this.#close(null)
    this.schedule()
  }

  /** This end's process is gone: none of its callbacks is called again, and the peer's connection is reset. */
  crash(): void {
    this.handlers = SILENT
    this.#writes.length = 0
    this.#isCrashed = true
    this.#close(null)
    this.#peer.schedule()
  }

  /** Somebody between the two breaks the connection: both ends see a reset, and what is on its way is lost. */
  reset(): void {
    for (const end of [this, this.#peer]) {
      end.#inFlight.length = 0
      end.#inFlightBytes = 0
      end.#close(new NetworkError(`Connection to ${end.remoteAddress} was reset`, 'ECONNRESET'))
    }
  }

  /** A healed network moves what both ends have sent, also where one of them has closed meanwhile. */
  scheduleBoth(): void {
    this.schedule()
    this.#peer.schedule()
  }

  /** Moves bytes to the peer at the end of the turn, or as late as the way is slow. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const { timers, delayMs } = this.#pair
    const lateMs = delayMs(this.localHost, this.remoteAddress)
    if (lateMs > 0) timers.after(lateMs, this.#transfer)
    else timers.endOfTurn(this.#transfer)
  }

  #run(): void {
    this.#isScheduled = false
    if (this.#isCrashed) return
    if (this.#peer.#isCrashed) {
      // The reset comes from there.
      if (this.#pair.isCut(this.remoteAddress, this.localHost)) return
      this.#close(new NetworkError(`Connection to ${this.remoteAddress} was reset`, 'ECONNRESET'))
      return
    }
    if (this.#pair.isCut(this.localHost, this.remoteAddress)) return
    this.#sendWhatFits()
    this.#deliver()
    if (this.#writes.length > 0 && this.#inFlightBytes < IN_FLIGHT_BYTES_MAX) this.schedule()
    if (this.#isEnded && this.#writes.length === 0 && this.#inFlight.length === 0) this.#finish()
  }

  #sendWhatFits(): void {
    for (let write = this.#writes[0]; write !== undefined; write = this.#writes[0]) {
      const content = write.rest ?? Buffer.concat(write.parts)
      const room = IN_FLIGHT_BYTES_MAX - this.#inFlightBytes
      const taken = content.subarray(0, room)
      if (taken.length > 0) this.#inFlight.push(taken)
      this.#inFlightBytes += taken.length
      this.#bufferedBytes -= taken.length
      write.rest = content.subarray(room)
      if (write.rest.length > 0) return
      this.#writes.shift()
      write.written?.()
    }
  }

  #deliver(): void {
    const peer = this.#peer
    while (this.#inFlight.length > 0 && (peer.#isClosed || !peer.#isPaused)) {
      const piece = this.#takePiece(this.#inFlight[0]!)
      this.#inFlightBytes -= piece.length
      if (peer.#isEnded || peer.#isClosed) continue
      // A copy, as what is scribbled over must not be what the next call delivers.
      const view = Buffer.from(piece)
      peer.handlers.onData(view)
      view.fill(STALE_BYTE)
    }
  }

  #takePiece(first: Buffer): Buffer {
    const bytesMax = Math.min(first.length, READ_BYTES_MAX)
    const bytes = this.#pair.random === null ? bytesMax : 1 + this.#pair.random.below(bytesMax)
    if (bytes === first.length) this.#inFlight.shift()
    else this.#inFlight[0] = first.subarray(bytes)
    return first.subarray(0, bytes)
  }

  /** The peer has read all: it ends as well, after what it has written itself, and then both close. */
  #finish(): void {
    const peer = this.#peer
    this.#isFinished = true
    if (peer.#isFinished) {
      this.#close(null)
      peer.#close(null)
      return
    }
    peer.#isEnded = true
    peer.schedule()
  }

  #close(error: Error | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pair.closed(this)
    const dropped = this.#writes.splice(0)
    this.#bufferedBytes = 0
    this.#pair.timers.endOfTurn(() => {
      for (const { written } of dropped) written?.()
      assert(this.handlers !== UNOWNED, `The connection to ${this.remoteAddress} was never owned`)
      this.handlers.onClose(error)
    })
  }
}

const UNOWNED: ConnectionHandlers = {
  onData: () => assert(false, 'A connection has received bytes before its owner set handlers'),
  onClose: () => {},
}

const SILENT: ConnectionHandlers = { onData: () => {}, onClose: () => {} }
