/**
 * One partition on this broker: the shell around its log that knows who leads it, what is committed, and who waits.
 *
 * `append` is check-then-act without an `await`: leadership, sequence and offset are decided in one go, the bytes reach
 * the file at the end of the turn, one sync then serves everybody who asked for it. The high watermark moves in
 * `#advance` alone, and wakes producers and parked fetches.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { batchLastOffsetDelta } from '@ottla/protocol/records/batch.ts'
import type { Scratch } from '@ottla/protocol/records/compression.ts'
import { Log, type LogOptions, type ReadLease } from '../log/log.ts'
import type { SequenceCheck } from '../log/producer-state.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { validateBatch } from './batch-validation.ts'
import type { FetchPosition, FollowedPartition, LeaderMarks } from './followed-partition.ts'
import { type FollowerHost, FollowerRole } from './follower-role.ts'
import type {
  AppendRequest,
  AppendResult,
  FetchWaiter,
  FollowerProgress,
  PartitionCluster,
  PartitionOptions,
  PartitionRules,
  ReadRequest,
  Refusal,
} from './partition-types.ts'
import { ReadFailures } from './read-failures.ts'
import { type IsrProposal, LeaderTerm } from './replicas.ts'
import { unlessFailing } from './unless-failing.ts'
import { OffsetWaiters } from './waiters.ts'

export const NEVER_FAILED = -1

export type * from './partition-types.ts'

export class Partition implements FollowedPartition {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  readonly #localBrokerId: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #scratch: Scratch
  readonly #timers: Timers
  /** Null until somebody waits: of many partitions few have anybody. */
  #producers: OffsetWaiters | null = null
  #fetches: Set<FetchWaiter> | null = null
  readonly #onOffline: (partition: Partition) => void
  #image: PartitionImage
  #rules: PartitionRules
  #log: Log
  #highWatermark: number
  /** Base offset of the first acks=all batch of each turn that is not synced yet, rising. */
  readonly #unsyncedAll: number[] = []
  /** Of the newest batch of this life. */
  #lastBaseOffset = -1
  /** The promise of the turn's write that `#advance` was hung on. */
  #watchedWrite: Promise<void> | null = null
  #gone = false
  #offline = false
  readonly #leadsAfterEpoch: number
  #failedEpoch: number
  /** None before the first. */
  #readFailures: ReadFailures | null = null
  readonly #cluster: PartitionCluster
  /** Set while this broker leads. */
  #term: LeaderTerm | null = null
  /** Set while another broker leads, or nobody. */
  #follower: FollowerRole | null = null

  static async open(options: PartitionOptions): Promise<Partition> {
    let opened: Partition | null = null
    const observer = {
      synced: () => (opened ? opened.#syncMoved() : undefined),
      failed: (error: Error) => (opened ? opened.#logFailed(error) : undefined),
    }
    const log = await Log.open({ ...options.log, observer })
    opened = new Partition(options, log)
    return opened
  }

  private constructor(options: PartitionOptions, log: Log) {
    this.topicId = options.topicId
    this.topicName = options.topicName
    this.index = options.image.index
    this.#localBrokerId = options.localBrokerId
    this.#clock = options.clock
    this.#logger = options.log.logger
    this.#scratch = options.scratch
    this.#timers = options.timers
    this.#onOffline = options.onOffline ?? (() => {})
    this.#image = options.image
    this.#rules = options.rules
    this.#log = log
    this.#cluster = options.cluster
    this.#leadsAfterEpoch = options.failedEpoch ?? NEVER_FAILED
    this.#failedEpoch = this.#leadsAfterEpoch
    // Recovery ended with a sync: where this replica is all there is, everything that is here is committed.
    const isAlone = options.image.replicas.length === 1
    const known = Math.max(options.highWatermark ?? 0, log.logStartOffset)
    this.#highWatermark = isAlone ? log.logEndOffset : Math.min(known, log.logEndOffset)
    this.#takeRole()
  }

  get log(): Log {
    return this.#log
  }
  get image(): PartitionImage {
    return this.#image
  }
  get rules(): PartitionRules {
    return this.#rules
  }
  get isLeader(): boolean {
    return this.#image.leader === this.#localBrokerId && !this.#gone && !this.awaitsNewEpoch
  }
  /**
   * Its log failed while it led, and was opened anew: what was not synced may be gone here and be had by others, so it
   * leads in a later epoch only. Not where it is all there is.
   */
  get awaitsNewEpoch(): boolean {
    const { leader, leaderEpoch, replicas } = this.#image
    return leader === this.#localBrokerId && replicas.length > 1 && leaderEpoch <= this.#leadsAfterEpoch
  }
  /** The leader epoch in which this log has failed, or the one before it; NEVER_FAILED where none has. */
  get failedEpoch(): number {
    return this.#failedEpoch
  }
  get leaderEpoch(): number {
    return this.#image.leaderEpoch
  }
  /** It leads with followers, and one of them may lead in its place: who comes here is sent to look elsewhere. */
  get isUnheard(): boolean {
    return this.#term?.isAlone === false && this.#cluster.mayBeReplaced()
  }
  /** Records below it are visible to consumers. */
  get highWatermark(): number {
    return this.#highWatermark
  }
  /** Records below it are visible to consumers that read committed; there are no transactions yet to hold it back. */
  get lastStableOffset(): number {
    return this.#highWatermark
  }
  /** Leads, and does not know yet whether all that it had when it was elected is committed. */
  get lagsBehindElection(): boolean {
    return this.#term !== null && this.#highWatermark < this.#term.epochStartOffset
  }
  get logStartOffset(): number {
    return this.#log.logStartOffset
  }
  get logEndOffset(): number {
    return this.#log.logEndOffset
  }
  /** A write or sync failed: the log refuses everything. Its owner opens another one in its place. */
  get isOffline(): boolean {
    return this.#offline
  }
  get producersWaiting(): number {
    return this.#producers?.count ?? 0
  }

  /** The state that the controller published. */
  update(image: PartitionImage): void {
    assert(image.index === this.index, 'A partition keeps its index')
    const newEpoch = image.leaderEpoch !== this.#image.leaderEpoch
    this.#image = image
    if (newEpoch) {
      this.#takeRole()
      this.#wakeFetches()
    } else if (this.#term !== null) {
      this.#term.update(image, this.#clock.monotonicMs())
      this.#advance()
    }
  }

  /** Each leader epoch is a term of its own: what was known of followers in an earlier one counts for nothing. */
  #takeRole(): void {
    if (!this.isLeader) {
      this.#term = null
      this.#follower = new FollowerRole(this.#followerHost())
      this.#unsyncedAll.length = 0
      this.#producers?.fail(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))
      return
    }
    const { leaderEpoch } = this.#image
    this.#follower = null
    this.#log.leaderEpochs.assign(leaderEpoch, this.#log.logEndOffset)
    // What the term inherits counts once it is synced, whatever it came with.
    const isAllSynced = this.#log.syncedOffset === this.#log.logEndOffset
    if (!isAllSynced && this.#log.isUsable) this.#log.synced().catch(ignoreFailedWrite)
    this.#term = new LeaderTerm(this.#image, {
      localId: this.#localBrokerId,
      localBrokerEpoch: this.#cluster.brokerEpoch(),
      epochStartOffset: this.#log.logEndOffset,
      nowMs: this.#clock.monotonicMs(),
    })
    this.#advance()
  }

  #followerHost(): FollowerHost {
    const { topicName, index } = this
    const partition = this
    return {
      ...{ topicName, index, log: this.#log, logger: this.#logger },
      get highWatermark() {
        return partition.#highWatermark
      },
      advanceHighWatermark: (offset) => this.#moveHighWatermark(offset),
      truncated: (offset) => {
        this.#highWatermark = Math.min(this.#highWatermark, offset)
        // Elected meanwhile: the epoch begins where the log ends now.
        if (this.#term !== null) this.#takeRole()
      },
      lowerRecoveryPoint: (offset) => this.#cluster.lowerRecoveryPoint(this, offset),
      advanceLogStart: (offset) => this.#cluster.advanceLogStart(this, offset),
      follows: (role) => this.#follower === role && !this.#gone,
    }
  }

  get isSettled(): boolean {
    return this.#following.isSettled
  }

  settled(): Promise<void> {
    return this.#following.settled()
  }

  get fetchPosition(): FetchPosition {
    return this.#following.fetchPosition
  }

  appendFetched(records: readonly Buffer[], leader: LeaderMarks): Promise<void> {
    return this.#following.appendFetched(records, leader)
  }

  observeLeader(leader: LeaderMarks): void {
    this.#following.observeLeader(leader)
  }

  truncateToShared(end: { readonly epoch: number; readonly endOffset: number }): Promise<void> {
    return this.#following.truncateToShared(end)
  }

  resetTo(leader: { readonly startOffset: number; readonly endOffset: number }): Promise<void> {
    return this.#following.resetTo(leader)
  }

  get #following(): FollowerRole {
    assert(this.#follower !== null, 'Only a partition that is led elsewhere follows')
    return this.#follower
  }

  /**
   * A follower of ours has fetched, and so synced what lies below: the high watermark may move, the follower may be in
   * sync. False: it is no replica, or an earlier incarnation of one.
   */
  observeFollower({ replicaId, brokerEpoch, fetchOffset, logStartOffset }: FollowerProgress): boolean {
    const term = this.#term
    if (term === null) return false
    const { logEndOffset } = this.#log
    const fetch = { replicaId, brokerEpoch, fetchOffset, logStartOffset, leaderEndOffset: logEndOffset }
    if (!term.observeFetch({ ...fetch, nowMs: this.#clock.monotonicMs() })) return false
    this.#advance()
    if (term.mayJoin(replicaId, this.#highWatermark, this.#cluster.brokers)) this.#propose(term.proposeWith(replicaId))
    return true
  }

  /** Followers in sync that can serve a reader from this offset on, the best first; nobody where this is no leader. */
  whoHas(offset: number): number[] {
    return this.#term?.whoHas(offset) ?? []
  }

  /** Proposes the in-sync set without those who lag, where there are any. */
  dropLateFollowers(lagMaxMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    const proposal = this.#term?.proposeWithoutLate({ leaderEndOffset: this.#log.logEndOffset, nowMs, lagMaxMs })
    if (proposal) this.#propose(proposal)
  }

  #propose(proposal: IsrProposal): void {
    const { topicId, index, leaderEpoch } = this
    const term = this.#term!
    this.#cluster.propose({
      ...{ topicId, index, leaderEpoch, proposal },
      // Of a partition that was deleted or moved away meanwhile no image will ever say what became of it.
      isCurrent: () => !this.#gone && this.#term === term && term.isCurrent(proposal),
      withdraw: () => {
        term.withdraw(proposal)
        if (this.#term === term) this.#advance()
      },
    })
  }

  configure(rules: PartitionRules, settings: LogOptions['settings']): void {
    this.#rules = rules
    this.#log.configure(settings)
    // A smaller min.insync.replicas may have been all that the high watermark waited for.
    this.#advance()
  }

  /** FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH where a client's epoch differs from ours; −1 claims none. */
  checkLeaderEpoch(claimed: number): ErrorName | null {
    if (claimed < 0 || claimed === this.#image.leaderEpoch) return null
    return claimed < this.#image.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
  }

  append(request: AppendRequest): AppendResult {
    const { acks, buffer, at } = request
    if (!this.isLeader) return refused('NOT_LEADER_OR_FOLLOWER')
    if (this.#offline) return refused('KAFKA_STORAGE_ERROR')
    // Elected while it cuts what its leader before did not have: in a moment it can.
    if (!this.#log.isUsable) return refused('NOT_LEADER_OR_FOLLOWER')
    if (acks === -1 && this.#term!.isUnderMinIsr(this.#rules.minInSyncReplicas)) return refused('NOT_ENOUGH_REPLICAS')
    const nowMs = this.#clock.wallMs()
    const verdict = validateBatch({ buffer, at, end: request.end, nowMs, scratch: this.#scratch }, this.#rules)
    if (verdict.kind === 'refused') return verdict
    const batch = verdict.buffer
    const sequence = unlessFailing(() => this.#log.checkSequence(batch, verdict.at, nowMs))
    if (sequence === null) return refused('KAFKA_STORAGE_ERROR')
    if (sequence.kind === 'error') return refused(sequence.error)
    if (sequence.kind === 'duplicate') return this.#alreadyAppended(request, sequence)
    const { leaderEpoch } = this.#image
    const baseOffset = unlessFailing(() => this.#log.append(batch, verdict.at, { leaderEpoch, appendTimeMs: nowMs }))
    // A full segment or a long turn makes the log use the disk at once.
    if (baseOffset === null || this.#offline) return refused('KAFKA_STORAGE_ERROR')
    this.#lastBaseOffset = baseOffset
    const endOffset = baseOffset + batchLastOffsetDelta(batch, verdict.at) + 1
    const done = this.#afterAppend(request, baseOffset, endOffset)
    return { kind: 'appended', baseOffset, logAppendTimeMs: verdict.logAppendTimeMs, done }
  }

  /** A producer's retry of a batch that is here: nothing is written, the first answer is given again. */
  #alreadyAppended(request: AppendRequest, batch: Extract<SequenceCheck, { kind: 'duplicate' }>): AppendResult {
    return {
      kind: 'appended',
      baseOffset: batch.baseOffset,
      logAppendTimeMs: this.#rules.timestampType === 'LogAppendTime' ? batch.appendTimeMs : -1,
      done: request.acks === -1 ? this.#whenDurable(batch.lastOffset, request.timeoutMs) : null,
    }
  }

  /** The first copy may have come with other acks, and so be visible before it is durable. Null: it is durable. */
  #whenDurable(lastOffset: number, timeoutMs: number): Promise<void> | null {
    const { syncedOffset, logEndOffset, settings } = this.#log
    // Synced here is not enough where others have to have it, nor is committed where this replica has only written it.
    const isCommitted = lastOffset < this.#highWatermark
    if (isCommitted && (settings.writeCaching || lastOffset < syncedOffset)) return null
    if (!settings.writeCaching) {
      // Nobody tells of an offset that the high watermark has passed already.
      if (this.#highWatermark >= logEndOffset) return this.#log.synced()
      this.#askSync(this.#lastBaseOffset)
    }
    // The end of the log is waited for, not the batch's own: waiters come in rising order of offsets.
    return this.#waiters.wait(logEndOffset, timeoutMs)
  }

  #afterAppend(request: AppendRequest, baseOffset: number, endOffset: number): Promise<void> | null {
    const written = this.#log.written()
    if (this.#watchedWrite !== written) {
      this.#watchedWrite = written
      // Hung on before the producer's own reaction: who has the answer finds the record.
      written.then(this.#advance, ignoreFailedWrite)
    }
    if (request.acks !== -1) return request.acks === 1 ? written : null
    if (!this.#log.settings.writeCaching) this.#askSync(baseOffset)
    return this.#waiters.wait(endOffset, request.timeoutMs)
  }

  get #waiters(): OffsetWaiters {
    this.#producers ??= new OffsetWaiters({ clock: this.#clock, timers: this.#timers })
    return this.#producers
  }

  #askSync(baseOffset: number): void {
    const { syncedOffset, logEndOffset } = this.#log
    // A retry may be of what is synced and waits for followers: no sync would come to tell of it.
    if (syncedOffset >= logEndOffset) return
    const last = this.#unsyncedAll.at(-1)
    // A batch of this turn has asked already: they are written, and so synced, together.
    if (last !== undefined && last >= this.#log.writtenOffset) return
    this.#unsyncedAll.push(Math.max(baseOffset, syncedOffset))
    this.#log.synced().catch(ignoreFailedWrite)
  }

  #syncMoved(): void {
    const { syncedOffset } = this.#log
    while (this.#unsyncedAll.length > 0 && this.#unsyncedAll[0]! < syncedOffset) this.#unsyncedAll.shift()
    this.#advance()
  }

  readonly #advance = (): void => {
    const term = this.#term
    if (term === null) return
    if (!term.isAlone) {
      this.#wakeFollowers()
      if (!this.#cluster.isHeard()) return
    }
    const { writtenOffset, settings } = this.#log
    const syncedOffset = settings.writeCaching ? writtenOffset : this.#log.syncedOffset
    const own = { writtenOffset, syncedOffset, unsyncedAllFrom: this.#unsyncedAll[0] ?? Infinity }
    this.#moveHighWatermark(term.highWatermark(own, this.#rules.minInSyncReplicas))
  }

  #moveHighWatermark(next: number): void {
    assert(next <= this.#log.logEndOffset, 'The high watermark stays within the log')
    if (next <= this.#highWatermark) return
    this.#highWatermark = next
    this.#producers?.passed(next)
    this.#wakeFetches()
  }

  #wakeFollowers(): void {
    for (const fetch of this.#fetches ?? []) if (fetch.isFollower === true) fetch.wake()
  }

  #wakeFetches(): void {
    for (const fetch of this.#fetches ?? []) fetch.wake()
  }

  /** Told at every move of the high watermark until it is removed. */
  addFetchWaiter(waiter: FetchWaiter): void {
    this.#fetches ??= new Set()
    this.#fetches.add(waiter)
  }

  removeFetchWaiter(waiter: FetchWaiter): void {
    this.#fetches?.delete(waiter)
  }

  /**
   * Whole batches below the high watermark, or for a follower all that there are. The caller has checked that the offset
   * is within the log.
   */
  read(request: ReadRequest, reader: 'consumer' | 'follower' = 'consumer'): ReadLease | Promise<ReadLease> {
    const maxOffset = reader === 'follower' ? this.#log.logEndOffset : this.#highWatermark
    return this.#log.read({ ...request, maxOffset })
  }

  /** A read of history met damage or a failing disk. */
  readFailed(error: Error): void {
    const place = { topic: this.topicName, partition: this.index }
    this.#readFailures ??= new ReadFailures({ ...place, clock: this.#clock, logger: this.#logger })
    this.#readFailures.failed(error)
  }

  /** The broker's session ended a moment ago. Who waits for followers is told, and may find that another leads. */
  lapse(): void {
    if (!this.isUnheard) return
    this.#producers?.fail(new ProtocolError('REQUEST_TIMED_OUT'))
    this.#wakeFetches()
  }

  #logFailed(error: Error): void {
    this.#offline = true
    this.#failedEpoch = this.#image.leaderEpoch
    this.#logger.error('A partition is offline: its log failed. It is opened again when the disk works', {
      topic: this.topicName,
      partition: this.index,
      error,
    })
    this.#producers?.fail(new ProtocolError('KAFKA_STORAGE_ERROR', error.message))
    this.#wakeFetches()
    this.#onOffline(this)
  }

  /** Lets go of the files of a log that has failed, so that it can be opened anew. Who asks is still told of it. */
  async closeFailedLog(): Promise<void> {
    assert(this.#offline, 'Only a log that has failed is closed below its partition')
    await this.#log[Symbol.asyncDispose]()
  }

  /** This broker does not hold the partition any more: everybody who waits looks for it elsewhere. */
  resign(): void {
    this.#gone = true
    this.#producers?.fail(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))
    this.#wakeFetches()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) this.resign()
    await this.#log[Symbol.asyncDispose]()
  }
}

function refused(error: ErrorName): Refusal {
  return { kind: 'refused', error, message: null, recordErrors: [] }
}

/** A failed write was told to the partition by its log; the producers' promises were rejected with it. */
function ignoreFailedWrite(): void {}
