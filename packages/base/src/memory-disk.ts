/**
 * A Disk in memory, for brokers that keep nothing and for tests.
 *
 * Made with `random` it models what a real disk may do at a crash (disk.ts): `crash()` loses, keeps, reorders or tears
 * what was not synced, sector by sector and name by name, chosen by the random numbers; it forgets locks and makes open
 * files stale: each of their operations, and each sync that was under way, fails with ESTALE. Faults are injected with
 * `failNext`, `readOnly`, `capacityBytes` and `holdSyncs`; `crashAtOperation` stops the machine at an exact point.
 *
 * Made without `random` it keeps no history of changes and cannot crash.
 */
import { dirname } from 'node:path'
import { assert } from './assert.ts'
import { type Clock, systemClock } from './clock.ts'
import { type DirectoryEntry, type DirectoryLock, type Disk, DiskError, type DiskFile, type FileStat } from './disk.ts'
import { type DiskFault, DiskGate, type SyncDelay } from './disk-gate.ts'
import { MemoryFile, MemoryFileHandle } from './memory-file.ts'
import { MemoryNames, missing, NameDirectory } from './memory-names.ts'
import type { Random } from './random.ts'

export interface MemoryDiskOptions {
  readonly random?: Random
  readonly capacityBytes?: number
  /** Syncs take this long; they end at once where absent. */
  readonly syncDelay?: SyncDelay
  readonly clock?: Clock
}

export class MemoryDisk implements Disk {
  readonly #random: Random | null
  readonly #gate: DiskGate
  readonly #names: MemoryNames<MemoryFile>
  readonly #clock: Clock
  readonly #locks = new Map<string, DirectoryLock>()

  constructor(options: MemoryDiskOptions = {}) {
    const { random = null, capacityBytes = Number.MAX_SAFE_INTEGER, syncDelay = null } = options
    this.#random = random
    this.#clock = options.clock ?? systemClock
    this.#gate = new DiskGate({ random, capacityBytes, syncDelay })
    this.#names = new MemoryNames(random, () => this.#clock.wallMs())
  }

