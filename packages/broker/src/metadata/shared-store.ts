/**
 * One store for several brokers of one process (`ottla start --brokers 3`, tests, the simulator): each gets a view of
 * its own, and the end of a view ends its leases and watches as the end of a process would, nobody else's.
 */
import { assert } from '@ottla/base/assert.ts'
import type { CommitOutcome, CommitRequest, Lease, MetadataStore, Snapshot, WatchEvent } from './store.ts'

const CONFLICT: CommitOutcome = { type: 'conflict' }

export class StoreView implements MetadataStore {
  readonly #store: MetadataStore
  readonly #leases = new Set<Lease>()
  readonly #disposed = new AbortController()

  /** The store outlives all of its views; its owner disposes it. */
  constructor(store: MetadataStore) {
    this.#store = store
  }

  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    return this.#store.read(prefix, options)
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    assert(!this.#disposed.signal.aborted, 'Cannot commit to a disposed store')
    // What is tied to a lease of ours that has ended must not be tied to nothing.
    if (request.lease?.isLive() === false) return CONFLICT
    return this.#store.commit(request)
  }

  watch(after: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    return this.#store.watch(after, { signal: AbortSignal.any([signal, this.#disposed.signal]) })
  }

  async lease(ttlMs: number): Promise<Lease> {
    assert(!this.#disposed.signal.aborted, 'Cannot take a lease of a disposed store')
    const lease = await this.#store.lease(ttlMs)
    this.#leases.add(lease)
    lease.lost.addEventListener('abort', () => this.#leases.delete(lease), { once: true })
    return lease
  }

  compact(before: number): Promise<void> {
    return this.#store.compact(before)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort()
    for (const lease of [...this.#leases]) await lease.release()
  }
}
