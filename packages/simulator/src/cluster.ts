/**
 * A whole cluster in one process, from one seed: brokers that run the production code, each on a machine of its own
 * with a disk, time, a place in one network and one metadata store. Machines crash, come back and are cut off; nothing
 * of a process that has died goes on.
 */
import { assert } from '@ottla/base/assert.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Broker } from '@ottla/broker/broker.ts'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import type { MetadataImage } from '@ottla/broker/metadata/image.ts'
import { MemoryStore, memoryContent } from '@ottla/broker/metadata/memory-store.ts'
import { MortalDisk } from '@ottla/broker/testing/mortal-disk.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { MortalTimers } from './mortal-timers.ts'
import { SessionStore } from './session-store.ts'

export interface ClusterOptions {
  readonly seed: string | number
  readonly brokers?: number
  readonly settings?: { readonly [name: string]: string }
}

const PORT = 9092
const SYNC_MS_MAX = 3
/** Of the simulated time: whatever takes longer hangs. */
const WAIT_MS_MAX = 120_000
const STEP_MS = 5

interface Life {
  readonly broker: Broker
  readonly timers: MortalTimers
  readonly disk: MortalDisk
  readonly store: SessionStore
}

/** What survives a broker's process. */
interface Machine {
  readonly id: number
  readonly host: string
  readonly disk: MemoryDisk
  readonly logger: MemoryLogger
  lives: number
  life: Life | null
}

export class SimulatedCluster implements AsyncDisposable {
  readonly time = new FakeTime()
  readonly network: MemoryNetwork
  readonly store: MemoryStore
  readonly #content = memoryContent()
  readonly #options: ClusterOptions
  readonly #machines = new Map<number, Machine>()
  #clients = 0

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.store = new MemoryStore({ content: this.#content })
    this.network = new MemoryNetwork({ timers: this.time, random: seededRandom(`network ${options.seed}`) })
  }

  /** All brokers serve when it resolves; ids from 1 on. */
  static async start(options: ClusterOptions): Promise<SimulatedCluster> {
    const cluster = new SimulatedCluster(options)
    for (let id = 1; id <= (options.brokers ?? 3); id++) {
      cluster.#machines.set(id, cluster.#machine(id))
      await cluster.startBroker(id)
    }
    return cluster
  }

  get ids(): number[] {
    return [...this.#machines.keys()]
  }

  /** What the metadata store holds at this moment. */
  get image(): MetadataImage {
    const entries = Array.from(this.#content.entries, ([key, { value, revision }]) => ({ key, value, revision }))
    return imageOf({ revision: this.#content.revision, entries })
  }

  get bootstrap(): string {
    return Array.from(this.#machines.values(), ({ host }) => `${host}:${PORT}`).join(',')
  }

  isRunning(id: number): boolean {
    return this.#machineOf(id).life !== null
  }

  broker(id: number): Broker {
    const { life } = this.#machineOf(id)
    assert(life !== null, `Broker ${id} runs`)
    return life.broker
  }

  logger(id: number): MemoryLogger {
    return this.#machineOf(id).logger
  }

  async startBroker(id: number): Promise<void> {
    const machine = this.#machineOf(id)
    assert(machine.life === null, `Broker ${id} does not run`)
    const random = seededRandom(`life ${++machine.lives} of ${id} in ${this.#options.seed}`)
    const timers = new MortalTimers(this.time)
    const disk = new MortalDisk(machine.disk)
    const store = new SessionStore({ store: this.store, timers: this.time })
    const starting = Broker.start({
      ...{ storage: 'memory', host: machine.host, port: PORT, dataDirectory: '/data' },
      settings: { 'node.id': String(id), 'auto.create.topics.enable': 'false', ...this.#options.settings },
      ports: {
        ...{ clock: timers, timers, random, logger: machine.logger, disk },
        network: this.network.join(machine.host),
        openStore: async () => store,
      },
    })
    const broker = await this.until(starting)
    broker.failed.catch((error) => machine.logger.error('The broker has failed', { error }))
    machine.life = { broker, timers, disk, store }
  }

  /** In order, as SIGTERM does it. */
  async stopBroker(id: number): Promise<void> {
    const machine = this.#machineOf(id)
    const { broker } = machine.life!
    machine.life = null
    await this.until(broker[Symbol.asyncDispose]())
  }

  /** The process dies (kill -9); with `power` the machine does, and loses what was not synced. */
  crashBroker(id: number, options: { power: boolean }): void {
    const machine = this.#machineOf(id)
    const { timers, disk, store } = machine.life!
    machine.life = null
    timers.end()
    disk.end()
    store.end()
    this.network.crash(machine.host)
    if (options.power) machine.disk.crash()
  }

  async client(): Promise<Client> {
    const number = ++this.#clients
    const random = seededRandom(`client ${number} of ${this.#options.seed}`)
    const ports = { network: this.network.join(`client-${number}`), clock: this.time, timers: this.time, random }
    return this.until(openClient({ bootstrap: this.bootstrap, ports, connectTimeoutMs: 2000 }))
  }

  /** What a promise comes to, with time going on. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = (): void => {
      isSettled = true
    }
    promise.then(mark, mark)
    await this.time.settle()
    for (let waitedMs = 0; !isSettled; waitedMs += STEP_MS) {
      assert(waitedMs < WAIT_MS_MAX, 'It ends within two simulated minutes')
      await this.time.run(STEP_MS)
    }
    return promise
  }

  /** Lets time pass until it is so. */
  async untilTrue(isSo: () => boolean): Promise<void> {
    await this.time.settle()
    for (let waitedMs = 0; !isSo(); waitedMs += STEP_MS) {
      assert(waitedMs < WAIT_MS_MAX, 'It comes true within two simulated minutes')
      await this.time.run(STEP_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [id, { life }] of this.#machines) if (life !== null) await this.stopBroker(id)
  }

  #machine(id: number): Machine {
    const delays = seededRandom(`syncs ${id} of ${this.#options.seed}`)
    const syncDelay = { timers: this.time, delayMs: () => delays.below(SYNC_MS_MAX + 1) }
    const random = seededRandom(`disk ${id} of ${this.#options.seed}`)
    const disk = new MemoryDisk({ random, syncDelay, clock: this.time })
    return { id, host: `broker-${id}`, disk, logger: new MemoryLogger(), lives: 0, life: null }
  }

  #machineOf(id: number): Machine {
    const machine = this.#machines.get(id)
    assert(machine !== undefined, `There is a machine ${id}`)
    return machine
  }
}
