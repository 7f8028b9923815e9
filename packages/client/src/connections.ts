/**
 * Owns the connections to the brokers of one cluster: at most one for each broker and lane, opened when first asked
 * for, opened again after a loss with growing waits. Which broker leads what is metadata.ts's.
 *
 * There are lanes because a broker answers the requests of one connection in turn: a fetch that waits for records would
 * hold up everything behind it.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Network } from '@ottla/base/network.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { type Address, addressText } from './bootstrap.ts'
import { BrokerConnection } from './connection.ts'
import { BrokersUnreachableError, ConnectionClosedError, DisposedError } from './errors.ts'
import { type Backoff, backoffMs, DEFAULT_BACKOFF } from './retry.ts'

/**
 * `main` for everything that is answered at once, `fetch` for long polls. Each member of a group has lanes of its own,
 * because a join waits for the other members, and those may be of the same program.
 */
export type Lane = 'main' | 'fetch' | `member ${string}`

export interface Broker extends Address {
  readonly nodeId: number
  readonly rack: string | null
}

export interface ConnectionsOptions {
  readonly network: Network
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly bootstrap: readonly Address[]
  readonly clientId: string
  /** 10,000 ms when left out; with several brokers to choose from a silent one is given up after a third of it. */
  readonly connectTimeoutMs?: number
  /** 30,000 ms when left out. */
  readonly requestTimeoutMs?: number
  readonly backoff?: Backoff
  /** A broker has not answered for a while: whoever knows the cluster asks another one what has become of it. */
  readonly onSilent?: () => void
}

const CONNECT_TIMEOUT_MS = 10_000
/** Without an answer for so long a broker may be gone: others are preferred, and asked about it. In ms. */
export const SILENT_MS = 2_000
/** Between two looks for brokers that are silent, in ms. */
const LOOK_INTERVAL_MS = 1_000

/** One place to connect to: its connection, if there is one, and what its last attempts came to. */
class Line {
  readonly address: Address
  connection: BrokerConnection | null = null
  opening: Promise<BrokerConnection> | null = null
  /** When it began to open, and what ends that. */
  openingSinceMs = 0
  openingAbort = new AbortController()
  failures = 0
  notBeforeMs = 0

  constructor(address: Address) {
    this.address = address
  }

  get isOpen(): boolean {
    return this.connection !== null && !this.connection.isClosed
  }

  /** Whether something has waited too long for this broker to count on it. */
  isSilent(nowMs: number): boolean {
    if (this.opening !== null) return nowMs - this.openingSinceMs >= SILENT_MS
    return this.isOpen && this.connection!.silentMs >= SILENT_MS
  }

