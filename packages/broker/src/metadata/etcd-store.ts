/**
 * The metadata store of a cluster: an etcd of version 3.4 or later. Owns the keys below its prefix and what each call of
 * the port is in etcd's words; the parts are in `etcd/`.
 *
 *   <prefix>/<key>           one document
 *   <prefix>/~leases/<id>    one lease, tied to itself; its revision is the lease's epoch
 *   <prefix>/~mark           written where a revision is wanted and nothing else is put
 *
 * Rules that others' incidents taught (ARCHITECTURE.md, decision 6):
 * - A commit is one transaction that compares revisions, at most 128 operations and 1.5 MiB; it is sent once, and
 *   whatever is not an answer leaves it `unknown`.
 * - Reads are linearizable; a read of many pages is of the first one's revision.
 * - A watch resumes by revision, wherever; the revision is asked for again and again beside it (`etcd/watch-guard.ts`).
 *   A revision that the history only just reaches back to counts as gone: etcd drops removals when it compacts there.
 * - An etcd that went back in time is refused (`etcd/revisions.ts`); the alarm for space is watched (`etcd/space.ts`).
 */
import { assert } from '@ottla/base/assert.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Companions } from '@ottla/base/companion.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type ChannelOptions, EtcdChannel } from './etcd/channel.ts'
import { EtcdError } from './etcd/errors.ts'
import { Leases } from './etcd/leases.ts'
import * as api from './etcd/messages.ts'
import type { Read, Table, Write } from './etcd/protobuf.ts'
import { Level, Revisions, wentBack } from './etcd/revisions.ts'
import { SpaceWatch } from './etcd/space.ts'
import { readWatch } from './etcd/watch.ts'
import { isSilent } from './etcd/watch-guard.ts'
import {
  assertCommittable,
  type CommitOutcome,
  type CommitRequest,
  KEY_END,
  type Lease,
  type MetadataStore,
  type Snapshot,
  StoreBroken,
  type StoreEntry,
  StoreUnavailable,
  type WatchEvent,
} from './store.ts'

export interface EtcdStoreOptions extends Pick<ChannelOptions, 'addresses' | 'tls' | 'account'> {
  /** Without '/' at its end. */
  readonly prefix: string
  /** Whether etcd's history is ours to compact: other programs' watches may need it. */
  readonly compacts: boolean
  readonly clock: Clock
  readonly timers: Timers
  readonly companions: Companions
  readonly logger: Logger
}

/** A request, fail-over included. */
const REQUEST_MS_MAX = 10_000
/** At the start, where somebody is waiting to be told what is wrong. */
const OPEN_MS_MAX = 5_000
/** A commit that takes longer is told as unknown; etcd itself gives up after five to seven seconds. */
const COMMIT_MS_MAX = 8_000
/** To give a lease back when stopping; it ends by itself too. */
const REVOKE_MS_MAX = 2_000
const PAGE_ENTRIES = 500
/** A read whose revision was compacted away between two pages starts over. */
const READ_ATTEMPTS_MAX = 5
const RECHECK_MS = 5_000
const ALARM_CHECK_MS = 10_000
/** Between two tries of what runs for as long as the store is open. */
const RETRY_MS = 250
/** Whoever asks again at once must not hammer an etcd that refuses for want of space. */
const NO_SPACE_PAUSE_MS = 1_000
const MS_PER_SECOND = 1000
const OLDEST_VERSION = [3, 4] as const

const LEASES = '~leases'
const MARK = '~mark'

