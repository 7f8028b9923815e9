/**
 * The composition root: every long-lived part of a broker is made here, once, in order, and disposed in reverse. Also
 * the one publish function by which a new metadata image reaches all parts, bottom up, without an `await` between.
 *
 * `Broker.start` is the whole API for embedding: a broker on a disk, or one in memory inside a test process.
 */
import { ByteShare } from '@ottla/base/byte-share.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { DiskError } from '@ottla/base/disk.ts'
import { randomUuid } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import {
  type BrokerConfig,
  dynamicOverrides,
  type IgnoredKey,
  type LoadedConfig,
  metadataStorePlace,
} from './config.ts'
import { GroupCoordinator } from './coordinator/group-coordinator.ts'
import { portsFor } from './default-ports.ts'
import { FetchSessions } from './handlers/fetch-sessions.ts'
import { Requests } from './handlers/index.ts'
import { servedApis } from './handlers/served.ts'
import { IdleRest } from './log/idle-rest.ts'
import { OPEN_SEGMENTS_MAX, OpenSegments } from './log/open-segments.ts'
import { TailBudget } from './log/tail-budget.ts'
import { Controller } from './metadata/controller.ts'
import { type ControllerClient, localControllerClient } from './metadata/controller-client.ts'
import { checkFinalized } from './metadata/features.ts'
import { MetadataFollower } from './metadata/follower.ts'
import { ForwardingClient } from './metadata/forwarding-client.ts'
import { emptyImage, type MetadataImage } from './metadata/image.ts'
import { newUuid } from './metadata/new-uuid.ts'
import { claimNodeId } from './metadata/node-ids.ts'
import { ProducerIds } from './metadata/producer-ids.ts'
import { Registration } from './metadata/registration.ts'
import { SilenceReports } from './metadata/silence.ts'
import type { MetadataStore } from './metadata/store.ts'
import { revokeSignOfLife } from './metadata/suspicion.ts'
import { FramePool } from './network/frame-pool.ts'
import { BrokerListener, ConnectionLimits } from './network/listener.ts'
import { TurnBudget } from './network/turn-budget.ts'
import { LogCleaner } from './partition/log-cleaner.ts'
import { LogDirectory } from './partition/log-directories.ts'
import type { Partition } from './partition/partition.ts'
import { Partitions } from './partition/partitions.ts'
import { allowAll } from './security/authorizer.ts'
import { type BrokerPorts, configFor, type StartOptions } from './start-options.ts'

export type { BrokerPorts, StartOptions }

/** The byte budget: what clients can make a broker hold, by kind (ARCHITECTURE.md, decision 11). */
const MEBIBYTE = 1_048_576
const TAIL_BYTES_MAX = 128 * MEBIBYTE
const REPLY_BYTES_MAX = 96 * MEBIBYTE
const FRAME_BYTES_MAX = 128 * MEBIBYTE
const FRAME_POOL_BYTES_MAX = 32 * MEBIBYTE
/** How long a broker that stops waits for its leaderships to move. */
const LEAVE_TIMEOUT_MS = 30_000
/** Of the files that the process may open: the rest is for connections, the store and what is open for a moment. */
const OPEN_FILES_SHARE = 1 / 2

