/**
 * What this broker's partitions need of the cluster's other brokers, in one place: the fetchers of those that follow,
 * the in-sync sets of those that lead, and the watch over followers that lag.
 */
import type { Network } from '@ottla/base/network.ts'
import type { Timer } from '@ottla/base/timers.ts'
import type { BrokerConfig } from '../config.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { FailedLog } from '../metadata/failed-log-plans.ts'
import { isEligible, type MetadataImage } from '../metadata/image.ts'
import { IsrChanges } from './isr-changes.ts'
import { OfflineReports } from './offline-reports.ts'
import type { Partition, PartitionCluster } from './partition.ts'
import { ReplicaFetchers, type ReplicaFetchersOptions } from './replica-fetchers.ts'
import { ReplicationQuota } from './replication-quota.ts'

/** How other brokers are reached and agreed with. */
export interface ClusterPorts {
  readonly network: Network
  /** Of this incarnation of the broker. */
  readonly brokerEpoch: () => number
  /** See `PartitionCluster`. */
  readonly isHeard: () => boolean
  readonly mayBeReplaced: () => boolean
  readonly controller: Pick<ControllerClient, 'alterPartitions' | 'reportFailedLogs'>
  /** Nothing listens at this broker's address. */
  readonly onRefused: (brokerId: number) => void
  /** It has not answered for about a session; told again and again while that is so. */
  readonly onSilent: (brokerId: number) => void
  /** It was silent, and answers or is followed no more. */
  readonly onHeard: (brokerId: number) => void
}

export interface ReplicationOptions extends Omit<ReplicaFetchersOptions, keyof ClusterPorts | 'quota'> {
  readonly cluster: ClusterPorts
  readonly image: () => MetadataImage
  readonly config: () => BrokerConfig
  readonly all: () => Iterable<Partition>
  /** See `OfflineReportsOptions`. */
  readonly failedLogs: () => Iterable<FailedLog>
  readonly lowerRecoveryPoint: (partition: Partition, offset: number) => void
  readonly advanceLogStart: (partition: Partition, offset: number) => Promise<unknown>
}

export class Replication implements AsyncDisposable {
  /** What each partition is given. */
  readonly cluster: PartitionCluster
  /** Of replicas that their topics name as throttled. */
  readonly quotas = { leader: new ReplicationQuota(), follower: new ReplicationQuota() }
  readonly #options: ReplicationOptions
  readonly #fetchers: ReplicaFetchers
  readonly #offlineReports: OfflineReports
  #lagTimer: Timer | null = null

  constructor(options: ReplicationOptions) {
    const { cluster, image } = options
    this.#options = options
    this.#fetchers = new ReplicaFetchers({ ...options, ...cluster, quota: this.quotas.follower })
    this.#offlineReports = new OfflineReports({ ...options, ...cluster })
    const isrChanges = new IsrChanges({ ...options, ...cluster })
    this.cluster = {
      brokerEpoch: cluster.brokerEpoch,
      isHeard: cluster.isHeard,
      mayBeReplaced: cluster.mayBeReplaced,
      brokers: { eligibleEpoch: (id) => (isEligible(image(), id) ? image().brokers.get(id)!.epoch : null) },
      propose: (proposed) => isrChanges.propose(proposed),
      lowerRecoveryPoint: options.lowerRecoveryPoint,
      advanceLogStart: async (partition, offset) => void (await options.advanceLogStart(partition, offset)),
    }
  }

  /** The partition is open, or its state has changed: it follows whoever leads it. */
  update(partition: Partition): void {
    // Its successor follows, when the log is open again.
    if (partition.isOffline) return this.remove(partition)
    this.#fetchers.update(partition)
    if (this.#lagTimer === null && partition.image.replicas.length > 1) this.#watchFollowers()
  }

  remove(partition: Partition): void {
    this.#fetchers.remove(partition)
  }

  /** One of the logs here has failed, or could not be opened: others are to go on without it. */
  logFailed(): void {
    this.#offlineReports.logFailed()
  }

  /** An image was taken over as a whole. */
  published(): void {
    const config = this.#options.config()
    for (const role of ['leader', 'follower'] as const) {
      this.quotas[role].configure({ ...config.replicationQuotaWindows, bytesPerSecond: config.throttledRate(role) })
    }
    this.#fetchers.endIdle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lagTimer?.cancel()
    this.#offlineReports[Symbol.dispose]()
    await this.#fetchers[Symbol.asyncDispose]()
  }

  /** Twice in `replica.lag.time.max.ms`, so that nobody lags for much longer unseen. */
  #watchFollowers(): void {
    const lagMaxMs = this.#options.config().int('replica.lag.time.max.ms')
    this.#lagTimer = this.#options.timers.after(lagMaxMs / 2, () => {
      for (const partition of this.#options.all()) partition.dropLateFollowers(lagMaxMs)
      this.#watchFollowers()
    })
  }
}
