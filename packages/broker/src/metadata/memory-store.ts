/**
 * A metadata store in memory: for embedded brokers that keep nothing, for tests and for the simulator.
 *
 * Its content is an object of its own (`memoryContent()`), so that a broker can crash and another open the same content:
 * what was committed is there, leases of the dead process have ended. `faults` injects what a real store may do: a
 * commit whose outcome stays unknown (with or without effect), and a lease that is lost.
 */
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import {
  assertCommittable,
  type Change,
  type CommitOutcome,
  type CommitRequest,
  HISTORY_REVISIONS_MAX,
  type Lease,
  type MetadataStore,
  type Snapshot,
  type WatchEvent,
} from './store.ts'

interface HeldEntry {
  readonly value: string
  readonly revision: number
  readonly leaseEpoch: number | null
}

/** What survives a crash of the broker. */
export interface MemoryContent {
  revision: number
  leaseEpoch: number
  readonly entries: Map<string, HeldEntry>
  /** The last revisions, in order. */
  readonly history: { readonly revision: number; readonly changes: readonly Change[] }[]
}

export function memoryContent(): MemoryContent {
  return { revision: 0, leaseEpoch: 0, entries: new Map(), history: [] }
}

/** What the next commit is to meet; consumed by it. */
export interface MemoryFaults {
  nextCommit?: 'unknown, applied' | 'unknown, lost'
}

export interface MemoryStoreOptions {
  readonly content?: MemoryContent
  readonly faults?: MemoryFaults
  readonly historyRevisionsMax?: number
}

export class MemoryStore implements MetadataStore {
  readonly #content: MemoryContent
  readonly #faults: MemoryFaults
  readonly #historyRevisionsMax: number
  readonly #leases = new Map<number, AbortController>()
  readonly #disposed = new AbortController()
  #changed = deferred<void>()

  constructor(options: MemoryStoreOptions = {}) {
    this.#content = options.content ?? memoryContent()
    this.#faults = options.faults ?? {}
    this.#historyRevisionsMax = options.historyRevisionsMax ?? HISTORY_REVISIONS_MAX
    // Whoever held leases on this content before is gone.
    this.#removeLeased(() => true)
  }

  async read(prefix: string, options: { signal?: AbortSignal } = {}): Promise<Snapshot> {
    options.signal?.throwIfAborted()
    const entries = [...this.#content.entries]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { value, revision }]) => ({ key, value, revision }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return { revision: this.#content.revision, entries }
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    assert(!this.#disposed.signal.aborted, 'Cannot commit to a disposed store')
    assertCommittable(request)
    const fault = this.#faults.nextCommit
    delete this.#faults.nextCommit
    if (fault === 'unknown, lost') return { type: 'unknown' }
    const outcome = this.#apply(request)
    return fault === 'unknown, applied' ? { type: 'unknown' } : outcome
  }

  async *watch(after: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    const ended = AbortSignal.any([signal, this.#disposed.signal])
    ended.addEventListener('abort', () => this.#wake(), { once: true })
    for (let at = after; !ended.aborted; ) {
      const oldest = this.#content.history[0]?.revision ?? this.#content.revision + 1
      if (at + 1 < oldest) {
        yield { type: 'compacted' }
        return
      }
      const next = this.#content.history[at + 1 - oldest]
      if (next === undefined) {
        await this.#changed.promise
        continue
      }
      assert(next.revision === at + 1, 'The history has every revision')
      yield { type: 'revision', ...next }
      at = next.revision
    }
  }

  async lease(_ttlMs: number): Promise<Lease> {
    const epoch = ++this.#content.leaseEpoch
    const lost = new AbortController()
    this.#leases.set(epoch, lost)
    const release = async () => this.loseLease(epoch)
    const isLive = () => !lost.signal.aborted
    return { epoch, lost: lost.signal, isLive, release, [Symbol.asyncDispose]: release }
  }

  /** Ends a lease as if its holder had not been heard of in time. */
  loseLease(epoch: number): void {
    const lost = this.#leases.get(epoch)
    if (lost === undefined) return
    this.#leases.delete(epoch)
    lost.abort()
    this.#removeLeased((entry) => entry.leaseEpoch === epoch)
  }

  /** The history is bounded as it is. */
  async compact(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    for (const epoch of [...this.#leases.keys()]) this.loseLease(epoch)
    this.#disposed.abort()
  }

  #apply(request: CommitRequest): CommitOutcome {
    const { entries } = this.#content
    const holds = request.ifRevision.every(({ key, revision }) => (entries.get(key)?.revision ?? 0) === revision)
    if (!holds || (request.lease !== undefined && !this.#leases.has(request.lease.epoch))) return { type: 'conflict' }
    return { type: 'committed', revision: this.#write(request, request.lease?.epoch ?? null) }
  }

  #write(request: Pick<CommitRequest, 'puts' | 'deletes'>, leaseEpoch: number | null): number {
    const { entries } = this.#content
    const revision = this.#content.revision + 1
    const changes: Change[] = []
    for (const { key, value } of request.puts) {
      entries.set(key, { value, revision, leaseEpoch })
      changes.push({ key, value, revision })
    }
    for (const key of request.deletes) {
      if (entries.delete(key)) changes.push({ key, value: null, revision })
    }
    this.#content.revision = revision
    this.#remember(revision, changes)
    return revision
  }

  #remember(revision: number, changes: readonly Change[]): void {
    const { history } = this.#content
    history.push({ revision, changes })
    while (history.length > this.#historyRevisionsMax) history.shift()
    this.#wake()
  }

  /** Lets all watches look again. */
  #wake(): void {
    this.#changed.resolve()
    this.#changed = deferred()
  }

  #removeLeased(ended: (entry: HeldEntry) => boolean): void {
    const deletes = [...this.#content.entries]
      .filter(([, entry]) => entry.leaseEpoch !== null && ended(entry))
      .map(([key]) => key)
    if (deletes.length > 0) this.#write({ puts: [], deletes }, null)
  }
}