export class Broker implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #ports: BrokerPorts
  #loaded: LoadedConfig
  readonly #failed: Deferred<never> = deferred()
  #image: MetadataImage = emptyImage
  #config: BrokerConfig
  /** Set once the log directories are known to be this broker's: images reach it from then on. */
  #partitions: Partitions | null = null
  /** Set with the partitions: both take over images from then on. */
  #groups: GroupCoordinator | null = null
  /** Both set before the partitions, whose epochs and in-sync sets need them. */
  #registration: Registration | null = null
  #controller: ControllerClient | null = null
  #metadata: Metadata | null = null
  /** Set with the registration. */
  #silence: SilenceReports | null = null
  #listeners: BrokerListener[] = []
  #httpPort: number | null = null
  /** Set while the log directories are in use. */
  #usedByEpoch: number | null = null
  #state: 'starting' | 'serving' | 'stopping' = 'starting'
  #disposing: Promise<void> | null = null

  /**
   * Starts a broker and resolves when it serves. Rejects with ConfigError, LogDirectoryError, NetworkError, DiskError,
   * StoreUnavailable, StoreBroken, DocumentError or UnsupportedFeatureError, each of which says what to do; nothing is left
   * running then.
   */
  static async start(options: StartOptions = {}): Promise<Broker> {
    const broker = new Broker(configFor(options), portsFor(options))
    try {
      await broker.#open(options)
    } catch (error) {
      await broker[Symbol.asyncDispose]()
      throw error
    }
    return broker
  }

  private constructor(loaded: LoadedConfig, ports: BrokerPorts) {
    this.#loaded = loaded
    this.#config = loaded.config
    this.#ports = ports
    // Who does not ask for failures finds them in the log.
    this.#failed.promise.catch(() => {})
  }

  /** HOST:PORT of the first listener, as clients are told it. */
  get bootstrap(): string {
    const [listener] = this.#config.listeners
    return `${addressed(listener!.advertisedHost)}:${listener!.advertisedPort || this.port}`
  }

  /** The first listener's real port. */
  get port(): number {
    return this.#listeners[0]!.port
  }

  /** What this broker holds, for who watches it from within its process; empty until it knows its log directories. */
  *partitions(): Generator<Partition> {
    if (this.#partitions !== null) yield* this.#partitions.all()
  }

  /** Of the operator's endpoint; null when there is none. */
  get httpPort(): number | null {
    return this.#httpPort
  }

  /** Settings that have no effect here, each with its reason. */
  get ignoredSettings(): readonly IgnoredKey[] {
    return this.#loaded.ignored
  }

  /** Rejects when the broker cannot go on; the owner disposes it then. Never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  async #open(options: StartOptions): Promise<void> {
    const storage = await this.#openStorage()
    const metadata = await this.#openMetadata(storage)
    const serving = this.#makeServing(storage, metadata)
    await this.#listen(serving)
    // Disposed before the listeners, which wait for replies: whoever waits for a group to come together is sent away.
    this.#stack.use(serving.groups)
    if (options.http) await this.#serveHttp(options.http, storage, serving)
    const registration = await Promise.race([this.#register(storage, metadata), this.failed])
    await this.#openPartitions(storage, serving, registration.epoch)
    await Promise.race([registration.serve(), this.failed])
    // Disposed before all others: leaderships move while there is still somebody to move them from.
    this.#stack.defer(() => registration.leave(LEAVE_TIMEOUT_MS))
    for (const listener of this.#listeners) listener.serve()
    this.#state = 'serving'
  }

  async #openStorage(): Promise<Storage> {
    const { disk, clock, timers, random, logger, network } = this.#ports
    const directories = this.#config.logDirs.map((path) => this.#stack.use(LogDirectory.open(disk, path, random)))
    const store = this.#stack.use(await this.#ports.openStore(directories[0]!.path, this.#config))
    if (!this.#config.isNodeIdGiven) await this.#takeNodeId(directories, store)
    // Disposed after the logs are closed: what says so must be written last.
    this.#stack.defer(() => this.#endUse(directories))
    const syncs = new SyncQueue({ directories: directories.map(({ path }) => path) })
    const tail = new TailBudget(TAIL_BYTES_MAX)
    const filesMax = Math.min(OPEN_SEGMENTS_MAX, Math.ceil(this.#ports.openFilesMax() * OPEN_FILES_SHARE))
    const openSegments = new OpenSegments({ filesMax })
    const partitions = this.#stack.use(
      new Partitions({
        ...{ disk, directories, clock, timers, random, logger, syncs, tail, openSegments },
        brokerId: this.#config.nodeId,
        cluster: {
          network,
          brokerEpoch: () => this.#registration!.epoch,
          isHeard: () => this.#registration!.isHeard,
          mayBeReplaced: () => this.#registration?.mayBeReplaced === true,
          controller: {
            alterPartitions: (request) => this.#controller!.alterPartitions(request),
            reportFailedLogs: (failed) => this.#controller!.reportFailedLogs(failed),
          },
          onRefused: (brokerId) => this.#suspect(brokerId),
          onSilent: (brokerId) => this.#silence?.tell(brokerId),
          onHeard: (brokerId) => this.#silence?.retract(brokerId),
        },
        onOpened: (partition) => this.#groups?.opened(partition),
        onGone: (partition) => cleaner.forget(partition),
        onFailure: (error) => this.#fail('Every log directory has failed', error),
      }),
    )
    this.#stack.use(new IdleRest({ timers, openSegments, tail }))
    const threads = this.#stack.use(this.#ports.openThreads(this.#ports))
    const cleaner: LogCleaner = this.#stack.use(
      new LogCleaner({ partitions, threads, clock, timers, logger, config: () => this.#config }),
    )
    return { directories, store, syncs, tail, partitions, cleaner }
  }

  /** Before any part of this broker is made: each of them is told who it is. */
  async #takeNodeId(directories: readonly LogDirectory[], store: MetadataStore): Promise<void> {
    const written = directories.find(({ nodeId }) => nodeId !== null)?.nodeId ?? null
    const isAlone = metadataStorePlace(this.#config.text('metadata.store')!).type !== 'etcd'
    if (written === null && isAlone) return
    const nodeId = written ?? (await claimNodeId({ store, random: this.#ports.random }))
    this.#config = this.#config.withNodeId(nodeId)
    this.#loaded = { ...this.#loaded, config: this.#config }
  }

  async #openMetadata({ store }: Storage): Promise<Metadata> {
    const follower = this.#stack.use(
      await MetadataFollower.open({
        store,
        onImage: (image) => this.#publish(image),
        onFailure: (error) => this.#fail('The metadata could not be followed', error),
      }),
    )
    const controller = new Controller({
      ...{ store, follower, random: this.#ports.random, timers: this.#ports.timers, logger: this.#ports.logger },
      brokerId: this.#config.nodeId,
      features: this.#ports.features,
      config: () => this.#config,
      onFailure: (error) => this.#fail('The metadata store failed', error),
    })
    this.#metadata = { store, follower, controller: this.#stack.use(controller) }
    // Before the controller, and after everything that serves: who still answers is still part of the cluster.
    this.#stack.defer(async () => await this.#registration?.[Symbol.asyncDispose]())
    return this.#metadata
  }

  #makeServing(storage: Storage, metadata: Metadata): Serving {
    const { partitions } = storage
    const { clock, timers, random, logger } = this.#ports
    const frames = new ByteShare('request frames', this.#frameBytesMax())
    const replyBytes = new ByteShare('replies', REPLY_BYTES_MAX)
    const fetchSessions = new FetchSessions({ clock, random, slotsMax: this.#config.fetchSessionsMax })
    const controller = visibleHere(this.#stack.use(this.#forwarding(storage, metadata)).client, partitions)
    this.#controller = controller
    const known = { brokerId: this.#config.nodeId, config: () => this.#config, image: () => this.#image }
    const groups = new GroupCoordinator({ ...known, partitions, controller, clock, timers, random, logger })
    const served = servedApis({
      ...{ ...known, clock, timers, partitions, replyBytes, fetchSessions, controller, groups },
      producerIds: new ProducerIds(controller),
      features: this.#ports.features,
      localController: localControllerClient(metadata.controller),
    })
    const requests = new Requests({ served, clock, logger })
    return { requests, groups, fetchSessions, frames, replyBytes, limits: new ConnectionLimits() }
  }

  #forwarding({ store }: Storage, { follower, controller }: Metadata): ForwardingClient {
    const { network, clock, timers } = this.#ports
    return new ForwardingClient({
      ...{ store, follower, network, clock, timers },
      brokerId: this.#config.nodeId,
      local: localControllerClient(controller),
      isController: () => controller.isActive,
      listener: this.#config.interBrokerListenerName,
    })
  }

  /** Clients that connect before the broker serves wait; an address that is taken is found out at once. */
  async #listen({ requests, frames, limits }: Serving): Promise<void> {
    const { network, clock, timers, logger } = this.#ports
    const pool = new FramePool({ bytesMax: FRAME_POOL_BYTES_MAX })
    const turn = new TurnBudget({ clock, timers })
    for (const { name, bindHost, bindPort } of this.#config.listeners) {
      const listener = await BrokerListener.open({
        ...{
          name,
          host: bindHost,
          port: bindPort,
          network,
          limits,
          requests,
          frames,
          pool,
          turn,
          clock,
          timers,
          logger,
        },
        config: () => this.#config,
        authorizer: allowAll,
      })
      this.#listeners.push(this.#stack.use(listener))
    }
  }

  async #serveHttp(http: { host: string; port: number }, storage: Storage, serving: Serving): Promise<void> {
    const { serveAdmin } = await import('./admin/server.ts')
    const { EventLoopDelay } = await import('@ottla/base/event-loop-delay.ts')
    const { LongestTurn } = await import('@ottla/base/longest-turn.ts')
    const { partitions, cleaner, tail, syncs } = storage
    const { requests, groups, fetchSessions, frames, replyBytes, limits } = serving
    const loopDelay = this.#stack.use(new EventLoopDelay(this.#ports)).delayMs
    const turns = this.#stack.use(new LongestTurn())
    const metrics = {
      ...{
        loopDelay,
        longestTurnMs: () => turns.takeMs(),
        requests,
        partitions,
        cleaner,
        groups,
        fetchSessions,
        tail,
        syncs,
        connections: limits,
        shares: [frames, replyBytes],
      },
      residentBytes: this.#ports.residentBytes,
    }
    const server = await serveAdmin({ ...http, metrics, isReady: () => this.#state === 'serving' })
    this.#httpPort = this.#stack.use(server).port
  }

  /** Its sign of life begins when it serves: until then it is known and fenced. */
  async #register({ directories, store }: Storage, { follower }: Metadata): Promise<Registration> {
    const { random, timers, logger } = this.#ports
    const registration = await Registration.register({
      ...{ store, follower, timers, logger },
      broker: {
        id: this.#config.nodeId,
        incarnation: randomUuid(random),
        rack: this.#config.rack,
        listeners: this.#config.listeners.map((listener, i) => ({
          name: listener.name,
          host: listener.advertisedHost,
          port: listener.advertisedPort || this.#listeners[i]!.port,
          securityProtocol: listener.securityProtocol,
        })),
        directories: directories.map(({ id }) => id),
        features: this.#ports.features,
      },
      sessionMs: this.#config.int('broker.session.timeout.ms'),
      newClusterId: () => newUuid(random),
      onLapse: () => {
        for (const partition of this.partitions()) partition.lapse()
      },
      onFailure: (error) => this.#fail('The metadata store failed', error),
    })
    this.#registration = registration
    const { nodeId: brokerId } = this.#config
    this.#silence = new SilenceReports({ brokerId, store, follower, logger, lease: () => registration.lease })
    return registration
  }

  async #openPartitions(
    { directories, partitions, cleaner }: Storage,
    { groups }: Serving,
    brokerEpoch: number,
  ): Promise<void> {
    const { clusterId } = this.#image
    for (const directory of directories) {
      directory.identify({ clusterId, nodeId: this.#config.nodeId })
    }
    for (const directory of directories) directory.beginUse()
    this.#usedByEpoch = brokerEpoch
    this.#partitions = partitions
    this.#groups = groups
    this.#publish(this.#image)
    await Promise.race([partitions.opened(), this.failed])
    partitions.setStraysAside()
    partitions.keepCheckpoints(this.#config.int('log.flush.offset.checkpoint.interval.ms'))
    partitions.keepRetention(this.#config)
    cleaner.start()
  }

  /** The one way of a new image through the broker, bottom up; synchronous, so that nobody sees half of it. */
  #publish(image: MetadataImage): void {
    if (image.features !== this.#image.features) checkFinalized(image.features, this.#ports.features)
    this.#image = image
    this.#config = this.#loaded.config.withDynamic(dynamicOverrides(image, this.#loaded.config.nodeId))
    this.#partitions?.publish(image, this.#config)
    this.#groups?.publish(image)
    this.#silence?.heed(image)
  }

  /** Operators bound it by `queued.max.request.bytes`; the largest request has to fit in any case. */
  #frameBytesMax(): number {
    const { queuedRequestBytesMax, requestBytesMax } = this.#config
    const wanted = queuedRequestBytesMax > 0 ? queuedRequestBytesMax : FRAME_BYTES_MAX
    return Math.max(wanted, requestBytesMax)
  }

  #suspect(brokerId: number): void {
    const { logger } = this.#ports
    revokeSignOfLife({ store: this.#metadata!.store, follower: this.#metadata!.follower, logger }, brokerId).catch(
      (error) =>
        logger.warn('Cannot revoke the sign of life of a broker that refuses connections', { brokerId, error }),
    )
  }

  #fail(message: string, error: unknown): void {
    this.#ports.logger.error(message, { error })
    this.#failed.reject(error)
  }

  #endUse(directories: readonly LogDirectory[]): void {
    if (this.#usedByEpoch === null || this.#partitions?.closedWhole !== true) return
    try {
      for (const directory of directories) directory.endUse(this.#usedByEpoch)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      // It costs the next start a recovery, nothing else; whoever stops a broker cannot help it.
      this.#ports.logger.warn('Cannot write that the broker was stopped cleanly', { error })
    }
  }

  /** Takes no more requests, answers those in flight, closes every log whole. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'stopping'
    this.#disposing ??= this.#stack.disposeAsync()
    await this.#disposing
  }
}

interface Storage {
  readonly directories: readonly LogDirectory[]
  readonly store: MetadataStore
  readonly syncs: SyncQueue
  readonly tail: TailBudget
  readonly partitions: Partitions
  readonly cleaner: LogCleaner
}

interface Metadata {
  readonly store: MetadataStore
  readonly follower: MetadataFollower
  readonly controller: Controller
}

interface Serving {
  readonly requests: Requests
  readonly groups: GroupCoordinator
  readonly fetchSessions: FetchSessions
  readonly frames: ByteShare
  readonly replyBytes: ByteShare
  readonly limits: ConnectionLimits
}

/** What was created can be used when the answer comes: its logs are open, not only known. */
function visibleHere(client: ControllerClient, partitions: Partitions): ControllerClient {
  return {
    ...client,
    async createTopics(commands, options) {
      const outcomes = await client.createTopics(commands, options)
      await partitions.opened()
      return outcomes
    },
    async createPartitions(commands, options) {
      const outcomes = await client.createPartitions(commands, options)
      await partitions.opened()
      return outcomes
    },
  }
}

/** An address of IPv6 has colons of its own. */
function addressed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
