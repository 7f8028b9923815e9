/**
 * The log directories of a broker: their locks, identities, checkpoints and clean-shutdown markers.
 *
 * | file                                | content                                                             |
 * | ----------------------------------- | ------------------------------------------------------------------- |
 * | `.lock`                             | held while a broker runs; the kernel drops it with its holder       |
 * | `meta.properties`                   | version=1, cluster.id, node.id, directory.id: whose directory it is |
 * | `.kafka_cleanshutdown`              | JSON {"version":0,"brokerEpoch":N}; there only between a clean stop |
 * |                                     | and the next start                                                  |
 * | `.ottla-probe`                      | there for a moment, while a directory that failed is tried again    |
 * | `.ottla_logs`                       | see log/log-summaries-file.ts; written and removed with the marker  |
 * | `*-offset-checkpoint`               | see log/checkpoint-file.ts                                          |
 *
 * Crash rule: the marker is removed durably before anything else is written, and written last of all at a clean stop,
 * so that its presence proves that every log was closed whole. What is remembered of the logs goes before either.
 */
import { dirname } from 'node:path'
import type { DirectoryLock, Disk } from '@ottla/base/disk.ts'
import { DiskError } from '@ottla/base/disk.ts'
import { type Random, randomUuid } from '@ottla/base/random.ts'
import type { Uuid } from '@ottla/protocol/wire.ts'
import { parseProperties } from '../config.ts'
import { LogDirectoryCheckpoints } from '../log/checkpoint-file.ts'
import {
  LOG_SUMMARIES_NAME,
  type RememberedLog,
  readLogSummaries,
  writeLogSummaries,
} from '../log/log-summaries-file.ts'

const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'
const PROBE = '.ottla-probe'
/** About what a log needs to go on for a moment. */
const PROBE_BYTES = 256 * 1024
/** What an operator mends below a running broker, or what passes by itself. */
const PASSING_ERRORS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'])
const META_PROPERTIES = 'meta.properties'

/** The directory cannot be this broker's; the message says why and what to do. */
export class LogDirectoryError extends Error {
  override readonly name = 'LogDirectoryError'
}

export class LogDirectory {
  readonly path: string
  /** Whether every log in it was closed whole before this start. */
  readonly wasCleanlyStopped: boolean
  readonly checkpoints: LogDirectoryCheckpoints
  /** Told to the cluster (KIP-858): a broker that comes back without it has lost what was in it. */
  readonly id: Uuid
  /** What the clean stop has told of each log, by the name of its directory, until the start is over. */
  remembered: ReadonlyMap<string, RememberedLog> = new Map()
  readonly #disk: Disk
  #namesSyncing: Promise<void> = Promise.resolve()
  #nextNamesSync: Promise<void> | null = null
  readonly #lock: DirectoryLock
  #failure: DiskError | null = null

  private constructor(disk: Disk, path: string, options: { lock: DirectoryLock; random: Random }) {
    const { lock, random } = options
    this.path = path
    this.id = propertiesOf(disk, path).get('directory.id') ?? randomUuid(random)
    this.#disk = disk
    this.#lock = lock
    this.wasCleanlyStopped = disk.exists(`${path}/${CLEAN_SHUTDOWN}`)
    this.checkpoints = new LogDirectoryCheckpoints(disk, path)
    if (this.wasCleanlyStopped) this.remembered = readLogSummaries(disk, path)
  }

