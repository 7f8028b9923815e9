/** Opens the etcd that `metadata.store` names: reads the files that it points to. */
import type { Disk } from '@ottla/base/disk.ts'
import type { EtcdPlace } from '../config.ts'
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from './etcd-store.ts'

type Ports = Pick<EtcdStoreOptions, 'clock' | 'timers' | 'companions' | 'logger'> & { readonly disk: Disk }

/** Rejects with DiskError where a file cannot be read, StoreUnavailable, or StoreBroken. */
export async function openEtcdPlace(place: EtcdPlace, { disk, ...ports }: Ports): Promise<EtcdStore> {
  const { addresses, prefix, compacts } = place
  return openEtcdStore({ ...ports, addresses, prefix, compacts, ...secretsOf(place, disk) })
}

function secretsOf({ tls, account }: EtcdPlace, disk: Disk): Pick<EtcdStoreOptions, 'tls' | 'account'> {
  const file = (path: string | null) => (path === null ? null : disk.readFile(path))
  return {
    tls: tls === null ? null : { ca: file(tls.ca), cert: file(tls.cert), key: file(tls.key) },
    account: account === null ? null : { user: account.user, password: passwordOf(account.password, disk) },
  }
}

function passwordOf(password: { text: string } | { file: string }, disk: Disk): string {
  if ('text' in password) return password.text
  return disk.readFile(password.file).toString().split(/\r?\n/, 1)[0]!
}
