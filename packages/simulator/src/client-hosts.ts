/** The programs that use a simulated cluster, each on a host with a clock of its own. They may die like a broker's. */
import type { FakeTime } from '@ottla/base/fake-time.ts'
import type { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { MortalTimers } from '@ottla/broker/testing/mortal-timers.ts'
import { type Client, openClient } from '@ottla/client/client.ts'

export interface ClientHostsOptions {
  readonly time: FakeTime
  readonly network: MemoryNetwork
  readonly seed: number | string
  readonly bootstrap: () => string
}

interface ClientProcess {
  readonly timers: MortalTimers
  wallOffsetMs: number
}

const CONNECT_TIMEOUT_MS = 2000

export class ClientHosts {
  readonly #options: ClientHostsOptions
  readonly #processes = new Map<string, ClientProcess>()
  #made = 0

  constructor(options: ClientHostsOptions) {
    this.#options = options
  }

  get hosts(): string[] {
    return [...this.#processes.keys()]
  }

  /** Another program, which connects while time goes on; `client-1` is the first one's host. */
  open(options: { signal?: AbortSignal } = {}): { readonly host: string; readonly client: Promise<Client> } {
    const { time, network, seed, bootstrap } = this.#options
    const number = ++this.#made
    const host = `client-${number}`
    const timers = new MortalTimers(time, { wallOffsetMs: () => process.wallOffsetMs })
    const process: ClientProcess = { timers, wallOffsetMs: 0 }
    this.#processes.set(host, process)
    const random = seededRandom(`client ${number} of ${seed}`)
    const ports = { network: network.join(host), clock: timers, timers, random }
    const client = openClient({ bootstrap: bootstrap(), ports, connectTimeoutMs: CONNECT_TIMEOUT_MS }, options)
    return { host, client }
  }

  /** The program dies: nothing of it goes on, and nobody is told. */
  crash(host: string): void {
    this.#processes.get(host)?.timers.end()
    this.#processes.delete(host)
    this.#options.network.crash(host)
  }

  jumpClock(host: string, byMs: number): void {
    const process = this.#processes.get(host)
    if (process !== undefined) process.wallOffsetMs += byMs
  }
}
