/**
 * Owns the account of a member's partitions: where each begins (the group's committed offset, or the policy), what of it
 * the application holds, has done with, and what of that is committed.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { batchLeaderEpoch } from '@ottla/protocol/records/batch.ts'
import type { Client } from '../../client.ts'
import { type Isolation, listOffsets } from '../../offsets.ts'
import { backoffMs, isRetriable } from '../../retry.ts'
import type { FetchedBatch } from '../fetched-batch.ts'
import type { Fetcher } from '../fetcher.ts'
import { PartitionPosition } from '../partition-position.ts'
import type { Coordinator } from './coordinator.ts'
import { type GroupPartition, type MemberIdentity, partitionKey } from './membership.ts'
import { type CommittedOffset, fetchOnce, type NewOffset } from './offsets.ts'

export class Owned implements GroupPartition {
  readonly topic: string
  readonly partition: number
  /** Null until where to begin is known. */
  position: PartitionPosition | null = null
  /** The first record that the application has not done with; null until where to begin is known. */
  doneOffset: number | null = null
  /** Null where the group has none yet. */
  committedOffset: number | null = null
  /** False from the moment that it is to go: nothing more of it is handed out. */
  isReadable = true
  isLost = false
  /** That the account is of. */
  #topicId: string = ZERO_UUID
  #handedOffset: number | null = null
  #leaderEpoch = -1
  /** Of those that position has taken. */
  #doneBatches = 0
  #held: Deferred<void> | null = null
  #isRevoked = false

  constructor({ topic, partition }: GroupPartition) {
    this.topic = topic
    this.partition = partition
  }

  /** Reads on from here. */
  start(offset: number, committed: CommittedOffset | undefined): PartitionPosition {
    const { topic, partition } = this
    this.position = new PartitionPosition({ topic, partition, offset, untilOffset: Number.POSITIVE_INFINITY })
    this.doneOffset = offset
    this.committedOffset = committed?.offset ?? null
    this.#leaderEpoch = committed?.leaderEpoch ?? -1
    this.position.lastEpoch = this.#leaderEpoch
    return this.position
  }

  /** The application has something of it, until `release`. */
  hold(): void {
    assert(this.#held === null, 'One thing is in hand at a time')
    this.#held = deferred<void>()
  }

  release(): void {
    this.#held?.resolve()
    this.#held = null
  }

  /** Resolves when the application holds nothing of it. */
  async released(): Promise<void> {
    await this.#held?.promise
  }

  /** What is in hand goes up to here. */
  handOut(nextOffset: number, batch: FetchedBatch): void {
    if (!this.isOurs(batch)) return
    this.#handedOffset = nextOffset
    this.#leaderEpoch = batchLeaderEpoch(batch.bytes, 0)
  }

  doneWithHanded(): void {
    if (this.position !== null) this.isOurs(this.position)
    this.doneOffset = this.#handedOffset ?? this.doneOffset
    this.#handedOffset = null
  }

  /** The whole batch is done with. */
  finish(batch: FetchedBatch): void {
    if (!this.isOurs(batch)) return
    this.doneOffset = batch.nextOffset
    this.#handedOffset = null
    this.#doneBatches++
  }

  /** What was committed further than we know was done with by the application's own account. */
  committed(offset: number): void {
    this.committedOffset = offset
    if (this.doneOffset !== null && offset > this.doneOffset) this.doneOffset = offset
  }

  /** False where the application was told before that it goes, or that it is lost. */
  revoke(): boolean {
    if (this.#isRevoked || this.isLost) return false
    this.#isRevoked = true
    return true
  }

  lose(): void {
    this.isLost = true
    this.isReadable = false
    this.release()
  }

  /** What is to be committed, if anything is. Behind the last batch it also passes what is not shown, as markers are. */
  uncommitted(): NewOffset | null {
    if (this.position === null || this.isLost) return null
    this.isOurs(this.position)
    if (this.#doneBatches === this.position.batchCount && this.isReadable) this.doneOffset = this.position.offset
    const { topic, partition, doneOffset: offset } = this
    if (offset === null || offset === this.committedOffset) return null
    return { topic, partition, offset, leaderEpoch: this.#leaderEpoch }
  }

  /**
   * Whether it is of the topic that is read now. Of one that was deleted, and made anew under its name, nothing counts any
   * more: its offsets would make the group skip records of the new one.
   */
  isOurs({ topicId }: { readonly topicId: string }): boolean {
    const { position } = this
    if (position === null) return false
    if (this.#topicId === ZERO_UUID) this.#topicId = position.topicId
    if (this.#topicId !== position.topicId) {
      this.#topicId = position.topicId
      this.doneOffset = null
      this.committedOffset = null
      this.#handedOffset = null
      this.#doneBatches = 0
    }
    return topicId === position.topicId
  }
}

export interface OwnedPartitionsOptions {
  readonly client: Client
  readonly fetcher: Fetcher
  readonly coordinator: Coordinator
  readonly identity: () => MemberIdentity
  readonly isolation: Isolation
  readonly from: 'beginning' | 'end' | 'error'
  readonly onError: (error: Error) => void
  readonly signal: AbortSignal
}

/** They pass when the member knows its new epoch; where it was thrown out the partition is not ours any more. */
const REBALANCING: readonly ErrorName[] = ['STALE_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']

export class OwnedPartitions {
  readonly #options: OwnedPartitionsOptions
  readonly #byKey = new Map<string, Owned>()

  constructor(options: OwnedPartitionsOptions) {
    this.#options = options
  }

  get all(): Owned[] {
    return [...this.#byKey.values()]
  }

  get(place: GroupPartition): Owned | undefined {
    return this.#byKey.get(partitionKey(place))
  }

  find(places: readonly GroupPartition[]): Owned[] {
    return places.map((place) => this.get(place)).filter((owned) => owned !== undefined)
  }

  /** From now on they are ours; nothing is read before `begin`. */
  add(places: readonly GroupPartition[]): Owned[] {
    const added = places.map((place) => new Owned(place))
    for (const owned of added) {
      assert(this.get(owned) === undefined, 'A partition is assigned once at a time')
      this.#byKey.set(partitionKey(owned), owned)
    }
    return added
  }

  /** Nothing more of them is handed out. */
  stop(going: readonly Owned[]): void {
    for (const owned of going) owned.isReadable = false
    this.#options.fetcher.remove(going.map(({ position }) => position).filter((position) => position !== null))
  }

  remove(gone: readonly Owned[]): void {
    for (const owned of gone) if (this.get(owned) === owned) this.#byKey.delete(partitionKey(owned))
  }

  onCommitted(offsets: readonly NewOffset[]): void {
    for (const { offset, ...place } of offsets) {
      const owned = this.get(place)
      owned?.committed(offset)
    }
  }

  /** Reads them as soon as it is known from where: that is tried until it is, or the partitions are to go again. */
  async begin(added: readonly Owned[]): Promise<void> {
    const { client, signal, onError } = this.#options
    const { timers, random } = client.ports
    for (let failures = 1; ; failures++) {
      const open = added.filter((owned) => owned.isReadable)
      try {
        if (open.length > 0) await this.#lookUp(open)
        return
      } catch (error) {
        if (signal.aborted) return
        const isMoving = error instanceof ProtocolError && REBALANCING.includes(error.error)
        if (!isMoving && !isRetriable(error)) return onError(error instanceof Error ? error : new Error(String(error)))
        await timers.sleep(backoffMs(failures, { backoff: client.backoff, random }), { signal }).catch(() => {})
      }
    }
  }

  async #lookUp(open: readonly Owned[]): Promise<void> {
    const { coordinator, identity, fetcher, signal } = this.#options
    const committed = await fetchOnce(coordinator, { partitions: open, identity: identity(), signal })
    const known = new Map(committed.map((row) => [partitionKey(row), row]))
    const unknown = open.filter((owned) => !known.has(partitionKey(owned)))
    const offsets = await this.#byPolicy(unknown)
    const positions = open
      .filter((owned) => owned.isReadable)
      .map((owned) => {
        const row = known.get(partitionKey(owned))
        const offset = row?.offset ?? offsets.get(partitionKey(owned))
        assert(offset !== undefined, 'There is an offset for each partition')
        return owned.start(offset, row)
      })
    fetcher.add(positions)
  }

  async #byPolicy(places: readonly GroupPartition[]): Promise<Map<string, number>> {
    const { client, from, isolation, signal, coordinator } = this.#options
    const names = new Set(places.map(({ topic }) => topic))
    for (const name of names) await client.metadata.find(name, { timeoutMs: 0, autoCreate: false, signal })
    const first = places[0]
    if (first === undefined) return new Map()
    if (from === 'error') {
      const where = `"${first.topic}-${first.partition}"`
      const text = `Group "${coordinator.groupId}" has no committed offset of ${where}: commit one, or say where to begin`
      throw new ProtocolError('OFFSET_OUT_OF_RANGE', text)
    }
    // The partition may be newer than what we know of the topic.
    const isKnown = ({ topic, partition }: GroupPartition): boolean =>
      client.metadata.leader(topic, partition) !== undefined
    if (!places.every(isKnown)) await client.metadata.refresh({ signal })
    if (!places.every(isKnown)) throw new ProtocolError('LEADER_NOT_AVAILABLE')
    const queries = places.map(({ topic, partition }) => ({ topic, partition, at: from }))
    const found = await listOffsets(client, queries, { isolation, signal })
    return new Map(found.map((row) => [partitionKey(row), row.offset]))
  }
}
