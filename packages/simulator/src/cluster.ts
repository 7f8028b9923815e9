/**
 * A whole cluster in one process, from one seed: brokers that run the production code, each on a machine of its own
 * with a disk, time, a place in one network and one metadata store. Machines crash, come back and are cut off; nothing
 * of a process that has died goes on.
 */
import { assert } from '@ottla/base/assert.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import type { MemoryDisk } from '@ottla/base/memory-disk.ts'
import type { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { Broker } from '@ottla/broker/broker.ts'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import type { MetadataImage } from '@ottla/broker/metadata/image.ts'
import { MemoryStore, memoryContent } from '@ottla/broker/metadata/memory-store.ts'
import type { Lie } from '@ottla/broker/testing/mortal-disk.ts'
import { PREVIOUS_FEATURES, PreviousVersionStore } from '@ottla/broker/testing/previous-version.ts'
import type { Client } from '@ottla/client/client.ts'
import { ClientHosts } from './client-hosts.ts'
import { type Life, Machine, SYNC_MS_MAX, type Version } from './machine.ts'
import type { Absence, StoreTrouble } from './session-store.ts'

export interface ClusterOptions {
  readonly seed: string | number
  readonly brokers?: number
  readonly settings?: { readonly [name: string]: string }
  /** Of broker 1, 2 and so on: what is its own. */
  readonly brokerSettings?: readonly { readonly [name: string]: string }[]
  /** To show that a run notices: every disk says of syncs that they are done. */
  readonly lie?: Lie
  /** What the brokers are at first; the current one when left out. */
  readonly version?: Version
}

export const DATA_DIRECTORY = '/data'

const PORT = 9092
/** Of the simulated time: whatever takes longer hangs. */
const WAIT_MS_MAX = 120_000
const STEP_MS = 5

export class SimulatedCluster implements AsyncDisposable {
  readonly time = new FakeTime({ isAlone: true })
  readonly network: MemoryNetwork
  readonly store: MemoryStore
  readonly clients: ClientHosts
  readonly #content = memoryContent()
  readonly #options: ClusterOptions
  readonly #machines = new Map<number, Machine>()
  readonly #failed: number[] = []
  readonly #trouble: StoreTrouble
  #image: { readonly revision: number; readonly image: MetadataImage } | null = null
  #storeDelayMsMax = 0

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.store = new MemoryStore({ content: this.#content })
    const delays = seededRandom(`store ${options.seed}`)
    const delayMs = () => (this.#storeDelayMsMax === 0 ? 0 : delays.below(this.#storeDelayMsMax + 1))
    this.#trouble = { isDown: false, delayMs }
    this.network = new MemoryNetwork({ timers: this.time, random: seededRandom(`network ${options.seed}`) })
    const { time, network } = this
    this.clients = new ClientHosts({ time, network, seed: options.seed, bootstrap: () => this.bootstrap })
  }

  /** All brokers serve when it resolves; ids from 1 on. */
  static async start(options: ClusterOptions): Promise<SimulatedCluster> {
    const cluster = new SimulatedCluster(options)
    for (let id = 1; id <= (options.brokers ?? 3); id++) {
      cluster.#machines.set(
        id,
        new Machine(id, { time: cluster.time, seed: options.seed, version: options.version ?? 'current' }),
      )
      await cluster.startBroker(id)
    }
    return cluster
  }

  get ids(): number[] {
    return [...this.#machines.keys()]
  }

  /** What the metadata store holds at this moment. */
  get image(): MetadataImage {
    if (this.#image?.revision === this.#content.revision) return this.#image.image
    const entries = Array.from(this.#content.entries, ([key, { value, revision }]) => ({ key, value, revision }))
    const { revision } = this.#content
    const image = imageOf({ revision, entries })
    this.#image = { revision, image }
    return image
  }

  get bootstrap(): string {
    return Array.from(this.#machines.values(), ({ host }) => `${host}:${PORT}`).join(',')
  }

  /** The revision of `image`. */
  get revision(): number {
    return this.#content.revision
  }

  /** Whether there is a process, which may be starting, stopping or standing still. */
  isRunning(id: number): boolean {
    return this.#machineOf(id).life !== null
  }

  /** Null while it does not serve. */
  serving(id: number): Broker | null {
    const { life } = this.#machineOf(id)
    return life === null || life.isStopping ? null : life.broker
  }

  broker(id: number): Broker {
    const broker = this.#machineOf(id).life?.broker
    assert(broker != null, `Broker ${id} runs`)
    return broker
  }

  logger(id: number): MemoryLogger {
    return this.#machineOf(id).logger
  }

  /** What is on the machine's disk now. */
  disk(id: number): MemoryDisk {
    return this.#machineOf(id).disk
  }

  async startBroker(id: number): Promise<void> {
    await this.until(this.launchBroker(id))
  }

  /** Resolves when it serves; rejects when it does not come to it. For ever open where its process is ended first. */
  async launchBroker(id: number): Promise<void> {
    const machine = this.#machineOf(id)
    assert(machine.life === null, `Broker ${id} does not run`)
    const { lie } = this.#options
    const life = machine.begin({ store: this.store, trouble: this.#trouble, ...(lie === undefined ? {} : { lie }) })
    try {
      life.broker = await this.#start(machine, life)
    } catch (error) {
      this.#endLife(machine)
      throw error
    }
    life.broker.failed.catch((error) => {
      machine.logger.error('The broker has failed', { error })
      if (machine.life !== life) return
      this.#endLife(machine)
      this.#failed.push(id)
    })
  }

  #start({ id, host, logger, lives, version }: Machine, { timers, disk, store }: Life): Promise<Broker> {
    const random = seededRandom(`life ${lives} of ${id} in ${this.#options.seed}`)
    return Broker.start({
      ...{ storage: 'memory', host, port: PORT, dataDirectory: DATA_DIRECTORY },
      settings: { ...this.#settingsOf(id), 'node.id': String(id) },
      ports: {
        ...{ clock: timers, timers, random, logger, disk },
        network: this.network.join(host),
        ...(version === 'previous' ? { features: PREVIOUS_FEATURES } : {}),
        openStore: async () => (version === 'previous' ? new PreviousVersionStore(store) : store),
      },
    })
  }

  #settingsOf(id: number): { readonly [name: string]: string } {
    const { settings, brokerSettings } = this.#options
    return { 'auto.create.topics.enable': 'false', ...settings, ...brokerSettings?.[id - 1] }
  }

  /** The brokers that have ended by themselves since the last call. */
  takeFailed(): number[] {
    return this.#failed.splice(0)
  }

  /** In order, as SIGTERM does it. */
  async stopBroker(id: number): Promise<void> {
    await this.until(this.endBroker(id))
  }

  /** As `stopBroker`; somebody else lets time pass. */
  async endBroker(id: number): Promise<void> {
    const machine = this.#machineOf(id)
    const life = machine.life
    assert(life?.broker != null, `Broker ${id} runs`)
    life.isStopping = true
    await life.broker[Symbol.asyncDispose]()
    if (machine.life === life) machine.life = null
  }

  /** The process dies (kill -9); with `power` the machine does, and loses what was not synced. */
  crashBroker(id: number, options: { power: boolean }): void {
    const machine = this.#machineOf(id)
    this.#endLife(machine)
    if (options.power) machine.disk.crash()
  }

  /** The process stands still (SIGSTOP): nobody hears of it, and it hears of nothing. */
  pauseBroker(id: number): void {
    const { life, host } = this.#machineOf(id)
    life?.timers.stop()
    life?.store.interrupt('still')
    this.network.cut(host)
  }

  continueBroker(id: number): void {
    const { life, host } = this.#machineOf(id)
    this.network.heal(host)
    life?.store.goOn()
    life?.timers.goOn()
  }

  /** Nothing passes between the broker and the metadata store. */
  cutFromStore(id: number, how: Absence = 'cut'): void {
    this.#machineOf(id).life?.store.interrupt(how)
  }

  healToStore(id: number): void {
    this.#machineOf(id).life?.store.goOn()
  }

  /** The store answers nobody, until it is up again. */
  storeIsDown(isDown: boolean): void {
    this.#trouble.isDown = isDown
  }

  /** From now on each question to the store and each answer takes up to so long. */
  slowStore(delayMsMax: number): void {
    this.#storeDelayMsMax = delayMsMax
  }

  /** The machine's wall clock jumps; what measures durations does not notice. */
  jumpClock(id: number, byMs: number): void {
    this.#machineOf(id).wallOffsetMs += byMs
  }

  /** The store takes the broker for dead though it lives. Answers whether it had a sign of life to lose. */
  loseLease(id: number): boolean {
    return (this.#machineOf(id).life?.store.loseLeases() ?? 0) > 0
  }

  /** From now on its syncs take up to so long. */
  slowSyncs(id: number, msMax = SYNC_MS_MAX): void {
    this.#machineOf(id).syncMsMax = msMax
  }

  /** The machine gets another version of the broker: its next process is of it. */
  install(id: number, version: Version): void {
    this.#machineOf(id).version = version
  }

  /** The machine gets a new disk: whatever it held is gone. */
  replaceDisk(id: number): void {
    const machine = this.#machineOf(id)
    assert(machine.life === null, `Broker ${id} does not run`)
    machine.replaceDisk()
  }

  #endLife(machine: Machine): void {
    machine.endLife()
    this.network.heal(machine.host)
    this.network.crash(machine.host)
  }

  async client(): Promise<Client> {
    return await this.until(this.clients.open().client)
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
    for (const [id, { life }] of this.#machines) if (life?.broker) await this.stopBroker(id)
  }

  #machineOf(id: number): Machine {
    const machine = this.#machines.get(id)
    assert(machine !== undefined, `There is a machine ${id}`)
    return machine
  }
}
