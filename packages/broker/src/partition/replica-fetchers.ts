/**
 * Which of this broker's partitions follow which leader: one fetcher for each broker that leads some of them
 * (fetcher.ts). Owns the fetchers; what a partition does with what they bring is its own.
 */
import type { Timer } from '@ottla/base/timers.ts'
import type { BrokerConfig } from '../config.ts'
import { endpointOf, type MetadataImage, NO_LEADER } from '../metadata/image.ts'
import { ReplicaFetcher, type ReplicaFetcherOptions, type ReplicaFetchSettings } from './fetcher.ts'
import type { Partition } from './partition.ts'
import { LOOKS_PER_SESSION, SilenceWatch } from './silence-watch.ts'

type Ports = Pick<ReplicaFetcherOptions, 'network' | 'clock' | 'timers' | 'random' | 'logger' | 'quota'>

export interface ReplicaFetchersOptions extends Ports {
  readonly brokerId: number
  readonly brokerEpoch: () => number
  readonly image: () => MetadataImage
  readonly config: () => BrokerConfig
  readonly onRefused: (brokerId: number) => void
  readonly onSilent: (brokerId: number) => void
  readonly onHeard: (brokerId: number) => void
}

interface Following {
  readonly fetcher: ReplicaFetcher
  readonly leaderEpoch: number
}

export class ReplicaFetchers implements AsyncDisposable {
  readonly #options: ReplicaFetchersOptions
  readonly #fetchers = new Map<number, ReplicaFetcher>()
  readonly #following = new Map<Partition, Following>()
  readonly #ending = new Set<Promise<void>>()
  readonly #silence = new SilenceWatch()
  #lookTimer: Timer | null = null

  constructor(options: ReplicaFetchersOptions) {
    this.#options = options
  }

  /** Follows the leader that the partition's image names, from where the log ends; none where this broker leads. */
  update(partition: Partition): void {
    const { leader, leaderEpoch } = partition.image
    if (partition.isLeader || leader === NO_LEADER || leader === this.#options.brokerId) return this.remove(partition)
    const fetcher = this.#fetcherFor(leader)
    const following = this.#following.get(partition)
    if (following?.fetcher === fetcher && following.leaderEpoch === leaderEpoch) return
    this.remove(partition)
    this.#following.set(partition, { fetcher, leaderEpoch })
    fetcher.add(partition)
  }

  remove(partition: Partition): void {
    this.#following.get(partition)?.fetcher.remove(partition)
    this.#following.delete(partition)
  }

  /** Ends the fetchers of leaders that nobody follows any more. */
  endIdle(): void {
    for (const [leader, fetcher] of this.#fetchers) {
      if (fetcher.count > 0) continue
      this.#fetchers.delete(leader)
      const ending = fetcher[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending))
      this.#ending.add(ending)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lookTimer?.cancel()
    this.#following.clear()
    const fetchers = [...this.#fetchers.values()]
    this.#fetchers.clear()
    await Promise.all([...fetchers.map((fetcher) => fetcher[Symbol.asyncDispose]()), ...this.#ending])
  }

  #fetcherFor(leaderId: number): ReplicaFetcher {
    const known = this.#fetchers.get(leaderId)
    if (known !== undefined) return known
    const { brokerId, brokerEpoch, image, config, onRefused, network, clock, timers, random, logger, quota } =
      this.#options
    const fetcher = new ReplicaFetcher({
      ...{ network, clock, timers, random, logger, quota, leaderId, onRefused },
      localBrokerId: brokerId,
      localBrokerEpoch: brokerEpoch,
      address: () => {
        const broker = image().brokers.get(leaderId)
        return broker && endpointOf(broker, config().interBrokerListenerName)
      },
      settings: () => settingsOf(config()),
    })
    this.#fetchers.set(leaderId, fetcher)
    if (this.#lookTimer === null) this.#lookLater()
    return fetcher
  }

  /** For as long as somebody is followed. */
  #lookLater(): void {
    const { timers, config, onSilent, onHeard } = this.#options
    const sessionMs = config().int('broker.session.timeout.ms')
    this.#lookTimer = timers.after(sessionMs / LOOKS_PER_SESSION, () => {
      const { silent, heard } = this.#silence.look(this.#fetchers)
      for (const id of heard) onHeard(id)
      for (const id of silent) {
        this.#fetchers.get(id)!.reconnect()
        onSilent(id)
      }
      this.#lookTimer = null
      if (this.#fetchers.size > 0) this.#lookLater()
    })
  }
}

function settingsOf(config: BrokerConfig): ReplicaFetchSettings {
  return {
    waitMaxMs: config.int('replica.fetch.wait.max.ms'),
    minBytes: config.int('replica.fetch.min.bytes'),
    partitionBytesMax: config.int('replica.fetch.max.bytes'),
    isPartitionBytesMaxGiven: config.isSet('replica.fetch.max.bytes'),
    responseBytesMax: config.int('replica.fetch.response.max.bytes'),
    backoffMs: config.int('replica.fetch.backoff.ms'),
    socketTimeoutMs: config.int('replica.socket.timeout.ms'),
  }
}
