/**
 * This broker's view of the metadata: reads the store once, then follows its revisions, and hands each new image to the
 * broker's publish function, one after the other. Starts over where the store's history no longer reaches back.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { applyRevision, imageOf } from './changes.ts'
import type { MetadataImage, Uuid } from './image.ts'
import { type MetadataStore, type Snapshot, StoreUnavailable } from './store.ts'

export interface FollowerOptions {
  readonly store: MetadataStore
  /** Called at once with the first image, then with each later one; synchronous, so that nobody sees half a change. */
  readonly onImage: (image: MetadataImage) => void
  /** The view cannot go on (a document of a later version, a broken store, a publish function that threw). */
  readonly onFailure: (error: unknown) => void
}

/** Thrown to whoever waits for an image when the broker stops. */
export class FollowerClosed extends Error {
  override readonly name = 'FollowerClosed'
}

export interface WaitOptions {
  /** Ends the wait: a store that is away shows nothing, and who stops waits for nothing. */
  readonly signal?: AbortSignal
}

interface Waiter {
  readonly isReady: (image: MetadataImage) => boolean
  readonly done: Deferred<MetadataImage>
}

const WAITERS_MAX = 10_000

export class MetadataFollower implements AsyncDisposable {
  readonly #options: FollowerOptions
  readonly #stop = new AbortController()
  #image: MetadataImage
  #waiters: Waiter[] = []
  /** Of each broker, the incarnation whose sign of life was seen last. */
  readonly #seenAlive = new Map<number, Uuid>()
  #running: Promise<void> = Promise.resolve()

  private constructor(options: FollowerOptions, image: MetadataImage) {
    this.#options = options
    this.#image = image
  }

  static async open(options: FollowerOptions): Promise<MetadataFollower> {
    const follower = new MetadataFollower(options, imageOf(await options.store.read('')))
    follower.#noteAlive()
    options.onImage(follower.#image)
    follower.#running = follower.#follow()
    return follower
  }

  /** The newest image that was published. */
  get image(): MetadataImage {
    return this.#image
  }

  /** Of each broker, the incarnation whose sign of life was seen last: one that gives none any more has gone. */
  get seenAlive(): ReadonlyMap<number, Uuid> {
    return this.#seenAlive
  }

  /** It follows nothing any more: the broker stops, or its view cannot go on. */
  get isClosed(): boolean {
    return this.#stop.signal.aborted
  }

  /** Resolves once an image with at least this revision is published. */
  reached(revision: number, options: WaitOptions = {}): Promise<MetadataImage> {
    return this.until((image) => image.revision >= revision, options)
  }

  /** Resolves with the first published image, from now on, that is ready. Rejects with FollowerClosed. */
  async until(isReady: (image: MetadataImage) => boolean, { signal }: WaitOptions = {}): Promise<MetadataImage> {
    if (isReady(this.#image)) return this.#image
    if (this.#stop.signal.aborted || signal?.aborted) throw new FollowerClosed('The broker is stopping')
    assert(this.#waiters.length < WAITERS_MAX, `At most ${WAITERS_MAX} wait for an image`)
    const waiter = { isReady, done: deferred<MetadataImage>() }
    this.#waiters.push(waiter)
    const leave = (): void => this.#sendAway(waiter)
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return await waiter.done.promise
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
    await this.#running
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const outcome = await this.#followUntilCompacted()
        if (outcome === 'ended') return this.#close()
        const snapshot = await this.#readAnew()
        if (snapshot !== null) this.#publish(imageOf(snapshot))
      }
    } catch (error) {
      this.#close()
      this.#options.onFailure(error)
    }
  }

  /** Null where the store does not answer, which it takes its time to say: the watch then says `compacted` once more. */
  async #readAnew(): Promise<Snapshot | null> {
    try {
      return await this.#options.store.read('', { signal: this.#stop.signal })
    } catch (error) {
      if (error instanceof StoreUnavailable || this.#stop.signal.aborted) return null
      throw error
    }
  }

  async #followUntilCompacted(): Promise<'compacted' | 'ended'> {
    const { store } = this.#options
    for await (const event of store.watch(this.#image.revision, { signal: this.#stop.signal })) {
      if (event.type === 'compacted') return 'compacted'
      this.#publish(applyRevision(this.#image, event.revision, event.changes))
    }
    return 'ended'
  }

  #publish(image: MetadataImage): void {
    if (this.#stop.signal.aborted || image.revision <= this.#image.revision) return
    this.#image = image
    this.#noteAlive()
    this.#options.onImage(image)
    const ready = this.#waiters.filter((waiter) => waiter.isReady(image))
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const waiter of ready) waiter.done.resolve(image)
  }

  #sendAway(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((one) => one !== waiter)
    waiter.done.reject(new FollowerClosed('Whoever waits for an image ends'))
  }

  #noteAlive(): void {
    for (const [id, { incarnation }] of this.#image.alive) this.#seenAlive.set(id, incarnation)
  }

  #close(): void {
    this.#stop.abort()
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.done.reject(new FollowerClosed('The broker is stopping'))
  }
}
