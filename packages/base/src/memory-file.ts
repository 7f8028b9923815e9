/** A file of a MemoryDisk and the handle by which it is used. Space that no name and no handle needs is given back. */
import { assert } from './assert.ts'
import { ByteStore } from './byte-store.ts'
import { CrashableBytes } from './crashable-bytes.ts'
import { DiskError, type DiskFile } from './disk.ts'
import type { DiskGate, DiskOperation } from './disk-gate.ts'
import type { Random } from './random.ts'

export class MemoryFile {
  modifiedMs: number
  /** How often it was changed. */
  changes = 0
  readonly #gate: DiskGate
  /** The history of what was not synced is kept only where a crash may need it. */
  readonly #bytes: CrashableBytes | ByteStore
  #handles = 0
  #isNamed = true

  constructor(gate: DiskGate, random: Random | null, nowMs: number) {
    this.#gate = gate
    this.#bytes = random === null ? new ByteStore() : new CrashableBytes(random)
    this.modifiedMs = nowMs
  }

  get size(): number {
    return this.#bytes.size
  }

  read(into: Uint8Array, position: number): number {
    return this.#bytes.read(into, position)
  }

  /** Writes what there is room for; answers how many bytes that were. */
  write(bytes: Uint8Array, position: number): number {
    this.changes++
    const sizeBefore = this.size
    const growth = Math.max(0, position + bytes.length - sizeBefore)
    const granted = this.#gate.claim(growth)
    const written = Math.max(0, bytes.length - (growth - granted))
    this.#bytes.write(bytes.subarray(0, written), position)
    this.#gate.release(granted - (this.size - sizeBefore))
    return written
  }

  /** Whether there was room. */
  truncate(size: number): boolean {
    this.changes++
    const growth = size - this.size
    if (growth > 0 && growth > this.#gate.capacityBytes - this.#gate.usedBytes) return false
    if (growth > 0) this.#gate.claim(growth)
    else this.#gate.release(-growth)
    this.#bytes.truncate(size)
    return true
  }

  /** Begins a sync; call the answer when it has ended. */
  beginSync(): () => void {
    const bytes = this.#bytes
    if (!(bytes instanceof CrashableBytes)) return () => {}
    const sealed = bytes.sealForSync()
    return () => bytes.synced(sealed)
  }

  syncFailed(): void {
    if (this.#bytes instanceof CrashableBytes) this.#bytes.syncFailed()
  }

  crash(): void {
    assert(this.#bytes instanceof CrashableBytes, 'A disk without randomness cannot crash')
    this.#bytes.crash()
    this.#handles = 0
    this.#isNamed = true
  }

  opened(): void {
    this.#handles++
  }

  closed(): void {
    this.#handles--
    this.#freeUnused()
  }

  unnamed(): void {
    this.#isNamed = false
    this.#freeUnused()
  }

  #freeUnused(): void {
    if (!this.#isNamed && this.#handles === 0) this.#gate.release(this.size)
  }
}

export interface MemoryFileOptions {
  readonly path: string
  readonly gate: DiskGate
  readonly readOnly: boolean
  readonly nowMs: () => number
}

export class MemoryFileHandle implements DiskFile {
  readonly path: string
  readonly #file: MemoryFile
  readonly #options: MemoryFileOptions
  readonly #life: number
  #isOpen = true

  constructor(file: MemoryFile, options: MemoryFileOptions) {
    this.path = options.path
    this.#file = file
    this.#options = options
    this.#life = options.gate.life
    file.opened()
  }

  size(): number {
    return this.#perform('stat', () => this.#file.size)
  }

  write(bytes: Uint8Array, position: number): void {
    this.#refuseReadOnly('write')
    this.#perform('write', () => {
      const written = this.#file.write(bytes, position)
      this.#file.modifiedMs = this.#options.nowMs()
      if (written < bytes.length) throw this.#full('write')
    })
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#perform('read', () => this.#file.read(into, position))
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position)
  }

  async sync(): Promise<void> {
    try {
      await this.#perform('sync', () => this.#options.gate.endSync(this.#file.beginSync()))
    } catch (error) {
      this.#syncFailed()
      throw error
    }
  }

  syncNow(): void {
    try {
      this.#perform('sync', () => this.#file.beginSync()())
    } catch (error) {
      this.#syncFailed()
      throw error
    }
  }

  truncate(size: number): void {
    this.#refuseReadOnly('truncate')
    this.#perform('truncate', () => {
      if (!this.#file.truncate(size)) throw this.#full('truncate')
      this.#file.modifiedMs = this.#options.nowMs()
    })
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    // A handle of an earlier life holds nothing any more.
    if (this.#life === this.#options.gate.life) this.#file.closed()
  }

  #perform<T>(operation: DiskOperation, run: () => T): T {
    const { gate } = this.#options
    if (!this.#isOpen) throw new DiskError(`Cannot ${operation} "${this.path}": it is closed`, 'EBADF')
    if (this.#life !== gate.life) {
      throw new DiskError(`Cannot ${operation} "${this.path}": it was opened before the crash`, 'ESTALE')
    }
    return gate.perform(operation, this.path, run)
  }

  /** A stale handle says nothing about the file that came back from the crash. */
  #syncFailed(): void {
    if (this.#isOpen && this.#life === this.#options.gate.life) this.#file.syncFailed()
  }

  #refuseReadOnly(operation: DiskOperation): void {
    if (this.#options.readOnly) {
      throw new DiskError(`Cannot ${operation} "${this.path}": it was opened for reading only`, 'EBADF')
    }
  }

  #full(operation: DiskOperation): DiskError {
    return new DiskError(`Cannot ${operation} "${this.path}": no space left on device`, 'ENOSPC')
  }
}
