/**
 * Owns the choice of a partition: by the key's hash, as every Kafka client does it, or for records without a key one
 * partition for as long as a batch of it is open (KIP-480), so that they gather in one batch instead of in as many as
 * there are partitions.
 */
import type { Random } from '@ottla/base/random.ts'
import type { RecordBytes } from '@ottla/protocol/records/batch-builder.ts'
import { partitionForKey } from '@ottla/protocol/records/murmur2.ts'

export interface PartitionView {
  readonly partitionCount: number
  /** True where a batch is being filled. */
  hasOpenBatch(partition: number): boolean
  hasLeader(partition: number): boolean
}

export class Partitioner {
  readonly #random: Random
  /** Where records without a key go; −1: still to be chosen. */
  #sticky = -1
  /** The sticky partition had a batch since it was chosen. */
  #isUsed = false

  constructor(random: Random) {
    this.#random = random
  }

  partitionOf(key: RecordBytes | null, view: PartitionView): number {
    if (key !== null) return partitionForKey(typeof key === 'string' ? Buffer.from(key) : key, view.partitionCount)
    const hasLeft = this.#isUsed && !view.hasOpenBatch(this.#sticky)
    if (this.#sticky < 0 || hasLeft) this.#choose(view)
    return this.#sticky
  }

  batchBegun(partition: number): void {
    if (partition === this.#sticky) this.#isUsed = true
  }

  /** The next record without a key goes elsewhere. */
  batchFull(partition: number): void {
    if (partition === this.#sticky) this.#sticky = -1
  }

  /** Any but the last one at random, those without a leader only where none has one. */
  #choose(view: PartitionView): void {
    const all = Array.from({ length: view.partitionCount }, (_, partition) => partition)
    const others = all.filter((partition) => partition !== this.#sticky)
    const led = others.filter((partition) => view.hasLeader(partition))
    const choice = led.length > 0 ? led : others.length > 0 ? others : all
    this.#sticky = choice[this.#random.below(choice.length)]!
    this.#isUsed = false
  }
}
