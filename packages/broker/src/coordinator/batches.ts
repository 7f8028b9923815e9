/** Owns the memory in which a shard's record batches are built, one at a time. */
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import type { CoordinatorRecord } from './machine.ts'

/** No topic's `max.message.bytes` is meant to be larger; the log names its own limit below it. */
const BATCH_BYTES_MAX = 64 * 1024 * 1024
/** What is kept between batches: a large one was an exception. */
const KEPT_BYTES_MAX = 64 * 1024

export class CoordinatorBatches {
  #builder: BatchBuilder | null = null
  #codec: Codec = 'none'

  /** One batch of all records, to be used before the next is built; null where no batch can be that large. */
  build(
    records: readonly CoordinatorRecord[],
    { timestampMs, codec }: { readonly timestampMs: number; readonly codec: Codec },
  ): Buffer | null {
    const builder = this.#empty(codec)
    for (const { key, value } of records) if (!builder.append({ timestampMs, key, value })) return this.#tooLarge()
    const batch = builder.build()
    if (builder.sizeBytes > KEPT_BYTES_MAX) this.#builder = null
    return batch
  }

  #empty(codec: Codec): BatchBuilder {
    if (this.#builder === null || this.#codec !== codec) {
      this.#builder = new BatchBuilder({ bytesMax: BATCH_BYTES_MAX, codec })
      this.#codec = codec
    }
    this.#builder.reset()
    return this.#builder
  }

  #tooLarge(): null {
    this.#builder = null
    return null
  }
}
