/**
 * Spreads fdatasyncs over the files that ask for them. Owns no file: whoever closes one first awaits its sync.
 *
 * One sync of a file runs at a time and everything that asks meanwhile shares the next one, so a busy file costs one
 * place however many wait for it. Files take turns in the order in which they asked: one slow or busy file holds up
 * the others by one sync at most.
 *
 * Each log directory has a share of its own of the syncs that run at once, as each may be another disk: one that is slow
 * does not hold up the files of the others, however many of its files wait.
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
  readonly lane: Lane
  running: boolean
  /** Shared by all who ask before the next sync starts. */
  next: Deferred<void> | null
}

/** The files of one directory. */
interface Lane {
  readonly prefix: string
  readonly waiting: BoundedQueue<FileSyncs>
  running: number
}

export class SyncQueue {
  /** Requests, syncs that were done, syncs that failed. Requests beyond syncs are what grouping has saved. */
  readonly requests = new Counter()
  readonly syncs = new Counter()
  readonly failures = new Counter()
  /** Of one directory. */
  readonly #concurrency: number
  readonly #files = new Map<DiskFile, FileSyncs>()
  readonly #lanes: readonly Lane[]

  /** `concurrency` is of all directories together, but each has at least one; all files are of one when left out. */
  constructor(options: { concurrency?: number; directories?: readonly string[] } = {}) {
    const { concurrency = SYNC_CONCURRENCY_DEFAULT, directories = [''] } = options
    assert(concurrency >= 1 && directories.length >= 1, `Cannot run ${concurrency} syncs at once`)
    this.#concurrency = Math.max(1, Math.floor(concurrency / directories.length))
    this.#lanes = directories.map((directory) => {
      const waiting = new BoundedQueue<FileSyncs>({ lengthMax: WAITING_FILES_MAX })
      return { prefix: directory === '' ? '' : `${directory}/`, waiting, running: 0 }
    })
  }

  /** Files that wait for their turn. */
  get waitingFiles(): number {
    return this.#lanes.reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  get runningSyncs(): number {
    return this.#lanes.reduce((sum, { running }) => sum + running, 0)
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
    this.#startNext(syncs.lane)
    return next.promise
  }

  #syncsOf(file: DiskFile): FileSyncs {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    const syncs = { file, lane: this.#laneOf(file), running: false, next: null }
    this.#files.set(file, syncs)
    return syncs
  }

  /** A file that is in none of the directories goes with the first. */
  #laneOf({ path }: DiskFile): Lane {
    const [first] = this.#lanes
    if (this.#lanes.length === 1) return first!
    return this.#lanes.find(({ prefix }) => path.startsWith(prefix)) ?? first!
  }

  #enqueue(syncs: FileSyncs): void {
    assert(syncs.lane.waiting.push(syncs), `More than ${WAITING_FILES_MAX} files wait for a sync`)
  }

  #startNext(lane: Lane): void {
    while (lane.running < this.#concurrency) {
      const syncs = lane.waiting.shift()
      if (syncs === undefined) return
      this.#start(syncs)
    }
  }

  #start(syncs: FileSyncs): void {
    const current = syncs.next
    assert(current !== null && !syncs.running, `A sync of "${syncs.file.path}" has started twice`)
    syncs.next = null
    syncs.running = true
    syncs.lane.running++
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
    syncs.lane.running--
    if (syncs.next !== null) this.#enqueue(syncs)
    else this.#files.delete(syncs.file)
    this.#startNext(syncs.lane)
  }
}
