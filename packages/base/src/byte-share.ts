/**
 * One named share of a broker's byte budget: memory that peers can make us hold is counted here before it is held.
 *
 * Waiters are served first come, first served, and a waiter blocks those behind it, so that a large request is never
 * starved by small ones. Whoever takes bytes gives exactly those back, once; whoever adds bytes removes them.
 */
import { assert } from './assert.ts'

interface Waiter {
  readonly bytes: number
  readonly admitted: () => void
}

export class ByteShare {
  readonly name: string
  readonly bytesMax: number
  #used = 0
  /** The part of it that nobody could refuse. */
  #added = 0
  #peak = 0
  readonly #waiters: Waiter[] = []

  constructor(name: string, bytesMax: number) {
    assert(bytesMax > 0, `Byte share ${name} must be positive`)
    this.name = name
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#used
  }

  /** The most bytes that were held at one time. */
  get peakBytes(): number {
    return this.#peak
  }

  get freeBytes(): number {
    return this.bytesMax - this.#used
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /**
   * Takes the bytes when they are free and nobody waits. Once all that was taken is given back one request always fits,
   * also one beyond the whole share, or beside added bytes that fill it: else waiters would wait for each other.
   */
  tryTake(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#fits(bytes)) return false
    this.#count(bytes)
    return true
  }

  /** Takes the bytes now (answers null) or calls `admitted` once they were taken; the answer then withdraws the wait. */
  take(bytes: number, admitted: () => void): (() => void) | null {
    if (this.tryTake(bytes)) return null
    const waiter = { bytes, admitted }
    this.#waiters.push(waiter)
    return () => this.#withdraw(waiter)
  }

  /** What was taken is free again. */
  give(bytes: number): void {
    const taken = this.#used - this.#added
    assert(bytes <= taken, `Byte share ${this.name} was given ${bytes} bytes back, but only ${taken} are out`)
    this.#used -= bytes
    this.#admit()
  }

  /** Counts bytes that are held already and cannot be refused, beyond the maximum if need be. */
  add(bytes: number): void {
    this.#added += bytes
    this.#count(bytes)
  }

  /** What was added is not held any more. */
  remove(bytes: number): void {
    assert(bytes <= this.#added, `Byte share ${this.name} loses ${bytes} bytes, but only ${this.#added} were added`)
    this.#added -= bytes
    this.#used -= bytes
    this.#admit()
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.bytesMax || this.#used === this.#added
  }

  #count(bytes: number): void {
    this.#used += bytes
    if (this.#used > this.#peak) this.#peak = this.#used
  }

  #admit(): void {
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.bytes)) {
      const waiter = this.#waiters.shift()!
      this.#count(waiter.bytes)
      waiter.admitted()
    }
  }

  #withdraw(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index >= 0) this.#waiters.splice(index, 1)
    this.#admit()
  }
}
