/** Owns what the operator is told of reads of one partition that fail: a client that asks on fills no log. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'

/** At least so far apart are two lines. */
const INTERVAL_MS = 60_000

export interface ReadFailuresOptions {
  readonly topic: string
  readonly partition: number
  readonly clock: Clock
  readonly logger: Logger
}

export class ReadFailures {
  readonly #options: ReadFailuresOptions
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(options: ReadFailuresOptions) {
    this.#options = options
  }

  failed(error: Error): void {
    const { clock, logger, topic, partition } = this.#options
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#toldMs < INTERVAL_MS) return
    this.#toldMs = nowMs
    logger.error('Cannot read from a log', { topic, partition, error })
  }
}
