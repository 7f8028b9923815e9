/** The metadata store on a real etcd keeps the contract that all metadata stores keep. */
import { after, before, test } from 'node:test'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { EtcdChannel } from '@ottla/broker/metadata/etcd/channel.ts'
import { COMPACT, LEASE_REVOKE, RANGE } from '@ottla/broker/metadata/etcd/messages.ts'
import type { EtcdStore } from '@ottla/broker/metadata/etcd-store.ts'
import type { Lease, MetadataStore } from '@ottla/broker/metadata/store.ts'
import { type StoreHarness, storeContract } from '@ottla/broker/metadata/store-contract.ts'
import { needs } from '../debian.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { EtcdMember } from './etcd-process.ts'
import { openChannel, openStore } from './store-of.ts'
import { TcpProxy } from './tcp-proxy.ts'

const TIMEOUT = { timeoutMs: 5_000 }

/** Stores of one etcd, each with a prefix and a way to it of its own. */
class StoresOfOneEtcd implements StoreHarness, AsyncDisposable {
  readonly #etcd: EtcdMember
  readonly #channel: EtcdChannel
  readonly #opened = new Map<MetadataStore, { prefix: string; proxy: TcpProxy }>()
  readonly #crashed: EtcdStore[] = []
  readonly #losing: Promise<void>[] = []

  private constructor(etcd: EtcdMember, channel: EtcdChannel) {
    this.#etcd = etcd
    this.#channel = channel
  }

  static async start(): Promise<StoresOfOneEtcd> {
    const etcd = await EtcdMember.start()
    return new StoresOfOneEtcd(etcd, await openChannel([etcd.address]))
  }

  async open({ historyRevisionsMax }: { historyRevisionsMax?: number } = {}): Promise<MetadataStore> {
    const store = await this.#openAt(`/contract-${this.#opened.size}`)
    return historyRevisionsMax === undefined ? store : this.#forgetful(store, historyRevisionsMax)
  }

  async reopenAfterCrash(store: MetadataStore): Promise<MetadataStore> {
    const { prefix, proxy } = this.#opened.get(store)!
    proxy.cut()
    this.#crashed.push(store as EtcdStore)
    const reopened = await this.#openAt(prefix)
    await waitUntil('leases of the dead to end', async () => {
      const { entries } = await reopened.read('~leases/')
      return entries.length === 0 ? { found: entries } : { missing: `${entries.length} are there` }
    })
    return reopened
  }

  async loseNextAnswer(store: MetadataStore): Promise<void> {
    const { proxy } = this.#opened.get(store)!
    const before = await this.#revisionNow()
    proxy.mute()
    this.#losing.push(this.#loseOnce(proxy, before))
  }

  async endLease(store: MetadataStore, lease: Lease): Promise<void> {
    const entry = (await store.read('~leases/')).entries.find(({ revision }) => revision === lease.epoch)
    await this.#channel.ask(LEASE_REVOKE, { id: BigInt(`0x${entry!.key.split('/')[1]}`) }, TIMEOUT)
  }

  settle(): Promise<void> {
    return systemTimers.sleep(20)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#losing)
    this.#channel[Symbol.dispose]()
    await this.#etcd[Symbol.asyncDispose]()
    for (const store of this.#crashed) await store[Symbol.asyncDispose]()
    for (const { proxy } of this.#opened.values()) await proxy[Symbol.asyncDispose]()
  }

  async #openAt(prefix: string): Promise<EtcdStore> {
    const proxy = await TcpProxy.to(this.#etcd.port)
    const store = await openStore({ addresses: [proxy.address], prefix, compacts: true })
    this.#opened.set(store, { prefix, proxy })
    return store
  }

  /** The way breaks once etcd has done what it was told and before it can say so. */
  async #loseOnce(proxy: TcpProxy, before: number): Promise<void> {
    await waitUntil('the commit to have its effect', async () => {
      const now = await this.#revisionNow()
      return now > before ? { found: now } : { missing: `etcd is at ${now}` }
    })
    proxy.cut()
    proxy.heal()
  }

  async #revisionNow(): Promise<number> {
    const { header } = await this.#channel.ask(RANGE, { key: 'any', countOnly: true }, TIMEOUT)
    return header!.revision
  }

  /** Forgets its history as the embedded stores do. */
  #forgetful(store: EtcdStore, historyRevisionsMax: number): MetadataStore {
    return {
      read: (prefix) => store.read(prefix),
      watch: (at, options) => store.watch(at, options),
      lease: (ttlMs) => store.lease(ttlMs),
      compact: (before) => store.compact(before),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      commit: async (request) => {
        const outcome = await store.commit(request)
        const revision = outcome.type === 'committed' ? outcome.revision - historyRevisionsMax : 0
        if (revision > 0) await this.#channel.ask(COMPACT, { revision }, TIMEOUT).catch(() => {})
        return outcome
      },
    }
  }
}

const { skip } = await needs('etcd-server')
if (skip !== undefined) test('the etcd store', { skip }, () => {})
else runContract()

function runContract(): void {
  let stores: StoresOfOneEtcd
  before(async () => {
    stores = await StoresOfOneEtcd.start()
  })
  after(() => stores[Symbol.asyncDispose]())
  storeContract('the etcd store', {
    open: (options) => stores.open(options),
    reopenAfterCrash: (store) => stores.reopenAfterCrash(store),
    loseNextAnswer: (store) => stores.loseNextAnswer(store),
    endLease: (store, lease) => stores.endLease(store, lease),
    settle: () => stores.settle(),
  })
}
