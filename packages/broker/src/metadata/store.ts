/**
 * The port to the metadata store: a small consistent key-value store with revisions, watches and leases. Implemented by
 * `sqlite-store.ts` (a broker alone) and `memory-store.ts` (embedded brokers, tests, the simulator); `store-contract.ts`
 * is what all of them promise.
 *
 * Rules for callers (ARCHITECTURE.md, decision 6):
 * - A lease only signals death. Authority is a revision in every compare.
 * - `unknown` means that the commit may have happened, may not, or may yet: read before the next write, and compare.
 * - A watch may end with `compacted` at any time: read everything again.
 */
export interface MetadataStore extends AsyncDisposable {
  /** All entries whose keys start with the prefix, in order of keys, as of one revision. */
  read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot>
  /** All or nothing, as one new revision. Durable once it resolves with `committed`. */
  commit(request: CommitRequest): Promise<CommitOutcome>
  /**
   * Each revision after `after`, whole and in order, none left out; waits for more at the end. Ends after `compacted`
   * when the history no longer reaches back to `after`, when the signal aborts, and when the store is disposed.
   */
  watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent>
  /**
   * A sign of life that ends when it is released, when the store has not heard from this process for `ttlMs`, or when
   * the store is disposed. Keys that were put with it are removed, as one revision, when it ends.
   */
  lease(ttlMs: number): Promise<Lease>
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
  /** Idempotent. */
  release(): Promise<void>
}

/** etcd's default limits, kept by every store so that what works alone works in a cluster. */
export const COMMIT_OPERATIONS_MAX = 128
/** A third below etcd's 1.5 MiB, which counts its own framing too. */
export const COMMIT_BYTES_MAX = 1024 * 1024

/** The bytes that count towards COMMIT_BYTES_MAX. */
export function changeSetBytes(changes: ChangeSet): number {
  let bytes = 0
  for (const { key } of changes.ifRevision) bytes += key.length
  for (const { key, value } of changes.puts) bytes += key.length + Buffer.byteLength(value)
  for (const key of changes.deletes) bytes += key.length
  return bytes
}

export function changeSetOperations(changes: ChangeSet): number {
  return Math.max(changes.ifRevision.length, changes.puts.length + changes.deletes.length)
}
