/**
 * The port to the metadata store: a small consistent key-value store with revisions, watches and leases. Implemented by
 * `sqlite-store.ts` (a broker alone), `etcd-store.ts` (a cluster) and `memory-store.ts` (embedded brokers, tests, the
 * simulator); `store-contract.ts` is what all of them promise.
 *
 * Rules for callers (ARCHITECTURE.md, decision 6):
 * - A lease only signals death. Authority is a revision in every compare.
 * - `unknown` means that the commit may have happened, may not, or may yet: read before the next write, and compare.
 * - A watch may end with `compacted` at any time: read everything again.
 * - Who may have been stopped for a while (SIGSTOP, a closed lid) asks `lease.isLive()` before it acts on a lease.
 * - `StoreUnavailable` passes; `StoreBroken` does not.
 */
import { assert } from '@ottla/base/assert.ts'

export interface MetadataStore extends AsyncDisposable {
  /**
   * All entries whose keys start with the prefix, in order of keys, as of one revision that is not older than anything
   * that was committed before the call, by anybody. Rejects with StoreUnavailable.
   */
  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot>
  /** All or nothing, as one new revision. Durable once it resolves with `committed`. */
  commit(request: CommitRequest): Promise<CommitOutcome>
  /**
   * Each revision after `after` that this store's keys have, whole and in order, none left out; waits for more at the
   * end, also while the store does not answer. Ends after `compacted` when the history no longer reaches back to
   * `after`, when the signal aborts, and when the store is disposed. Throws StoreBroken.
   */
  watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent>
  /**
   * A sign of life that ends when it is released, when the store has not heard from this process for `ttlMs`, or when
   * the store is disposed. Keys that were put with it are removed, as one revision, when it ends. Rejects with
   * StoreUnavailable.
   */
  lease(ttlMs: number): Promise<Lease>
  /**
   * Nobody needs revisions before this one any more. Stores that bound their history themselves do nothing; never
   * rejects for a store that does not answer.
   */
  compact(before: number): Promise<void>
}

/** The store does not answer, or refuses for now; nothing was changed. The message names who was asked and why not. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** What the store holds or answers cannot be worked with: the broker must stop. The message says what to do. */
export class StoreBroken extends Error {
  override readonly name = 'StoreBroken'
}

export interface StoreEntry {
  readonly key: string
  readonly value: string
  /** The revision of the commit that put it last. */
  readonly revision: number
}

export interface Snapshot {
  /** The store's latest revision when it was read; at least that of each entry. */
  readonly revision: number
  readonly entries: readonly StoreEntry[]
}

/** One key's new value, or null when it was removed. */
export interface Change {
  readonly key: string
  readonly value: string | null
  readonly revision: number
}

export type WatchEvent =
  | { readonly type: 'revision'; readonly revision: number; readonly changes: readonly Change[] }
  | { readonly type: 'compacted' }

export interface ChangeSet {
  /** Each key must have exactly this revision, 0 meaning that it must not exist. */
  readonly ifRevision: readonly { readonly key: string; readonly revision: number }[]
  readonly puts: readonly { readonly key: string; readonly value: string }[]
  /** Removing what is not there is no error. */
  readonly deletes: readonly string[]
}

export interface CommitRequest extends ChangeSet {
  /** Ties what is put to the lease. A lease that has ended makes the commit a conflict. */
  readonly lease?: Lease
}

export type CommitOutcome =
  | { readonly type: 'committed'; readonly revision: number }
  | { readonly type: 'conflict' }
  | { readonly type: 'unknown' }

export interface Lease extends AsyncDisposable {
  /** Unique among all leases that this store has ever granted. */
  readonly epoch: number
  /** Aborts when the lease has ended or may have ended elsewhere, also by `release`. */
  readonly lost: AbortSignal
  /**
   * Whether it cannot have ended elsewhere, by the clock at this moment; `lost` has aborted when not. A process that
   * goes on after a pause may see this before its timers tell `lost`.
   */
  isLive(): boolean
  /** Idempotent. */
  release(): Promise<void>
}

/** A watch that is further behind must read everything again. */
export const HISTORY_REVISIONS_MAX = 1000

/** etcd's default limits, kept by every store so that what works alone works in a cluster. */
export const COMMIT_OPERATIONS_MAX = 128
/** A third below etcd's 1.5 MiB, which counts its own framing too. */
export const COMMIT_BYTES_MAX = 1024 * 1024

/** Keys from here on, in the order of bytes, are the store's own. */
export const KEY_END = '~'

/** What no store takes, being a bug of the caller. */
export function assertCommittable(request: CommitRequest): void {
  assert(changeSetOperations(request) <= COMMIT_OPERATIONS_MAX, 'A commit has too many operations')
  assert(changeSetBytes(request) <= COMMIT_BYTES_MAX, 'A commit has too many bytes')
  const written = [...request.puts.map(({ key }) => key), ...request.deletes]
  assert(new Set(written).size === written.length, 'A commit writes a key twice')
  assert(
    written.every((key) => key !== '' && key < KEY_END),
    `A commit writes a key that is empty or not before "${KEY_END}"`,
  )
}

/** The bytes that count towards COMMIT_BYTES_MAX. */
export function changeSetBytes(changes: ChangeSet): number {
  let bytes = 0
  for (const { key } of changes.ifRevision) bytes += key.length
  for (const { key, value } of changes.puts) bytes += key.length + Buffer.byteLength(value)
  for (const key of changes.deletes) bytes += key.length
  return bytes
}

/** Two places are the store's: one compares the lease, one puts a mark where nothing else is put. */
export function changeSetOperations(changes: ChangeSet & { readonly lease?: Lease }): number {
  const { ifRevision, puts, deletes, lease } = changes
  const compares = ifRevision.length + (lease === undefined ? 0 : 1)
  return Math.max(compares, Math.max(1, puts.length) + deletes.length)
}
