/**
 * The port to a file system. `node-disk.ts` is the real one, `memory-disk.ts` models what a real one may do at a crash;
 * both pass `disk-contract.ts`.
 *
 * Appends and small metadata operations are synchronous: a call costs 1 to 2 µs, a hop to the thread pool 20 to 35.
 * Syncs and reads of history are asynchronous: they may take milliseconds (ARCHITECTURE.md, decision 3).
 *
 * What a crash may do to what was not synced: written bytes may be lost, kept, or torn at 512-byte sectors, in any order;
 * a created, renamed or removed name may or may not have happened until its directory was synced. What was synced stays.
 */
export interface Disk {
  /**
   * Opens a file for reading and writing. `create` makes it when it is missing; without it a missing file is a
   * DiskError with code ENOENT. `readOnly` refuses writes.
   */
  open(path: string, options?: { create?: boolean; readOnly?: boolean }): DiskFile
  exists(path: string): boolean
  /** Names in a directory, sorted, without path. ENOENT when it is missing. */
  list(path: string): DirectoryEntry[]
  /** Makes the directory and its parents; no error when it is there. */
  makeDirectory(path: string): void
  /** Replaces `to` atomically. Durable once the directory was synced. */
  rename(from: string, to: string): void
  /** Removes one file; ENOENT when it is missing. */
  remove(path: string): void
  /** Removes a directory and all it holds, in the thread pool; no error when it is missing. */
  removeTree(path: string): Promise<void>
  /** Makes names in this directory durable, blocking. */
  syncDirectory(path: string): void
  /** As `syncDirectory`, in the thread pool. Covers all changes of names made before the call. */
  syncNames(path: string): Promise<void>
  /** Whole small files: read fails with ENOENT when it is missing. */
  readFile(path: string): Buffer
  /**
   * Replaces a small file durably and atomically: writes `path.tmp`, syncs it, renames it, syncs the directory.
   * After a crash the file holds the old or the new content, never a mixture.
   */
  replaceFile(path: string, content: Uint8Array): void
  /** The size and last change of a file, or of the names in a directory; null when it is missing. */
  stat(path: string): FileStat | null
  /** Of the file system that holds the path. */
  space(path: string): { totalBytes: number; usableBytes: number }
  /**
   * Holds `path/.lock` until released. The kernel drops it with its holder, so a crash leaves nothing to clean up.
   * Throws DiskError with code ELOCKED when another holder has it, in this process or in another.
   */
  lockDirectory(path: string): DirectoryLock
}

export interface FileStat {
  /** Of a directory it means nothing. */
  readonly size: number
  readonly modifiedMs: number
  /** The same moment as exactly as the file system knows it: any change moves it. */
  readonly modifiedNs: bigint
}

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
}

export interface DirectoryLock {
  release(): void
}

export interface DiskFile {
  readonly path: string
  /** Bytes in the file now. Asks the file system, so do not call it on a hot path. */
  size(): number
  /** Writes all of `bytes` at `position`, or throws DiskError (ENOSPC, EIO …) having written any prefix of it. */
  write(bytes: Uint8Array, position: number): void
  /** Fills `into`; answers how many bytes there were: fewer only where the file ends, 0 at or behind its end. */
  readSync(into: Uint8Array, position: number): number
  /** As `readSync`, in the thread pool. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Makes the file's bytes and size durable (fdatasync), in the thread pool. Covers all writes made before the call. */
  sync(): Promise<void>
  /** As `sync`, blocking: for start, stop and small files. */
  syncNow(): void
  truncate(size: number): void
  /** Idempotent. The caller has no read or sync in flight. */
  close(): void
}

/** A failed operation of the disk; `code` is the system's (ENOENT, ENOSPC, EIO, EMFILE …). */
export class DiskError extends Error {
  readonly code: string
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DiskError'
    this.code = code
  }
}
