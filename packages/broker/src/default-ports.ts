/** The world as a broker finds it: the machine's, or for `storage: 'memory'` a disk and a store in memory. */
import { systemClock } from '@ottla/base/clock.ts'
import { InlineThreads } from '@ottla/base/inline-threads.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { NodeLogger } from '@ottla/base/node-logger.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import { NodeThreads } from '@ottla/base/node-threads.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { openFilesMax } from '@ottla/base/process-limits.ts'
import { systemRandom } from '@ottla/base/random.ts'
import type { Threads } from '@ottla/base/threads.ts'
import { type EtcdPlace, metadataStorePlace } from './config.ts'
import { SUPPORTED_FEATURES } from './metadata/features.ts'
import type { BrokerPorts, StartOptions, ThreadPorts } from './start-options.ts'

export function portsFor(options: StartOptions): BrokerPorts {
  const inMemory = options.storage === 'memory'
  const ports: BrokerPorts = {
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    // An embedded broker is part of somebody's test output: it speaks up only when something is wrong.
    logger: new NodeLogger({ clock: systemClock, level: 'error', format: 'human' }),
    disk: inMemory ? new MemoryDisk() : new NodeDisk(),
    network: new NodeNetwork(),
    openThreads,
    openStore: (directory, config) => {
      const place = metadataStorePlace(config.text('metadata.store')!)
      if (place.type === 'etcd') return openEtcd(place, ports)
      return inMemory ? openMemoryStore() : openDiskStore(directory)
    },
    features: SUPPORTED_FEATURES,
    openFilesMax,
    residentBytes: () => process.memoryUsage.rss(),
    ...options.ports,
  }
  return ports
}

/** Another thread has the machine's disk and no other. */
function openThreads({ disk, clock, timers }: ThreadPorts): Threads {
  return disk instanceof NodeDisk ? new NodeThreads({ timers }) : new InlineThreads({ disk, clock, timers })
}

async function openMemoryStore() {
  const { MemoryStore } = await import('./metadata/memory-store.ts')
  return new MemoryStore()
}

async function openDiskStore(directory: string) {
  const { openSqliteStore, SQLITE_FILE } = await import('./metadata/sqlite-store.ts')
  return openSqliteStore({ path: `${directory}/${SQLITE_FILE}`, timers: systemTimers })
}

/** Neither gRPC nor threads are loaded by a broker alone. Certificates are the machine's, wherever records are kept. */
async function openEtcd(place: EtcdPlace, { clock, timers, logger }: BrokerPorts) {
  const { nodeCompanions: companions } = await import('@ottla/base/node-companion.ts')
  const { openEtcdPlace } = await import('./metadata/etcd-place.ts')
  return openEtcdPlace(place, { disk: new NodeDisk(), clock, timers, companions, logger })
}
