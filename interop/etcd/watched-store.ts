/** Owns a view of a broker's metadata store that measures what the broker asks of it, and that can be cut off like a broker. */
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type {
  CommitOutcome,
  CommitRequest,
  Lease,
  MetadataStore,
  Snapshot,
  WatchEvent,
} from '@ottla/broker/metadata/store.ts'

export interface CommitSample {
  readonly ms: number
  readonly puts: number
}

export class WatchedStore implements MetadataStore {
  readonly commits: CommitSample[] = []
  /** The last revision whose image the broker has published. */
  publishedRevision = 0
  readonly #store: MetadataStore
  readonly #leases = new Set<Lease>()
  readonly #cut = new AbortController()

  constructor(store: MetadataStore) {
    this.#store = store
  }

  /** As far as the store can tell the process is dead and its session has ended; it hears nothing any more. */
  async die(): Promise<void> {
    this.#cut.abort()
    await Promise.all([...this.#leases].map((lease) => lease.release()))
  }

  async read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    await this.#whileAlive()
    return this.#store.read(prefix, options)
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    await this.#whileAlive()
    const startMs = systemClock.monotonicMs()
    const outcome = await this.#store.commit(request)
    this.commits.push({ ms: systemClock.monotonicMs() - startMs, puts: request.puts.length + request.deletes.length })
    return outcome
  }

  /** Who asks for the next revision has published the one before. */
  async *watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    this.publishedRevision = after
    const signal = AbortSignal.any([options.signal, this.#cut.signal])
    for await (const event of this.#store.watch(after, { signal })) {
      yield event
      if (event.type === 'revision') this.publishedRevision = event.revision
    }
  }

  async lease(ttlMs: number): Promise<Lease> {
    await this.#whileAlive()
    const lease = await this.#store.lease(ttlMs)
    this.#leases.add(lease)
    return lease
  }

  async compact(before: number): Promise<void> {
    await this.#store.compact(before)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }

  async #whileAlive(): Promise<void> {
    if (this.#cut.signal.aborted) await deferred<never>().promise
  }
}
