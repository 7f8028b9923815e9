/**
 * One listening socket and the connections that came by it: limits, idle close, graceful stop. Limits over all
 * listeners are counted in `ConnectionLimits`, which they share.
 */
import type { ByteShare } from '@ottla/base/byte-share.ts'
import type { Clock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Listening, Network, Connection as Socket } from '@ottla/base/network.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import type { BrokerConfig } from '../config.ts'
import type { Requests } from '../handlers/index.ts'
import { ClientIdentity } from '../handlers/request-context.ts'
import type { Authorizer } from '../security/authorizer.ts'
import { ClientConnection } from './connection.ts'
import type { FramePool } from './frame-pool.ts'
import type { TurnBudget } from './turn-budget.ts'

/** What a stopping broker gives its clients to take their replies. */
const STOP_GRACE_MS = 3_000
/** Idle connections are looked for this often, or ten times in the allowed time where that is sooner. */
const IDLE_SWEEP_MS_MAX = 10_000

export interface ListenerOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly network: Network
  readonly config: () => BrokerConfig
  readonly limits: ConnectionLimits
  readonly requests: Requests
  readonly authorizer: Authorizer
  readonly frames: ByteShare
  readonly pool: FramePool
  readonly turn: TurnBudget
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

/** Counts the connections of one broker, in all and by address. */
export class ConnectionLimits {
  readonly #byAddress = new Map<string, number>()
  #count = 0
  #lastId = 0

  get count(): number {
    return this.#count
  }

  newId(): number {
    return ++this.#lastId
  }

  /** Why one more connection from this address is too many; null: it is not, and is counted. */
  admit(address: string, config: BrokerConfig): string | null {
    const ofAddress = this.#byAddress.get(address) ?? 0
    const perIpMax = config.connectionsPerIpMaxOverrides.get(address) ?? config.connectionsPerIpMax
    if (this.#count >= config.connectionsMax) return `max.connections=${config.connectionsMax} are open`
    if (ofAddress >= perIpMax) return `max.connections.per.ip=${perIpMax} are open from it`
    this.#count++
    this.#byAddress.set(address, ofAddress + 1)
    return null
  }

  left(address: string): void {
    this.#count--
    const ofAddress = this.#byAddress.get(address)! - 1
    if (ofAddress === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, ofAddress)
  }
}

export class BrokerListener implements AsyncDisposable {
  readonly name: string
  readonly #options: ListenerOptions
  readonly #connections = new Set<ClientConnection>()
  #listening: Listening | null = null
  #sweep: Timer | null = null
  #drained: Deferred<void> | null = null
  #isServing = false

  private constructor(options: ListenerOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Rejects with NetworkError when the address cannot be had. */
  static async open(options: ListenerOptions): Promise<BrokerListener> {
    const listener = new BrokerListener(options)
    const { host, port } = options
    listener.#listening = await options.network.listen({ host, port, accept: (socket) => listener.#accept(socket) })
    listener.#sweepIdle()
    return listener
  }

  /** The real port, also where 0 was asked for. */
  get port(): number {
    return this.#listening!.port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  #accept(socket: Socket): void {
    const { config, limits, logger, authorizer } = this.#options
    const refusal = limits.admit(socket.remoteAddress, config())
    if (refusal) {
      logger.warn(`Refused a connection of ${socket.remoteAddress}: ${refusal}`)
      socket.handlers = { onData: () => {}, onClose: () => {} }
      return socket.destroy()
    }
    const client = new ClientIdentity({
      listener: this.name,
      address: socket.remoteAddress,
      connectionId: limits.newId(),
      authorizer,
    })
    const connection = new ClientConnection({
      ...this.#options,
      socket,
      client,
      frameBytesMax: config().requestBytesMax,
      onClose: (closed) => this.#closed(closed, socket.remoteAddress),
    })
    this.#connections.add(connection)
    if (this.#isServing) connection.begin()
  }

  /** Until then connections are accepted and left waiting. */
  serve(): void {
    this.#isServing = true
    for (const connection of this.#connections) connection.begin()
  }

  #closed(connection: ClientConnection, address: string): void {
    this.#connections.delete(connection)
    this.#options.limits.left(address)
    if (this.#connections.size === 0) this.#drained?.resolve()
  }

  #sweepIdle(): void {
    const { config, clock, timers } = this.#options
    const idleMsMax = config().connectionsIdleMsMax
    const everyMs = idleMsMax < 0 ? IDLE_SWEEP_MS_MAX : Math.min(IDLE_SWEEP_MS_MAX, Math.max(1, idleMsMax / 10))
    this.#sweep = timers.after(everyMs, () => {
      const oldestMs = clock.monotonicMs() - idleMsMax
      for (const connection of this.#connections) {
        if (idleMsMax >= 0 && !connection.busy && connection.lastActiveMs < oldestMs) connection.destroy()
      }
      this.#sweepIdle()
    })
  }

  /** Accepts no more, lets what is in flight be answered for a while, then closes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweep?.cancel()
    await this.#listening?.stop()
    if (this.#connections.size === 0) return
    this.#drained = deferred<void>()
    const grace = this.#options.timers.after(STOP_GRACE_MS, () => this.#destroyAll())
    for (const connection of this.#connections) connection.finish()
    await this.#drained.promise
    grace.cancel()
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}
