/** Owns continuous load: a record to each partition of some topics, again and again, while groups change. */
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { GroupObserver } from './group-view.ts'
import type { TopicFeed } from './topic-feed.ts'

/** Between two records of a partition, and what the broker takes. */
const PAUSE_MS = 60

export interface Loaded {
  readonly feed: TopicFeed
  /** Asked before each record. */
  readonly partitions: () => number
}

export class Load implements AsyncDisposable {
  readonly #ending = new AbortController()
  readonly #running: Promise<void>

  constructor(observer: GroupObserver, topics: readonly Loaded[]) {
    this.#running = this.#run(observer, topics)
    // Who disposes it hears of a failure; it must not end the process before.
    this.#running.catch(() => {})
  }

  /** Resolves when no record is under way. Rejects where one was refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(observer: GroupObserver, topics: readonly Loaded[]): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      for (const { feed, partitions } of topics)
        await feed.add(observer.connection, { partitions: partitions(), records: 1 })
      await systemTimers.sleep(PAUSE_MS, { signal }).catch(() => {})
    }
  }
}
