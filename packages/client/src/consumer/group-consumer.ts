/**
 * Owns a program's side of reading as a member of a group: hands out what its partitions hold, keeps account of what the
 * application has done with, commits that, and lets partitions go in order. Who gets which partition is the membership's
 * (group/…-membership.ts), fetching is fetcher.ts's.
 *
 * The application has done with a batch or record when it asks for the next one, or commits. A partition that is to go
 * waits for that, so that its next owner begins behind it; heartbeats go on meanwhile. An application that asks for
 * nothing for `processingTimeoutMs` leaves the group.
 */
import { assert } from '@ottla/base/assert.ts'
import { CallScope } from '@ottla/base/call-scope.ts'
import { randomUuid } from '@ottla/base/random.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { Client } from '../client.ts'
import { type Lane, unlessAborted } from '../connections.ts'
import { DisposedError, ProcessingTimeoutError, UnsupportedVersionError } from '../errors.ts'
import { isRetriable, withRetries } from '../retry.ts'
import type { ConsumerRecord, FetchedBatch } from './fetched-batch.ts'
import { Fetcher, type FetchOptions } from './fetcher.ts'
import type { AssignorName } from './group/assignors.ts'
import { ClassicMembership } from './group/classic-membership.ts'
import { Commits, isPassing } from './group/commits.ts'
import { ConsumerMembership } from './group/consumer-membership.ts'
import { Coordinator } from './group/coordinator.ts'
import type { GroupPartition, MemberIdentity, Membership, MembershipHost } from './group/membership.ts'
import type { NewOffset } from './group/offsets.ts'
import { type Owned, OwnedPartitions } from './group/owned-partitions.ts'
import { Processing } from './group/processing.ts'

export interface GroupConsumerOptions extends Omit<FetchOptions, 'onOutOfRange'> {
  readonly group: string
  /** By name; those that do not exist yet are read once they do. Give these or `pattern`. */
  readonly topics?: readonly string[]
  /** All topics whose whole name fits this regular expression, but internal ones. */
  readonly pattern?: string
  /** `consumer` is KIP-848's; `auto` (when left out) takes it where the broker serves it. */
  readonly protocol?: 'consumer' | 'classic' | 'auto'
  /** Of the classic protocol, the preferred one first. `cooperative-sticky` when left out. */
  readonly assignors?: readonly AssignorName[]
  /** Of the consumer protocol: `uniform`, `range`; the broker's choice when left out. */
  readonly serverAssignor?: string
  /** A static member (KIP-345): may be away for a session without a rebalance. */
  readonly groupInstanceId?: string
  /** Of the classic protocol: without a sign of life for so long the member is thrown out, in ms. 45,000 when left out. */
  readonly sessionTimeoutMs?: number
  /** Of the classic protocol, in ms. A third of the session, but 3,000 at most, when left out. */
  readonly heartbeatIntervalMs?: number
  /** How long the group waits for the member to let partitions go, in ms. As processingTimeoutMs when left out. */
  readonly rebalanceTimeoutMs?: number
  /** The longest time from one batch or record to asking for the next, in ms. 300,000 when left out. */
  readonly processingTimeoutMs?: number
  /** Where the group has no offset, or one that is not in the log: `end` when left out, as in Kafka. */
  readonly from?: 'beginning' | 'end' | 'error'
  /** What was done with is committed so often; every 5,000 ms when left out. False: only by `commit`. */
  readonly autoCommit?: { readonly everyMs: number } | false
  /** Called before records of these come. */
  readonly onAssigned?: (partitions: readonly GroupPartition[]) => void | Promise<void>
  /** Called when no more of these comes, and while they may still be committed. */
  readonly onRevoked?: (partitions: readonly GroupPartition[]) => void | Promise<void>
  /** Called when another member may read these already. */
  readonly onLost?: (partitions: readonly GroupPartition[]) => void | Promise<void>
}

const SESSION_TIMEOUT_MS = 45_000
const HEARTBEAT_INTERVAL_MS_MAX = 3_000
const PROCESSING_TIMEOUT_MS = 300_000
const COMMIT_INTERVAL_MS = 5_000
/** To find the coordinator when joining, in ms. */
const JOIN_TIMEOUT_MS = 60_000
/** For the last commit and the farewell, each, in ms. */
const LEAVE_TIMEOUT_MS = 5_000

interface InHand {
  readonly owned: Owned
  readonly batch: FetchedBatch
}

