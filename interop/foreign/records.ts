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
