/**
 * The Disk on the machine's file system. Owns no state besides the open files' descriptors.
 *
 * Reads and syncs in the pool use the callback forms of `node:fs`: the promise forms of Node cost about twice as much.
 */
import fs from 'node:fs'
import { dirname } from 'node:path'
import { assert } from './assert.ts'
import { deferred } from './deferred.ts'
import { lockDirectory } from './directory-lock.ts'
import { type DirectoryEntry, type DirectoryLock, type Disk, DiskError, type DiskFile, type FileStat } from './disk.ts'

export class NodeDisk implements Disk {
  open(path: string, { create = false, readOnly = false } = {}): DiskFile {
    assert(!(create && readOnly), `Cannot create "${path}" as a file that is only read`)
    const { O_CREAT, O_RDWR, O_RDONLY } = fs.constants
    const flags = readOnly ? O_RDONLY : create ? O_RDWR | O_CREAT : O_RDWR
    return attempt('open', path, () => new NodeDiskFile(path, fs.openSync(path, flags, 0o644)))
  }

  exists(path: string): boolean {
    return fs.existsSync(path)
  }

  list(path: string): DirectoryEntry[] {
    const entries = attempt('list', path, () => fs.readdirSync(path, { withFileTypes: true }))
    return entries
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
      .sort((left, right) => (left.name < right.name ? -1 : 1))
  }

  makeDirectory(path: string): void {
    attempt('make directory', path, () => fs.mkdirSync(path, { recursive: true }))
  }

  rename(from: string, to: string): void {
    attempt('rename', from, () => fs.renameSync(from, to))
  }

  remove(path: string): void {
    attempt('remove', path, () => fs.unlinkSync(path))
  }

  removeTree(path: string): Promise<void> {
    const { promise, resolve, reject } = deferred<void>()
    fs.rm(path, { recursive: true, force: true }, (error) =>
      error === null ? resolve() : reject(diskError('remove', path, error)),
    )
    return promise
  }

  syncDirectory(path: string): void {
    attempt('sync directory', path, () => withDescriptor(path, fs.constants.O_RDONLY, (fd) => fs.fsyncSync(fd)))
  }

  async syncNames(path: string): Promise<void> {
    const fd = attempt('sync directory', path, () => fs.openSync(path, fs.constants.O_RDONLY))
    try {
      await syncMetadataOnce(fd)
    } catch (error) {
      throw diskError('sync directory', path, error)
    } finally {
      fs.closeSync(fd)
    }
  }

  readFile(path: string): Buffer {
    return attempt('read', path, () => fs.readFileSync(path))
  }

  replaceFile(path: string, content: Uint8Array): void {
    const temporary = `${path}.tmp`
    const { O_RDWR, O_CREAT, O_TRUNC } = fs.constants
    try {
      attempt('write', temporary, () =>
        withDescriptor(temporary, O_RDWR | O_CREAT | O_TRUNC, (fd) => {
          writeAll(fd, content, 0)
          fs.fdatasyncSync(fd)
        }),
      )
    } catch (error) {
      // After a failed sync the kernel may take the file's lost pages for clean: the next attempt gets a file of its own.
      fs.rmSync(temporary, { force: true })
      throw error
    }
    this.rename(temporary, path)
    this.syncDirectory(dirname(path))
  }

  stat(path: string): FileStat | null {
    const stats = attempt('stat', path, () => fs.statSync(path, { throwIfNoEntry: false, bigint: true }))
    if (stats === undefined) return null
    return { size: Number(stats.size), modifiedMs: Number(stats.mtimeMs), modifiedNs: stats.mtimeNs }
  }

  space(path: string): { totalBytes: number; usableBytes: number } {
    const { blocks, bavail, bsize } = attempt('measure', path, () => fs.statfsSync(path))
    return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
  }

  lockDirectory(path: string): DirectoryLock {
    return lockDirectory(path)
  }
}

class NodeDiskFile implements DiskFile {
  readonly path: string
  #fd: number | null
  #inFlight = 0

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  size(): number {
    return attempt('stat', this.path, () => fs.fstatSync(this.#descriptor()).size)
  }

  write(bytes: Uint8Array, position: number): void {
    const fd = this.#descriptor()
    try {
      writeAll(fd, bytes, position)
    } catch (error) {
      throw diskError('write', this.path, error)
    }
  }

  readSync(into: Uint8Array, position: number): number {
    const fd = this.#descriptor()
    try {
      return readAll(fd, into, position)
    } catch (error) {
      throw diskError('read', this.path, error)
    }
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const fd = this.#descriptor()
    this.#inFlight++
    try {
      let done = 0
      while (done < into.length) {
        const count = await readOnce(fd, into.subarray(done), position + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (error) {
      throw diskError('read', this.path, error)
    } finally {
      this.#inFlight--
    }
  }

  async sync(): Promise<void> {
    const fd = this.#descriptor()
    this.#inFlight++
    try {
      await syncOnce(fd)
    } catch (error) {
      throw diskError('sync', this.path, error)
    } finally {
      this.#inFlight--
    }
  }

  syncNow(): void {
    attempt('sync', this.path, () => fs.fdatasyncSync(this.#descriptor()))
  }

  truncate(size: number): void {
    attempt('truncate', this.path, () => fs.ftruncateSync(this.#descriptor(), size))
  }

  /** A descriptor that is closed below a running read may be another file's by the time the read happens. */
  close(): void {
    if (this.#fd === null) return
    assert(this.#inFlight === 0, `Cannot close "${this.path}": ${this.#inFlight} operations are in flight`)
    const fd = this.#fd
    this.#fd = null
    attempt('close', this.path, () => fs.closeSync(fd))
  }

  #descriptor(): number {
    if (this.#fd === null) throw new DiskError(`Cannot use "${this.path}": it is closed`, 'EBADF')
    return this.#fd
  }
}

/** The kernel may take a part only, for example when the disk is nearly full: the next call then tells why. */
function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done)
}

function readAll(fd: number, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.length) {
    const count = fs.readSync(fd, into, done, into.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

function readOnce(fd: number, into: Uint8Array, position: number): Promise<number> {
  const { promise, resolve, reject } = deferred<number>()
  fs.read(fd, into, 0, into.length, position, (error, count) => (error === null ? resolve(count) : reject(error)))
  return promise
}

function syncOnce(fd: number): Promise<void> {
  const { promise, resolve, reject } = deferred<void>()
  fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))
  return promise
}

/** As for a directory: what changes there are names, which fdatasync need not care for. */
function syncMetadataOnce(fd: number): Promise<void> {
  const { promise, resolve, reject } = deferred<void>()
  fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)))
  return promise
}

function withDescriptor(path: string, flags: number, use: (fd: number) => void): void {
  const fd = fs.openSync(path, flags, 0o644)
  try {
    use(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function attempt<T>(operation: string, path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw diskError(operation, path, error)
  }
}

function diskError(operation: string, path: string, cause: unknown): unknown {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  if (cause instanceof DiskError || typeof code !== 'string') return cause
  return new DiskError(`Cannot ${operation} "${path}": ${message}`, code, { cause })
}