  open(path: string, { create = false, readOnly = false } = {}): DiskFile {
    assert(!(create && readOnly), `Cannot create "${path}" as a file that is only read`)
    const known = this.#gate.perform('open', path, () => this.#names.findFile(path, 'open'))
    if (known === undefined && !create) throw missing('open', path)
    const file = known ?? this.#gate.perform('create', path, () => this.#create(path))
    return new MemoryFileHandle(file, { path, gate: this.#gate, readOnly, nowMs: () => this.#clock.wallMs() })
  }

  exists(path: string): boolean {
    return this.#gate.perform('stat', path, () => this.#names.find(path) !== undefined)
  }

  list(path: string): DirectoryEntry[] {
    const { entries } = this.#gate.perform('list', path, () => this.#names.directory(path, 'list'))
    return [...entries]
      .map(([name, node]) => ({ name, isDirectory: node instanceof NameDirectory }))
      .sort((left, right) => (left.name < right.name ? -1 : 1))
  }

  makeDirectory(path: string): void {
    if (this.exists(path) && this.#names.find(path) instanceof NameDirectory) return
    this.#gate.perform('makeDirectory', path, () => this.#names.makeDirectory(path))
  }

  rename(from: string, to: string): void {
    this.#gate.perform('rename', from, () => this.#names.rename(from, to)?.unnamed())
  }

  remove(path: string): void {
    this.#names.findFile(path, 'remove')
    this.#removeName(path)
  }

  async removeTree(path: string): Promise<void> {
    const node = this.#names.find(path)
    if (node === undefined) return
    const names = node instanceof NameDirectory ? [...node.entries.keys()] : []
    for (const name of names) await this.removeTree(`${path}/${name}`)
    this.#removeName(path)
  }

  syncDirectory(path: string): void {
    this.#gate.perform('syncDirectory', path, () => this.#names.syncDirectory(path))
  }

  async syncNames(path: string): Promise<void> {
    this.syncDirectory(path)
  }

  readFile(path: string): Buffer {
    return this.#gate.perform('read', path, () => {
      const file = this.#names.findFile(path, 'read')
      if (file === undefined) throw missing('read', path)
      const content = Buffer.alloc(file.size)
      file.read(content, 0)
      return content
    })
  }

  replaceFile(path: string, content: Uint8Array): void {
    const temporary = this.open(`${path}.tmp`, { create: true })
    try {
      temporary.truncate(0)
      temporary.write(content, 0)
      temporary.syncNow()
    } catch (error) {
      // After a failed sync the file is worth nothing: the next attempt gets one of its own.
      temporary.close()
      this.#tryRemove(temporary.path)
      throw error
    }
    temporary.close()
    this.rename(temporary.path, path)
    this.syncDirectory(dirname(path))
  }

  stat(path: string): FileStat | null {
    const node = this.#gate.perform('stat', path, () => this.#names.find(path))
    if (node === undefined) return null
    const { modifiedMs, changes } = node
    // Time may stand still in a test, and every change has to be told from the one before it.
    const modifiedNs = BigInt(Math.floor(modifiedMs)) * 1_000_000n + BigInt(changes)
    return { size: node instanceof NameDirectory ? 0 : node.size, modifiedMs, modifiedNs }
  }

  space(path: string): { totalBytes: number; usableBytes: number } {
    if (!this.exists(path)) throw missing('measure', path)
    const { capacityBytes, usedBytes } = this.#gate
    return { totalBytes: capacityBytes, usableBytes: Math.max(0, capacityBytes - usedBytes) }
  }

  lockDirectory(path: string): DirectoryLock {
    this.open(`${path}/.lock`, { create: true }).close()
    return this.#gate.perform('lock', path, () => {
      if (this.#locks.has(path)) throw new DiskError(`Cannot lock "${path}": another has it`, 'ELOCKED')
      const lock = { release: () => void (this.#locks.get(path) === lock && this.#locks.delete(path)) }
      this.#locks.set(path, lock)
      return lock
    })
  }

  // What follows is for tests.

  /** Stops the machine and starts it again. Everything that was opened before is stale. */
  crash(): void {
    assert(this.#random !== null, 'A disk without randomness cannot crash')
    this.#names.crash(this.#random)
    this.#locks.clear()
    let usedBytes = 0
    for (const file of this.#names.files()) {
      file.crash()
      usedBytes += file.size
    }
    this.#gate.usedBytes = usedBytes
    this.#gate.restart()
  }

  /** Makes all that is there durable, names and bytes: the ground on which a test begins. */
  syncAll(): void {
    this.#names.syncAll()
    for (const file of this.#names.files()) file.beginSync()()
  }

  /** The next operation of this kind, on this path where given, fails with the code. Several queue up. */
  failNext(fault: DiskFault): void {
    this.#gate.failNext(fault)
  }

  /** What `failNext` has asked for and has not come yet will not come. */
  forgetFaults(): void {
    this.#gate.forgetFaults()
  }

  /** Operations so far that change what a crash would leave, syncs among them. */
  get operations(): number {
    return this.#gate.operations
  }

  /**
   * The operation with this number throws CrashError, whether it has happened or not, and so does everything after it
   * until `crash()`.
   */
  crashAtOperation(operation: number): void {
    this.#gate.crashAtOperation(operation)
  }

  /** Syncs begin and do not end until `releaseSyncs`. */
  holdSyncs(): void {
    this.#gate.holdSyncs()
  }

  releaseSyncs(): void {
    this.#gate.releaseSyncs()
  }

  /** Syncs that have begun and not ended. */
  get waitingSyncs(): number {
    return this.#gate.waitingSyncs
  }

  set readOnly(readOnly: boolean) {
    this.#gate.readOnly = readOnly
  }

  set capacityBytes(capacityBytes: number) {
    this.#gate.capacityBytes = capacityBytes
  }

  #create(path: string): MemoryFile {
    const file = new MemoryFile(this.#gate, this.#random, this.#clock.wallMs())
    this.#names.addFile(path, file)
    return file
  }

  #tryRemove(path: string): void {
    try {
      this.#removeName(path)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
    }
  }

  #removeName(path: string): void {
    const node = this.#gate.perform('remove', path, () => this.#names.remove(path))
    if (node instanceof MemoryFile) node.unnamed()
  }
}
