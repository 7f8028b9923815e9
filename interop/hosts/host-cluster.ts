/**
 * Owns a cluster on hosts: an etcd of three members on the first three, with etcd's own timing, and a broker on each.
 * Broker n is on host n − 1. Also who has which part in it at the moment.
 */
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import { BrokerCluster } from '../etcd/broker-cluster.ts'
import { type EtcdCluster, type EtcdMember, startEtcdOn } from '../etcd/etcd-process.ts'
import { openStore } from '../etcd/store-of.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { BROKER_PORT, type Cut, rulesOf } from './cuts.ts'
import { Hosts } from './hosts.ts'

const ETCD_MEMBERS = 3
/** etcd's defaults, which tests elsewhere shorten. */
const ETCD_TIMING = ['--heartbeat-interval', '100', '--election-timeout', '1000']
const PREFIX = '/hosts'

export class HostCluster implements AsyncDisposable {
  readonly hosts: Hosts
  readonly brokers: BrokerCluster
  readonly #etcd: EtcdCluster
  readonly #stack: AsyncDisposableStack

  static async start(count: number): Promise<HostCluster> {
    await using stack = new AsyncDisposableStack()
    const hosts = stack.use(new Hosts(count))
    const etcd = stack.use(await startEtcdOn(hosts.all.slice(0, ETCD_MEMBERS), { args: ETCD_TIMING }))
    const addresses = etcd.members.map(({ address }) => address)
    const brokers = stack.use(
      await BrokerCluster.start({
        brokers: count,
        store: () => `etcd://${addresses.join(',')}${PREFIX}`,
        listen: (id) => `${hosts.all[id - 1]!.address}:${BROKER_PORT}`,
        wrapper: (id) => hosts.all[id - 1]!.wrapper,
      }),
    )
    return new HostCluster({ hosts, brokers, etcd, stack: stack.move() })
  }

  private constructor(parts: { hosts: Hosts; brokers: BrokerCluster; etcd: EtcdCluster; stack: AsyncDisposableStack }) {
    this.hosts = parts.hosts
    this.brokers = parts.brokers
    this.#etcd = parts.etcd
    this.#stack = parts.stack
  }

  get ids(): number[] {
    return this.hosts.all.map((_, i) => i + 1)
  }

  get bootstrap(): string {
    return this.hosts.all.map(({ address }) => `${address}:${BROKER_PORT}`).join(',')
  }

  /** By the broker beside it; etcd runs on the first three hosts. */
  etcdBeside(id: number): EtcdMember {
    return this.#etcd.members[id - 1]!
  }

  get etcd(): readonly EtcdMember[] {
    return this.#etcd.members
  }

  cut(id: number, cut: Cut): void {
    const { all, clientAddress } = this.hosts
    this.hosts.drop(id - 1, rulesOf(cut, { others: all.filter((_, i) => i !== id - 1), clientAddress }))
  }

  heal(id: number): void {
    this.hosts.heal(id - 1)
  }

  /** The broker that is the controller now. */
  async controller(): Promise<number> {
    return await waitUntil('a controller', async () => {
      await using store = await openStore({
        addresses: this.#etcd.members.map(({ address }) => address),
        prefix: PREFIX,
      })
      const { controllerId } = imageOf(await store.read(''))
      return controllerId > 0 ? { found: controllerId } : { missing: 'there is none' }
    })
  }

  /** The broker on whose host etcd's leader runs. */
  async etcdLeader(): Promise<number> {
    return await waitUntil('a leader of etcd', async () => {
      const states = await Promise.all(this.#etcd.members.map(stateOf))
      const at = states.findIndex(({ id, leader }) => id === leader)
      return at < 0 ? { missing: JSON.stringify(states) } : { found: at + 1 }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
  }
}

async function stateOf({ address }: EtcdMember): Promise<{ id: string; leader: string }> {
  const answer = await fetch(`http://${address}/v3/maintenance/status`, { method: 'POST', body: '{}' })
  const { header, leader } = (await answer.json()) as { header: { member_id: string }; leader: string }
  return { id: header.member_id, leader }
}
