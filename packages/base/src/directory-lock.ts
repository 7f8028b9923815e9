/**
 * Locks a directory for one process, by a lock that the kernel drops with its holder. Node has no call for that, but
 * the SQLite inside Node has: an exclusive transaction on `<directory>/.lock`, taken as an empty database, is a POSIX
 * record lock, and as nothing is ever written the file stays empty. Kafka's own lock on `.lock` covers the whole file,
 * so the two exclude each other: Ottla and Kafka cannot run on one directory.
 *
 * 1. A record lock belongs to the process: nobody in it may open and close `.lock` by other means, as that would drop
 *    the lock. SQLite itself knows its open files and refuses a second holder in the same process.
 * 2. `journal_mode = MEMORY` comes first: otherwise a `.lock-journal` would appear beside the file.
 */
import { join } from 'node:path'
import { type DirectoryLock, DiskError } from './disk.ts'

/** SQLite's own code for a lock that another has. */
const SQLITE_BUSY = 5

export function lockDirectory(path: string): DirectoryLock {
  const lockPath = join(path, '.lock')
  // Loaded here because most programs that use `base` lock nothing, and SQLite costs them milliseconds.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  try {
    const database = new DatabaseSync(lockPath, { timeout: 0 })
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    } catch (error) {
      database.close()
      throw error
    }
    return { release: () => void (database.isOpen && database.close()) }
  } catch (error) {
    throw lockError(path, error)
  }
}

function lockError(path: string, cause: unknown): DiskError {
  const { errcode, message } = cause as { errcode?: number; message?: string }
  if (errcode !== SQLITE_BUSY) return new DiskError(`Cannot lock "${path}": ${message}`, 'EIO', { cause })
  return new DiskError(`Cannot lock "${path}": another broker, or Kafka, is using it`, 'ELOCKED', { cause })
}
