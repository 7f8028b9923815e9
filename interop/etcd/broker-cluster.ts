/** Owns brokers in processes of their own that share one etcd, and their data directories, which outlive a process. */
import { assert } from '@ottla/base/assert.ts'
import { describeTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { BrokerProcess } from '../broker-process.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { TempDirectory } from '../temp-directory.ts'

interface Member {
  readonly directory: TempDirectory
  process: BrokerProcess
}

export interface ClusterOptions {
  /** The value of each broker's `metadata.store`. */
  readonly store: (id: number) => string
  readonly brokers: number
  /** More of each broker's settings, as `name=value`. */
  readonly settings?: readonly string[]
}

export class BrokerCluster implements AsyncDisposable {
  readonly #store: ClusterOptions['store']
  readonly #settings: readonly string[]
  readonly #members = new Map<number, Member>()

  /** All brokers serve when it resolves; ids from 1 on. They start at the same time. */
  static async start({ store, brokers, settings = [] }: ClusterOptions): Promise<BrokerCluster> {
    const cluster = new BrokerCluster(store, settings)
    try {
      await Promise.all(Array.from({ length: brokers }, (_, i) => cluster.#launch(i + 1).ready()))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(store: ClusterOptions['store'], settings: readonly string[]) {
    this.#store = store
    this.#settings = settings
  }

  get bootstrap(): string {
    return Array.from(this.#members.values(), ({ process }) => process.bootstrap).join(',')
  }

  broker(id: number): BrokerProcess {
    const member = this.#members.get(id)
    assert(member !== undefined, `There is a broker ${id}`)
    return member.process
  }

  /** Resolves once the broker serves again, on the data that it left and on another port. */
  async restart(id: number): Promise<void> {
    await this.#launch(id).ready()
  }

  /** What the brokers have logged, for whoever has to find out why something failed. */
  get logs(): string {
    return Array.from(this.#members, ([id, { process }]) => `${id}: ${process.logLines.join(`\n${id}: `)}`).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#members.values(), ({ process }) => process.kill()))
    for (const { directory } of this.#members.values()) directory[Symbol.dispose]()
  }

  #launch(id: number): BrokerProcess {
    const directory = this.#members.get(id)?.directory ?? new TempDirectory(`broker-${id}`)
    const settings = [`node.id=${id}`, `metadata.store=${this.#store(id)}`, ...this.#settings]
    const process = BrokerProcess.launch({
      dataDir: directory.path,
      args: settings.flatMap((one) => ['--set', one]),
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
