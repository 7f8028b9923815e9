/** Owns a number of places: who wants one waits, first come first served, until one is free. */
import { assert } from '@ottla/base/assert.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'

export class Places {
  #free: number
  /** Bounded by those who may ask, each once. */
  readonly #waiting: Deferred<void>[] = []

  constructor(options: { readonly placesMax: number }) {
    assert(options.placesMax > 0, 'There is a place')
    this.#free = options.placesMax
  }

  /** Who has taken one gives it back. */
  take(): Promise<void> {
    const place = deferred<void>()
    this.#waiting.push(place)
    this.#assign()
    return place.promise
  }

  give(): void {
    this.#free++
    this.#assign()
  }

  #assign(): void {
    while (this.#free > 0 && this.#waiting.length > 0) {
      this.#free--
      this.#waiting.shift()!.resolve()
    }
  }
}
