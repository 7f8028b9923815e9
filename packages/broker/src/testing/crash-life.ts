/**
 * For crash tests: one life of a broker, from its start to the crash of its machine, the end of its process or its
 * orderly stop, and the ground that lives share: the disk and the metadata. Everything else is new in each life, so that nothing of a broker
 * that has crashed can go on.
 */
import assert from 'node:assert/strict'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { Broker } from '../broker.ts'
import { memoryContent } from '../metadata/memory-store.ts'
import { CrashConnection } from './crash-connection.ts'
import { type Lie, MortalDisk } from './mortal-disk.ts'
import { MortalStore } from './mortal-store.ts'

const PORT = 9092
const BROKER_HOST = 'broker'
const CHECKPOINT_INTERVAL_MS = 40
const SYNC_MS_MAX = 5
/** Of the fakes' time: whatever takes longer hangs. */
const WAIT_MS_MAX = 60_000
const WALL_MS = 1_700_000_000_000

/** The machine has stopped in the middle of what the test was doing. */
export class LifeEnded extends Error {
  override readonly name = 'LifeEnded'
}

/** What survives. */
export class CrashGround {
  readonly random: Random
  readonly disk: MemoryDisk
  readonly content = memoryContent()
  readonly logDirectories: readonly string[]
  readonly lie: Lie | null
  /** The time of the current life. */
  time = new FakeTime({ wallMs: WALL_MS })

  constructor(seed: string, options: { lie: Lie | null }) {
    this.random = seededRandom(`ground ${seed}`)
    this.lie = options.lie
    this.logDirectories = this.random.below(2) === 0 ? ['/data'] : ['/disks/1', '/disks/2']
    const delays = seededRandom(`syncs ${seed}`)
    const syncDelay = { timers: this.#timers(), delayMs: () => delays.below(SYNC_MS_MAX + 1) }
    const clock = { wallMs: () => this.time.wallMs(), monotonicMs: () => this.time.monotonicMs() }
    this.disk = new MemoryDisk({ random: seededRandom(`disk ${seed}`), syncDelay, clock })
  }

  #timers(): Timers {
    return {
      after: (delayMs, callback) => this.time.after(delayMs, callback),
      endOfTurn: (callback) => this.time.endOfTurn(callback),
      soon: (callback) => this.time.soon(callback),
      sleep: (delayMs, options) => this.time.sleep(delayMs, options),
    }
  }
}

export class Life {
  readonly time: FakeTime
  readonly logger = new MemoryLogger()
  readonly #ground: CrashGround
  readonly #network: MemoryNetwork
  readonly #disk: MortalDisk
  readonly #store: MortalStore
  readonly #connections: CrashConnection[] = []
  #broker: Broker | null = null

  private constructor(ground: CrashGround) {
    this.#ground = ground
    ground.time = new FakeTime({ wallMs: ground.time.wallMs() })
    this.time = ground.time
    const random = seededRandom(`life ${ground.random.float()}`)
    this.#network = new MemoryNetwork({ timers: this.time, random })
    this.#disk = new MortalDisk(ground.disk, { lie: ground.lie })
    this.#store = new MortalStore({ content: ground.content, timers: this.time, random })
  }

  /** The broker is not there yet: `start` it. */
  static begin(ground: CrashGround): Life {
    return new Life(ground)
  }

  async start(): Promise<void> {
    const { time, logger } = this
    const ports = {
      ...{ clock: time, timers: time, random: this.#ground.random, logger, disk: this.#disk },
      network: this.#network.join(BROKER_HOST),
      openStore: async () => this.#store,
    }
    const settings = {
      'log.dirs': this.#ground.logDirectories.join(','),
      'log.flush.offset.checkpoint.interval.ms': String(CHECKPOINT_INTERVAL_MS),
      'auto.create.topics.enable': 'false',
    }
    this.#broker = await this.until(Broker.start({ storage: 'memory', port: PORT, settings, ports }))
    this.#broker.failed.catch((error) => this.logger.error('The broker has failed', { error }))
  }

  get hasCrashed(): boolean {
    try {
      this.#ground.disk.exists('/')
      return false
    } catch {
      return true
    }
  }

  /** Lets time pass. Throws LifeEnded. */
  async run(forMs: number): Promise<void> {
    await this.time.run(forMs)
    if (this.hasCrashed) throw new LifeEnded()
  }

  /** What a promise comes to, with time going on. Throws LifeEnded. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    await this.time.settle()
    for (let waitedMs = 0; !isSettled && !this.hasCrashed; waitedMs++) {
      assert.ok(waitedMs < WAIT_MS_MAX, 'It ends')
      await this.time.run(1)
    }
    if (this.hasCrashed) throw new LifeEnded()
    return promise
  }

  async connect(): Promise<CrashConnection> {
    const options = { host: BROKER_HOST, port: PORT, timeoutMs: 1000 }
    const connection = new CrashConnection(await this.until(this.#network.join('client').connect(options)))
    this.#connections.push(connection)
    return connection
  }

  /** One request and its answer, on a connection of its own or a given one. Throws LifeEnded. */
  async ask<A extends AnyApi>(
    connection: CrashConnection,
    call: { api: A; version: number; request: RequestInputOf<A> },
  ): Promise<ResponseOf<A>> {
    const reply = await this.until(connection.ask(call.api, call.version, call.request))
    assert.ok(reply !== null, `${call.api.name}: the broker hung up`)
    return reply
  }

  /** An orderly stop. Throws LifeEnded when the machine crashes on the way. */
  async stop(): Promise<void> {
    const broker = this.#broker!
    await this.until(broker[Symbol.asyncDispose]())
    this.#over()
  }

  /** As kill -9: what was written is in the kernel's memory, and not yet on the disk. */
  kill(): void {
    this.#over()
  }

  /** The machine comes back; of this life nothing is left but what the disk and the metadata kept. */
  async crash(): Promise<void> {
    this.#over()
    this.#ground.disk.crash()
    await this.#disposeDead()
    this.#checkLog({ hasCrashed: true })
  }

  /** Throws where the broker has complained of anything but the crash. */
  checkLog(): void {
    this.#checkLog({ hasCrashed: false })
  }

  /** Whatever it held when its disk died, a broker can be disposed. */
  async #disposeDead(): Promise<void> {
    if (this.#broker === null) return
    let isDisposed = false
    const mark = () => {
      isDisposed = true
    }
    this.#broker[Symbol.asyncDispose]().then(mark, mark)
    for (let rounds = 0; !isDisposed && rounds < 10; rounds++) await this.time.run(1000)
    assert.ok(isDisposed, 'A broker whose disk is gone can be disposed')
  }

  #over(): void {
    this.#disk.end()
    this.#store.end()
    for (const connection of this.#connections) connection.abandon()
  }

  #checkLog({ hasCrashed }: { hasCrashed: boolean }): void {
    for (const { level, message, fields } of this.logger.lines) {
      const { error } = fields as { error?: Error }
      const isOurs = error?.name === 'AssertionError' || error instanceof TypeError || error instanceof RangeError
      assert.ok(!isOurs, `${message}: ${error?.stack}`)
      assert.ok(hasCrashed || level !== 'error', `${message}: ${error?.stack}`)
    }
  }
}
