/**
 * The port to byte streams. `node-network.ts` is TCP, `memory-network.ts` joins parts of one process for tests and the
 * simulator.
 *
 * A connection hands over what it read as a view of a buffer that is used again at once: whoever wants to keep bytes
 * beyond the call copies them. Writes are lists of parts that leave together; the parts are left alone until
 * `written` is called, so that pooled memory can be given back then.
 */
export interface Network {
  /** Listens; port 0 takes a free one. Throws NetworkError (EADDRINUSE, EADDRNOTAVAIL, EACCES …). */
  listen(options: ListenOptions): Promise<Listening>
  /** Connects, or rejects with NetworkError (ECONNREFUSED, ETIMEDOUT, ENOTFOUND …) or the signal's reason. */
  connect(options: ConnectOptions): Promise<Connection>
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Called for each connection, once; the owner sets `handlers` before it returns. */
  readonly accept: (connection: Connection) => void
  /** A connection could not be accepted (EMFILE …); listening goes on. */
  readonly failed?: (error: NetworkError) => void
}

export interface Listening {
  /** The real port, also where 0 was asked for. */
  readonly port: number
  /** Accepts no more; open connections stay. */
  stop(): Promise<void>
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Connection {
  readonly remoteAddress: string
  readonly remotePort: number
  /** The owner's callbacks; set once, before the first turn ends. */
  handlers: ConnectionHandlers
  /**
   * Sends the parts in order, in one call to the kernel where it takes them. `written` is called once, when the kernel
   * has taken all bytes or the connection has ended: the parts belong to the caller again.
   */
  write(parts: readonly Uint8Array[], written?: () => void): void
  /** Bytes that were given to `write` and that the kernel has not taken yet. */
  readonly bufferedBytes: number
  /** No more `onData` until `resume`; what the peer sends waits in the kernel and then at the peer. */
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once; unsent bytes are lost. Idempotent. */
  destroy(): void
}

export interface ConnectionHandlers {
  /** `bytes` is valid during the call only. */
  onData(bytes: Buffer): void
  /** The connection is gone, for whatever reason; called once. `error` is null for an orderly end. */
  onClose(error: Error | null): void
}

export class NetworkError extends Error {
  readonly code: string
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'NetworkError'
    this.code = code
  }
}
