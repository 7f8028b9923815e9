/**
 * What the leader of a partition knows of its replicas, and what that means for the high watermark and the in-sync set
 * (ISR). Pure: no clock, no disk, no network. One object for each term of office: what a follower told an earlier
 * leader, or us in an earlier epoch, counts for nothing.
 *
 * Acknowledged means durable (ARCHITECTURE.md, decision 5): a batch counts for the high watermark once it is synced on
 * each replica of the ISR. A follower's fetch offset is the end of what it has synced. On the leader a batch that is
 * written but not synced counts too if it came with acks 0 or 1, or the topic has `write.caching=true`, and no unsynced
 * `acks=all` batch precedes it, nor anything unsynced of an earlier term.
 *
 * Until the controller has confirmed a change of the ISR the larger of both sets counts: a follower that joins holds up
 * the high watermark from the moment it is proposed, one that leaves does until it is out (Kafka's maximal ISR).
 */
import { assert } from '@ottla/base/assert.ts'

/** What the leader's own log has. */
export interface LeaderProgress {
  /** End of what the file holds. */
  readonly writtenOffset: number
  /** End of what is known to survive a power failure. */
  readonly syncedOffset: number
  /** Base offset of the first `acks=all` batch beyond `syncedOffset`; Infinity when there is none. */
  readonly unsyncedAllFrom: number
}

/** How much of the leader's own log counts: the offset below which its batches are as safe as their producers asked. */
export function countedEnd({ writtenOffset, syncedOffset, unsyncedAllFrom }: LeaderProgress): number {
  return Math.max(syncedOffset, Math.min(writtenOffset, unsyncedAllFrom))
}

/** Whether `acks=all` is refused: Kafka caps `min.insync.replicas` at the number of replicas. */
export function isUnderMinIsr(options: { isr: number; replicas: number; minInSyncReplicas: number }): boolean {
  return options.isr < Math.min(options.minInSyncReplicas, options.replicas)
}

/** What a follower's fetch says of it. */
export interface FollowerFetch {
  readonly replicaId: number
  /** Of the incarnation that fetches: an older one's fetch may arrive late (KIP-903). */
  readonly brokerEpoch: number
  /** The end of what the follower has synced. */
  readonly fetchOffset: number
  readonly logStartOffset: number
  /** Where the leader's log ended when the fetch was read. */
  readonly leaderEndOffset: number
  readonly nowMs: number
}

export interface ReplicaSet {
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly partitionEpoch: number
}

/** What to ask the controller for: the ISR that this leader wants, on top of exactly this partition epoch. */
export interface IsrProposal {
  readonly partitionEpoch: number
  readonly isr: readonly { readonly id: number; readonly brokerEpoch: number }[]
}

export interface TermOptions {
  readonly localId: number
  readonly localBrokerEpoch: number
  /** Where this leader's epoch begins in its log: a follower joins once it is past it. */
  readonly epochStartOffset: number
  readonly nowMs: number
}

interface Follower {
  /** −1: has not fetched in this term. */
  syncedOffset: number
  logStartOffset: number
  brokerEpoch: number
  /** When it had last all that the leader had. */
  caughtUpMs: number
  lastFetchMs: number
  /** Where the leader's log ended at its last fetch. */
  lastLeaderEndOffset: number
}

/** What a leader may ask about other brokers: from the image. */
export interface KnownBrokers {
  /** The epoch of the broker's present incarnation where it is alive and not fenced, else null. */
  eligibleEpoch(brokerId: number): number | null
}

/** Of all partitions that only their leader holds. */
const NOBODY: ReadonlyMap<number, Follower> = new Map()

export class LeaderTerm {
  readonly #localId: number
  readonly #localBrokerEpoch: number
  readonly #epochStartOffset: number
  #followers: ReadonlyMap<number, Follower> = NOBODY
  #set: ReplicaSet
  /** On its way to the controller; at most one. */
  #proposal: IsrProposal | null = null

  constructor(set: ReplicaSet, options: TermOptions) {
    this.#localId = options.localId
    this.#localBrokerEpoch = options.localBrokerEpoch
    this.#epochStartOffset = options.epochStartOffset
    this.#set = set
    this.#makeFollowers(options.nowMs)
  }

  get isr(): readonly number[] {
    return this.#set.isr
  }
  get epochStartOffset(): number {
    return this.#epochStartOffset
  }
  /** Whether an answer of the controller is waited for. */
  get hasProposal(): boolean {
    return this.#proposal !== null
  }
  /** Whether nobody else holds the partition, which then never waits for others. */
  get isAlone(): boolean {
    return this.#set.replicas.length === 1
  }

  /** Whether `acks=all` is refused. */
  isUnderMinIsr(minInSyncReplicas: number): boolean {
    const { isr, replicas } = this.#set
    return isUnderMinIsr({ isr: isr.length, replicas: replicas.length, minInSyncReplicas })
  }

