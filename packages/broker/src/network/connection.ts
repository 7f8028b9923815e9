/**
 * One client's connection: frames in, replies out in the order of the requests.
 *
 * The next request starts once the one before is ordered (see handlers/context.ts), so many requests of one connection
 * may wait for the disk together. What a client can make the broker hold is bounded three ways: requests in flight,
 * reply bytes that the client has not read, and the byte share of frames; beyond a bound its socket is paused. So it is
 * while the turn's time for requests is spent.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ByteShare } from '@ottla/base/byte-share.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Connection as Socket } from '@ottla/base/network.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { ConnectionCloseError } from '../handlers/connection-close.ts'
import type { EncodedReply, Requests } from '../handlers/index.ts'
import type { ClientIdentity } from '../handlers/request-context.ts'
import { FrameAssembler } from './frame-assembler.ts'
import type { FramePool } from './frame-pool.ts'
import type { TurnBudget } from './turn-budget.ts'

/** Requests whose reply has not been handed to the socket yet; librdkafka pipelines up to thousands of produces. */
export const REQUESTS_IN_FLIGHT_MAX = 2_048
/** Reply bytes that the client has not read, in the socket or before it, beyond which no further request is started. */
export const UNREAD_REPLY_BYTES_MAX = 1_048_576

export interface ClientConnectionOptions {
  readonly socket: Socket
  readonly client: ClientIdentity
  readonly requests: Requests
  readonly frameBytesMax: number
  readonly frames: ByteShare
  readonly pool: FramePool
  readonly turn: TurnBudget
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
  readonly onClose: (connection: ClientConnection) => void
}

/** The reply that its client waits for does not come. */
const NEVER = 'never'

/** A place in the order of replies. `reply` is undefined until it is known; null: the client waits for none. */
interface Slot {
  reply: EncodedReply | typeof NEVER | null | undefined
}

export class ClientConnection {
  readonly #options: ClientConnectionOptions
  readonly #socket: Socket
  readonly #assembler: FrameAssembler
  readonly #slots: Slot[] = []
  #slotsHead = 0
  /** Of replies that are known and not handed to the socket yet. */
  #unsentBytes = 0
  #flushAsked = false
  #orderedPending = false
  /** Waits for its share of a later turn. */
  #isResting = false
  #socketPaused = false
  #closed = false
  /** Set when the client sent something that ends the connection: earlier replies still leave. */
  #ending = false
  /** A request has no reply, and nothing behind it gets one. */
  #isCutShort = false
  #lastActiveMs: number

