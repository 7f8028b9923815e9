/** Owns brokers in processes of their own that share one etcd, and their data directories, which outlive a process. */
import { assert } from '@ottla/base/assert.ts'
import { describeTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { BrokerProcess } from '../broker-process.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { OTTLA } from '../processes.ts'
import { TempDirectory } from '../temp-directory.ts'

interface Member {
  readonly directory: TempDirectory
  process: BrokerProcess
}

export interface ClusterOptions {
  /** The value of each broker's `metadata.store`. */
  readonly store: (id: number) => string
  readonly brokers: number
  /** Each broker's address; a free port of the loopback when left out. */
  readonly listen?: (id: number) => string
  /** Words in front of each broker's command. */
  readonly wrapper?: (id: number) => readonly string[]
  /** More of each broker's settings, as `name=value`. */
  readonly settings?: readonly string[]
  /** The command line of the version to run; this one's when left out. */
  readonly ottla?: string
}

export class BrokerCluster implements AsyncDisposable {
  readonly #options: ClusterOptions
  readonly #members = new Map<number, Member>()

  /** All brokers serve when it resolves; ids from 1 on. They start at the same time. */
  static async start(options: ClusterOptions): Promise<BrokerCluster> {
    const { brokers, ottla = OTTLA } = options
    const cluster = new BrokerCluster(options)
    try {
      await Promise.all(Array.from({ length: brokers }, (_, i) => cluster.#launch(i + 1, ottla).ready()))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(options: ClusterOptions) {
    this.#options = options
  }

  get bootstrap(): string {
    return Array.from(this.#members.values(), ({ process }) => process.bootstrap).join(',')
  }

  broker(id: number): BrokerProcess {
    const member = this.#members.get(id)
    assert(member !== undefined, `There is a broker ${id}`)
    return member.process
  }

  /**
   * Resolves once the broker serves again, as another version where told, on the data that it left and, unless `listen`
   * says one, on another port, which clients at rest do not learn of.
   */
  async restart(id: number, { ottla = OTTLA }: { ottla?: string } = {}): Promise<void> {
    await this.#launch(id, ottla).ready()
  }

  /** As `restart`, with a disk that has nothing on it. */
  async restartEmptied(id: number): Promise<void> {
    const member = this.#members.get(id)!
    member.directory[Symbol.dispose]()
    this.#members.set(id, { ...member, directory: new TempDirectory(`broker-${id}`) })
    await this.restart(id)
  }

  /** Resolves once another broker serves. */
  async add(id: number): Promise<void> {
    assert(!this.#members.has(id), `There is no broker ${id} yet`)
    await this.#launch(id, OTTLA).ready()
  }

  /** What the brokers have logged, for whoever has to find out why something failed. */
  get logs(): string {
    return Array.from(this.#members, ([id, { process }]) => `${id}: ${process.logLines.join(`\n${id}: `)}`).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#members.values(), ({ process }) => process.kill()))
    for (const { directory } of this.#members.values()) directory[Symbol.dispose]()
  }

  #launch(id: number, ottla: string): BrokerProcess {
    const directory = this.#members.get(id)?.directory ?? new TempDirectory(`broker-${id}`)
    const { store, settings = [], listen, wrapper } = this.#options
    const words = [`node.id=${id}`, `metadata.store=${store(id)}`, ...settings]
    const process = BrokerProcess.launch({
      ottla,
      dataDir: directory.path,
      args: words.flatMap((one) => ['--set', one]),
      ...(listen === undefined ? {} : { listen: listen(id) }),
      ...(wrapper === undefined ? {} : { wrapper: wrapper(id) }),
    })
    this.#members.set(id, { directory, process })
    return process
  }
}

export interface PartitionState {
  readonly leader: number
  readonly isr: readonly number[]
  readonly leaderEpoch: number
}

/** Of partition 0. */
export async function stateOf(client: Client, topic: string): Promise<PartitionState> {
  const [described] = await describeTopics(client, [topic])
  const { leader, isr, leaderEpoch } = described!.partitions[0]!
  return { leader, isr: isr.toSorted(), leaderEpoch }
}

export async function untilIsr(client: Client, topic: string, wanted: readonly number[]): Promise<PartitionState> {
  return await waitUntil(`the in-sync set ${wanted}`, async () => {
    const state = await stateOf(client, topic)
    return `${state.isr}` === `${wanted}` ? { found: state } : { missing: JSON.stringify(state) }
  })
}
