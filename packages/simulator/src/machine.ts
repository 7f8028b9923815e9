/** One broker's machine: what survives its process (the disk, the clock), and the process while there is one. */
import type { Clock } from '@ottla/base/clock.ts'
import type { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { seededRandom } from '@ottla/base/random.ts'
import type { Broker } from '@ottla/broker/broker.ts'
import type { MetadataStore } from '@ottla/broker/metadata/store.ts'
import { type Lie, MortalDisk } from '@ottla/broker/testing/mortal-disk.ts'
import { MortalTimers } from '@ottla/broker/testing/mortal-timers.ts'
import { SessionStore, type StoreTrouble } from './session-store.ts'

export const SYNC_MS_MAX = 3

/** Of Ottla; `previous` acts as the version before does, as far as the metadata store goes. */
export type Version = 'previous' | 'current'

/** One process. Nothing of it has any effect after its end. */
export interface Life {
  /** Null while it starts. */
  broker: Broker | null
  isStopping: boolean
  readonly timers: MortalTimers
  readonly disk: MortalDisk
  readonly store: SessionStore
}

export class Machine {
  readonly id: number
  readonly host: string
  readonly logger = new MemoryLogger()
  disk: MemoryDisk
  syncMsMax = SYNC_MS_MAX
  /** How wrong its wall clock is. */
  wallOffsetMs = 0
  /** Of its next processes. */
  version: Version
  lives = 0
  life: Life | null = null
  readonly #time: FakeTime
  readonly #seed: number | string
  #disks = 0

  constructor(id: number, options: { time: FakeTime; seed: number | string; version: Version }) {
    this.id = id
    this.host = `broker-${id}`
    this.#time = options.time
    this.#seed = options.seed
    this.version = options.version
    this.disk = this.#newDisk()
  }

  begin(options: { store: MetadataStore; trouble: StoreTrouble; lie?: Lie }): Life {
    const { store, trouble, lie } = options
    this.lives++
    this.life = {
      broker: null,
      isStopping: false,
      timers: new MortalTimers(this.#time, { wallOffsetMs: () => this.wallOffsetMs }),
      disk: new MortalDisk(this.disk, lie === undefined ? {} : { lie }),
      store: new SessionStore({ store, timers: this.#time, trouble }),
    }
    return this.life
  }

  endLife(): void {
    const { timers, disk, store } = this.life!
    this.life = null
    timers.end()
    disk.end()
    store.goOn()
    store.end()
  }

  replaceDisk(): void {
    this.disk = this.#newDisk()
  }

  #newDisk(): MemoryDisk {
    const name = `${this.id}, ${++this.#disks} of ${this.#seed}`
    const delays = seededRandom(`syncs ${name}`)
    const syncDelay = { timers: this.#time, delayMs: () => delays.below(this.syncMsMax + 1) }
    const clock: Clock = {
      wallMs: () => this.#time.wallMs() + this.wallOffsetMs,
      monotonicMs: () => this.#time.monotonicMs(),
    }
    return new MemoryDisk({ random: seededRandom(`disk ${name}`), syncDelay, clock })
  }
}
