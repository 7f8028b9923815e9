/**
 * The cluster's metadata store as one process sees it: leases end when nobody has heard of the process for their time
 * to live, because it has died or is cut off from the store, and after its end nothing that it does has any effect.
 */
import { deferred } from '@ottla/base/deferred.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type {
  CommitOutcome,
  CommitRequest,
  Lease,
  MetadataStore,
  Snapshot,
  WatchEvent,
} from '@ottla/broker/metadata/store.ts'

interface HeldLease {
  readonly lease: Lease
  readonly ttlMs: number
}

export class SessionStore implements MetadataStore {
  readonly #store: MetadataStore
  /** The store's own: it goes on when the process does not. */
  readonly #timers: Timers
  readonly #leases = new Set<HeldLease>()
  readonly #disposed = new AbortController()
  #isOver = false

  constructor(options: { store: MetadataStore; timers: Timers }) {
    this.#store = options.store
    this.#timers = options.timers
  }

  /** The process is gone: its leases end with their time. */
  end(): void {
    this.#isOver = true
    this.#disposed.abort()
    for (const { lease, ttlMs } of this.#leases) this.#timers.after(ttlMs, () => void lease.release())
  }

  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    return this.#whileAlive(() => this.#store.read(prefix, options))
  }

  commit(request: CommitRequest): Promise<CommitOutcome> {
    return this.#whileAlive(() => this.#store.commit(request))
  }

  watch(after: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    return this.#store.watch(after, { signal: AbortSignal.any([signal, this.#disposed.signal]) })
  }

  async lease(ttlMs: number): Promise<Lease> {
    const lease = await this.#whileAlive(() => this.#store.lease(ttlMs))
    const held = { lease, ttlMs }
    this.#leases.add(held)
    const release = async (): Promise<void> => {
      if (this.#isOver) return
      this.#leases.delete(held)
      await lease.release()
    }
    return { ...lease, release, [Symbol.asyncDispose]: release }
  }

  compact(before: number): Promise<void> {
    return this.#whileAlive(() => this.#store.compact(before))
  }

  /** A process that has died hears nothing any more: its code waits for ever. */
  async #whileAlive<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#isOver) return deferred<never>().promise
    const answer = await ask()
    return this.#isOver ? deferred<never>().promise : answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return
    this.#disposed.abort()
    for (const { lease } of [...this.#leases]) await lease.release()
  }
}
