/**
 * Tells the controller of this broker's replicas whose logs have failed, so that others lead and nobody waits for them
 * (Kafka's offlineLogDirs, a log at a time). Told again and again as long as there is something to tell: an answer may be
 * lost, and who could not lead a moment ago may be able to now. What is told twice changes nothing.
 */
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { FailedLog } from '../metadata/failed-log-plans.ts'
import { type MetadataImage, partitionOf, type Uuid } from '../metadata/image.ts'
import { topicAndIndexOf } from './held.ts'
import { NEVER_FAILED, type Partition } from './partition.ts'

export interface OfflineReportsOptions {
  readonly brokerId: number
  readonly brokerEpoch: () => number
  readonly controller: Pick<ControllerClient, 'reportFailedLogs'>
  readonly image: () => MetadataImage
  /** Logs that are offline, or that have come back and wait for a new epoch to lead in. */
  readonly failedLogs: () => Iterable<FailedLog>
  readonly timers: Timers
  readonly logger: Logger
}

/** Between two reports of what is still as it was. */
const REPORT_AGAIN_MS = 1000
/** Of one request: the rest comes with the next. */
const LOGS_MAX = 5000

export class OfflineReports implements Disposable {
  readonly #options: OfflineReportsOptions
  readonly #stop = new AbortController()
  #isReporting = false

  constructor(options: OfflineReportsOptions) {
    this.#options = options
  }

  /** A log has failed: all that have failed in this turn are told together. */
  logFailed(): void {
    if (this.#isReporting) return
    this.#isReporting = true
    this.#options.timers.soon(() => void this.#report())
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
  }

  async #report(): Promise<void> {
    const { failedLogs, timers } = this.#options
    const { signal } = this.#stop
    for (let logs = [...failedLogs()]; logs.length > 0 && !signal.aborted; logs = [...failedLogs()]) {
      const told = logs.filter((log) => this.#concernsOthers(log)).slice(0, LOGS_MAX)
      if (told.length > 0) await this.#tell(told)
      await timers.sleep(REPORT_AGAIN_MS, { signal }).catch(() => undefined)
    }
    this.#isReporting = false
  }

  /** Nobody can do more for a partition of this broker alone, and a replica that is in no set holds up nobody. */
  #concernsOthers({ topicId, index }: FailedLog): boolean {
    const { image, brokerId } = this.#options
    const partition = partitionOf(image(), topicId, index)
    if (partition === undefined || partition.replicas.length === 1) return false
    return partition.leader === brokerId || partition.isr.includes(brokerId)
  }

  async #tell(logs: readonly FailedLog[]): Promise<void> {
    const { brokerId, brokerEpoch, controller, logger } = this.#options
    // A controller of this process that is being stopped answers nobody any more.
    const outcome = await controller
      .reportFailedLogs({ brokerId, brokerEpoch: brokerEpoch(), logs })
      .catch((error: unknown) => new ProtocolError('REQUEST_TIMED_OUT', undefined, { cause: error }))
    if (outcome instanceof ProtocolError) {
      logger.warn('The controller was not told of failed logs: trying again', { count: logs.length, error: outcome })
    }
  }
}

/** What there is to tell of, given the keys of the logs that are offline. */
export function* failedLogs(
  offlineKeys: Iterable<string>,
  partitions: { find(topicId: Uuid, index: number): Partition | undefined; all(): Iterable<Partition> },
): Generator<FailedLog> {
  for (const key of offlineKeys) {
    const [topicId, index] = topicAndIndexOf(key)
    yield { topicId, index, failedEpoch: partitions.find(topicId, index)?.failedEpoch ?? NEVER_FAILED }
  }
  for (const { topicId, index, failedEpoch, awaitsNewEpoch } of partitions.all()) {
    if (awaitsNewEpoch) yield { topicId, index, failedEpoch }
  }
}