  /** The controller's newest word in this term. A proposal that was made on an older one is settled by it. */
  update(set: ReplicaSet, nowMs: number): void {
    assert(set.partitionEpoch >= this.#set.partitionEpoch, 'Partition epochs rise')
    this.#set = set
    if (this.#proposal !== null && this.#proposal.partitionEpoch < set.partitionEpoch) this.#proposal = null
    this.#makeFollowers(nowMs)
  }

  /** Takes note of a follower's fetch. False: it comes from an earlier incarnation, or from no replica. */
  observeFetch(fetch: FollowerFetch): boolean {
    const follower = this.#followers.get(fetch.replicaId)
    if (follower === undefined || fetch.brokerEpoch < follower.brokerEpoch) return false
    if (fetch.fetchOffset >= fetch.leaderEndOffset) {
      follower.caughtUpMs = Math.max(follower.caughtUpMs, fetch.nowMs)
    } else if (fetch.fetchOffset >= follower.lastLeaderEndOffset) {
      // It has now all that there was when it asked last: it was caught up then.
      follower.caughtUpMs = Math.max(follower.caughtUpMs, follower.lastFetchMs)
    }
    follower.syncedOffset = fetch.fetchOffset
    follower.logStartOffset = fetch.logStartOffset
    follower.brokerEpoch = fetch.brokerEpoch
    follower.lastFetchMs = fetch.nowMs
    follower.lastLeaderEndOffset = fetch.leaderEndOffset
    return true
  }

  /** −1 where the replica has not fetched in this term. */
  syncedOffsetOf(replicaId: number): number {
    return this.#followers.get(replicaId)?.syncedOffset ?? -1
  }

  /**
   * Followers in sync whose logs hold the offset, or end there: the most caught up first. Those that are not in sync may
   * lag for good, and whoever reads there with them.
   */
  whoHas(offset: number): number[] {
    const holders = this.#set.isr.flatMap((id) => {
      const follower = this.#followers.get(id)
      if (follower === undefined || follower.syncedOffset < offset || follower.logStartOffset > offset) return []
      return [{ id, ...follower }]
    })
    const byProgress = holders.sort((a, b) => {
      return b.syncedOffset - a.syncedOffset || b.caughtUpMs - a.caughtUpMs || b.id - a.id
    })
    return byProgress.map(({ id }) => id)
  }

  /**
   * The offset below which everything is on all of the (maximal) ISR; −1 where that is not known yet, or must not move:
   * fewer replicas than `min.insync.replicas` are in sync (KIP-966).
   */
  highWatermark(own: LeaderProgress, minInSyncReplicas: number): number {
    if (this.isUnderMinIsr(minInSyncReplicas)) return -1
    // Nobody knows any more with which acks an earlier term's batches came.
    let end = own.syncedOffset < this.#epochStartOffset ? own.syncedOffset : countedEnd(own)
    for (const id of this.#set.isr) end = Math.min(end, this.#countedEndOf(id))
    for (const { id } of this.#proposal?.isr ?? []) end = Math.min(end, this.#countedEndOf(id))
    return end
  }

  /** Whether this replica may be proposed: in no set yet, alive, and with all that is committed and of this epoch. */
  mayJoin(replicaId: number, highWatermark: number, brokers: KnownBrokers): boolean {
    const follower = this.#followers.get(replicaId)
    if (follower === undefined || this.#proposal !== null || this.#set.isr.includes(replicaId)) return false
    const isThere = follower.syncedOffset >= Math.max(highWatermark, this.#epochStartOffset)
    return isThere && brokers.eligibleEpoch(replicaId) === follower.brokerEpoch
  }

  /** Proposes the ISR with this replica. */
  proposeWith(replicaId: number): IsrProposal {
    return this.#propose([...this.#set.isr, replicaId])
  }

  /**
   * Proposes the ISR without those who have not had all for longer than `replica.lag.time.max.ms`; null where there is
   * none, or a proposal is under way.
   */
  proposeWithoutLate(options: { leaderEndOffset: number; nowMs: number; lagMaxMs: number }): IsrProposal | null {
    if (this.#proposal !== null) return null
    const inTime = this.#set.isr.filter((id) => id === this.#localId || !this.#isLate(id, options))
    return inTime.length === this.#set.isr.length ? null : this.#propose(inTime)
  }

  /** Whether it is not known yet what became of the proposal. */
  isCurrent(proposal: IsrProposal): boolean {
    return this.#proposal === proposal
  }

  /** Nothing was written, nor will be: the next change is proposed anew. */
  withdraw(proposal: IsrProposal): void {
    if (this.#proposal === proposal) this.#proposal = null
  }

  #propose(ids: readonly number[]): IsrProposal {
    assert(this.#proposal === null, 'One change of the ISR at a time')
    const isr = ids.map((id) => ({ id, brokerEpoch: this.#brokerEpochOf(id) }))
    this.#proposal = { partitionEpoch: this.#set.partitionEpoch, isr }
    return this.#proposal
  }

  /** −1 where it is not known: the controller then takes the replica as it knows it. */
  #brokerEpochOf(id: number): number {
    return id === this.#localId ? this.#localBrokerEpoch : (this.#followers.get(id)?.brokerEpoch ?? -1)
  }

  #countedEndOf(id: number): number {
    return id === this.#localId ? Number.POSITIVE_INFINITY : (this.#followers.get(id)?.syncedOffset ?? -1)
  }

  #isLate(id: number, options: { leaderEndOffset: number; nowMs: number; lagMaxMs: number }): boolean {
    const follower = this.#followers.get(id)
    if (follower === undefined) return true
    return follower.syncedOffset < options.leaderEndOffset && options.nowMs - follower.caughtUpMs > options.lagMaxMs
  }

  /** Who is new gets the time of its coming: a follower is late only after it could have fetched. */
  #makeFollowers(nowMs: number): void {
    const ids = this.#set.replicas.filter((id) => id !== this.#localId)
    if (ids.length === 0) this.#followers = NOBODY
    else this.#followers = new Map(ids.map((id) => [id, this.#followers.get(id) ?? freshFollower(nowMs)]))
  }
}

function freshFollower(nowMs: number): Follower {
  const fresh = { syncedOffset: -1, logStartOffset: -1, brokerEpoch: -1, caughtUpMs: nowMs, lastFetchMs: nowMs }
  return { ...fresh, lastLeaderEndOffset: Number.POSITIVE_INFINITY }
}
