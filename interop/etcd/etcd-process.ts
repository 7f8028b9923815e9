/**
 * Owns processes of etcd: a member alone or a cluster, each with a data directory and free ports of its own, with short
 * elections so that tests need not wait for them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { deferred } from '@ottla/base/deferred.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { TempDirectory } from '../temp-directory.ts'

const HEARTBEAT_MS = 20
const ELECTION_MS = 200
const ERRORS_CHARS_MAX = 100_000
/** etcd's own ports, where a member has a host to itself. */
const CLIENT_PORT = 2379
const PEER_PORT = 2380

export interface MemberOptions {
  /** More words of etcd's command line; the last of several that say the same counts. */
  readonly args?: readonly string[]
}

/** Where a member runs, if not on this machine's loopback. */
export interface MemberHost {
  readonly address: string
  /** Words in front of a command that run it there. */
  readonly wrapper: readonly string[]
}

interface Place extends MemberHost {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
}

export class EtcdMember implements AsyncDisposable {
  readonly #place: Place
  readonly #directory: TempDirectory
  readonly #args: readonly string[]
  #child: ChildProcess | null = null
  #exited: Promise<void> = Promise.resolve()
  #errors = ''

  constructor(place: Place, args: readonly string[]) {
    this.#place = place
    this.#directory = new TempDirectory('etcd')
    this.#args = args
  }

  /** A cluster of one member, which serves. */
  static async start({ args = [] }: MemberOptions = {}): Promise<EtcdMember> {
    const { members } = await startEtcd(1, { args })
    return members[0]!
  }

  /** HOST:PORT for clients. */
  get address(): string {
    return `${this.#place.address}:${this.#place.clientPort}`
  }

  get port(): number {
    return this.#place.clientPort
  }

  get pid(): number {
    return this.#child!.pid!
  }

  get dataDirectory(): string {
    return this.#directory.path
  }

  /** Starts the process, also again on the data that it left. */
  launch(): void {
    const [command, ...args] = [...this.#place.wrapper, 'etcd', ...addresses(this.#place)]
    const child = spawn(command!, [...args, '--data-dir', this.#directory.path, ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const end = (): void => void child.kill('SIGKILL')
    process.once('exit', end)
    const exited = deferred<void>()
    child.on('error', exited.reject)
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-ERRORS_CHARS_MAX)
    })
    child.on('close', () => {
      process.off('exit', end)
      exited.resolve()
    })
    this.#exited = exited.promise
    this.#child = child
  }

  /** Resolves once it answers for a cluster that has a leader. */
  async serves(): Promise<void> {
    await waitUntil(`etcd at ${this.address} to serve`, async () => {
      if (this.#child?.exitCode !== null) throw new Error(`etcd has ended: ${this.#errors}`)
      return (await isHealthy(this.address)) ? { found: true } : { missing: 'it does not' }
    })
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** As a machine that loses its power; its data stay. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  async restart(): Promise<void> {
    await this.kill()
    this.launch()
    await this.serves()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#directory[Symbol.dispose]()
  }
}

export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdMember[]
}

export async function startEtcd(count: number, options: MemberOptions = {}): Promise<EtcdCluster> {
  const ports = await freePorts(2 * count)
  const local = { address: '127.0.0.1', wrapper: [] }
  const places = Array.from({ length: count }, (_, i) => ({
    ...local,
    name: `m${i}`,
    clientPort: ports[2 * i]!,
    peerPort: ports[2 * i + 1]!,
  }))
  return await startMembers(places, options)
}

/** One member on each host, at etcd's own ports. */
export async function startEtcdOn(hosts: readonly MemberHost[], options: MemberOptions = {}): Promise<EtcdCluster> {
  const places = hosts.map((host, i) => ({ ...host, name: `m${i}`, clientPort: CLIENT_PORT, peerPort: PEER_PORT }))
  return await startMembers(places, options)
}

async function startMembers(places: readonly Place[], { args = [] }: MemberOptions): Promise<EtcdCluster> {
  const all = places.map(({ name, address, peerPort }) => `${name}=http://${address}:${peerPort}`).join(',')
  const timing = ['--heartbeat-interval', `${HEARTBEAT_MS}`, '--election-timeout', `${ELECTION_MS}`]
  const words = ['--initial-cluster', all, ...timing, '--log-level', 'error', ...args]
  const members = places.map((place) => new EtcdMember(place, words))
  for (const member of members) member.launch()
  const dispose = async () => void (await Promise.all(members.map((member) => member[Symbol.asyncDispose]())))
  try {
    await Promise.all(members.map((member) => member.serves()))
  } catch (error) {
    await dispose()
    throw error
  }
  return { members, [Symbol.asyncDispose]: dispose }
}

function addresses({ name, address, clientPort, peerPort }: Place): string[] {
  const [client, peer] = [`http://${address}:${clientPort}`, `http://${address}:${peerPort}`]
  return [
    ...['--name', name, '--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
  ]
}

async function isHealthy(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/health`)
    return ((await answer.json()) as { health?: unknown }).health === 'true'
  } catch {
    return false
  }
}

/** All are held at once, so that none comes twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(servers.map(portOf))
  await Promise.all(
    servers.map(async (server) => {
      const closed = deferred<void>()
      server.close(() => closed.resolve())
      await closed.promise
    }),
  )
  return ports
}

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  const listening = deferred<void>()
  server.once('error', listening.reject)
  server.listen(0, '127.0.0.1', () => listening.resolve())
  await listening.promise
  return (server.address() as { port: number }).port
}