export class GroupConsumer {
  readonly #client: Client
  readonly #options: GroupConsumerOptions
  readonly #fetcher: Fetcher
  readonly #fetchLane: Lane
  readonly #lane: Lane
  readonly #partitions: OwnedPartitions
  readonly #commits: Commits
  readonly #membership: Membership
  readonly #processing: Processing
  readonly #ending = new AbortController()
  readonly #running: Promise<void>
  readonly #inCallback = new CallScope()
  #callbacks: Promise<void> = Promise.resolve()
  #leaving: Promise<void> | null = null
  #isIterated = false
  /** Also after its reader has gone: then it may still commit it, or come back for the rest. */
  #inHand: InHand | null = null

  /** Finds the coordinator and begins to join. Rejects with ProtocolError, or when brokers stay out of reach. */
  static async join(
    client: Client,
    options: GroupConsumerOptions,
    abort: { signal?: AbortSignal } = {},
  ): Promise<GroupConsumer> {
    const hasTopics = options.topics !== undefined
    if (hasTopics === (options.pattern !== undefined)) throw new RangeError('Give either topics or a pattern')
    const coordinator = new Coordinator(client, options.group)
    const protocol = await protocolOf(client, coordinator, { asked: options.protocol ?? 'auto', ...abort })
    return new GroupConsumer(client, coordinator, { ...options, protocol })
  }

