/**
 * For crash tests: a metadata store as one life of a process sees it. Commits take time before and after they have
 * their effect, so that a crash can come between the two; after the end of the life nothing has any effect.
 */
import type { Random } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type MemoryContent, MemoryStore } from '../metadata/memory-store.ts'
import type { CommitOutcome, CommitRequest, Lease, MetadataStore, Snapshot, WatchEvent } from '../metadata/store.ts'

const DELAY_MS_MAX = 4

export class MortalStore implements MetadataStore {
  readonly #store: MemoryStore
  readonly #timers: Timers
  readonly #random: Random
  #isOver = false

  constructor(options: { content: MemoryContent; timers: Timers; random: Random }) {
    this.#store = new MemoryStore({ content: options.content })
    this.#timers = options.timers
    this.#random = options.random
  }

  /** The process is gone. */
  end(): void {
    this.#isOver = true
  }

  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    return this.#store.read(prefix, options)
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    await this.#delay()
    if (this.#isOver) return { type: 'unknown' }
    const outcome = await this.#store.commit(request)
    await this.#delay()
    return outcome
  }

  watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    return this.#store.watch(after, options)
  }

  async lease(ttlMs: number): Promise<Lease> {
    const lease = await this.#store.lease(ttlMs)
    const release = async () => {
      if (!this.#isOver) await lease.release()
    }
    return { ...lease, release, [Symbol.asyncDispose]: release }
  }

  compact(): Promise<void> {
    return this.#store.compact()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) await this.#store[Symbol.asyncDispose]()
  }

  async #delay(): Promise<void> {
    const delayMs = this.#random.below(DELAY_MS_MAX + 1)
    if (delayMs > 0) await this.#timers.sleep(delayMs)
  }
}
