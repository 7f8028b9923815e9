/**
 * Several brokers in one process on one metadata store: `ottla start --brokers 3`, for trying out and for tests. Each is
 * a whole broker with an id, a data directory and a port of its own, and they replicate over the network as brokers on
 * several machines do; what they share, and die by, is the process.
 */
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { DirectoryLock } from '@ottla/base/disk.ts'
import { Broker } from './broker.ts'
import { ConfigError } from './config.ts'
import { portsFor } from './default-ports.ts'
import { StoreView } from './metadata/shared-store.ts'
import type { MetadataStore } from './metadata/store.ts'
import { configFor, type StartOptions } from './start-options.ts'

export interface LocalClusterOptions extends StartOptions {
  /** 1 to 9; their ids are 1, 2 and so on. */
  readonly brokers: number
}

const BROKERS_MAX = 9
const DEFAULT_PORT = 9092
const PORT_MAX = 65_535

export class LocalCluster implements AsyncDisposable {
  readonly brokers: readonly Broker[]
  readonly #stack: AsyncDisposableStack
  readonly #failed: Deferred<never> = deferred()

  /** Resolves when all of them serve. Rejects as `Broker.start` does; nothing is left running then. */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    checkOptions(options)
    const stack = new AsyncDisposableStack()
    try {
      const store = await openSharedStore(options, stack)
      const brokers: Broker[] = []
      // One after the other: the first formats the cluster that the others join.
      for (let id = 1; id <= options.brokers; id++) {
        brokers.push(stack.use(await Broker.start(optionsOf(options, { id, store }))))
      }
      return new LocalCluster(brokers, stack)
    } catch (error) {
      await stack.disposeAsync()
      throw error
    }
  }

  private constructor(brokers: readonly Broker[], stack: AsyncDisposableStack) {
    this.brokers = brokers
    this.#stack = stack
    for (const broker of brokers) broker.failed.catch((error) => this.#failed.reject(error))
    this.#failed.promise.catch(() => {})
  }

  /** HOST:PORT of every broker, apart by commas. */
  get bootstrap(): string {
    return this.brokers.map((broker) => broker.bootstrap).join(',')
  }

  /** Rejects when one of them cannot go on. Never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** Stops them one after the other, the last one first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

function checkOptions({ brokers, port = DEFAULT_PORT, settings = {}, advertise }: LocalClusterOptions): void {
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > BROKERS_MAX) {
    throw new ConfigError([`Cannot start ${brokers} brokers in one process: 1 to ${BROKERS_MAX} are possible`])
  }
  for (const name of ['node.id', 'broker.id', 'listeners', 'advertised.listeners', 'log.dirs', 'metadata.store']) {
    if (name in settings) throw new ConfigError([`Cannot set "${name}" with several brokers in one process`])
  }
  if (advertise !== undefined) throw new ConfigError(['Cannot advertise one address for several brokers'])
  if (port + brokers - 1 > PORT_MAX) throw new ConfigError([`Cannot listen on ports ${port} and following: too high`])
}

async function openSharedStore(options: LocalClusterOptions, stack: AsyncDisposableStack): Promise<MetadataStore> {
  const { disk, openStore } = portsFor(options)
  const { config } = configFor(options)
  if (options.storage === 'memory') return stack.use(await openStore('/', config))
  const directory = options.dataDirectory ?? './data'
  disk.makeDirectory(directory)
  const lock: DirectoryLock = disk.lockDirectory(directory)
  stack.defer(() => lock.release())
  return stack.use(await openStore(directory, config))
}

function optionsOf(options: LocalClusterOptions, own: { id: number; store: MetadataStore }): StartOptions {
  const { id, store } = own
  const port = options.port ?? DEFAULT_PORT
  return {
    ...options,
    port: port === 0 ? 0 : port + id - 1,
    dataDirectory: `${options.dataDirectory ?? './data'}/broker-${id}`,
    settings: { ...options.settings, 'node.id': String(id) },
    ...(options.http === undefined
      ? {}
      : { http: { ...options.http, port: options.http.port + (options.http.port === 0 ? 0 : id - 1) } }),
    ports: { ...options.ports, openStore: async () => new StoreView(store) },
  }
}
