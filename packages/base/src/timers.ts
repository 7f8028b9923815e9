/**
 * The only place that owns timers and the end of the event loop's turn. `FakeTime` (fake-time.ts) implements the same
 * interface for tests and the simulator.
 */
export interface Timers {
  /** Calls back once, `delayMs` from now (at least 0). The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
  /**
   * Calls back once all input that is ready in this turn of the event loop has been read: appends and replies that
   * many requests of one turn asked for are so gathered into one write. Callbacks run in the order they were given.
   */
  endOfTurn(callback: () => void): void
  /**
   * Calls back before anything else is read, once the promises that have settled have called their reactions: replies
   * that became ready together leave together.
   */
  soon(callback: () => void): void
  /**
   * Resolves after `delayMs`; rejects with the signal's reason when it aborts. Keeps the process alive meanwhile, as
   * somebody waits for it.
   */
  sleep(delayMs: number, options?: { signal?: AbortSignal }): Promise<void>
}

export interface Timer {
  /** Idempotent; a cancelled timer never calls back. */
  cancel(): void
}
