/**
 * Spreads fdatasyncs over the files that ask for them. Owns no file: whoever closes one first awaits its sync.
 *
 * One sync of a file runs at a time and everything that asks meanwhile shares the next one, so a busy file costs one
 * place however many wait for it. Files take turns in the order in which they asked: one slow or busy file holds up
 * the others by one sync at most.
 */
import { assert } from './assert.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { Counter } from './counters.ts'
import { type Deferred, deferred } from './deferred.ts'
import type { DiskFile } from './disk.ts'

/** Of the 16 threads of libuv's pool; the others stay free for reads of history and for deletions. */
export const SYNC_CONCURRENCY_DEFAULT = 12

/** A file waits in one place only, and no process may open this many. */
const WAITING_FILES_MAX = 2 ** 20

interface FileSyncs {
  readonly file: DiskFile
  running: boolean
  /** Shared by all who ask before the next sync starts. */
  next: Deferred<void> | null
}

export class SyncQueue {
  /** Requests, syncs that were done, syncs that failed. Requests beyond syncs are what grouping has saved. */
  readonly requests = new Counter()
  readonly syncs = new Counter()
  readonly failures = new Counter()
  readonly #concurrency: number
  readonly #files = new Map<DiskFile, FileSyncs>()
  readonly #waiting = new BoundedQueue<FileSyncs>({ lengthMax: WAITING_FILES_MAX })
  #running = 0

  constructor(options: { concurrency?: number } = {}) {
    this.#concurrency = options.concurrency ?? SYNC_CONCURRENCY_DEFAULT
    assert(this.#concurrency >= 1, `Cannot run ${this.#concurrency} syncs at once`)
  }

  /** Files that wait for their turn. */
  get waitingFiles(): number {
    return this.#waiting.length
  }

  get runningSyncs(): number {
    return this.#running
  }

  /**
   * Resolves once a sync that started after this call has ended: it covers all that was written before the call.
   * Rejects with its DiskError for everyone who shares it.
   */
  sync(file: DiskFile): Promise<void> {
    this.requests.add()
    const syncs = this.#syncsOf(file)
    if (syncs.next !== null) return syncs.next.promise
    const next = deferred<void>()
    syncs.next = next
    if (!syncs.running) this.#enqueue(syncs)
    this.#startNext()
    return next.promise
  }

  #syncsOf(file: DiskFile): FileSyncs {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    const syncs = { file, running: false, next: null }
    this.#files.set(file, syncs)
    return syncs
  }

  #enqueue(syncs: FileSyncs): void {
    assert(this.#waiting.push(syncs), `More than ${WAITING_FILES_MAX} files wait for a sync`)
  }

  #startNext(): void {
    while (this.#running < this.#concurrency) {
      const syncs = this.#waiting.shift()
      if (syncs === undefined) return
      this.#start(syncs)
    }
  }

  #start(syncs: FileSyncs): void {
    const current = syncs.next
    assert(current !== null && !syncs.running, `A sync of "${syncs.file.path}" has started twice`)
    syncs.next = null
    syncs.running = true
    this.#running++
    syncs.file.sync().then(
      () => {
        this.syncs.add()
        this.#finished(syncs)
        current.resolve()
      },
      (error) => {
        this.failures.add()
        this.#finished(syncs)
        current.reject(error)
      },
    )
  }

  #finished(syncs: FileSyncs): void {
    syncs.running = false
    this.#running--
    if (syncs.next !== null) this.#enqueue(syncs)
    else this.#files.delete(syncs.file)
    this.#startNext()
  }
}
