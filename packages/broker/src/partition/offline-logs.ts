/**
 * The logs of this broker that could not be opened or have failed, and when each is tried again. Knows no files: what
 * trying means is the owner's.
 *
 * One timer serves all. The wait doubles with each failure of a log and starts small again once it has worked for a
 * while, so that a full disk costs little and space that returns is soon used.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'

export const RETRY_MS_MIN = 500
export const RETRY_MS_MAX = 30_000
/** A log that has worked for this long begins with the shortest wait when it fails again. */
const FORGOTTEN_AFTER_MS = 60_000

interface Failures {
  /** In a row. */
  count: number
  isOffline: boolean
  /** When to try again while it is offline, when it came back while it is not. */
  atMs: number
}

export interface OfflineLogsOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** One more is offline, or the same still is. */
  readonly onFailed: () => void
  /** Told the keys of all logs that are due. Each of them either fails again or comes back in the end. */
  readonly onDue: (keys: readonly string[]) => void
}

export class OfflineLogs {
  readonly #options: OfflineLogsOptions
  /** At most one for each log; those that work again are kept until they are forgotten. */
  readonly #failures = new Map<string, Failures>()
  #offlineCount = 0
  #timer: Timer | null = null

  constructor(options: OfflineLogsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#offlineCount
  }

  has(key: string): boolean {
    return this.#offlineCount > 0 && this.#failures.get(key)?.isOffline === true
  }

  keys(): string[] {
    return [...this.#failures.keys()].filter((key) => this.has(key))
  }

  /** The log has failed, or failed again when it was tried. */
  failed(key: string): void {
    const nowMs = this.#options.clock.monotonicMs()
    const before = this.#failures.get(key)
    if (before?.isOffline !== true) this.#offlineCount++
    const isForgotten = before === undefined || (!before.isOffline && nowMs - before.atMs >= FORGOTTEN_AFTER_MS)
    const count = isForgotten ? 1 : before.count + 1
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (count - 1))
    this.#failures.set(key, { count, isOffline: true, atMs: nowMs + waitMs })
    this.#keepTime()
    this.#options.onFailed()
  }

  /** The log works. */
  cameBack(key: string): void {
    const failures = this.#failures.get(key)
    if (failures?.isOffline !== true) return
    this.#offlineCount--
    failures.isOffline = false
    failures.atMs = this.#options.clock.monotonicMs()
  }

  /** There is no such log any more. */
  remove(key: string): void {
    if (this.has(key)) this.#offlineCount--
    this.#failures.delete(key)
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #keepTime(): void {
    this.#timer ??= this.#options.timers.after(RETRY_MS_MIN, () => {
      this.#timer = null
      this.#tellDue()
      if (this.#offlineCount > 0) this.#keepTime()
    })
  }

  #tellDue(): void {
    const nowMs = this.#options.clock.monotonicMs()
    const due: string[] = []
    for (const [key, failures] of this.#failures) {
      if (!failures.isOffline || failures.atMs > nowMs) continue
      // Until this try has ended the log is not due again.
      failures.atMs = Number.POSITIVE_INFINITY
      due.push(key)
    }
    if (due.length > 0) this.#options.onDue(due)
  }
}
