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
import type { Timers } from '@ottla/base/timers.ts'
import { type Address, addressText } from './bootstrap.ts'
import { BrokerConnection } from './connection.ts'
import { BrokersUnreachableError, DisposedError } from './errors.ts'
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
}

const CONNECT_TIMEOUT_MS = 10_000

/** One place to connect to: its connection, if there is one, and what its last attempts came to. */
class Line {
  readonly address: Address
  connection: BrokerConnection | null = null
  opening: Promise<BrokerConnection> | null = null
  failures = 0
  notBeforeMs = 0

  constructor(address: Address) {
    this.address = address
  }
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #connectTimeoutMs: number
  readonly #lines = new Map<string, Line>()
  readonly #disposing = new AbortController()
  #brokers: ReadonlyMap<number, Broker> = new Map()

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

  /** Takes the newest list; connections to addresses that nobody has any more are closed. */
  setBrokers(brokers: ReadonlyMap<number, Broker>): void {
    this.#brokers = brokers
    const known = [...brokers.values(), ...this.#options.bootstrap].map(addressText)
    for (const [key, line] of this.#lines) {
      if (known.some((address) => key.endsWith(` ${address}`))) continue
      this.#lines.delete(key)
      void line.connection?.[Symbol.asyncDispose]()
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
   * bootstrap addresses. Each is tried once and waits for no backoff. Rejects with BrokersUnreachableError.
   */
  async any(options: { signal?: AbortSignal } = {}): Promise<BrokerConnection> {
    const addresses = this.#candidates()
    const lines = addresses.map((address) => this.#line(address, 'main'))
    const open = lines.find((line) => line.connection !== null && !line.connection.isClosed)
    if (open?.connection != null) return open.connection
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
    if (line.connection !== null && !line.connection.isClosed) return line.connection
    this.#disposing.signal.throwIfAborted()
    line.opening ??= this.#connect(line, connectTimeoutMs).finally(() => {
      line.opening = null
    })
    return await unlessAborted(line.opening, signal)
  }

  /** Shared by all who wait for this line, so no single caller's signal ends it. */
  async #connect(line: Line, connectTimeoutMs: number): Promise<BrokerConnection> {
    const { network, clock, timers, random, clientId, requestTimeoutMs, backoff = DEFAULT_BACKOFF } = this.#options
    const { signal } = this.#disposing
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
