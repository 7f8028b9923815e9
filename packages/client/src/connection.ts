/**
 * Owns one TCP connection to a broker: it agrees on versions, sends requests, and hands each answer to the request it
 * belongs to. It knows nothing of clusters, retries or partitions, so that brokers use it among themselves.
 *
 * Answers come in the order of the requests (a broker guarantees it); one that does not fit closes the connection. So
 * does a request that has passed its time, because everything behind it would wait as well. An aborted request only
 * gives up its own answer: the broker may carry it out all the same.
 */
import { assert } from '@ottla/base/assert.ts'
import { BoundedQueue } from '@ottla/base/bounded-queue.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Network, Connection as Stream } from '@ottla/base/network.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { Writer } from '@ottla/protocol/bytes.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { correlationIdOf, decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import { type Address, addressText } from './bootstrap.ts'
import { BrokenProtocolError, ConnectionClosedError, OverloadError, RequestTimeoutError } from './errors.ts'
import { FrameReader } from './frame-reader.ts'
import { ApiVersionTable, answerVersion, negotiateVersions } from './versions.ts'

export interface BrokerConnectionOptions extends Address {
  readonly network: Network
  readonly clock: Clock
  readonly timers: Timers
  /** What the broker's logs and quotas call this client. */
  readonly clientId: string
  /** For the TCP connection and the exchange of versions together, in ms. 10,000 when left out. */
  readonly connectTimeoutMs?: number
  /** For a request that does not say otherwise, from its sending to its answer, in ms. 30,000 when left out. */
  readonly requestTimeoutMs?: number
  /** Requests that were sent and not answered; further ones wait. 100 when left out. */
  readonly inFlightMax?: number
  /** Requests that wait to be sent; further ones fail with OverloadError. 10,000 when left out. */
  readonly waitingMax?: number
  /** Of an answer, in bytes. 256 MiB when left out. */
  readonly frameBytesMax?: number
  /** 0 when left out. */
  readonly firstCorrelationId?: number
  readonly signal?: AbortSignal
}

export interface RequestOptions {
  readonly timeoutMs?: number
  /** The lowest version that can express what is asked; a broker without it fails with UnsupportedVersionError. */
  readonly versionMin?: number
  /** The highest version that the caller wants. */
  readonly versionMax?: number
  readonly signal?: AbortSignal
}

const CONNECT_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const IN_FLIGHT_MAX = 100
const WAITING_MAX = 10_000
const FRAME_BYTES_MAX = 256 * 1024 * 1024
const CORRELATION_ID_MAX = 0x7fff_ffff

/** A request between its call and its answer. */
interface Pending {
  readonly api: AnyApi
  readonly version: number
  readonly value: unknown
  readonly answer: Deferred<unknown>
  readonly timeoutMs: number
  readonly expectsAnswer: boolean
  deadlineMs: number
  correlationId: number
  /** The caller has gone: the answer is read and dropped. */
  isAbandoned: boolean
}

export class BrokerConnection {
  readonly address: string
  readonly #stream: Stream
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #clientId: string
  readonly #requestTimeoutMs: number
  readonly #inFlight: BoundedQueue<Pending>
  readonly #waiting: BoundedQueue<Pending>
  readonly #closed = deferred<Error>()
  readonly #writer = new Writer()
  #versions = ApiVersionTable.unknown
  #correlationId: number
  #timer: Timer | null = null
  #timerMs = 0
  /** Of the last answer, or of the first request that waits for one. */
  #heardMs = 0
  #closeReason: Error | null = null

