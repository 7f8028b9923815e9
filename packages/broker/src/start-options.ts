/** What a broker may be started with, by a program or by the command line, and the configuration that this comes to. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Network } from '@ottla/base/network.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Threads } from '@ottla/base/threads.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { type BrokerConfig, type LoadedConfig, loadConfig } from './config.ts'
import type { SupportedFeature } from './metadata/features.ts'
import type { MetadataStore } from './metadata/store.ts'

export interface StartOptions {
  /** `memory` keeps nothing beyond the process and touches no disk: for tests. */
  readonly storage?: 'disk' | 'memory'
  /** Where clients connect; 127.0.0.1 and 9092 unless told otherwise, port 0 takes a free one. */
  readonly host?: string
  readonly port?: number
  /** What clients are told to connect to, as HOST:PORT, where that differs. */
  readonly advertise?: string
  /** `./data` unless told otherwise. */
  readonly dataDirectory?: string
  /** Settings by Kafka's names; they win over files. */
  readonly settings?: { readonly [name: string]: string }
  /** Texts of configuration files, in order. */
  readonly files?: readonly { readonly name: string; readonly text: string }[]
  /** Serves /live, /ready and /metrics there. */
  readonly http?: { readonly host: string; readonly port: number }
  /** Replaces what a broker otherwise takes from the machine. */
  readonly ports?: Partial<BrokerPorts>
}

/** What threads may be made from. */
export type ThreadPorts = Pick<BrokerPorts, 'disk' | 'clock' | 'timers'>

/** Everything that a broker needs of the world. */
export interface BrokerPorts {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
  readonly disk: Disk
  readonly network: Network
  /** Called once, when the data directory is locked; the broker disposes the store. */
  readonly openStore: (directory: string, config: BrokerConfig) => Promise<MetadataStore>
  /** The feature levels that the broker can work at; for tests of clusters of several versions. */
  readonly features: readonly SupportedFeature[]
  /** How many files the process may have open. */
  readonly openFilesMax: () => number
  /** Called once, with the broker's disk; the broker disposes what it gets. */
  readonly openThreads: (ports: ThreadPorts) => Threads
  /** Resident memory of the process, for the metrics. */
  readonly residentBytes: () => number
}

const DEFAULTS = {
  listeners: 'PLAINTEXT://127.0.0.1:9092',
  'log.dirs': './data',
}

/** Throws ConfigError. */
export function configFor(options: StartOptions): LoadedConfig {
  const { files = [], settings = {}, host, port, advertise, dataDirectory } = options
  const overrides: Record<string, string> = { ...settings }
  if (host !== undefined || port !== undefined) {
    overrides['listeners'] = `PLAINTEXT://${bracketed(host ?? '127.0.0.1')}:${port ?? 9092}`
  }
  if (advertise !== undefined) overrides['advertised.listeners'] = `PLAINTEXT://${advertise}`
  if (dataDirectory !== undefined) overrides['log.dirs'] = dataDirectory
  return loadConfig({ defaults: DEFAULTS, files, overrides })
}

/** An address of IPv6 has colons of its own. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
