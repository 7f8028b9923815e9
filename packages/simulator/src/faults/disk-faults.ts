/** Disks that are slow, full, or refuse one write or one sync of one log. */
import { logFilePaths } from '../checkers/replica-logs.ts'
import type { Fault, FaultHost } from './fault.ts'

const SLOW_SYNC_MS_MAX = 400
/** What a disk that is about to be full has room for. */
const ROOM_BYTES_MAX = 4096
const FULL_MS_MAX = 4000

export class DiskFaults {
  readonly #host: FaultHost

  constructor(host: FaultHost) {
    this.#host = host
  }

  get all(): readonly Fault[] {
    return [
      [2, (id) => this.#slowSyncs(id)],
      [1, (id) => this.#fill(id)],
      [1, (id) => this.#failOnce(id)],
    ]
  }

  #slowSyncs(id: number): void {
    const { cluster, events, tell, later } = this.#host
    events.count('slow syncs')
    cluster.slowSyncs(id, SLOW_SYNC_MS_MAX)
    const endMs = later(() => cluster.slowSyncs(id))
    tell(`syncs of broker ${id} are slow until ${endMs}`)
  }

  /** Somebody else fills the disk, and makes room again. */
  #fill(id: number): void {
    const { cluster, events, random, tell, later } = this.#host
    const disk = cluster.disk(id)
    const { totalBytes, usableBytes } = disk.space('/')
    // It is full already.
    if (totalBytes < Number.MAX_SAFE_INTEGER) return
    events.count('full disk')
    disk.capacityBytes = totalBytes - usableBytes + random.below(ROOM_BYTES_MAX)
    const endMs = later(() => {
      disk.capacityBytes = Number.MAX_SAFE_INTEGER
    }, FULL_MS_MAX)
    tell(`the disk of broker ${id} is full until ${endMs}`)
  }

  /** Of one log: it is offline then, until the broker opens it anew. */
  #failOnce(id: number): void {
    const { cluster, events, pick, tell, later } = this.#host
    const disk = cluster.disk(id)
    const paths = logFilePaths(disk)
    if (paths.length === 0 || cluster.serving(id) === null) return
    const [operation, path] = [pick(['write', 'sync'] as const), pick(paths)]
    events.count(operation === 'write' ? 'failed write' : 'failed sync')
    disk.failNext({ operation, path, code: 'EIO' })
    later(() => disk.forgetFaults())
    tell(`the next ${operation} of "${path}" on broker ${id} fails`)
  }
}
