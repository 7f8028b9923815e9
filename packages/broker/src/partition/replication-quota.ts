/**
 * How many bytes a second replicas that catch up may move through this broker, one quota for what it sends as a leader
 * and one for what it fetches as a follower. Pure: whoever asks brings the time, of a monotonic clock.
 *
 * What a rate allows comes with time and is kept for `replication.quota.window.num` windows, so that who is late may
 * catch up with the rate; who has moved nothing for so long begins with one window's worth. Bytes are counted after they
 * were moved, and a batch is never cut, so a quota may be overdrawn. That is paid back, so that also a rate far below
 * the size of a batch holds in the long run. Nothing is held back for good but at rate 0, which is what that asks for.
 *
 * Difference from Kafka: what replicas in sync take is not counted, or they could starve those that catch up.
 */
import { assert } from '@ottla/base/assert.ts'
import { Counter } from '@ottla/base/counters.ts'

export interface QuotaSettings {
  /** Infinity: no limit. */
  readonly bytesPerSecond: number
  readonly windows: number
  readonly windowMs: number
}

export class ReplicationQuota {
  /** All that was ever recorded, for metrics. */
  readonly throttledBytes = new Counter()
  #settings: QuotaSettings = { bytesPerSecond: Number.POSITIVE_INFINITY, windows: 1, windowMs: 1000 }
  /** What may be moved as of `#creditMs`; below 0: what was moved too much. */
  #credit = Number.POSITIVE_INFINITY
  /** Null: nobody has looked since the settings changed. */
  #creditMs: number | null = null
  #recordedMs = Number.NEGATIVE_INFINITY

  configure(settings: QuotaSettings): void {
    assert(settings.windows >= 1 && settings.windowMs >= 1, 'A quota has a window')
    const { bytesPerSecond, windows, windowMs } = this.#settings
    const isSame = windows === settings.windows && windowMs === settings.windowMs
    if (isSame && bytesPerSecond === settings.bytesPerSecond) return
    this.#settings = settings
    // What was moved too much is paid back at the new rate.
    this.#credit = this.#isUnlimited
      ? Number.POSITIVE_INFINITY
      : Math.min(this.#credit, this.#allowedBytes(settings.windowMs))
    this.#creditMs = null
  }

  record(bytes: number, nowMs: number): void {
    this.throttledBytes.add(bytes)
    this.#earn(nowMs)
    this.#credit -= bytes
    this.#recordedMs = nowMs
  }

  /** What may be moved now; not above 0: nothing, for `waitMs`. */
  availableBytes(nowMs: number): number {
    this.#earn(nowMs)
    return this.#credit
  }

  /** How long until something may be moved again; Infinity at rate 0. */
  waitMs(nowMs: number): number {
    const available = this.availableBytes(nowMs)
    if (available > 0) return 0
    const { bytesPerSecond } = this.#settings
    return bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : Math.ceil((-available / bytesPerSecond) * 1000) + 1
  }

  get #isUnlimited(): boolean {
    return this.#settings.bytesPerSecond === Number.POSITIVE_INFINITY
  }

  #allowedBytes(forMs: number): number {
    return (this.#settings.bytesPerSecond * forMs) / 1000
  }

  #earn(nowMs: number): void {
    if (this.#isUnlimited) return
    const { windows, windowMs } = this.#settings
    const earned = this.#credit + this.#allowedBytes(nowMs - (this.#creditMs ?? nowMs))
    const keptWindows = nowMs - this.#recordedMs < windows * windowMs ? windows : 1
    this.#credit = Math.min(earned, this.#allowedBytes(keptWindows * windowMs))
    this.#creditMs = nowMs
  }
}