  /** Connects and agrees on versions. Rejects with NetworkError, RequestTimeoutError or the signal's reason. */
  static async open(options: BrokerConnectionOptions): Promise<BrokerConnection> {
    const { network, host, port, signal, clock, connectTimeoutMs: timeoutMs = CONNECT_TIMEOUT_MS } = options
    const startMs = clock.monotonicMs()
    const abort = signal === undefined ? {} : { signal }
    const stream = await network.connect({ host, port, timeoutMs, ...abort })
    const connection = new BrokerConnection(stream, options)
    try {
      const leftMs = Math.max(1, timeoutMs - (clock.monotonicMs() - startMs))
      connection.#versions = await negotiateVersions(connection, { timeoutMs: leftMs, ...abort })
      return connection
    } catch (error) {
      connection.#close(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  private constructor(stream: Stream, options: BrokerConnectionOptions) {
    this.address = addressText(options)
    this.#stream = stream
    this.#clock = options.clock
    this.#timers = options.timers
    this.#clientId = options.clientId
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#inFlight = new BoundedQueue({ lengthMax: options.inFlightMax ?? IN_FLIGHT_MAX })
    this.#waiting = new BoundedQueue({ lengthMax: options.waitingMax ?? WAITING_MAX })
    this.#correlationId = options.firstCorrelationId ?? 0
    const frames = new FrameReader({
      bytesMax: options.frameBytesMax ?? FRAME_BYTES_MAX,
      onFrame: (frame) => this.#onFrame(frame),
    })
    stream.handlers = {
      onData: (bytes) => this.#onData(frames, bytes),
      onClose: (error) => this.#onStreamClosed(error),
    }
  }

  get isClosed(): boolean {
    return this.#closeReason !== null
  }

  /** Resolves with the reason once the connection is gone; never rejects. */
  get closed(): Promise<Error> {
    return this.#closed.promise
  }

  /** Sent and not answered yet. */
  get inFlightCount(): number {
    return this.#inFlight.length
  }

  /** How long requests have waited without any answer, in ms; 0 where none waits. */
  get silentMs(): number {
    return this.#inFlight.length === 0 ? 0 : this.#clock.monotonicMs() - this.#heardMs
  }

  /** Bytes that the system has not taken yet. */
  get bufferedBytes(): number {
    return this.#stream.bufferedBytes
  }

  /** The version that a request would have. Throws UnsupportedVersionError. */
  versionOf(api: AnyApi, bounds: { versionMin?: number; versionMax?: number } = {}): number {
    return this.#versions.choose(api, { ...bounds, address: this.address })
  }

  /** The level of a feature that the cluster has finalized (KIP-584), 0 where it is not. */
  featureLevel(name: string): number {
    return this.#versions.features.get(name) ?? 0
  }

  /**
   * Sends a request and resolves with its answer, whatever error codes that holds. Rejects with ConnectionClosedError,
   * RequestTimeoutError, UnsupportedVersionError, OverloadError, EncodeError, or the signal's reason.
   */
  async request<A extends AnyApi>(
    api: A,
    value: RequestInputOf<A>,
    options: RequestOptions = {},
  ): Promise<ResponseOf<A>> {
    const version = this.versionOf(api, options)
    return (await this.#enqueue({ api, version, value, options, expectsAnswer: true })) as ResponseOf<A>
  }

  /** Sends a request that has no answer (Produce with acks 0); resolves once the system has taken its bytes. */
  async send<A extends AnyApi>(api: A, value: RequestInputOf<A>, options: RequestOptions = {}): Promise<void> {
    const version = this.versionOf(api, options)
    await this.#enqueue({ api, version, value, options, expectsAnswer: false })
  }

  /** As `request`, at a version that was not negotiated: for the negotiation itself. */
  async requestAt<A extends AnyApi>(api: A, version: number, call: RequestOptions & { value: RequestInputOf<A> }) {
    return (await this.#enqueue({
      api,
      version,
      value: call.value,
      options: call,
      expectsAnswer: true,
    })) as ResponseOf<A>
  }

  /** Closes at once; pending requests fail, for this reason. Idempotent. */
  giveUp(reason: string): void {
    this.#close(new ConnectionClosedError(`Connection to ${this.address} was given up: ${reason}`))
  }