  /** Throws LogDirectoryError when another process holds it, DiskError when it cannot be made. */
  static open(disk: Disk, path: string, random: Random): LogDirectory {
    makeDurably(disk, path)
    const lock = lockOrExplain(disk, path)
    try {
      return new LogDirectory(disk, path, { lock, random })
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** An operation on the directory itself has failed and none has succeeded since. */
  get isOffline(): boolean {
    return this.#failure !== null
  }

  /** Offline by what does not pass: neither full, nor read-only, nor for want of file handles or memory. */
  get isLost(): boolean {
    return this.#failure !== null && !PASSING_ERRORS.has(this.#failure.code)
  }

  /** Whose it says that it is; null while it is nobody's. */
  get nodeId(): number | null {
    const written = nodeIdIn(propertiesOf(this.#disk, this.path))
    return written === undefined || !/^\d+$/.test(written) ? null : Number(written)
  }

  failed(error: DiskError): void {
    this.#failure = error
  }

  works(): void {
    this.#failure = null
  }

  /** Writes a file, makes it durable and removes it again. Rejects with DiskError where the directory takes none. */
  async probe(): Promise<void> {
    const file = this.#disk.open(`${this.path}/${PROBE}`, { create: true })
    try {
      file.write(Buffer.alloc(PROBE_BYTES), 0)
      await file.sync()
    } finally {
      file.close()
      this.#disk.remove(file.path)
    }
  }

  /** From here on a crash is a crash: see the crash rule. */
  beginUse(): void {
    const paths = [CLEAN_SHUTDOWN, LOG_SUMMARIES_NAME].map((name) => `${this.path}/${name}`)
    const left = paths.filter((path) => this.#disk.exists(path))
    for (const path of left) this.#disk.remove(path)
    if (left.length > 0) this.#disk.syncDirectory(this.path)
  }

  /** For the next start, before `endUse`: what each log is. Throws DiskError. */
  remember(logs: Iterable<RememberedLog>): void {
    writeLogSummaries(this.#disk, this.path, logs)
  }

  /** Makes the names in it durable; all who ask while one sync runs share the next. */
  syncNames(): Promise<void> {
    this.#nextNamesSync ??= this.#namesSyncing.then(() => {
      this.#nextNamesSync = null
      const syncing = this.#disk.syncNames(this.path)
      this.#namesSyncing = syncing.catch(() => {})
      return syncing
    })
    return this.#nextNamesSync
  }

  /** Every log is closed. */
  endUse(brokerEpoch: number): void {
    const marker = JSON.stringify({ version: 0, brokerEpoch })
    this.#disk.replaceFile(`${this.path}/${CLEAN_SHUTDOWN}`, Buffer.from(marker))
  }

  /** Makes the directory this broker's, or checks that it is. Throws LogDirectoryError. */
  identify(owner: { clusterId: string; nodeId: number }): void {
    const path = `${this.path}/${META_PROPERTIES}`
    const properties = propertiesOf(this.#disk, this.path)
    checkOwner(this.path, properties, owner)
    if (properties.has('directory.id')) return
    const lines = ['version=1', `cluster.id=${owner.clusterId}`, `node.id=${owner.nodeId}`, `directory.id=${this.id}`]
    this.#disk.replaceFile(path, Buffer.from(`${lines.join('\n')}\n`))
  }

  /** Of the file system, in bytes; −1 where it does not tell. */
  space(): { totalBytes: number; usableBytes: number } {
    try {
      return this.#disk.space(this.path)
    } catch (error) {
      if (error instanceof DiskError) return { totalBytes: -1, usableBytes: -1 }
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#lock.release()
  }
}

/** Everything that is acknowledged later lies inside: the names on the way must survive a power failure as well. */
function makeDurably(disk: Disk, path: string): void {
  if (disk.exists(path)) return
  const parent = dirname(path)
  makeDurably(disk, parent)
  disk.makeDirectory(path)
  disk.syncDirectory(parent)
}

function lockOrExplain(disk: Disk, path: string): DirectoryLock {
  try {
    return disk.lockDirectory(path)
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'ELOCKED') throw error
    const message =
      `Cannot use the data directory "${path}": another broker is running on it. ` +
      'Stop that one first, or give this one a directory of its own with --data.'
    throw new LogDirectoryError(message, { cause: error })
  }
}

/** Of `meta.properties`; empty where it is missing. */
function propertiesOf(disk: Disk, directory: string): ReadonlyMap<string, string> {
  const path = `${directory}/${META_PROPERTIES}`
  if (!disk.exists(path)) return new Map()
  return new Map(parseProperties(disk.readFile(path).toString()).map(({ key, value }) => [key, value]))
}

function nodeIdIn(properties: ReadonlyMap<string, string>): string | undefined {
  return properties.get('node.id') ?? properties.get('broker.id')
}

function checkOwner(
  path: string,
  properties: ReadonlyMap<string, string>,
  owner: { clusterId: string; nodeId: number },
): void {
  const clusterId = properties.get('cluster.id')
  const nodeId = nodeIdIn(properties)
  if (clusterId !== undefined && clusterId !== owner.clusterId) {
    throw new LogDirectoryError(
      `Cannot use the data directory "${path}": it belongs to cluster ${clusterId}, this broker to ${owner.clusterId}`,
    )
  }
  if (nodeId !== undefined && nodeId !== String(owner.nodeId)) {
    throw new LogDirectoryError(
      `Cannot use the data directory "${path}": it belongs to node ${nodeId}; set node.id=${nodeId} or use another`,
    )
  }
}
