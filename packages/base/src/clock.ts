/**
 * The only place that reads the time. Wall time is what records and people see and may jump; monotonic time is for
 * every duration and deadline and never goes back.
 */
export interface Clock {
  /** Milliseconds since 1970, whole. May jump in both directions. */
  wallMs(): number
  /** Milliseconds since an arbitrary start, with fractions. Never goes back. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
