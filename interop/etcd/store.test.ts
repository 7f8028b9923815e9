/** The metadata store on a real etcd keeps the contract that all metadata stores keep. */
import { after, before, test } from 'node:test'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { EtcdChannel } from '@ottla/broker/metadata/etcd/channel.ts'
import { COMPACT, LEASE_REVOKE, RANGE } from '@ottla/broker/metadata/etcd/messages.ts'
import type { EtcdStore } from '@ottla/broker/metadata/etcd-store.ts'
import type { Lease, MetadataStore } from '@ottla/broker/metadata/store.ts'
import { storeContract } from '@ottla/broker/metadata/store-contract.ts'
import { needs } from '../debian.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { EtcdMember } from './etcd-process.ts'
import { openChannel, openStore } from './store-of.ts'
import { TcpProxy } from './tcp-proxy.ts'

const { skip } = await needs('etcd-server')
if (skip !== undefined) test('the etcd store', { skip }, () => {})
else runContract()

interface Opened {
  readonly prefix: string
  readonly proxy: TcpProxy
}

function runContract(): void {
  const opened = new Map<MetadataStore, Opened>()
  const crashed: EtcdStore[] = []
  const losing: Promise<void>[] = []
  let etcd: EtcdMember
  let channel: EtcdChannel

  before(async () => {
    etcd = await EtcdMember.start()
    channel = await openChannel([etcd.address])
  })
  after(async () => {
    await Promise.all(losing)
    channel[Symbol.dispose]()
    await etcd[Symbol.asyncDispose]()
    for (const store of crashed) await store[Symbol.asyncDispose]()
    for (const { proxy } of opened.values()) await proxy[Symbol.asyncDispose]()
  })

  const openAt = async (prefix: string): Promise<EtcdStore> => {
    const proxy = await TcpProxy.to(etcd.port)
    const store = await openStore({ addresses: [proxy.address], prefix, compacts: true })
    opened.set(store, { prefix, proxy })
    return store
  }

  storeContract('the etcd store', {
    open: async ({ historyRevisionsMax } = {}) => {
      const store = await openAt(`/contract-${opened.size}`)
      return historyRevisionsMax === undefined ? store : forgetful(store, historyRevisionsMax)
    },
    reopenAfterCrash: async (store) => {
      const { prefix, proxy } = opened.get(store)!
      proxy.cut()
      crashed.push(store as EtcdStore)
      const reopened = await openAt(prefix)
      await waitUntil('leases of the dead to end', async () => {
        const { entries } = await reopened.read('~leases/')
        return entries.length === 0 ? { found: entries } : { missing: `${entries.length} are there` }
      })
      return reopened
    },
    loseNextAnswer: async (store) => {
      const { proxy } = opened.get(store)!
      const before = await revisionNow()
      proxy.mute()
      losing.push(loseOnce(proxy, before))
    },
    endLease: async (store, lease) => {
      const entry = (await store.read('~leases/')).entries.find(({ revision }) => revision === lease.epoch)
      const id = BigInt(`0x${entry!.key.split('/')[1]}`)
      await channel.ask(LEASE_REVOKE, { id }, { timeoutMs: 5000 })
    },
    settle: () => systemTimers.sleep(20),
  })

  /** The way breaks once etcd has done what it was told and before it can say so. */
  async function loseOnce(proxy: TcpProxy, before: number): Promise<void> {
    await waitUntil('the commit to have its effect', async () => {
      const now = await revisionNow()
      return now > before ? { found: now } : { missing: `etcd is at ${now}` }
    })
    proxy.cut()
    proxy.heal()
  }

  async function revisionNow(): Promise<number> {
    const { header } = await channel.ask(RANGE, { key: 'any', countOnly: true }, { timeoutMs: 5000 })
    return header!.revision
  }

  /** Forgets its history as the embedded stores do. */
  function forgetful(store: EtcdStore, historyRevisionsMax: number): MetadataStore {
    return Object.assign(Object.create(store) as MetadataStore, {
      read: (prefix: string) => store.read(prefix),
      watch: (at: number, options: { signal: AbortSignal }) => store.watch(at, options),
      lease: (ttlMs: number): Promise<Lease> => store.lease(ttlMs),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      commit: async (request: Parameters<MetadataStore['commit']>[0]) => {
        const outcome = await store.commit(request)
        if (outcome.type === 'committed') {
          const revision = outcome.revision - historyRevisionsMax
          await channel.ask(COMPACT, { revision }, { timeoutMs: 5000 }).catch(() => {})
        }
        return outcome
      },
    })
  }
}