  constructor(options: ClientConnectionOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#lastActiveMs = options.clock.monotonicMs()
    this.#assembler = new FrameAssembler({
      frameBytesMax: options.frameBytesMax,
      share: options.frames,
      pool: options.pool,
      frame: (buffer, start, end) => this.#handle(buffer, start, end),
      stalled: (stalled) => this.#setPaused(stalled),
      refused: (reason) => this.#refuse(reason),
    })
    options.socket.handlers = {
      onData: (bytes) => this.#received(bytes),
      onClose: (error) => this.#closedByPeer(error),
    }
  }

  /** Monotonic milliseconds of the last request or reply. */
  get lastActiveMs(): number {
    return this.#lastActiveMs
  }

  get requestsInFlight(): number {
    return this.#slots.length - this.#slotsHead
  }

  /** Whether the client waits for a reply: a long poll, say. Such a connection is not idle. */
  get busy(): boolean {
    return this.requestsInFlight > 0
  }

  /** From now on requests are taken; what came before has waited. */
  begin(): void {
    this.#assembler.ready()
  }

  /** Takes no further request; what is in flight is answered, but for long polls, then the connection closes. */
  finish(): void {
    this.#ending = true
    this.#options.client.abortClosed()
    this.#endWhenDrained()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #received(bytes: Buffer): void {
    if (!this.#isResting && this.#options.turn.isSpent()) {
      this.#isResting = true
      this.#assembler.rest()
      this.#options.turn.rest(this.#wake)
    }
    this.#assembler.push(bytes)
  }

  readonly #wake = (): void => {
    this.#isResting = false
    if (!this.#closed) this.#continue()
  }

  #handle(buffer: Buffer, start: number, end: number): boolean {
    if (this.#ending || this.#closed) return false
    const now = this.#options.clock.monotonicMs()
    this.#lastActiveMs = now
    const slot: Slot = { reply: undefined }
    this.#slots.push(slot)
    try {
      const { ordered, reply } = this.#options.requests.handle(this.#options.client, { buffer, start, end }, now)
      this.#await(slot, reply)
      if (ordered !== null) this.#awaitOrder(ordered)
    } catch (error) {
      this.#slots.pop()
      this.#refuse(error instanceof Error ? error.message : String(error))
    }
    return this.#acceptsNext()
  }

  #await(slot: Slot, reply: Promise<EncodedReply | null> | EncodedReply | null): void {
    if (!(reply instanceof Promise)) return this.#answer(slot, reply)
    reply.then(
      (encoded) => this.#answer(slot, encoded),
      (error) => this.#failed(slot, error),
    )
  }

  #awaitOrder(ordered: Promise<unknown>): void {
    this.#orderedPending = true
    const settled = () => {
      this.#orderedPending = false
      this.#continue()
    }
    ordered.then(settled, settled)
  }

  #answer(slot: Slot, reply: EncodedReply | null): void {
    if (this.#closed || this.#isCutShort) return reply?.release?.()
    slot.reply = reply
    if (reply !== null) this.#unsentBytes += bytesOf(reply)
    if (this.#flushAsked) return
    this.#flushAsked = true
    this.#options.timers.soon(this.#flush)
  }

  #failed(slot: Slot, error: unknown): void {
    slot.reply = NEVER
    if (!(error instanceof ConnectionCloseError)) {
      this.#options.logger.error('Request failed without a reply', { error, client: this.#options.client.address })
    }
    this.#ending = true
    this.#flush()
  }

  /** Sends every reply at the head of the order that is known, in one write. */
  readonly #flush = (): void => {
    this.#flushAsked = false
    if (this.#closed) return
    const parts: Buffer[] = []
    const releases: (() => void)[] = []
    while (this.#slotsHead < this.#slots.length) {
      const { reply } = this.#slots[this.#slotsHead]!
      if (reply === undefined) break
      if (reply === NEVER) {
        this.#cutShort()
        break
      }
      this.#slotsHead++
      if (reply === null) continue
      this.#unsentBytes -= bytesOf(reply)
      for (const part of reply.parts) parts.push(part)
      if (reply.release) releases.push(reply.release)
    }
    this.#dropSentSlots()
    if (parts.length > 0) this.#send(parts, releases)
    this.#continue()
  }

  /** Clients tell replies by their order: where one never comes, none behind it may. */
  #cutShort(): void {
    this.#isCutShort = true
    this.#dropSlots()
  }

  #dropSlots(): void {
    for (let i = this.#slotsHead; i < this.#slots.length; i++) {
      const { reply } = this.#slots[i]!
      if (reply !== NEVER) reply?.release?.()
    }
    this.#slots.length = 0
    this.#slotsHead = 0
  }

  #send(parts: Buffer[], releases: (() => void)[]): void {
    this.#lastActiveMs = this.#options.clock.monotonicMs()
    this.#socket.write(parts, () => {
      for (const release of releases) release()
      this.#continue()
    })
  }

  #dropSentSlots(): void {
    if (this.#slotsHead === this.#slots.length) this.#slots.length = 0
    else if (this.#slotsHead > 64) this.#slots.splice(0, this.#slotsHead)
    else return
    this.#slotsHead = 0
  }

  #acceptsNext(): boolean {
    return (
      !this.#orderedPending &&
      !this.#isResting &&
      !this.#ending &&
      !this.#closed &&
      this.requestsInFlight < REQUESTS_IN_FLIGHT_MAX &&
      this.#unsentBytes + this.#socket.bufferedBytes < UNREAD_REPLY_BYTES_MAX
    )
  }

  #continue(): void {
    if (this.#ending) return this.#endWhenDrained()
    if (this.#socketPaused && this.#acceptsNext()) this.#assembler.ready()
  }

  #setPaused(paused: boolean): void {
    if (this.#socketPaused === paused || this.#closed) return
    this.#socketPaused = paused
    if (paused) this.#socket.pause()
    else this.#socket.resume()
  }

  #refuse(reason: string): void {
    this.#options.logger.warn(`Closing the connection of ${this.#options.client.address}: ${reason}`, {
      listener: this.#options.client.listener,
      connectionId: this.#options.client.connectionId,
    })
    this.#ending = true
    this.#endWhenDrained()
  }

  #endWhenDrained(): void {
    if (this.#closed || this.requestsInFlight > 0) return
    this.#setPaused(true)
    this.#socket.end()
  }

  #closedByPeer(error: Error | null): void {
    assert(!this.#closed, 'A socket closes once')
    this.#closed = true
    this.#assembler.close()
    this.#dropSlots()
    if (error) this.#options.logger.debug('Connection closed', { error, client: this.#options.client.address })
    this.#options.client.abortClosed()
    this.#options.onClose(this)
  }
}

function bytesOf({ parts }: EncodedReply): number {
  let bytes = 0
  for (const part of parts) bytes += part.length
  return bytes
}
