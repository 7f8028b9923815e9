/**
 * The way to one member of etcd: calls and streams over @grpc/grpc-js, which is loaded with the first connection. Owns
 * neither retries nor the choice of the member (see `channel.ts`).
 */
import type { Client, Metadata } from '@grpc/grpc-js'
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { EtcdError, GRPC_CODE } from './errors.ts'
import type { Method } from './messages.ts'
import { decode, encode, type Read, type Table, type Write } from './protobuf.ts'

type Grpc = typeof import('@grpc/grpc-js')

export interface TlsFiles {
  /** PEM; null takes the certificates that Node trusts. */
  readonly ca: Buffer | null
  readonly cert: Buffer | null
  readonly key: Buffer | null
}

export interface ConnectionOptions {
  /** HOST:PORT. */
  readonly address: string
  readonly tls: TlsFiles | null
  readonly clock: Clock
}

export interface CallOptions {
  readonly timeoutMs: number
  readonly token: string | null
  readonly signal?: AbortSignal | undefined
}

/** What a member sends until it, the way to it, or `cancel` ends the stream; an end that we did not ask for throws. */
export interface EtcdStream<Message> extends AsyncIterable<Message> {
  cancel(): void
}

/** A page of documents of the largest size has to fit. Nothing is reserved for it. */
const MESSAGE_BYTES_MAX = 1024 * 1024 * 1024

const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  // etcd closes connections that ask more often than every five seconds.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A store's connections are its own, and go straight to its members.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
}

export async function openConnection(options: ConnectionOptions): Promise<EtcdConnection> {
  return new EtcdConnection(options, await import('@grpc/grpc-js'))
}

export class EtcdConnection {
  /** As operators know it: http://HOST:PORT. */
  readonly endpoint: string
  readonly #grpc: Grpc
  readonly #client: Client
  readonly #clock: Clock

  constructor({ address, tls, clock }: ConnectionOptions, grpc: Grpc) {
    this.endpoint = `${tls === null ? 'http' : 'https'}://${address}`
    this.#grpc = grpc
    this.#clock = clock
    const { credentials } = grpc
    const security = tls === null ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert)
    this.#client = new grpc.Client(address, security, CHANNEL_OPTIONS)
  }

  /** Resolves once the connection stands. Rejects with EtcdError. */
  ready(timeoutMs: number): Promise<void> {
    const done = deferred<void>()
    this.#client.waitForReady(this.#deadline(timeoutMs), (error) => {
      if (error === undefined) done.resolve()
      else done.reject(this.#error({ code: GRPC_CODE.unavailable, details: 'no connection' }))
    })
    return done.promise
  }

  /** Rejects with EtcdError, or with the signal's reason. */
  async call<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    { timeoutMs, token, signal }: CallOptions,
  ): Promise<Read<Response>> {
    signal?.throwIfAborted()
    const done = deferred<Read<Response>>()
    const call = this.#client.makeUnaryRequest(
      method.path,
      (message: Write<Request>) => encode(method.request, message),
      (bytes) => decode(method.response, bytes),
      request,
      this.#metadata(token),
      { deadline: this.#deadline(timeoutMs) },
      (error, response) => (error === null ? done.resolve(response!) : done.reject(this.#error(error))),
    )
    const abort = () => {
      done.reject(signal?.reason)
      call.cancel()
    }
    signal?.addEventListener('abort', abort, { once: true })
    return done.promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Sends one message and leaves the stream open for answers. */
  stream<Request extends Table, Response extends Table>(
    method: Method<Request, Response>,
    request: Write<Request>,
    { token, timeoutMs }: { token: string | null; timeoutMs?: number },
  ): EtcdStream<Read<Response>> {
    const metadata = this.#metadata(token)
    // A member that has lost its cluster ends the stream instead of keeping quiet.
    metadata.set('hasleader', 'true')
    const duplex = this.#client.makeBidiStreamRequest(
      method.path,
      (message: Write<Request>) => encode(method.request, message),
      (bytes) => decode(method.response, bytes),
      metadata,
      timeoutMs === undefined ? {} : { deadline: this.#deadline(timeoutMs) },
    )
    // Whoever reads gets it; one that nobody reads any more must not end the process.
    duplex.on('error', () => {})
    duplex.write(request)
    const read = () => this.#read(duplex)
    return { [Symbol.asyncIterator]: () => read()[Symbol.asyncIterator](), cancel: () => duplex.cancel() }
  }

  close(): void {
    this.#client.close()
  }

  async *#read<Message>(messages: AsyncIterable<Message>): AsyncIterable<Message> {
    try {
      yield* messages
    } catch (error) {
      throw this.#error(error as { code?: number; details?: string })
    }
    throw this.#error({ code: GRPC_CODE.unavailable, details: 'the stream ended' })
  }

  #metadata(token: string | null): Metadata {
    const metadata = new this.#grpc.Metadata()
    if (token !== null) metadata.set('token', token)
    return metadata
  }

  /** gRPC takes deadlines in wall time, and arms a timer at once: later jumps of the clock do not move them. */
  #deadline(timeoutMs: number): number {
    return this.#clock.wallMs() + timeoutMs
  }

  #error({
    code = GRPC_CODE.internal,
    details = 'the connection broke',
  }: {
    code?: number
    details?: string
  }): EtcdError {
    return new EtcdError(this.endpoint, { code, details })
  }
}
