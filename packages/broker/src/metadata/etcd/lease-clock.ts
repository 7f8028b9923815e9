/**
 * What the event loop and the thread that keeps leases alive share: when the loop last ticked, and until when each lease
 * is sure to last. All times are the event loop's own monotonic clock, so no two clocks are ever compared: a lease that
 * was kept alive lasts its time from the last tick *before* the request was sent.
 *
 *   int64[0]       µs of the last tick
 *   int64[1 + n]   µs at which lease n may end; 0 where there is no lease n, −1 when etcd said that it has ended
 */
const US_PER_MS = 1000
const ENDED = -1n

export const LEASES_MAX = 16

export class LeaseClock {
  readonly shared: SharedArrayBuffer
  readonly #words: BigInt64Array

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8 * (1 + LEASES_MAX))) {
    this.shared = shared
    this.#words = new BigInt64Array(shared)
  }

  tick(nowMs: number): void {
    Atomics.store(this.#words, 0, BigInt(Math.floor(nowMs * US_PER_MS)))
  }

  tickedAtMs(): number {
    return Number(Atomics.load(this.#words, 0)) / US_PER_MS
  }

  /** 0: the lease has ended. */
  endMs(slot: number): number {
    const word = Atomics.load(this.#words, 1 + slot)
    return word === ENDED ? 0 : Number(word) / US_PER_MS
  }

  setEnd(slot: number, endMs: number): void {
    Atomics.store(this.#words, 1 + slot, BigInt(Math.floor(endMs * US_PER_MS)))
  }

  /** Only later: an answer that came late must not shorten, one of a lease that has ended must not revive. */
  extend(slot: number, endMs: number): void {
    if (this.#isUsed(slot) && endMs > this.endMs(slot)) this.setEnd(slot, endMs)
  }

  end(slot: number): void {
    if (this.#isUsed(slot)) Atomics.store(this.#words, 1 + slot, ENDED)
  }

  free(slot: number): void {
    Atomics.store(this.#words, 1 + slot, 0n)
  }

  freeSlot(): number | null {
    for (let slot = 0; slot < LEASES_MAX; slot++) if (Atomics.load(this.#words, 1 + slot) === 0n) return slot
    return null
  }

  #isUsed(slot: number): boolean {
    return Atomics.load(this.#words, 1 + slot) > 0n
  }
}
