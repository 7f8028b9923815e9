/**
 * Owns what one program shares towards one cluster: connections and metadata. Producers, consumers and the admin part
 * borrow them, and are disposed before it.
 */
import { type Clock, systemClock } from '@ottla/base/clock.ts'
import type { Network } from '@ottla/base/network.ts'
import { type Random, systemRandom } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { parseBootstrap } from './bootstrap.ts'
import { Connections } from './connections.ts'
import { Metadata } from './metadata.ts'
import { type Backoff, DEFAULT_BACKOFF } from './retry.ts'

export interface ClientOptions {
  /** `host:port[,host:port…]`, IPv6 in brackets. `127.0.0.1:9092` when left out. */
  readonly bootstrap?: string
  /** What the broker's logs and quotas call this client. `ottla-client` when left out. */
  readonly clientId?: string
  /** For a connection with its first exchange, in ms. 10,000 when left out. */
  readonly connectTimeoutMs?: number
  /** From the sending of a request to its answer, in ms. 30,000 when left out. */
  readonly requestTimeoutMs?: number
  /** Metadata older than this is refreshed, in ms. 300,000 when left out. */
  readonly metadataAgeMsMax?: number
  /** Between attempts: 100 ms, doubled up to 1,000 ms, when left out. */
  readonly backoff?: Backoff
  /** The real ones when left out; tests and the simulator bring theirs. */
  readonly ports?: Partial<ClientPorts>
}

export interface ClientPorts {
  readonly network: Network
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}

export const DEFAULT_BOOTSTRAP = '127.0.0.1:9092'

/** Connects to the first broker that answers and learns of the others. Rejects with BrokersUnreachableError. */
export async function openClient(options: ClientOptions = {}, abort: { signal?: AbortSignal } = {}): Promise<Client> {
  const client = new Client(options, await realPorts(options.ports ?? {}))
  try {
    await client.metadata.refresh(abort)
    return client
  } catch (error) {
    await client[Symbol.asyncDispose]()
    throw error
  }
}

export class Client {
  readonly ports: ClientPorts
  readonly backoff: Backoff
  readonly connections: Connections
  readonly metadata: Metadata

  constructor(options: ClientOptions, ports: ClientPorts) {
    const { connectTimeoutMs, requestTimeoutMs, metadataAgeMsMax, clientId = 'ottla-client' } = options
    this.ports = ports
    this.backoff = options.backoff ?? DEFAULT_BACKOFF
    this.connections = new Connections({
      ...ports,
      bootstrap: parseBootstrap(options.bootstrap ?? DEFAULT_BOOTSTRAP),
      clientId,
      backoff: this.backoff,
      // A failure shows when somebody needs what is known.
      onSilent: () => void this.metadata.refresh().catch(() => undefined),
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    })
    const { clock, timers } = ports
    const age = metadataAgeMsMax === undefined ? {} : { ageMsMax: metadataAgeMsMax }
    this.metadata = new Metadata({ connections: this.connections, clock, timers, ...age })
  }

  /** Closes every connection; what is under way fails. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.metadata[Symbol.asyncDispose]()
    await this.connections[Symbol.asyncDispose]()
  }
}

/** Sockets and timers are loaded here alone, so that tests on fakes load neither. */
async function realPorts(given: Partial<ClientPorts>): Promise<ClientPorts> {
  return {
    network: given.network ?? new (await import('@ottla/base/node-network.ts')).NodeNetwork(),
    clock: given.clock ?? systemClock,
    timers: given.timers ?? (await import('@ottla/base/node-timers.ts')).systemTimers,
    random: given.random ?? systemRandom,
  }
}
