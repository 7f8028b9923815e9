/** Owns what a read hands out: bytes that stay as they are until they are given back. */

/** Whole batches, in order. The parts belong to the reader until it calls `release`, once. */
export interface ReadLease {
  readonly parts: readonly Buffer[]
  readonly bytes: number
  release(): void
}

/** Nothing to read: shared by all, holds nothing. */
export const EMPTY_LEASE: ReadLease = Object.freeze({ parts: Object.freeze([]), bytes: 0, release: () => {} })
