/**
 * A partition whose leader is elsewhere: takes over what the fetcher brings, follows the leader's high watermark and
 * log start, and cuts what the leader does not have (KIP-101, KIP-279, KIP-595).
 *
 * Exclusive: the fetcher calls one of these at a time for a partition and waits for it.
 */

import type { Logger } from '@ottla/base/logger.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import {
  BATCH_INCOMPLETE,
  BATCH_MALFORMED,
  batchBaseOffset,
  batchLastOffset,
  batchSize,
  checkCrc,
  nextBatchAt,
} from '@ottla/protocol/records/batch.ts'
import type { Log } from '../log/log.ts'
import type { FetchPosition, LeaderMarks } from './followed-partition.ts'

export interface FollowerHost {
  readonly topicName: string
  readonly index: number
  readonly log: Log
  readonly logger: Logger
  readonly highWatermark: number
  /** Never moves back but by `truncated`. */
  advanceHighWatermark(offset: number): void
  /** The log ends at `offset` now, on purpose. */
  truncated(offset: number): void
  /** Durable when it returns: recovery takes nothing from `offset` on for synced. */
  lowerRecoveryPoint(offset: number): void
  /** Nothing below is read any more; durable, and its segments go, when it resolves. */
  advanceLogStart(offset: number): Promise<void>
  /** Whether the partition still has this role. */
  follows(role: FollowerRole): boolean
}

export class FollowerRole {
  readonly #host: FollowerHost

  constructor(host: FollowerHost) {
    this.#host = host
    // What an earlier term of our own promised and never wrote is not part of the log.
    host.log.leaderEpochs.truncateFromEnd(host.log.logEndOffset)
  }

  get isSettled(): boolean {
    const { log } = this.#host
    return (log.settings.writeCaching ? log.writtenOffset : log.syncedOffset) === log.logEndOffset
  }

  settled(): Promise<void> {
    const { log } = this.#host
    return log.settings.writeCaching ? log.written() : log.synced()
  }

  get fetchPosition(): FetchPosition {
    const { log } = this.#host
    const fetchOffset = log.logEndOffset
    const lastFetchedEpoch = fetchOffset > 0 ? log.leaderEpochs.epochAt(fetchOffset - 1) : -1
    return { fetchOffset, lastFetchedEpoch, logStartOffset: log.logStartOffset }
  }

  async appendFetched(records: readonly Buffer[], leader: LeaderMarks): Promise<void> {
    const { log } = this.#host
    if (this.#isEmptyInside(records[0])) {
      await this.#beginAt(batchBaseOffset(records[0]!, 0))
      // It leads by now, or follows another: what the leader before has sent is for nobody.
      if (!this.#host.follows(this)) return
    }
    for (const buffer of records) this.#appendAll(buffer)
    await this.settled()
    this.observeLeader(leader)
    // Its segments go here as they went there; what it keeps beyond is cut by its own retention.
    if (leader.logStartOffset > log.logStartOffset) {
      await this.#host.advanceLogStart(Math.min(leader.logStartOffset, log.logEndOffset))
    }
  }

  observeLeader({ highWatermark }: LeaderMarks): void {
    this.#host.advanceHighWatermark(Math.min(highWatermark, this.#host.log.logEndOffset))
  }

  async truncateToShared(end: { readonly epoch: number; readonly endOffset: number }): Promise<void> {
    const { log } = this.#host
    // The largest epoch that both may have: ours can end earlier than the leader's, or be a smaller one.
    const own = log.leaderEpochs.endOffsetFor(end.epoch, log.logEndOffset)
    await this.#truncateTo(Math.min(end.endOffset, own?.endOffset ?? this.#host.highWatermark, log.logEndOffset))
  }

  async resetTo(leader: { readonly startOffset: number; readonly endOffset: number }): Promise<void> {
    const { log } = this.#host
    if (log.logEndOffset > leader.endOffset && leader.endOffset >= log.logStartOffset) {
      return this.#truncateTo(leader.endOffset)
    }
    this.#tell('Began a log anew at the leader’s start: nothing of it was left', leader.startOffset)
    await this.#beginAt(leader.startOffset)
  }

  /**
   * Whether the log is empty, and its only offset lies inside of the first batch: that is so where DeleteRecords has set
   * the leader's start there. Batches are taken over whole, so the log has to begin where that one does (KAFKA-6361).
   */
  #isEmptyInside(records: Buffer | undefined): boolean {
    const { logStartOffset, logEndOffset } = this.#host.log
    if (records === undefined || logStartOffset !== logEndOffset) return false
    const next = nextBatchAt(records, 0)
    if (next === BATCH_INCOMPLETE || next === BATCH_MALFORMED || !checkCrc(records, 0)) return false
    return batchBaseOffset(records, 0) < logEndOffset && batchLastOffset(records, 0) >= logEndOffset
  }

  async #beginAt(offset: number): Promise<void> {
    this.#host.lowerRecoveryPoint(0)
    await this.#host.log.truncateFullyAndStartAt(offset)
    this.#host.truncated(offset)
  }

  async #truncateTo(offset: number): Promise<void> {
    const { log } = this.#host
    const target = Math.max(offset, log.logStartOffset)
    if (target < this.#host.highWatermark) {
      this.#tell('Cut a log below its high watermark: its leader was elected uncleanly', target)
    }
    this.#host.lowerRecoveryPoint(target)
    await log.truncateTo(target)
    this.#host.truncated(log.logEndOffset)
  }

  /** Whole batches with the right checksum, each behind the last; the leader may send some that are here already. */
  #appendAll(buffer: Buffer): void {
    const { log } = this.#host
    for (let at = 0; at < buffer.length; ) {
      const next = nextBatchAt(buffer, at)
      if (next === BATCH_INCOMPLETE) return
      if (next === BATCH_MALFORMED || !checkCrc(buffer, at)) throw new ProtocolError('CORRUPT_MESSAGE')
      if (batchBaseOffset(buffer, at) >= log.logEndOffset) log.appendAsFollower(buffer, at)
      else if (batchLastOffset(buffer, at) >= log.logEndOffset) throw new ProtocolError('CORRUPT_MESSAGE')
      at += batchSize(buffer, at)
    }
  }

  #tell(message: string, offset: number): void {
    const { topicName: topic, index, log, logger, highWatermark } = this.#host
    logger.warn(message, { topic, partition: index, offset, highWatermark, logEndOffset: log.logEndOffset })
  }
}
