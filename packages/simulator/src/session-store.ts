/**
 * The cluster's metadata store as one process sees it: slow or down as it is for everybody. Beyond that leases end when
 * nobody has heard of the process for their time to live, because it has died, stands still or is cut off from the store,
 * and after its end nothing that it does has any effect.
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

/** What is wrong with the store itself, for everybody. */
export interface StoreTrouble {
  /** It answers nobody. Leases last meanwhile, as nobody is there who could end them. */
  isDown: boolean
  /** Of a question or an answer, each, in ms. */
  readonly delayMs: () => number
}

export const NO_TROUBLE: StoreTrouble = { isDown: false, delayMs: () => 0 }

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
  readonly #trouble: StoreTrouble
  readonly #leases = new Set<HeldLease>()
  readonly #disposed = new AbortController()
  #isOver = false
  /** Set while nothing passes; resolves when it does again. */
  #absent: { readonly how: Absence; readonly over: Deferred<void> } | null = null

  constructor(options: { store: MetadataStore; timers: Timers; trouble?: StoreTrouble }) {
    this.#store = options.store
    this.#trouble = options.trouble ?? NO_TROUBLE
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
      await this.#late()
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
    await this.#late()
    await this.#reach()
    const answer = await ask()
    await this.#late()
    // What the store has done is done, also where its answer does not arrive.
    await this.#reach()
    return this.#isOver ? deferred<never>().promise : answer
  }

  async #late(): Promise<void> {
    const delayMs = this.#trouble.delayMs()
    if (delayMs > 0) await this.#timers.sleep(delayMs)
  }

  async #reach(): Promise<void> {
    if (this.#absent !== null) await this.#asked(this.#absent.how)
    else if (this.#trouble.isDown) await this.#unanswered('it is down')
  }

  async #asked(how: Absence): Promise<void> {
    if (how === 'cut') await this.#unanswered('it is cut off')
    while (this.#absent?.how === 'still') await this.#absent.over.promise
    if (this.#isOver) await deferred<never>().promise
  }

  async #unanswered(why: string): Promise<never> {
    await this.#timers.sleep(UNANSWERED_MS)
    throw new StoreUnavailable(`Cannot reach the metadata store: ${why}`)
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
