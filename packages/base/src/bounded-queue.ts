/**
 * A first-in first-out queue with a named bound. It never grows beyond it: `push` answers false, and the caller applies
 * back-pressure or refuses. A ring, so that neither end costs more when the queue is long.
 */
import { assert } from './assert.ts'

const SLOTS_MIN = 16

export class BoundedQueue<T> {
  readonly lengthMax: number
  #slots: (T | undefined)[] = new Array(SLOTS_MIN)
  #head = 0
  #length = 0

  constructor(options: { lengthMax: number }) {
    assert(options.lengthMax >= 1, `A queue of at most ${options.lengthMax} holds nothing`)
    this.lengthMax = options.lengthMax
  }

  get length(): number {
    return this.#length
  }

  get isFull(): boolean {
    return this.#length >= this.lengthMax
  }

  /** False when the queue is full; the item was not taken. */
  push(item: T): boolean {
    if (this.isFull) return false
    if (this.#length === this.#slots.length) this.#grow()
    this.#slots[this.#slotAt(this.#length)] = item
    this.#length++
    return true
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = this.#slotAt(1)
    this.#length--
    return item
  }

  clear(): void {
    this.#slots = new Array(SLOTS_MIN)
    this.#head = 0
    this.#length = 0
  }

  /** From the oldest to the newest, without taking them. */
  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.#length; index++) yield this.#slots[this.#slotAt(index)] as T
  }

  /** The number of slots is a power of two, so a mask wraps around. */
  #slotAt(index: number): number {
    return (this.#head + index) & (this.#slots.length - 1)
  }

  #grow(): void {
    const items = [...this]
    this.#slots = items.concat(new Array(items.length))
    this.#head = 0
  }
}
