/** Metadata stores on real etcds, as these tests want them. */
import { systemClock } from '@ottla/base/clock.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { nodeCompanions } from '@ottla/base/node-companion.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { EtcdChannel } from '@ottla/broker/metadata/etcd/channel.ts'
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from '@ottla/broker/metadata/etcd-store.ts'
import type { ChangeSet } from '@ottla/broker/metadata/store.ts'

export type StoreOptions = Partial<EtcdStoreOptions> & Pick<EtcdStoreOptions, 'addresses'>

export function storeOptions(options: StoreOptions): EtcdStoreOptions {
  return {
    ...{ tls: null, account: null, prefix: '/test', compacts: false, logger: new MemoryLogger() },
    ...{ clock: systemClock, timers: systemTimers, companions: nodeCompanions },
    ...options,
  }
}

export function openStore(options: StoreOptions): Promise<EtcdStore> {
  return openEtcdStore(storeOptions(options))
}

/** A way to etcd beside any store. */
export function openChannel(addresses: readonly string[]): Promise<EtcdChannel> {
  return EtcdChannel.open({ addresses, tls: null, account: null, clock: systemClock, timers: systemTimers })
}

export const put = (key: string, value: string): ChangeSet => ({ ifRevision: [], puts: [{ key, value }], deletes: [] })
