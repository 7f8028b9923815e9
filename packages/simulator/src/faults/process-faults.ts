/** Brokers that are killed, lose their power or their disk, are stopped in order or stand still; and come back. */
import { type LogFile, logFilesOf } from '../checkers/replica-logs.ts'
import type { Fault, FaultHost } from './fault.ts'

const RESTART_PAUSE_MS = 500

export class ProcessFaults {
  readonly #host: FaultHost

  constructor(host: FaultHost) {
    this.#host = host
  }

  get all(): readonly Fault[] {
    return [
      [4, (id) => this.#crash(id, { power: true })],
      [2, (id) => this.#crash(id, { power: false })],
      [1, () => this.#crashAll()],
      [2, (id) => this.#stop(id)],
      [2, (id) => this.#pause(id, { losesLease: false })],
      [1, (id) => this.#pause(id, { losesLease: true })],
      [1, (id) => this.#replaceDisk(id)],
    ]
  }

  start(id: number): void {
    const { cluster, events, tell, after } = this.#host
    if (cluster.isRunning(id)) return
    tell(`broker ${id} is started`)
    cluster.launchBroker(id).then(
      () => tell(`broker ${id} serves`),
      (error: Error) => {
        events.count('start failed')
        tell(`broker ${id} does not start: ${error.message}`)
        after(RESTART_PAUSE_MS, () => this.start(id))
      },
    )
  }

  /** As whoever keeps a broker running would: one that has ended by itself comes back. */
  restartFailed(): void {
    const { cluster, events, tell, after } = this.#host
    for (const id of cluster.takeFailed()) {
      events.count('broker failed')
      tell(`broker ${id} has failed and is gone`)
      after(RESTART_PAUSE_MS, () => this.start(id))
    }
  }

  #crash(id: number, { power }: { power: boolean }): void {
    if (!this.#host.cluster.isRunning(id)) return
    this.#end(id, power)
    this.#host.later(() => this.start(id))
  }

  /** Everybody at once: nothing is left but what is on the disks. */
  #crashAll(): void {
    for (const id of this.#host.cluster.ids) this.#crash(id, { power: true })
  }

  #end(id: number, power: boolean): void {
    const { cluster, events, tell } = this.#host
    const before = logFilesOf(cluster.disk(id))
    cluster.crashBroker(id, { power })
    events.count(power ? 'power loss' : 'crash')
    const [lost, torn] = power ? damage(before, logFilesOf(cluster.disk(id))) : [false, false]
    if (lost) events.count('lost bytes')
    if (torn) events.count('torn bytes')
    const what = [lost ? ', and bytes of its logs' : '', torn ? ', and has torn ones' : ''].join('')
    tell(`broker ${id} ${power ? 'loses its power' : 'is killed'}${what}`)
  }

  #stop(id: number): void {
    const { cluster, events, tell, later } = this.#host
    if (cluster.serving(id) === null) return
    events.count('stop')
    tell(`broker ${id} is asked to stop`)
    void cluster.endBroker(id).then(() => {
      if (cluster.isRunning(id)) return
      tell(`broker ${id} has stopped`)
      later(() => this.start(id))
    })
  }

  /** With its lease lost another leads while it stands still, also where it goes on at once. */
  #pause(id: number, { losesLease }: { losesLease: boolean }): void {
    const { cluster, events, tell, later } = this.#host
    if (cluster.serving(id) === null) return
    events.count('pause')
    cluster.pauseBroker(id)
    const isWithout = losesLease && cluster.loseLease(id)
    if (isWithout) events.count('pause without lease')
    const endMs = later(() => cluster.continueBroker(id))
    tell(`broker ${id} stands still until ${endMs}${isWithout ? ', and has lost its lease' : ''}`)
  }

  /** Only while all others have everything: two disks lost at once are more than a cluster of three promises to bear. */
  #replaceDisk(id: number): void {
    const { cluster, events, tell, later } = this.#host
    const others = cluster.ids.filter((other) => other !== id)
    if (!cluster.isRunning(id) || others.some((other) => cluster.serving(other) === null)) return
    for (const { partitions } of cluster.image.topicsByName.values()) {
      if (partitions.some(({ isr }) => others.some((other) => !isr.includes(other)))) return
    }
    events.count('new disk')
    cluster.crashBroker(id, { power: false })
    cluster.replaceDisk(id)
    tell(`broker ${id} is gone, and gets an empty disk`)
    later(() => this.start(id))
  }
}

/** What a crash has done to logs: bytes are missing; bytes are there that were not, or not so. */
export function damage(before: readonly LogFile[], after: readonly LogFile[]): [isLost: boolean, isTorn: boolean] {
  const left = new Map(after.map(({ path, bytes }) => [path, bytes]))
  const both = before.map(({ path, bytes }) => [bytes, left.get(path) ?? Buffer.alloc(0)] as const)
  const isLost = both.some(([then, now]) => now.length < then.length)
  const isTorn = both.some(([then, now]) => !then.subarray(0, now.length).equals(now.subarray(0, then.length)))
  return [isLost, isTorn]
}
