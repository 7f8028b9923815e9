/**
 * The way to an etcd cluster: one connection to each member, of which one is used until it fails. Owns fail-over, the
 * bound on each request's time, and signing in.
 *
 * What only asks is asked again, at the next member, until the time is up. What changes something is sent once: a member
 * is chosen that a connection stands to, and what becomes of the request after that is the caller's to find out.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { StoreUnavailable } from '../store.ts'
import { type EtcdConnection, type EtcdStream, openConnection, type TlsFiles } from './connection.ts'
import { EtcdError } from './errors.ts'
import { AUTHENTICATE, type Method } from './messages.ts'
import type { Read, Table, Write } from './protobuf.ts'

export interface ChannelOptions {
  /** HOST:PORT of each member. */
  readonly addresses: readonly string[]
  readonly tls: TlsFiles | null
  readonly account: { readonly user: string; readonly password: string } | null
  readonly clock: Clock
  readonly timers: Timers
}

export interface RequestOptions {
  /** The whole of it, fail-over included. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** How long one member may take before the next one is asked. */
const ATTEMPT_MS_MAX = 2_000
const CONNECT_MS_MAX = 1_000
/** Between two rounds of all members. */
const ROUND_PAUSE_MS = 100

export class EtcdChannel implements Disposable {
  readonly #connections: readonly EtcdConnection[]
  readonly #options: ChannelOptions
  #current = 0
  #token: string | null = null
  #signingIn: Promise<void> | null = null

  static async open(options: ChannelOptions): Promise<EtcdChannel> {
    const { tls, clock } = options
    const connections = options.addresses.map((address) => openConnection({ address, tls, clock }))
    return new EtcdChannel(options, await Promise.all(connections))
  }

  private constructor(options: ChannelOptions, connections: readonly EtcdConnection[]) {
    this.#options = options
    this.#connections = connections
  }

  /** The members, for messages. */
  get endpoints(): string {
    return this.#connections.map(({ endpoint }) => endpoint).join(', ')
  }

  /** For what may be done twice. Rejects with StoreUnavailable, or with the EtcdError of a definite refusal. */
  ask<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    options: RequestOptions,
  ): Promise<Read<Response>> {
    const { signal } = options
    return this.#untilAnswered(options, (connection, leftMs) => {
      const timeoutMs = Math.min(leftMs, this.#attemptMs(options.timeoutMs))
      return this.#signedIn(connection, (token) => connection.call(method, request, { timeoutMs, token, signal }))
    })
  }

  /**
   * For what must not be done twice. Rejects with StoreUnavailable where it was not sent, and else with EtcdError, a
   * transient one where it may have been done.
   */
  async tell<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    options: RequestOptions,
  ): Promise<Read<Response>> {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    const connection = await this.#connected(options)
    const timeoutMs = Math.max(1, options.timeoutMs - (clock.monotonicMs() - startMs))
    const { signal } = options
    try {
      return await this.#signedIn(connection, (token) => connection.call(method, request, { timeoutMs, token, signal }))
    } catch (error) {
      if (isTransient(error)) this.#leave(connection)
      throw error
    }
  }

  /**
   * A stream from a member that a connection stands to. `leave` makes the next request go to another member, `signOut`
   * has whoever asks next sign in anew, unless somebody has done so since.
   */
  async stream<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    options: RequestOptions,
  ): Promise<{ messages: EtcdStream<Read<Response>>; endpoint: string; leave: () => void; signOut: () => void }> {
    const connection = await this.#connected(options)
    const token = this.#token
    const messages = connection.stream(method, request, { token })
    const signOut = (): void => {
      if (this.#token === token) this.#token = null
    }
    return { messages, endpoint: connection.endpoint, leave: () => this.#leave(connection), signOut }
  }

  /** One message and the first answer to it, over a method that is a stream; may be done twice. */
  exchange<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    options: RequestOptions,
  ): Promise<Read<Response>> {
    return this.#untilAnswered(options, (connection, leftMs) => {
      const timeoutMs = Math.min(leftMs, this.#attemptMs(options.timeoutMs))
      return this.#signedIn(connection, async (token) => {
        const messages = connection.stream(method, request, { token, timeoutMs })
        try {
          for await (const message of messages) return message
        } finally {
          messages.cancel()
        }
        throw new StoreUnavailable(`etcd at ${connection.endpoint} gave no answer`)
      })
    })
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close()
  }

  #connected(options: RequestOptions): Promise<EtcdConnection> {
    return this.#untilAnswered(options, async (connection) => {
      if (this.#options.account !== null && this.#token === null) await this.#signIn(connection)
      return connection
    })
  }

  /** Where there is another member to ask, none takes more than its share of the time. */
  #attemptMs(timeoutMs: number): number {
    return Math.min(ATTEMPT_MS_MAX, timeoutMs / Math.min(2, this.#connections.length))
  }

  async #untilAnswered<Answer>(
    { timeoutMs, signal }: RequestOptions,
    attempt: (connection: EtcdConnection, leftMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, timers } = this.#options
    const endMs = clock.monotonicMs() + timeoutMs
    const failures = new Map<EtcdConnection, string>()
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted()
      const connection = this.#connections[this.#current]!
      try {
        await connection.ready(Math.min(CONNECT_MS_MAX, endMs - clock.monotonicMs()))
        return await attempt(connection, endMs - clock.monotonicMs())
      } catch (error) {
        if (!isTransient(error)) throw error
        failures.set(connection, error.message)
        this.#leave(connection)
      }
      if (attempts % this.#connections.length === 0) await timers.sleep(ROUND_PAUSE_MS, signal ? { signal } : {})
      if (clock.monotonicMs() >= endMs) throw new StoreUnavailable(unavailable(failures.values()))
    }
  }

  #leave(connection: EtcdConnection): void {
    if (this.#connections[this.#current] !== connection) return
    this.#current = (this.#current + 1) % this.#connections.length
  }

  /** Tokens end when they are not used for a while, and with every change of accounts: a refused one is replaced. */
  async #signedIn<Answer>(
    connection: EtcdConnection,
    send: (token: string | null) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#options.account === null) return send(null)
    if (this.#token === null) await this.#signIn(connection)
    const token = this.#token
    try {
      return await send(token)
    } catch (error) {
      if (!(error instanceof EtcdError && error.isTokenRefused)) throw error
      if (this.#token === token) await this.#signIn(connection)
      return send(this.#token)
    }
  }

  #signIn(connection: EtcdConnection): Promise<void> {
    this.#signingIn ??= this.#authenticate(connection).finally(() => {
      this.#signingIn = null
    })
    return this.#signingIn
  }

  async #authenticate(connection: EtcdConnection): Promise<void> {
    const { user: name, password } = this.#options.account!
    const { token } = await connection.call(
      AUTHENTICATE,
      { name, password },
      { timeoutMs: ATTEMPT_MS_MAX, token: null },
    )
    this.#token = token
  }
}

function isTransient(error: unknown): error is EtcdError {
  return error instanceof EtcdError && error.isTransient
}

function unavailable(failures: Iterable<string>): string {
  return `The metadata store does not answer: ${[...failures].join('; ')}`
}