  private constructor(
    client: Client,
    coordinator: Coordinator,
    options: GroupConsumerOptions & { protocol: 'consumer' | 'classic' },
  ) {
    this.#client = client
    this.#options = options
    const { from = 'end', autoCommit, processingTimeoutMs = PROCESSING_TIMEOUT_MS } = options
    const name = randomUuid(client.ports.random)
    this.#lane = `member ${name}`
    this.#fetchLane = `member ${name} fetch`
    this.#fetcher = new Fetcher(client, { ...fetchOptions(options), onOutOfRange: from, lane: this.#fetchLane })
    this.#membership = this.#newMembership(coordinator)
    const identity = (): MemberIdentity => this.#membership.identity
    this.#partitions = new OwnedPartitions({
      client,
      coordinator,
      fetcher: this.#fetcher,
      identity,
      from,
      isolation: options.isolation ?? 'read_uncommitted',
      onError: (error) => void this.#end(error),
      signal: this.#ending.signal,
    })
    const onCommitted = (offsets: readonly NewOffset[]): void => this.#partitions.onCommitted(offsets)
    this.#commits = new Commits({ client, coordinator, identity, onCommitted })
    this.#processing = new Processing(client.ports.timers, {
      timeoutMs: processingTimeoutMs,
      onExceeded: () => this.#onSlow(processingTimeoutMs),
    })
    this.#running = this.#membership.run(this.#ending.signal)
    if (autoCommit !== false) void this.#commitRegularly(autoCommit?.everyMs ?? COMMIT_INTERVAL_MS)
  }

  /** Those that the member reads at the moment, with where they are. */
  get assignment(): readonly (GroupPartition & { readonly offset: number | null })[] {
    return this.#partitions.all.map(({ topic, partition, doneOffset: offset }) => ({ topic, partition, offset }))
  }

  get memberId(): string {
    return this.#membership.identity.memberId
  }

  /**
   * Batches as they come, each partition's in order, over all rebalances. Rejects with what cannot be overcome (the
   * member has left then), ProcessingTimeoutError, DisposedError, or the signal's reason.
   */
  async *batches(options: { signal?: AbortSignal } = {}): AsyncGenerator<FetchedBatch, void, void> {
    for await (const { owned, batch } of this.#taken(options)) {
      owned.handOut(batch.nextOffset, batch)
      yield batch
      owned.finish(batch)
    }
  }

  /** As `batches`, record by record. A rebalance need not wait for the rest of a batch. */
  async *records(options: { signal?: AbortSignal } = {}): AsyncGenerator<ConsumerRecord, void, void> {
    for await (const { owned, batch } of this.#taken(options)) {
      for (const record of batch.records()) {
        if (!owned.isReadable) break
        owned.handOut(record.offset + 1, batch)
        yield record
        owned.doneWithHanded()
        this.#processing.progressed()
      }
      if (owned.isReadable) owned.finish(batch)
    }
  }

  /**
   * Commits these offsets, or everything that was handed out so far, the batch or record in hand included. Rejects with
   * ProtocolError, UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION where the member was thrown out.
   */
  async commit(offsets?: readonly NewOffset[]): Promise<void> {
    if (offsets === undefined) for (const owned of this.#partitions.all) owned.doneWithHanded()
    await this.#commits.commit(offsets ?? uncommitted(this.#partitions.all))
  }

  /**
   * Commits what was done with, unless autoCommit is false, and leaves the group, both within a bound. Idempotent. Called
   * in one of the consumer's callbacks it only begins to: the rest happens when the callback has ended.
   */
  async leave(): Promise<void> {
    this.#leaving ??= this.#leave(new DisposedError('consumer'))
    if (!this.#inCallback.isInside) await this.#leaving
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
  }

  #newMembership(coordinator: Coordinator): Membership {
    const options = this.#options
    const { topics = [], pattern, groupInstanceId = null, sessionTimeoutMs = SESSION_TIMEOUT_MS } = options
    const shared = {
      client: this.#client,
      coordinator,
      host: this.#host(),
      lane: this.#lane,
      subscription: pattern === undefined ? { topics } : { pattern },
      groupInstanceId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? options.processingTimeoutMs ?? PROCESSING_TIMEOUT_MS,
    }
    const { serverAssignor = null, assignors = ['cooperative-sticky'] } = options
    return options.protocol === 'consumer'
      ? new ConsumerMembership({ ...shared, serverAssignor })
      : new ClassicMembership({
          ...shared,
          assignors,
          heartbeatIntervalMs: options.heartbeatIntervalMs ?? Math.min(HEARTBEAT_INTERVAL_MS_MAX, sessionTimeoutMs / 3),
        })
  }

  #host(): MembershipHost {
    return {
      revoke: async (partitions) => await this.#revoke(this.#partitions.find(partitions)),
      lose: async () => await this.#lose(),
      assign: async (partitions) => {
        if (this.#leaving !== null) return
        const added = this.#partitions.add(partitions)
        await this.#call(this.#options.onAssigned, () => partitions)
        void this.#partitions.begin(added)
      },
      fail: (error) => {
        void this.#lose()
        void this.#end(error)
      },
    }
  }

  /** One batch after another; what the application holds meanwhile is what it has not done with. */
  async *#taken(options: { signal?: AbortSignal }): AsyncGenerator<InHand, void, void> {
    assert(!this.#isIterated, 'A consumer has one reader at a time')
    this.#isIterated = true
    try {
      for (;;) {
        const next = this.#rest() ?? (await this.#next(options))
        this.#inHand = next
        next.owned.hold()
        yield next
        this.#inHand = null
        next.owned.release()
      }
    } finally {
      this.#inHand?.owned.release()
      this.#processing.waits(false)
      this.#isIterated = false
    }
  }

  /** Of the batch that the last reader has left before its end. By asking again it has done with what it had. */
  #rest(): InHand | null {
    if (this.#inHand === null) return null
    const { owned, batch } = this.#inHand
    this.#inHand = null
    owned.doneWithHanded()
    if (!owned.isReadable || !owned.isOurs(batch)) return null
    const fromOffset = owned.doneOffset ?? 0
    if (fromOffset < batch.nextOffset) return { owned, batch: batch.startingAt(fromOffset) }
    owned.finish(batch)
    return null
  }

  async #next(options: { signal?: AbortSignal }): Promise<InHand> {
    this.#processing.waits(true)
    for (;;) {
      const batch = await this.#fetched(options)
      const owned = this.#partitions.get(batch)
      // It was revoked after the fetcher let go of the batch: whoever comes next reads it.
      if (owned === undefined || !owned.isReadable || !owned.isOurs(batch)) continue
      this.#processing.waits(false)
      return { owned, batch }
    }
  }

  /** What fetching cannot overcome ends the consumer; that the reader will not wait any longer does not. */
  async #fetched(options: { signal?: AbortSignal }): Promise<FetchedBatch> {
    const batch = await this.#fetcher.next({ ends: false, ...options }).catch((error: unknown) => {
      if (options.signal?.aborted !== true) void this.#end(asError(error))
      throw error
    })
    assert(batch !== undefined, 'Reading ends with an error or not at all')
    return batch
  }

  async #revoke(going: readonly Owned[]): Promise<void> {
    this.#partitions.stop(going)
    await Promise.all(going.map((owned) => owned.released()))
    const left = going.filter(({ isLost }) => !isLost)
    if (left.length === 0) return
    if (this.#options.autoCommit !== false) await this.#commitOrSay(left)
    // One that is tried again for long would come behind those of whoever has the partition next.
    else await this.#commits.underWay
    await this.#call(this.#options.onRevoked, () => left.filter((owned) => owned.revoke()))
    this.#partitions.remove(left)
  }

  async #lose(): Promise<void> {
    const lost = this.#partitions.all
    this.#partitions.stop(lost)
    for (const owned of lost) owned.lose()
    this.#partitions.remove(lost)
    await this.#call(this.#options.onLost, () => lost)
  }

  /**
   * One callback after another, about what `partitions` says when its turn has come. What one throws ends the consumer,
   * since the application does not know where it is.
   */
  async #call(
    callback: ((partitions: readonly GroupPartition[]) => void | Promise<void>) | undefined,
    partitions: () => readonly GroupPartition[],
  ): Promise<void> {
    if (callback === undefined) return
    this.#callbacks = this.#callbacks.then(async () => {
      const rows = partitions().map(({ topic, partition }) => ({ topic, partition }))
      if (rows.length > 0) await this.#inCallback.run(async () => await callback(rows))
    })
    this.#callbacks = this.#callbacks.catch((error: unknown) => void this.#end(asError(error)))
    await this.#callbacks
  }

  async #commitRegularly(everyMs: number): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      await this.#client.ports.timers.sleep(everyMs, { signal }).catch(() => {})
      if (!signal.aborted) await this.#commitOrSay(this.#partitions.all)
    }
  }

  /** What cannot be committed now is read again by whoever comes next: at least once, never silently skipped. */
  async #commitOrSay(partitions: readonly Owned[]): Promise<void> {
    try {
      await this.#commits.commit(uncommitted(partitions), { signal: this.#ending.signal })
    } catch (error) {
      if (!this.#ending.signal.aborted && !isPassing(error)) void this.#end(asError(error))
    }
  }

  #onSlow(timeoutMs: number): void {
    void this.#end(
      new ProcessingTimeoutError(
        `Left group "${this.#options.group}": nothing was asked for in ${timeoutMs} ms; ` +
          'do less between two batches, or raise processingTimeoutMs',
      ),
    )
  }

  /** The reader gets the error; whoever disposes waits for the farewell as well. */
  async #end(error: Error): Promise<void> {
    this.#leaving ??= this.#leave(error)
    await this.#leaving
  }

  async #leave(error: Error): Promise<void> {
    const going = this.#partitions.all
    this.#partitions.stop(going)
    this.#processing.stop()
    this.#fetcher.fail(error)
    await this.#fetcher[Symbol.asyncDispose]()
    await this.#bounded(async (signal) => {
      if (this.#options.autoCommit !== false) await this.#commits.commit(uncommitted(going), { signal })
    })
    await this.#call(this.#options.onRevoked, () => going.filter((owned) => owned.revoke()))
    this.#ending.abort(error)
    for (const owned of going) owned.lose()
    await this.#bounded(async () => await this.#running)
    // The group learns it from the end of the session where it cannot be told.
    await this.#bounded(async (signal) => await this.#membership.leave({ signal }))
    this.#partitions.remove(going)
    for (const lane of [this.#lane, this.#fetchLane]) this.#client.connections.closeLane(lane)
  }

  /** What cannot be done in a while is given up. */
  async #bounded(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController()
    const timer = this.#client.ports.timers.after(LEAVE_TIMEOUT_MS, () =>
      late.abort(new Error('Leaving took too long')),
    )
    try {
      await unlessAborted(act(late.signal), late.signal)
    } catch {
      // Offsets that are not committed are read again; a member that has not left is thrown out.
    } finally {
      timer.cancel()
    }
  }
}

