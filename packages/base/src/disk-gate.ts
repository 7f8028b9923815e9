/**
 * Every operation of a MemoryDisk passes here: owns the injected faults, the count of operations, the crash point, the
 * syncs that wait, and the space. Knows no names and no bytes.
 */
import { assert } from './assert.ts'
import { type Deferred, deferred } from './deferred.ts'
import { DiskError } from './disk.ts'
import type { Random } from './random.ts'
import type { Timers } from './timers.ts'

/** The first group changes what a crash leaves, so it is counted and refused by a read-only disk; the second does not. */
const CHANGING = ['create', 'write', 'truncate', 'sync', 'rename', 'remove', 'makeDirectory', 'syncDirectory'] as const
const OBSERVING = ['open', 'read', 'list', 'stat', 'lock'] as const

export type DiskOperation = (typeof CHANGING)[number] | (typeof OBSERVING)[number]

export interface DiskFault {
  readonly operation: DiskOperation
  /** Every path where absent. */
  readonly path?: string
  readonly code: string
}

/** The machine has stopped: what the test asked for by `crashAtOperation`. Nothing works until `crash()`. */
export class CrashError extends DiskError {
  constructor(operation: DiskOperation, path: string) {
    super(`Cannot ${operation} "${path}": the machine has crashed`, 'ECRASHED')
    this.name = 'CrashError'
  }
}

export interface SyncDelay {
  readonly timers: Timers
  readonly delayMs: () => number
}

interface WaitingSync {
  readonly done: () => void
  readonly settled: Deferred<void>
}

export class DiskGate {
  readOnly = false
  capacityBytes: number
  usedBytes = 0
  /** Grows with each crash: whatever was opened in an earlier life is stale. */
  life = 0
  /** Operations that change something, since the disk was made. */
  operations = 0
  readonly #random: Random | null
  readonly #syncDelay: SyncDelay | null
  readonly #faults: DiskFault[] = []
  readonly #waitingSyncs = new Set<WaitingSync>()
  #crashAt = Infinity
  #crashed = false
  #syncsHeld = false

  constructor(options: { random: Random | null; capacityBytes: number; syncDelay: SyncDelay | null }) {
    this.#random = options.random
    this.#syncDelay = options.syncDelay
    this.capacityBytes = options.capacityBytes
  }

  failNext(fault: DiskFault): void {
    this.#faults.push(fault)
  }

  /** Of those that were asked for, whatever has not failed yet will not. */
  forgetFaults(): void {
    this.#faults.length = 0
  }

  crashAtOperation(operation: number): void {
    assert(this.#random !== null, 'A disk without randomness cannot crash')
    assert(operation > this.operations, `Operation ${operation} is over: ${this.operations} were done`)
    this.#crashAt = operation
  }

  /** Runs one operation, unless a fault or the crash comes first. */
  perform<T>(operation: DiskOperation, path: string, run: () => T): T {
    if (this.#crashed) throw new CrashError(operation, path)
    this.#throwFault(operation, path)
    if (!isChanging(operation)) return run()
    if (this.readOnly) throw new DiskError(`Cannot ${operation} "${path}": the disk is read-only`, 'EROFS')
    this.operations++
    if (this.operations === this.#crashAt) this.#crashDuring(operation, path, run)
    return run()
  }

  /** How many of these bytes there is still room for, now taken. */
  claim(bytes: number): number {
    const granted = Math.max(0, Math.min(bytes, this.capacityBytes - this.usedBytes))
    this.usedBytes += granted
    return granted
  }

  release(bytes: number): void {
    this.usedBytes -= bytes
  }

  /** Calls `done` when the sync has ended: at once, after the delay, or when syncs are let go. */
  endSync(done: () => void): Promise<void> {
    if (!this.#syncsHeld && this.#syncDelay === null) {
      done()
      return Promise.resolve()
    }
    const waiting = { done, settled: deferred<void>() }
    // The sync in which the machine crashes has no caller that could hear of its end.
    waiting.settled.promise.catch(() => {})
    this.#waitingSyncs.add(waiting)
    if (!this.#syncsHeld) this.#syncDelay?.timers.after(this.#syncDelay.delayMs(), () => this.#finishSync(waiting))
    return waiting.settled.promise
  }

  get waitingSyncs(): number {
    return this.#waitingSyncs.size
  }

  holdSyncs(): void {
    this.#syncsHeld = true
  }

  releaseSyncs(): void {
    this.#syncsHeld = false
    for (const waiting of [...this.#waitingSyncs]) this.#finishSync(waiting)
  }

  /** A new life begins. Syncs that were under way never ended: their promises are rejected, so that nothing hangs. */
  restart(): void {
    this.life++
    this.#crashed = false
    this.#crashAt = Infinity
    this.#syncsHeld = false
    this.forgetFaults()
    const lost = [...this.#waitingSyncs]
    this.#waitingSyncs.clear()
    for (const { settled } of lost) settled.reject(new DiskError('Cannot sync: the machine has crashed', 'ESTALE'))
  }

  #finishSync(waiting: WaitingSync): void {
    if (this.#crashed || !this.#waitingSyncs.delete(waiting)) return
    waiting.done()
    waiting.settled.resolve()
  }

  #throwFault(operation: DiskOperation, path: string): void {
    const index = this.#faults.findIndex((fault) => fault.operation === operation && (fault.path ?? path) === path)
    if (index < 0) return
    const [fault] = this.#faults.splice(index, 1)
    throw new DiskError(`Cannot ${operation} "${path}": injected ${fault!.code}`, fault!.code)
  }

  /** The caller never learns whether the operation has happened. */
  #crashDuring(operation: DiskOperation, path: string, run: () => unknown): never {
    if (this.#random?.below(2) === 0) run()
    this.#crashed = true
    throw new CrashError(operation, path)
  }
}

function isChanging(operation: DiskOperation): boolean {
  return (CHANGING as readonly string[]).includes(operation)
}
