/** What every kind of client work in a seed run offers, and the words in which it tells what it saw. */

import type { ConsumerRecord } from '@ottla/client/consumer/fetched-batch.ts'

export interface Workload extends AsyncDisposable {
  /** Everything has healed: nothing new is begun, what was begun comes to its end. */
  calmDown(): void
  /** What is not yet as it should be in the end; null at rest. Time goes on between two calls. */
  unrest(): string | null
  /** Called when all clients and brokers have stopped. Answers what was not kept, in words. */
  check(logs: FinalLogs): string[]
}

export interface Place {
  readonly topic: string
  readonly partition: number
}

export interface Seen {
  readonly offset: number
  /** Each record's own: no two are sent alike. A tombstone has it in its header. */
  readonly value: string
  /** Absent where the record has none. */
  readonly key?: string
}

export function seenOf({ offset, key, value, headers }: ConsumerRecord): Seen {
  const own = value ?? headers.find((header) => header.key === OWN_HEADER)?.value ?? null
  return { offset, value: String(own), ...(key === null ? {} : { key: String(key) }) }
}

/** Of tombstones: what tells them apart. */
export const OWN_HEADER = 'own'

/** What is left of a partition. */
export interface FinalLog extends Place {
  readonly records: readonly Seen[]
}

export type FinalLogs = (place: Place) => FinalLog

export function nameOf({ topic, partition }: Place): string {
  return `${topic}-${partition}`
}

export function isAt(place: Place): (other: Place) => boolean {
  return ({ topic, partition }) => topic === place.topic && partition === place.partition
}
