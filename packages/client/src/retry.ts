/** Owns when to try again: which errors pass by themselves, and how long to wait between attempts. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { BrokersUnreachableError, ConnectionClosedError, RequestTimeoutError } from './errors.ts'

export interface Backoff {
  /** Before the second attempt, in ms; doubled for each further one. */
  readonly firstMs: number
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 100, maxMs: 1000 }

/** Waits differ by up to this share, so that clients which lost one broker do not come back together. */
const JITTER = 0.2
/** Doubling stops here; it is far beyond any maxMs and keeps the power finite. */
const DOUBLINGS_MAX = 30

/** How long to wait after this many failed attempts (1 or more), in ms. */
export function backoffMs(failures: number, options: { backoff?: Backoff; random: Random }): number {
  const { firstMs, maxMs } = options.backoff ?? DEFAULT_BACKOFF
  const plainMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, DOUBLINGS_MAX))
  return plainMs * (1 - JITTER + 2 * JITTER * options.random.float())
}

/** True where the same request may succeed later, perhaps at another broker. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof ProtocolError) return error.retriable
  return isLostConnection(error) || error instanceof BrokersUnreachableError
}

/** True where the answer is missing, so that the request may have been carried out. */
export function isLostConnection(error: unknown): boolean {
  if (error instanceof ConnectionClosedError || error instanceof RequestTimeoutError) return true
  return error instanceof Error && error.name === 'NetworkError'
}

export interface RetryOptions {
  readonly backoff: Backoff
  readonly ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random }
  /** For all attempts together, in ms. */
  readonly timeoutMs: number
  readonly canRetry: (error: unknown) => boolean
  readonly signal?: AbortSignal
}

/** The first attempt that succeeds; the last one's error where none does in time. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, timers, random } = options.ports
  const deadlineMs = clock.monotonicMs() + options.timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      const waitMs = backoffMs(failures, { backoff: options.backoff, random })
      if (!options.canRetry(error) || clock.monotonicMs() + waitMs > deadlineMs) throw error
      await timers.sleep(waitMs, options.signal === undefined ? {} : { signal: options.signal })
    }
  }
}