  /** Whatever waits for this broker fails and can be tried elsewhere. */
  giveUp(): void {
    const reason = 'it is silent, and no broker of the cluster any more'
    this.openingAbort.abort(new ConnectionClosedError(`Cannot connect to ${addressText(this.address)}: ${reason}`))
    this.connection?.giveUp(reason)
  }
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #connectTimeoutMs: number
  readonly #lines = new Map<string, Line>()
  readonly #disposing = new AbortController()
  #brokers: ReadonlyMap<number, Broker> = new Map()
  #look: Timer | null = null

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  }

  get brokers(): ReadonlyMap<number, Broker> {
    return this.#brokers
  }

  get isDisposed(): boolean {
    return this.#disposing.signal.aborted
  }

  /**
   * Takes the newest list; connections to addresses that nobody has any more are closed. A bootstrap address may be
   * another name of a broker in the list, so it is given up only where it is silent: a broker that stands still, or that
   * packets do not reach, leaves the list when its session ends, long before its requests have passed their time.
   */
  setBrokers(brokers: ReadonlyMap<number, Broker>): void {
    this.#brokers = brokers
    const nowMs = this.#options.clock.monotonicMs()
    const listed = new Set(Array.from(brokers.values(), addressText))
    const kept = new Set(this.#options.bootstrap.map(addressText))
    for (const [key, line] of this.#lines) {
      const address = addressText(line.address)
      if (listed.has(address) || (kept.has(address) && !line.isSilent(nowMs))) continue
      if (!kept.has(address)) this.#lines.delete(key)
      line.giveUp()
    }
  }

  /** The open connection, without waiting. */
  ready(nodeId: number, lane: Lane): BrokerConnection | null {
    const broker = this.#brokers.get(nodeId)
    const connection = broker === undefined ? null : this.#line(broker, lane).connection
    return connection === null || connection.isClosed ? null : connection
  }

  /** The connection to a broker, opened if need be. After a failure it waits its backoff first. */
  async to(nodeId: number, lane: Lane, options: { signal?: AbortSignal } = {}): Promise<BrokerConnection> {
    const broker = this.#brokers.get(nodeId)
    if (broker === undefined)
      throw new BrokersUnreachableError(`Cannot connect to broker ${nodeId}: it is not in the cluster`)
    return await this.#open(this.#line(broker, lane), this.#connectTimeoutMs, options)
  }

  /**
   * A connection to whichever broker answers: an open one, else the known brokers from a random one on, else the
   * bootstrap addresses; last those that are silent. Each is tried once and waits for no backoff. Rejects with
   * BrokersUnreachableError.
   */
  async any(options: { signal?: AbortSignal } = {}): Promise<BrokerConnection> {
    const all = this.#candidates().map((address) => this.#line(address, 'main'))
    const nowMs = this.#options.clock.monotonicMs()
    const answering = all.filter((line) => !line.isSilent(nowMs))
    const open = answering.find((line) => line.isOpen)
    if (open?.connection != null) return open.connection
    const lines = [...answering, ...all.filter((line) => line.isSilent(nowMs))]
    const failures: string[] = []
    let cause: unknown
    for (const line of lines) {
      try {
        line.notBeforeMs = 0
        return await this.#open(line, lines.length > 1 ? this.#connectTimeoutMs / 3 : this.#connectTimeoutMs, options)
      } catch (error) {
        options.signal?.throwIfAborted()
        if (this.isDisposed) throw error
        cause = error
        failures.push(`${addressText(line.address)}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    throw new BrokersUnreachableError(`Cannot reach any broker (${failures.join('; ')})`, { cause })
  }

  /** Closes the lane's connections: nobody asks for it any more. */
  closeLane(lane: Lane): void {
    for (const [key, line] of this.#lines) {
      if (!key.startsWith(`${lane} `)) continue
      this.#lines.delete(key)
      void line.connection?.[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.abort(new DisposedError('client'))
    this.#look?.cancel()
    const lines = [...this.#lines.values()]
    this.#lines.clear()
    await Promise.all(lines.map((line) => line.connection?.[Symbol.asyncDispose]()))
  }

  /** Each address once, known brokers before bootstrap addresses; both lists start somewhere at random. */
  #candidates(): Address[] {
    const all = [...this.#rotated([...this.#brokers.values()]), ...this.#rotated(this.#options.bootstrap)]
    return [...new Map(all.map((address) => [addressText(address), address])).values()]
  }

  #rotated<T>(items: readonly T[]): T[] {
    if (items.length === 0) return []
    const first = this.#options.random.below(items.length)
    return [...items.slice(first), ...items.slice(0, first)]
  }

  #line(address: Address, lane: Lane): Line {
    const key = `${lane} ${addressText(address)}`
    const line = this.#lines.get(key) ?? new Line(address)
    this.#lines.set(key, line)
    return line
  }

  async #open(line: Line, connectTimeoutMs: number, { signal }: { signal?: AbortSignal }): Promise<BrokerConnection> {
    if (line.isOpen) return line.connection!
    this.#disposing.signal.throwIfAborted()
    line.opening ??= this.#connect(line, connectTimeoutMs).finally(() => {
      line.opening = null
    })
    this.#lookLater()
    return await unlessAborted(line.opening, signal)
  }

  /** Shared by all who wait for this line, so no single caller's signal ends it. */
  async #connect(line: Line, connectTimeoutMs: number): Promise<BrokerConnection> {
    const { network, clock, timers, random, clientId, requestTimeoutMs, backoff = DEFAULT_BACKOFF } = this.#options
    line.openingAbort = new AbortController()
    line.openingSinceMs = Math.max(clock.monotonicMs(), line.notBeforeMs)
    const signal = AbortSignal.any([this.#disposing.signal, line.openingAbort.signal])
    const waitMs = line.notBeforeMs - clock.monotonicMs()
    if (waitMs > 0) await timers.sleep(waitMs, { signal })
    const { host, port } = line.address
    const timeouts = requestTimeoutMs === undefined ? { connectTimeoutMs } : { connectTimeoutMs, requestTimeoutMs }
    try {
      line.connection = await BrokerConnection.open({
        network,
        clock,
        timers,
        clientId,
        host,
        port,
        signal,
        ...timeouts,
      })
      line.failures = 0
      return line.connection
    } catch (error) {
      line.failures++
      line.notBeforeMs = clock.monotonicMs() + backoffMs(line.failures, { backoff, random })
      throw error
    }
  }

  /** One timer for all lines, for as long as there is something that could fall silent. */
  #lookLater(): void {
    const { timers, clock, onSilent } = this.#options
    if (this.#look !== null || onSilent === undefined || this.isDisposed) return
    this.#look = timers.after(LOOK_INTERVAL_MS, () => {
      this.#look = null
      const lines = [...this.#lines.values()]
      const nowMs = clock.monotonicMs()
      const isHeard = (address: Address): boolean => !this.#line(address, 'main').isSilent(nowMs)
      // Where all are silent there is nobody to ask about them.
      if (lines.some((line) => line.isSilent(nowMs)) && this.#candidates().some(isHeard)) onSilent()
      if (lines.some((line) => line.isOpen || line.opening !== null)) this.#lookLater()
    })
  }
}

/** The promise's outcome, or the signal's reason if that comes first. What the promise does is not stopped. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  // It may fail when nobody listens any more.
  promise.catch(() => {})
  signal.throwIfAborted()
  const aborted = deferred<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
