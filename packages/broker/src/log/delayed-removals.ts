/**
 * Owns files and directories that have lost their place and wait to be removed: `file.delete.delay.ms` gives whoever
 * reads them from outside (a backup, a tool) time to finish. Their names already say what they are (`.deleted`,
 * `-delete`), so that the next start removes what a crash has left.
 *
 * Removing takes the disk long for large files: it happens in the thread pool, a few at a time, and beside the syncs
 * that producers wait for. What is still waiting when the broker stops is removed then.
 */
import { dirname } from 'node:path'
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'

/** Removals at one time. */
const REMOVING_MAX = 4
/** The longest delay that a timer takes: about 25 days. */
const DELAY_MS_MAX = 0x7fff_ffff

export interface DelayedRemovalsOptions {
  readonly disk: Disk
  readonly timers: Timers
  readonly logger: Logger
}

/** Answers the paths that can be removed now; called once the delay is over. */
type TakePaths = () => readonly string[]

export class DelayedRemovals implements AsyncDisposable {
  readonly #options: DelayedRemovalsOptions
  readonly #waiting = new Map<TakePaths, Timer>()
  /** Due, in the order in which they became so. Bounded by the files that there are. */
  readonly #due: string[] = []
  readonly #removing = new Set<Promise<void>>()
  /** In which directories something is left that could not be removed. */
  readonly #failedIn = new Set<string>()

  constructor(options: DelayedRemovalsOptions) {
    this.#options = options
  }

  /** Calls back after the delay, or earlier where the broker stops, and removes the paths that it answers. */
  after(delayMs: number, takePaths: TakePaths): void {
    const timer = this.#options.timers.after(Math.min(delayMs, DELAY_MS_MAX), () => this.#take(takePaths))
    this.#waiting.set(takePaths, timer)
  }

  /** Removes paths whose delay is over. */
  remove(paths: readonly string[]): void {
    this.#due.push(...paths)
    this.#removeNext()
  }

  /** Files and directories that wait, for their delay or for their turn. A callback counts as one. */
  get count(): number {
    return this.#waiting.size + this.#due.length + this.#removing.size
  }

  /** Whether something in the directory could not be removed: the next start has to look there. */
  hasLeft(directory: string): boolean {
    return this.#failedIn.has(directory)
  }

  /** Resolves when everything that is due has gone. */
  async idle(): Promise<void> {
    while (this.#removing.size > 0) await Promise.all(this.#removing)
  }

  /** Waits for no delay any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const takePaths of [...this.#waiting.keys()]) this.#take(takePaths)
    await this.idle()
  }

  #take(takePaths: TakePaths): void {
    this.#waiting.get(takePaths)?.cancel()
    this.#waiting.delete(takePaths)
    this.remove(takePaths())
  }

  #removeNext(): void {
    while (this.#removing.size < REMOVING_MAX) {
      const path = this.#due.shift()
      if (path === undefined) return
      const removing = this.#remove(path).finally(() => {
        this.#removing.delete(removing)
        this.#removeNext()
      })
      this.#removing.add(removing)
    }
  }

  /** What could not be removed has a name that the next start removes. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#options.disk.removeTree(path)
    } catch (error) {
      this.#failedIn.add(dirname(path))
      this.#options.logger.warn('Cannot remove what was deleted; the next start tries again', { path, error })
    }
  }
}
