/** Owns which records every foreign program sends; each program says it once more in its own language. */

export const PARTITIONS = 3
const TIMESTAMP_MS = 1_700_000_000_000
const TOMBSTONE_EVERY = 10
const TOMBSTONE_AT = 7

export interface ForeignRecord {
  readonly partition: number
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestampMs: number
  /** In this order. */
  readonly headers: Readonly<Record<'number' | 'codec', string>>
}

/** The record with this number, by its topic's codec. Every tenth is a tombstone. */
export function foreignRecord(number: number, codec: string): ForeignRecord {
  const text = `value ${number} λόγος ${'.'.repeat(number % 300)}`
  return {
    partition: number % PARTITIONS,
    key: Buffer.from(`key ${number % 7}`),
    value: number % TOMBSTONE_EVERY === TOMBSTONE_AT ? null : Buffer.from(text),
    timestampMs: TIMESTAMP_MS + number,
    headers: { number: String(number), codec },
  }
}

/** A record as it is to be found in its partition, in words. */
export interface ShownRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export function expectedRecord(number: number, codec: string): ShownRecord {
  const { partition, timestampMs: timestamp, key, value, headers } = foreignRecord(number, codec)
  return {
    ...{ offset: (number - partition) / PARTITIONS, timestamp, key: String(key) },
    ...{ value: value === null ? null : String(value), headers: Object.entries(headers) },
  }
}