function uncommitted(partitions: readonly Owned[]): NewOffset[] {
  return partitions.map((owned) => owned.uncommitted()).filter((offset) => offset !== null)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

async function protocolOf(
  client: Client,
  coordinator: Coordinator,
  options: { asked: 'consumer' | 'classic' | 'auto'; signal?: AbortSignal },
): Promise<'consumer' | 'classic'> {
  const { asked, ...abort } = options
  const connection = await withRetries(async () => await coordinator.connection('main', abort), {
    backoff: client.backoff,
    ports: client.ports,
    timeoutMs: JOIN_TIMEOUT_MS,
    canRetry: isRetriable,
    ...abort,
  })
  if (asked !== 'auto') return asked
  try {
    connection.versionOf(ConsumerGroupHeartbeat)
    return connection.featureLevel('group.version') >= 1 ? 'consumer' : 'classic'
  } catch (error) {
    if (error instanceof UnsupportedVersionError) return 'classic'
    throw error
  }
}

function fetchOptions(options: GroupConsumerOptions): FetchOptions {
  const { fetchWaitMs, fetchBytesMin, fetchBytesMax, partitionBytesMax, bufferBytesMax, topicTimeoutMs } = options
  const { isolation, rack } = options
  const all = {
    isolation,
    rack,
    fetchWaitMs,
    fetchBytesMin,
    fetchBytesMax,
    partitionBytesMax,
    bufferBytesMax,
    topicTimeoutMs,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
