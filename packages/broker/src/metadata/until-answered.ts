/**
 * How long-lived parts of a broker live through a store that is away: they ask again, as often as a pause lets them, until
 * it answers or they end. Whoever has a caller that waits for an answer gives up in time instead.
 */
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { StoreUnavailable } from './store.ts'

export interface AskingOptions {
  readonly timers: Timers
  readonly logger: Logger
  /** Ends the asking: rejects with its reason. */
  readonly signal: AbortSignal
}

/** A store that refuses at once is not hammered; one that is back is found soon. */
export const STORE_AWAY_PAUSE_MS = 250

export async function untilAnswered<Answer>(
  ask: () => Promise<Answer>,
  { timers, logger, signal }: AskingOptions,
): Promise<Answer> {
  for (let isTold = false; ; isTold = true) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      if (!isTold) logger.warn('The metadata store is away: asking until it answers', { reason: error.message })
      await timers.sleep(STORE_AWAY_PAUSE_MS, { signal })
    }
  }
}