  /** As `giveUp`: nobody needs it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(new ConnectionClosedError(`Connection to ${this.address} was closed by this client`))
  }

  async #enqueue(call: {
    api: AnyApi
    version: number
    value: unknown
    options: RequestOptions
    expectsAnswer: boolean
  }): Promise<unknown> {
    const { signal, timeoutMs = this.#requestTimeoutMs } = call.options
    signal?.throwIfAborted()
    if (this.#closeReason !== null) throw this.#closedError(this.#closeReason)
    const { api, version, value, expectsAnswer } = call
    const answer = deferred<unknown>()
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs
    const pending = {
      api,
      version,
      value,
      answer,
      timeoutMs,
      expectsAnswer,
      deadlineMs,
      correlationId: -1,
      isAbandoned: false,
    }
    this.#start(pending)
    if (signal === undefined) return answer.promise
    return await this.#abandonOn(signal, pending)
  }

  async #abandonOn(signal: AbortSignal, pending: Pending): Promise<unknown> {
    const abandon = (): void => {
      pending.isAbandoned = true
      pending.answer.reject(signal.reason)
    }
    signal.addEventListener('abort', abandon, { once: true })
    try {
      return await pending.answer.promise
    } finally {
      signal.removeEventListener('abort', abandon)
    }
  }

  #start(pending: Pending): void {
    if (!this.#inFlight.isFull && this.#waiting.length === 0) this.#transmit(pending)
    else if (!this.#waiting.push(pending)) {
      const reason = `${this.#waiting.length} requests wait already: wait for some of them first`
      pending.answer.reject(new OverloadError(`Cannot send ${pending.api.name} to ${this.address}: ${reason}`))
    }
    this.#armTimer(pending.deadlineMs)
  }

  /** A value that cannot be encoded fails its own request alone: nothing of it was sent. */
  #transmit(pending: Pending): void {
    const { api, version, value } = pending
    const correlationId = this.#correlationId
    let parts: readonly Uint8Array[]
    try {
      parts = encodeRequest(
        api,
        version,
        { correlationId, clientId: this.#clientId },
        value as RequestInputOf<AnyApi>,
        this.#writer,
      )
    } catch (error) {
      pending.answer.reject(error)
      return
    }
    this.#correlationId = correlationId === CORRELATION_ID_MAX ? 0 : correlationId + 1
    pending.correlationId = correlationId
    if (pending.expectsAnswer) {
      if (this.#inFlight.length === 0) this.#heardMs = this.#clock.monotonicMs()
      assert(this.#inFlight.push(pending), 'Whoever transmits has looked for room')
      this.#stream.write(parts)
    } else {
      this.#stream.write(parts, () => this.#taken(pending))
    }
  }

  /** `written` is also called when the connection has ended, so the close reason is looked at first. */
  #taken(pending: Pending): void {
    if (this.#closeReason === null) pending.answer.resolve(undefined)
    else pending.answer.reject(this.#closedError(this.#closeReason))
  }

  #transmitWaiting(): void {
    while (!this.#inFlight.isFull && this.#closeReason === null) {
      const pending = this.#waiting.shift()
      if (pending === undefined) return
      if (!pending.isAbandoned) this.#transmit(pending)
    }
  }

  #onData(frames: FrameReader, bytes: Buffer): void {
    if (this.#closeReason !== null) return
    try {
      frames.push(bytes)
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      this.#close(new BrokenProtocolError(`Cannot understand ${this.address}: ${cause.message}`, { cause }))
    }
    this.#transmitWaiting()
  }

  #onFrame(frame: Buffer): void {
    if (this.#closeReason !== null) return
    this.#heardMs = this.#clock.monotonicMs()
    const pending = this.#inFlight.shift()
    if (pending === undefined) throw new BrokenProtocolError('it answered where nothing was asked')
    let answer: unknown
    try {
      const correlationId = correlationIdOf(frame)
      if (correlationId !== pending.correlationId)
        throw new BrokenProtocolError('its answers do not follow the requests')
      answer = decodeResponse(pending.api, answerVersion(pending, frame), frame)
    } catch (error) {
      pending.answer.reject(error)
      throw error
    }
    pending.answer.resolve(answer)
  }

  /** One timer for the connection, due at the first deadline; one that is due too early finds nothing late, and is armed again. */
  #armTimer(deadlineMs: number): void {
    if (this.#closeReason !== null || (this.#timer !== null && this.#timerMs <= deadlineMs)) return
    this.#timer?.cancel()
    this.#timerMs = deadlineMs
    this.#timer = this.#timers.after(Math.max(0, deadlineMs - this.#clock.monotonicMs()), () => this.#onTimer())
  }

  #nextDeadlineMs(): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const pending of this.#inFlight) nextMs = Math.min(nextMs, pending.deadlineMs)
    const waiting = this.#waiting.peek()
    return waiting === undefined ? nextMs : Math.min(nextMs, waiting.deadlineMs)
  }

  #onTimer(): void {
    this.#timer = null
    const nowMs = this.#clock.monotonicMs()
    const late = [...this.#inFlight, ...this.#waiting].find((pending) => pending.deadlineMs <= nowMs)
    const nextMs = this.#nextDeadlineMs()
    if (late === undefined) {
      if (nextMs !== Number.POSITIVE_INFINITY) this.#armTimer(nextMs)
      return
    }
    const error = new RequestTimeoutError(`No answer to ${late.api.name} from ${this.address} in ${late.timeoutMs} ms`)
    this.#close(error)
  }

  #onStreamClosed(error: Error | null): void {
    const reason = error === null ? 'the broker closed it' : error.message
    const options = error === null ? {} : { cause: error }
    this.#close(new ConnectionClosedError(`Connection to ${this.address} was lost: ${reason}`, options))
  }

  /** The first reason counts; everything that waits fails with it. */
  #close(reason: Error): void {
    if (this.#closeReason !== null) return
    this.#closeReason = reason
    this.#timer?.cancel()
    this.#timer = null
    this.#stream.destroy()
    const left = [...this.#inFlight, ...this.#waiting]
    this.#inFlight.clear()
    this.#waiting.clear()
    for (const pending of left) pending.answer.reject(reason)
    this.#closed.resolve(reason)
  }

  #closedError(cause: Error): ConnectionClosedError {
    return new ConnectionClosedError(`Cannot send to ${this.address}: ${cause.message}`, { cause })
  }
}