/** Connects, and checks who answers. Rejects with StoreUnavailable or StoreBroken. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const store = new EtcdStore(options, await EtcdChannel.open(options))
  try {
    await store.check()
    return store
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw explained(error)
  }
}

export class EtcdStore implements MetadataStore {
  readonly #options: EtcdStoreOptions
  readonly #channel: EtcdChannel
  readonly #root: string
  readonly #revisions: Revisions
  readonly #leases: Leases
  readonly #space: SpaceWatch
  readonly #disposed = new AbortController()
  #compactedBefore = 0
  #watchingSpace: Promise<void> = Promise.resolve()
  /** Requests and watches under way: the connections outlive them. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: EtcdStoreOptions, channel: EtcdChannel) {
    const { addresses, tls, account, clock, timers, companions, logger } = options
    this.#options = options
    this.#channel = channel
    this.#root = `${options.prefix}/`
    this.#revisions = new Revisions(timers)
    this.#space = new SpaceWatch(logger)
    this.#leases = new Leases({
      ...{ clock, timers, companions, logger, channel: { addresses, tls, account } },
      revoke: (id) => this.#revoke(id),
    })
  }

  /** The version, the account's rights, and the space; from then on the space is looked at regularly. */
  async check(): Promise<void> {
    const { version } = await this.#channel.ask(api.STATUS, {}, { timeoutMs: OPEN_MS_MAX })
    if (!isRecent(version)) {
      throw new StoreBroken(
        `Cannot use etcd at ${this.#channel.endpoints}: it is version ${version}, 3.4 is the oldest`,
      )
    }
    await this.#askRevision()
    this.#watchingSpace = this.#watchSpace()
  }

  async read(prefix: string, options: { signal?: AbortSignal } = {}): Promise<Snapshot> {
    assert(!this.#disposed.signal.aborted, 'Cannot read a disposed store')
    const { signal } = options
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#readPages(prefix, signal)
      } catch (error) {
        if (!isCompacted(error) || attempts === READ_ATTEMPTS_MAX) throw explained(error)
      }
    }
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    assert(!this.#disposed.signal.aborted, 'Cannot commit to a disposed store')
    assertCommittable(request)
    const { lease } = request
    const leaseId = lease === undefined ? 0n : this.#leases.liveId(lease.epoch)
    if (leaseId === null) return { type: 'conflict' }
    const outcome = await this.#transact(this.#transaction(request, leaseId))
    if (outcome === 'lease gone') {
      this.#leases.ended(lease!.epoch)
      return { type: 'conflict' }
    }
    return outcome
  }

  async *watch(after: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    const ended = AbortSignal.any([signal, this.#disposed.signal])
    const shown = new Level(after, this.#options.timers)
    while (!ended.aborted) {
      try {
        for await (const event of this.#watchOnce(shown, ended)) {
          if (ended.aborted) return
          yield event
          if (event.type === 'compacted') return
        }
      } catch (error) {
        if (ended.aborted) return
        if (!isPassing(error) && !isTokenStale(error)) throw explained(error)
        this.#options.logger.warn('The watch of the metadata was interrupted', { reason: (error as Error).message })
      }
      await this.#options.timers.sleep(RETRY_MS, { signal: ended }).catch(() => {})
    }
  }

  async lease(ttlMs: number): Promise<Lease> {
    assert(!this.#disposed.signal.aborted, 'Cannot take a lease of a disposed store')
    const askedAtMs = this.#options.clock.monotonicMs()
    const ttlSeconds = Math.ceil(ttlMs / MS_PER_SECOND)
    const id = await this.#grant(ttlSeconds)
    const put = { key: this.#leaseKey(id), value: '{}', lease: id }
    const outcome = await this.#transact({ compare: [], success: [{ put }] })
    if (typeof outcome !== 'string' && outcome.type === 'committed') {
      return this.#leases.hold({ id, epoch: outcome.revision, ttlMs, askedAtMs })
    }
    await this.#revoke(id)
    throw new StoreUnavailable(
      `Cannot take a lease of etcd at ${this.#channel.endpoints}: it could not be written down`,
    )
  }

  async compact(before: number): Promise<void> {
    if (!this.#options.compacts || before <= this.#compactedBefore) return
    this.#compactedBefore = before
    try {
      await this.#channel.ask(api.COMPACT, { revision: before }, { timeoutMs: REQUEST_MS_MAX })
    } catch (error) {
      // Another controller, or etcd by itself, was first.
      if (isCompacted(error)) return
      this.#options.logger.warn('Cannot compact the history of etcd', { error })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed.signal.aborted) return
    this.#disposed.abort()
    await this.#leases[Symbol.asyncDispose]()
    await this.#watchingSpace
    await Promise.allSettled(this.#running)
    this.#channel[Symbol.dispose]()
  }

  async #readPages(prefix: string, signal: AbortSignal | undefined): Promise<Snapshot> {
    const end = prefix === '' ? Buffer.from(this.#root + KEY_END) : endOfPrefix(this.#root + prefix)
    const entries: StoreEntry[] = []
    let revision = 0
    for (let from = this.#root + prefix; ; ) {
      const page = await this.#range({ key: from, rangeEnd: end, limit: PAGE_ENTRIES, revision }, signal)
      if (revision === 0) revision = page.header!.revision
      for (const { key, value, modRevision } of page.kvs) {
        entries.push({ key: key.slice(this.#root.length), value, revision: modRevision })
      }
      const last = page.kvs.at(-1)
      if (!page.more || last === undefined) return { revision, entries }
      from = `${last.key}\0`
    }
  }

  /** Linearizable, so what is known must show; a page of an older revision shows the newest in its header. */
  async #range(
    request: Write<(typeof api.RANGE)['request']>,
    signal?: AbortSignal,
  ): Promise<Read<(typeof api.RANGE)['response']>> {
    const known = this.#revisions.heard.value
    const answer = await this.#request(api.RANGE, request, signal)
    this.#revisions.accept(answer.header, known, this.#channel.endpoints)
    return answer
  }

  #request<Request extends Table, Response extends Table>(
    method: api.Method<Request, Response>,
    request: Write<Request>,
    signal?: AbortSignal,
  ): Promise<Read<Response>> {
    // A disposed store waits for nobody's answer.
    const ended = signal === undefined ? this.#disposed.signal : AbortSignal.any([signal, this.#disposed.signal])
    return this.#while(this.#channel.ask(method, request, { timeoutMs: REQUEST_MS_MAX, signal: ended }))
  }

  #while<Result>(running: Promise<Result>): Promise<Result> {
    this.#running.add(running)
    const done = () => void this.#running.delete(running)
    running.then(done, done)
    return running
  }

  async #askRevision(signal?: AbortSignal): Promise<number> {
    const { header } = await this.#range({ key: this.#root + MARK, countOnly: true }, signal)
    return header!.revision
  }

  /** Whether the history after a revision is there, and etcd itself has got that far. Throws StoreBroken. */
  async #reachesBack(revision: number): Promise<boolean> {
    if (revision === 0) return true
    try {
      await this.#range({ key: this.#root + MARK, countOnly: true, revision })
      return true
    } catch (error) {
      if (isCompacted(error)) return false
      if (error instanceof EtcdError && error.isFutureRevision) {
        throw wentBack(null, revision, this.#channel.endpoints)
      }
      throw error
    }
  }

  #transaction(request: CommitRequest, leaseId: bigint): Write<(typeof api.TXN)['request']> {
    const compare = request.ifRevision.map(({ key, revision }) => equals(this.#root + key, revision))
    if (request.lease !== undefined) compare.push(equals(this.#leaseKey(leaseId), request.lease.epoch))
    const puts = request.puts.map(({ key, value }) => ({ put: { key: this.#root + key, value, lease: leaseId } }))
    // Without a put there may be nothing to remove either, and no revision would come of it.
    if (puts.length === 0) puts.push(this.#mark())
    const deletes = request.deletes.map((key) => ({ deleteRange: { key: this.#root + key } }))
    return { compare, success: [...puts, ...deletes] }
  }

  #mark() {
    return { put: { key: this.#root + MARK, value: '{}', lease: 0n } }
  }

  #leaseKey(id: bigint): string {
    return `${this.#root}${LEASES}/${id.toString(16)}`
  }

  async #transact(transaction: Write<(typeof api.TXN)['request']>): Promise<CommitOutcome | 'lease gone'> {
    const known = this.#revisions.heard.value
    try {
      const telling = this.#channel.tell(api.TXN, transaction, {
        timeoutMs: COMMIT_MS_MAX,
        signal: this.#disposed.signal,
      })
      const answer = await this.#while(telling)
      this.#revisions.accept(answer.header, known, this.#channel.endpoints)
      return answer.succeeded ? { type: 'committed', revision: answer.header!.revision } : { type: 'conflict' }
    } catch (error) {
      if (this.#disposed.signal.aborted) return { type: 'unknown' }
      if (error instanceof EtcdError && error.isLeaseGone) return 'lease gone'
      if (error instanceof EtcdError && error.isOutOfSpace) await this.#refusedForSpace()
      else if (!isPassing(error)) throw explained(error)
      else this.#options.logger.warn('The outcome of a commit is not known', { reason: (error as Error).message })
      return { type: 'unknown' }
    }
  }

  async #refusedForSpace(): Promise<void> {
    this.#space.saw(true, this.#channel.endpoints)
    await this.#options.timers.sleep(NO_SPACE_PAUSE_MS, { signal: this.#disposed.signal }).catch(() => {})
  }

  async *#watchOnce(shown: Level, ended: AbortSignal): AsyncIterable<WatchEvent> {
    const { timers } = this.#options
    const create = {
      ...{ key: this.#root, rangeEnd: endOfPrefix(this.#root), startRevision: shown.value + 1 },
      ...{ progressNotify: true, fragment: true },
    }
    const opening = this.#channel.stream(api.WATCH, { create }, { timeoutMs: REQUEST_MS_MAX, signal: ended })
    const { messages, endpoint, leave, signOut } = await this.#while(opening)
    if (ended.aborted) return messages.cancel()
    const stop = new AbortController()
    const signal = AbortSignal.any([ended, stop.signal])
    signal.addEventListener('abort', () => messages.cancel(), { once: true })
    const guarding = isSilent({
      ...{ timers, heard: this.#revisions.heard, shown, signal, recheckMs: RECHECK_MS },
      ask: () => this.#askRevision(signal),
      mark: () => this.#writeMark(),
    })
    // A watch that is silent, or that cannot be checked, goes on elsewhere; reading it then ends with an error.
    const guarded = guarding.then(
      (silent) => silent && stop.abort(),
      () => stop.abort(),
    )
    const reachesBack = () => this.#reachesBack(shown.value)
    try {
      for await (const event of readWatch(messages, {
        after: shown.value,
        nameOf: this.#nameOf,
        endpoint,
        reachesBack,
      })) {
        if (event.type === 'revision') {
          shown.raise(event.revision)
          this.#revisions.heard.raise(event.revision)
        }
        yield event
      }
    } catch (error) {
      leave()
      if (isTokenStale(error)) signOut()
      throw error
    } finally {
      stop.abort()
      await guarded
    }
  }

  /** Our name for a key of etcd; null for the store's own. */
  readonly #nameOf = (key: string): string | null => {
    const name = key.slice(this.#root.length)
    return name < KEY_END ? name : null
  }

  async #writeMark(): Promise<number | null> {
    const outcome = await this.#transact({ compare: [], success: [this.#mark()] })
    return typeof outcome !== 'string' && outcome.type === 'committed' ? outcome.revision : null
  }

  async #grant(ttlSeconds: number): Promise<bigint> {
    try {
      const { id } = await this.#while(
        this.#channel.tell(api.LEASE_GRANT, { ttlSeconds }, { timeoutMs: REQUEST_MS_MAX }),
      )
      return id
    } catch (error) {
      if (error instanceof EtcdError && error.isOutOfSpace) await this.#refusedForSpace()
      else if (!isPassing(error)) throw explained(error)
      throw new StoreUnavailable(`Cannot take a lease: ${(error as Error).message}`, { cause: error })
    }
  }

  /** What cannot be given back ends by itself. */
  async #revoke(id: bigint): Promise<void> {
    const revoking = this.#channel.ask(api.LEASE_REVOKE, { id }, { timeoutMs: REVOKE_MS_MAX })
    await this.#while(revoking).catch(() => {})
  }

  async #watchSpace(): Promise<void> {
    const { timers } = this.#options
    const { signal } = this.#disposed
    while (!signal.aborted) {
      try {
        const { alarms } = await this.#request(api.ALARM, { action: 0 })
        const isExceeded = alarms.some(({ alarm }) => alarm === api.ALARM_NOSPACE)
        this.#space.saw(isExceeded, this.#channel.endpoints)
      } catch {
        // Whoever reads or commits tells what is wrong; accounts may also lack the right to see alarms.
      }
      await timers.sleep(ALARM_CHECK_MS, { signal }).catch(() => {})
    }
  }
}

/** A refusal that no waiting mends: rights, a name that is not there, a certificate. */
function explained(error: unknown): unknown {
  if (!(error instanceof EtcdError)) return error
  if (error.isTransient) return new StoreUnavailable(error.message, { cause: error })
  return new StoreBroken(`Cannot use the metadata store: ${error.message}`, { cause: error })
}

function isPassing(error: unknown): boolean {
  return error instanceof StoreUnavailable || (error instanceof EtcdError && error.isTransient)
}

/** A watch may begin with a token that has run out: signing in anew mends it. */
function isTokenStale(error: unknown): boolean {
  return error instanceof EtcdError && error.isTokenStale
}

function isCompacted(error: unknown): boolean {
  return error instanceof EtcdError && error.isCompacted
}

function equals(key: string, modRevision: number) {
  return { result: api.COMPARE_EQUAL, target: api.COMPARE_MOD_REVISION, key, modRevision }
}

/** The first key, in the order of bytes, behind all that start with this one. UTF-8 has no byte 0xff. */
function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  return end
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1])
}
