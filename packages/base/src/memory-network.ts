/**
 * A network inside one process, for tests and the simulator. Hosts join it by name and reach each other by name and
 * port; a host's own `localhost` is itself. Bytes move at the end of the turn, in order, and as TCP does it keeps no
 * boundaries: with `random` they arrive in pieces of any length.
 *
 * Faults: `cut` stops all bytes between hosts (`cutOneWay` those from one to the other) until `heal`, and connecting
 * times out meanwhile; `slow` lets them arrive late; `reset` breaks the connections between two hosts, with what is on its
 * way; `crash` ends a host's process, whose own callbacks are never called again while its peers see a reset.
 */
import { assert } from './assert.ts'
import { deferred } from './deferred.ts'
import { type ConnectionPair, MemoryConnection } from './memory-connection.ts'
import {
  type Connection,
  type ConnectOptions,
  type Listening,
  type ListenOptions,
  type Network,
  NetworkError,
} from './network.ts'
import type { Random } from './random.ts'
import type { Timers } from './timers.ts'

const EPHEMERAL_PORT_FIRST = 32_768
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1', '0.0.0.0', '::', '']

interface Listener {
  readonly accept: (connection: Connection) => void
}

export class MemoryNetwork {
  readonly #timers: Timers
  readonly #random: Random | null
  readonly #listeners = new Map<string, Listener>()
  readonly #connections = new Set<MemoryConnection>()
  /** Attempts that wait behind a cut. */
  readonly #attempts = new Set<() => void>()
  readonly #cuts = new Set<string>()
  /** By way: the most that its bytes are late by. */
  readonly #delays = new Map<string, number>()
  #portNext = EPHEMERAL_PORT_FIRST

  constructor(options: { timers: Timers; random?: Random }) {
    this.#timers = options.timers
    this.#random = options.random ?? null
  }

  /** The network as the host of this name sees it. */
  join(host: string): Network {
    return {
      listen: async (options) => this.#listen(host, options),
      connect: (options) => this.#connect(host, options),
    }
  }

  /** No byte passes between the two hosts, or between the one and all others. */
  cut(host: string, other = '*'): void {
    this.#cuts.add(pairName(host, other))
  }

  /** No byte passes from the one to the other; what the other sends arrives. No connection is made meanwhile. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(wayName(from, to))
  }

  /** Bytes from the one to the other take up to so long, each connection's in order, until `heal`. */
  slow(from: string, to: string, delayMsMax: number): void {
    this.#delays.set(wayName(from, to), delayMsMax)
  }

  /** The connections between the two break: both sides see it, and what is on its way in either direction is lost. */
  reset(host: string, other: string): void {
    for (const connection of [...this.#connections]) {
      if (connection.localHost === host && connection.remoteAddress === other) connection.reset()
    }
  }

  heal(host: string, other = '*'): void {
    for (const name of [wayName(host, other), wayName(other, host)]) this.#delays.delete(name)
    for (const name of [pairName(host, other), wayName(host, other), wayName(other, host)]) this.#cuts.delete(name)
    for (const connection of this.#connections) connection.scheduleBoth()
    for (const attempt of [...this.#attempts]) attempt()
  }

  /** The host's process ends. Its name may be used again at once. */
  crash(host: string): void {
    for (const name of [...this.#listeners.keys()]) {
      if (name.startsWith(`${host}:`)) this.#listeners.delete(name)
    }
    for (const connection of [...this.#connections]) if (connection.localHost === host) connection.crash()
  }

  /** Ends that are open, for tests that look for leaks: two for each connection. */
  get openEnds(): number {
    return this.#connections.size
  }

  #listen(localHost: string, { host, port, accept }: ListenOptions): Listening {
    if (!isLocal(host, localHost)) throw new NetworkError(`Cannot listen on ${host}:${port}`, 'EADDRNOTAVAIL')
    const actualPort = port === 0 ? this.#portNext++ : port
    const name = `${localHost}:${actualPort}`
    if (this.#listeners.has(name)) throw new NetworkError(`Cannot listen on ${name}: it is taken`, 'EADDRINUSE')
    const listener = { accept }
    this.#listeners.set(name, listener)
    return {
      port: actualPort,
      stop: async () => {
        if (this.#listeners.get(name) === listener) this.#listeners.delete(name)
      },
    }
  }

  async #connect(localHost: string, options: ConnectOptions): Promise<Connection> {
    const { port, timeoutMs, signal } = options
    const host = isLocal(options.host, localHost) ? localHost : options.host
    signal?.throwIfAborted()
    const { promise, resolve, reject } = deferred<Connection>()
    const attempt = () => {
      if (this.#isCut(localHost, host) || this.#isCut(host, localHost)) return
      this.#attempts.delete(attempt)
      const listener = this.#listeners.get(`${host}:${port}`)
      if (listener !== undefined) resolve(this.#join(localHost, { host, port, listener }))
      else reject(new NetworkError(`Cannot connect to ${host}:${port}: nobody listens`, 'ECONNREFUSED'))
    }
    const expired = () =>
      reject(new NetworkError(`Cannot connect to ${host}:${port}: ${timeoutMs} ms passed`, 'ETIMEDOUT'))
    const abort = () => reject(signal?.reason)
    const timer = this.#timers.after(timeoutMs, expired)
    signal?.addEventListener('abort', abort, { once: true })
    this.#attempts.add(attempt)
    this.#timers.endOfTurn(() => this.#attempts.has(attempt) && attempt())
    try {
      return await promise
    } finally {
      timer.cancel()
      this.#attempts.delete(attempt)
      signal?.removeEventListener('abort', abort)
    }
  }

  #join(clientHost: string, server: { host: string; port: number; listener: Listener }): Connection {
    const pair: ConnectionPair = {
      timers: this.#timers,
      random: this.#random,
      isCut: (from, to) => this.#isCut(from, to),
      delayMs: (from, to) => this.#delayMs(from, to),
      closed: (connection) => void this.#connections.delete(connection),
    }
    const client = new MemoryConnection(pair, {
      localHost: clientHost,
      remoteHost: server.host,
      remotePort: server.port,
    })
    const clientPort = this.#portNext++
    const accepted = new MemoryConnection(pair, {
      localHost: server.host,
      remoteHost: clientHost,
      remotePort: clientPort,
    })
    client.join(accepted)
    this.#connections.add(client).add(accepted)
    server.listener.accept(accepted)
    return client
  }

  #delayMs(from: string, to: string): number {
    if (this.#delays.size === 0) return 0
    const delayMsMax = this.#delays.get(wayName(from, to)) ?? 0
    return this.#random === null ? delayMsMax : this.#random.below(delayMsMax + 1)
  }

  #isCut(from: string, to: string): boolean {
    if (from === to || this.#cuts.size === 0) return false
    const names = [pairName(from, to), pairName(from, '*'), pairName(to, '*'), wayName(from, to)]
    return names.some((name) => this.#cuts.has(name))
  }
}

function isLocal(host: string, localHost: string): boolean {
  return host === localHost || LOCAL_NAMES.includes(host)
}

function pairName(host: string, other: string): string {
  assert(host !== '*', 'Name the host before all others')
  if (other === '*') return `${host} *`
  return host < other ? `${host} ${other}` : `${other} ${host}`
}

function wayName(from: string, to: string): string {
  return `${from} > ${to}`
}
