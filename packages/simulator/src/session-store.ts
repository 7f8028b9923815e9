/**
 * The cluster's metadata store as one process sees it: leases end when nobody has heard of the process for their time
 * to live, because it has died, stands still or is cut off from the store, and after its end nothing that it does has
 * any effect.
 */
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timers } from '@ottla/base/timers.ts'
import {
  type CommitOutcome,
  type CommitRequest,
  type Lease,
  type MetadataStore,
  type Snapshot,
  StoreUnavailable,
  type WatchEvent,
} from '@ottla/broker/metadata/store.ts'

/** How long a process that is cut off waits for an answer. */
const UNANSWERED_MS = 500

interface HeldLease {
  readonly lease: Lease
  readonly ttlMs: number
}

/** `still`: the process stands still, and asks when it goes on; `cut`: it gets no answer. */
export type Absence = 'still' | 'cut'

export class SessionStore implements MetadataStore {
  readonly #store: MetadataStore
  /** The store's own: it goes on when the process does not. */
  readonly #timers: Timers
  readonly #leases = new Set<HeldLease>()
  readonly #disposed = new AbortController()
  #isOver = false
  /** Set while nothing passes; resolves when it does again. */
  #absent: { readonly how: Absence; readonly over: Deferred<void> } | null = null

  constructor(options: { store: MetadataStore; timers: Timers }) {
    this.#store = options.store
    this.#timers = options.timers
  }

  /** The process is gone: its leases end with their time. */
  end(): void {
    this.#isOver = true
    this.#disposed.abort()
    for (const held of this.#leases) this.#timers.after(held.ttlMs, () => this.#lose(held))
  }

  /** Nothing passes between the process and the store until `goOn`; leases that last beyond their time end. */
  interrupt(how: Absence): void {
    if (this.#absent !== null || this.#isOver) return
    const absent = { how, over: deferred<void>() }
    this.#absent = absent
    for (const held of this.#leases) {
      this.#timers.after(held.ttlMs, () => {
        if (this.#absent === absent) this.#lose(held)
      })
    }
  }

  goOn(): void {
    this.#absent?.over.resolve()
    this.#absent = null
  }

  /** The store takes the process for dead; answers how many leases that ended. */
  loseLeases(): number {
    const count = this.#leases.size
    for (const held of [...this.#leases]) this.#lose(held)
    return count
  }

  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    return this.#whileAlive(() => this.#store.read(prefix, options))
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    try {
      return await this.#whileAlive(() => this.#store.commit(request))
    } catch (error) {
      if (error instanceof StoreUnavailable) return { type: 'unknown' }
      throw error
    }
  }

  async *watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    const signal = AbortSignal.any([options.signal, this.#disposed.signal])
    const aborted = deferred<void>()
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    for await (const event of this.#store.watch(after, { signal })) {
      while (this.#absent !== null && !signal.aborted) await Promise.race([this.#absent.over.promise, aborted.promise])
      if (signal.aborted) return
      yield event
    }
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
    if (this.#absent !== null) await this.#asked(this.#absent.how)
    const answer = await ask()
    while (this.#absent?.how === 'still') await this.#absent.over.promise
    return this.#isOver ? deferred<never>().promise : answer
  }

  async #asked(how: Absence): Promise<void> {
    if (how === 'cut') {
      await this.#timers.sleep(UNANSWERED_MS)
      throw new StoreUnavailable('Cannot reach the metadata store: it is cut off')
    }
    while (this.#absent?.how === 'still') await this.#absent.over.promise
    if (this.#isOver) await deferred<never>().promise
  }

  #lose(held: HeldLease): void {
    this.#leases.delete(held)
    void held.lease.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return
    this.#disposed.abort()
    for (const { lease } of [...this.#leases]) await lease.release()
  }
}
