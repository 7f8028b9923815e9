/**
 * Gathers tombstones for one step up to what fits well into one batch. What makes them is asked again for the rest once
 * these are applied.
 */
import type { CoordinatorRecord } from '../machine.ts'

/** A quarter of what `message.max.bytes` lets a batch have. */
const STEP_BYTES_MAX = 262_144
/** Around the key of a record, roughly. */
const OVERHEAD_BYTES = 16

export class Tombstones {
  readonly records: CoordinatorRecord[] = []
  #bytes = 0

  get isFull(): boolean {
    return this.#bytes >= STEP_BYTES_MAX
  }

  /** Stops as soon as it is full; returns how many there were until then. */
  take(records: Iterable<CoordinatorRecord>): number {
    const before = this.records.length
    for (const record of records) {
      this.#add(record)
      if (this.isFull) break
    }
    return this.records.length - before
  }

  /** All of them, full or not: those of one group belong together. */
  takeAll(records: Iterable<CoordinatorRecord>): void {
    for (const record of records) this.#add(record)
  }

  #add(record: CoordinatorRecord): void {
    this.records.push(record)
    this.#bytes += record.key.length + OVERHEAD_BYTES
  }
}
