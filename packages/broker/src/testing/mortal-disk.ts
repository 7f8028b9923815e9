/**
 * For crash tests: a disk as one life of a process sees it. When the life has ended nothing of that process reaches the
 * disk any more, whatever its leftover callbacks do: the next life has it alone. Also lies about syncs where it is told
 * to, which is how a test shows that it would notice.
 */
import {
  type DirectoryEntry,
  type DirectoryLock,
  type Disk,
  DiskError,
  type DiskFile,
  type FileStat,
} from '@ottla/base/disk.ts'

/** `files`: a sync of a file does nothing; `names`: a sync of a directory does nothing. */
export type Lie = 'files' | 'names'

export class MortalDisk implements Disk {
  readonly #disk: Disk
  readonly #lie: Lie | null
  readonly #locks: DirectoryLock[] = []
  readonly #openFiles = new Set<MortalFile>()
  #isOver = false

  constructor(disk: Disk, options: { lie?: Lie | null } = {}) {
    this.#disk = disk
    this.#lie = options.lie ?? null
  }

  /** The process is gone, and the kernel has dropped its locks. */
  end(): void {
    this.#isOver = true
    for (const lock of this.#locks) lock.release()
  }

  /** The disk under it, as long as the process lives. */
  get alive(): Disk {
    if (this.#isOver) throw new DiskError('Cannot use the disk: the process has ended', 'EDEAD')
    return this.#disk
  }

  get liesAboutFiles(): boolean {
    return this.#lie === 'files'
  }

  /** What a process that ends in order has closed. */
  get openFiles(): number {
    return this.#openFiles.size
  }

  open(path: string, options?: { create?: boolean; readOnly?: boolean }): DiskFile {
    const file = new MortalFile(this, this.alive.open(path, options))
    this.#openFiles.add(file)
    return file
  }

  closed(file: MortalFile): void {
    this.#openFiles.delete(file)
  }

  exists(path: string): boolean {
    return this.alive.exists(path)
  }

  list(path: string): DirectoryEntry[] {
    return this.alive.list(path)
  }

  makeDirectory(path: string): void {
    this.alive.makeDirectory(path)
  }

  rename(from: string, to: string): void {
    this.alive.rename(from, to)
  }

  remove(path: string): void {
    this.alive.remove(path)
  }

  async removeTree(path: string): Promise<void> {
    await this.alive.removeTree(path)
  }

  syncDirectory(path: string): void {
    if (this.#lie !== 'names') this.alive.syncDirectory(path)
  }

  async syncNames(path: string): Promise<void> {
    if (this.#lie !== 'names') await this.alive.syncNames(path)
  }

  readFile(path: string): Buffer {
    return this.alive.readFile(path)
  }

  replaceFile(path: string, content: Uint8Array): void {
    this.alive.replaceFile(path, content)
  }

  stat(path: string): FileStat | null {
    return this.alive.stat(path)
  }

  space(path: string): { totalBytes: number; usableBytes: number } {
    return this.alive.space(path)
  }

  lockDirectory(path: string): DirectoryLock {
    const lock = this.alive.lockDirectory(path)
    this.#locks.push(lock)
    return lock
  }
}

class MortalFile implements DiskFile {
  readonly path: string
  readonly #disk: MortalDisk
  readonly #file: DiskFile

  constructor(disk: MortalDisk, file: DiskFile) {
    this.path = file.path
    this.#disk = disk
    this.#file = file
  }

  size(): number {
    return this.#alive.size()
  }

  write(bytes: Uint8Array, position: number): void {
    this.#alive.write(bytes, position)
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#alive.readSync(into, position)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.#alive.read(into, position)
  }

  async sync(): Promise<void> {
    if (!this.#disk.liesAboutFiles) await this.#alive.sync()
  }

  syncNow(): void {
    if (!this.#disk.liesAboutFiles) this.#alive.syncNow()
  }

  truncate(size: number): void {
    this.#alive.truncate(size)
  }

  close(): void {
    this.#disk.closed(this)
    this.#file.close()
  }

  get #alive(): DiskFile {
    void this.#disk.alive
    return this.#file
  }
}
