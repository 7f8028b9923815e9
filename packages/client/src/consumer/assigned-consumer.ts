/**
 * Owns reading of given partitions, without a group: where to begin and where to stop. Fetching itself is fetcher.ts's.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Client } from '../client.ts'
import { type Isolation, listOffsets, type OffsetSpec } from '../offsets.ts'
import type { ConsumerRecord, FetchedBatch } from './fetched-batch.ts'
import { Fetcher, type FetchOptions } from './fetcher.ts'
import { PartitionPosition } from './partition-position.ts'

export interface Assignment {
  readonly topic: string
  readonly partition: number
  /** The first record to read. By time: the first one as new, or the end where there is none. */
  readonly from: number | 'beginning' | 'end' | { readonly timestampMs: number }
  /** The first record not to read; for ever when left out. `end` and times are looked up once, at the start. */
  readonly until?: number | 'end' | { readonly timestampMs: number }
}

export interface AssignedConsumerOptions extends FetchOptions {
  readonly assignments: readonly Assignment[]
}

export class AssignedConsumer {
  readonly #fetcher: Fetcher
  #isIterated = false

  /** Looks up where to begin and to stop. Rejects with ProtocolError, RangeError, or when brokers stay out of reach. */
  static async open(
    client: Client,
    options: AssignedConsumerOptions,
    abort: { signal?: AbortSignal } = {},
  ): Promise<AssignedConsumer> {
    const { assignments, ...settings } = options
    const isolation = options.isolation ?? 'read_uncommitted'
    const positions = await resolvePositions(client, assignments, { isolation, ...abort })
    const fetcher = new Fetcher(client, settings)
    fetcher.add(positions)
    return new AssignedConsumer(fetcher)
  }

  private constructor(fetcher: Fetcher) {
    this.#fetcher = fetcher
  }

  /** Where each partition is being fetched, with its marks as of the last answer (−1 before the first). */
  get positions(): readonly Readonly<
    Pick<PartitionPosition, 'topic' | 'partition' | 'offset' | 'highWatermark' | 'logStartOffset'>
  >[] {
    return this.#fetcher.positions
  }

  /**
   * Batches as they come, each partition's in order; ends when every partition has reached its `until`. Rejects with
   * what cannot be overcome, or the signal's reason. The fast way to read: one promise a wait, not one a record.
   */
  async *batches(options: { signal?: AbortSignal } = {}): AsyncGenerator<FetchedBatch, void, void> {
    assert(!this.#isIterated, 'A consumer has one reader at a time')
    this.#isIterated = true
    try {
      for (;;) {
        const batch = await this.#fetcher.next({ ends: true, ...options })
        if (batch === undefined) return
        yield batch
      }
    } finally {
      this.#isIterated = false
    }
  }

  /** As `batches`, record by record. */
  async *records(options: { signal?: AbortSignal } = {}): AsyncGenerator<ConsumerRecord, void, void> {
    for await (const batch of this.batches(options)) yield* batch.records()
  }

  /** Stops fetching; the reader, if there is one, gets DisposedError. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fetcher[Symbol.asyncDispose]()
  }
}

/** Asks once for all beginnings and ends that are not plain offsets. */
async function resolvePositions(
  client: Client,
  assignments: readonly Assignment[],
  options: { isolation: Isolation; signal?: AbortSignal },
): Promise<PartitionPosition[]> {
  const names = new Set(assignments.map((assignment) => assignment.topic))
  for (const name of names) await client.metadata.find(name, { timeoutMs: 0, autoCreate: false, ...abortOf(options) })
  const resolve = async (at: (assignment: Assignment) => OffsetSpec | number | undefined): Promise<number[]> => {
    const wanted = assignments.map(at)
    const queries = assignments.flatMap(({ topic, partition }, index) => {
      const spec = wanted[index]
      return spec === undefined || typeof spec === 'number' ? [] : [{ topic, partition, at: spec }]
    })
    const found = await listOffsets(client, queries, options)
    return wanted.map((spec) =>
      spec === undefined ? Number.POSITIVE_INFINITY : typeof spec === 'number' ? spec : found.shift()!.offset,
    )
  }
  const ends = await resolve(() => 'end')
  const from = await resolve((assignment) => assignment.from)
  const until = await resolve((assignment) => assignment.until)
  // No record as new as the time that was asked for: that is the end, as it was just before.
  const orEnd = (offset: number, index: number): number => (offset < 0 ? ends[index]! : offset)
  return assignments.map(({ topic, partition }, index) => {
    return new PartitionPosition({
      topic,
      partition,
      offset: orEnd(from[index]!, index),
      untilOffset: orEnd(until[index]!, index),
    })
  })
}

function abortOf(options: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal }
}
