/**
 * Owns hosts made of network namespaces: a bridge with a subnet of its own, and for each host a namespace with one
 * interface on that bridge. This process sees them through the bridge's address, which is where clients come from.
 *
 * Packets are cut by rules inside a host's namespace alone, so nothing of this machine's own network changes. What was
 * made is removed again, and nothing else, at the latest when the process ends: names carry its id.
 */
import { spawnSync } from 'node:child_process'

const FIRST_HOST = 11
const SUBNETS = 250

export interface Host {
  readonly address: string
  /** Words in front of a command that run it on this host. `ip` replaces itself, so the process gets signals. */
  readonly wrapper: readonly string[]
}

/** Packets that are dropped on one host; the text of a rule as iptables-restore takes it. */
export type DropRule = string

export class Hosts implements Disposable {
  readonly all: readonly Host[]
  /** Of this process, on the hosts' network. */
  readonly clientAddress: string
  readonly #undo: string[][] = []

  readonly #remove = (): void => {
    for (const args of this.#undo.splice(0).reverse()) spawnSync('ip', args)
  }

  /** Whether this process may make namespaces, and cut packets in them. */
  static areToBeHad(): boolean {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
    try {
      using hosts = new Hosts(1)
      hosts.drop(0, ['-A INPUT -s 192.0.2.1 -j DROP'])
      return true
    } catch {
      return false
    }
  }

  constructor(count: number) {
    process.once('exit', this.#remove)
    try {
      const subnet = freeSubnet()
      this.clientAddress = `${subnet}.1`
      this.#makeBridge()
      this.all = Array.from({ length: count }, (_, i) => this.#makeHost(i, `${subnet}.${FIRST_HOST + i}`))
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** Drops packets on a host, beside what is dropped already: all rules are there at once. */
  drop(index: number, rules: readonly DropRule[]): void {
    const input = `*filter\n${rules.join('\n')}\nCOMMIT\n`
    run('ip', ['netns', 'exec', namespaceName(index), 'iptables-restore', '--noflush'], input)
  }

  /** Drops nothing any more. */
  heal(index: number): void {
    run('ip', ['netns', 'exec', namespaceName(index), 'iptables', '-w', '-F'])
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove)
    this.#remove()
  }

  #makeBridge(): void {
    const bridge = bridgeName()
    this.#make(['link', 'add', bridge, 'type', 'bridge'], ['link', 'del', bridge])
    run('ip', ['addr', 'add', `${this.clientAddress}/24`, 'dev', bridge])
    run('ip', ['link', 'set', bridge, 'up'])
  }

  #makeHost(index: number, address: string): Host {
    const name = namespaceName(index)
    const outside = `ov${process.pid}-${index}`
    this.#make(['netns', 'add', name], ['netns', 'del', name])
    this.#make(
      ['link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
      ['link', 'del', outside],
    )
    run('ip', ['link', 'set', outside, 'master', bridgeName(), 'up'])
    run('ip', ['-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0'])
    for (const inside of ['lo', 'eth0']) run('ip', ['-n', name, 'link', 'set', inside, 'up'])
    return { address, wrapper: ['ip', 'netns', 'exec', name] }
  }

  #make(args: string[], undo: string[]): void {
    run('ip', args)
    this.#undo.push(undo)
  }
}

function bridgeName(): string {
  return `ob${process.pid}`
}

function namespaceName(index: number): string {
  return `ottla-${process.pid}-${index}`
}

/** The first three numbers of addresses that nothing here has yet. */
function freeSubnet(): string {
  const used = run('ip', ['-4', '-o', 'addr'])
  for (let i = 0; i < SUBNETS; i++) {
    const subnet = `10.77.${(process.pid + i) % SUBNETS}`
    if (!used.includes(` ${subnet}.`)) return subnet
  }
  throw new Error('Cannot make hosts: every subnet of 10.77 is in use')
}

function run(command: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`Cannot go on: "${command} ${args.join(' ')}" ended with ${status}: ${stderr}`)
  return stdout
}
