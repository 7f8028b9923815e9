/** Owns what callers learn of their records: one promise for a call, however many records and batches it became. */
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Delivery, Stored } from './outgoing-batch.ts'

/** Where a record was stored. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** −1 where the broker does not answer (acks 0), or no longer knows. */
  readonly offset: number
  /** The broker's clock where the topic stamps records with it, else −1, in ms since 1970. */
  readonly logAppendTimeMs: number
}

/** Records that lie behind each other in one partition. */
export interface StoredRange {
  readonly partition: number
  /** −1 where the broker does not answer (acks 0). */
  readonly firstOffset: number
  readonly count: number
}

export interface BatchResult {
  readonly recordCount: number
  readonly ranges: readonly StoredRange[]
}

export class RecordReport implements Delivery {
  readonly #outcome = deferred<RecordMetadata>()

  get outcome(): Promise<RecordMetadata> {
    return this.#outcome.promise
  }

  stored({ topic, partition, baseOffset, logAppendTimeMs }: Stored, firstIndex: number): void {
    const offset = baseOffset < 0 ? -1 : baseOffset + firstIndex
    this.#outcome.resolve({ topic, partition, offset, logAppendTimeMs })
  }

  failed(error: Error): void {
    this.#outcome.reject(error)
  }
}

export class BatchReport implements Delivery {
  readonly #outcome = deferred<BatchResult>()
  readonly #recordCount: number
  readonly #ranges: StoredRange[] = []
  #left: number
  #error: Error | null = null

  constructor(recordCount: number) {
    this.#recordCount = recordCount
    this.#left = recordCount
    if (recordCount === 0) this.#finish()
  }

  get outcome(): Promise<BatchResult> {
    return this.#outcome.promise
  }

  stored({ partition, baseOffset }: Stored, firstIndex: number, count: number): void {
    this.#ranges.push({ partition, firstOffset: baseOffset < 0 ? -1 : baseOffset + firstIndex, count })
    this.#settle(count)
  }

  failed(error: Error, count: number): void {
    this.#error ??= error
    this.#settle(count)
  }

  #settle(count: number): void {
    this.#left -= count
    assert(this.#left >= 0, 'Each record has one outcome')
    if (this.#left === 0) this.#finish()
  }

  #finish(): void {
    if (this.#error !== null) this.#outcome.reject(this.#error)
    else this.#outcome.resolve({ recordCount: this.#recordCount, ranges: this.#ranges })
  }
}
