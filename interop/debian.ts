/**
 * Owns what these tests need from Debian: it is installed with apt-get where it is missing and we are root, once, under
 * a lock, so that test files which run side by side do not meet in apt. Elsewhere the tests that need it are reported
 * as skipped, each naming what is missing; with CI=true a missing tool is a failure, so that nothing is skipped unseen.
 */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PYTHON, run } from './processes.ts'

interface Tool {
  readonly package: string
  /** Whether it is there and works. */
  readonly works: () => Promise<boolean>
}

const TOOLS = {
  kcat: { package: 'kcat', works: () => ends('kcat', ['-V']) },
  'python3-confluent-kafka': {
    package: 'python3-confluent-kafka',
    works: () => ends(PYTHON, ['-c', 'import confluent_kafka']),
  },
  /** Installed is not enough: a container may forbid tracing. */
  strace: { package: 'strace', works: () => ends('strace', ['-o', '/dev/null', 'true']) },
  'etcd-server': { package: 'etcd-server', works: () => ends('etcd', ['--version']) },
  edict: { package: 'edict', works: async () => existsSync('/usr/share/edict/edict') },
  'mythes-en-us': { package: 'mythes-en-us', works: async () => existsSync('/usr/share/mythes/th_en_US_v2.dat') },
} as const satisfies Readonly<Record<string, Tool>>

export type ToolName = keyof typeof TOOLS

/** How long one test file waits for another's apt-get, in seconds. */
const LOCK_SECONDS_MAX = 300
const INSTALL_MS_MAX = 420_000

/**
 * Options for `test`: empty where all tools work (having installed them if that was needed and possible), `skip` with
 * the reason where not. Throws instead where CI=true.
 */
export async function needs(...names: readonly ToolName[]): Promise<{ skip?: string }> {
  const missing = await missingOf(names)
  if (missing.length > 0 && canInstall()) await install(missing)
  const still = missing.length > 0 ? await missingOf(missing) : []
  if (still.length === 0) return {}
  const reason = `needs ${still.join(', ')} from Debian (apt-get install ${still.join(' ')})`
  if (process.env['CI'] === 'true') throw new Error(`Cannot test: ${reason}`)
  return { skip: reason }
}

/** Whether one tool works, or does so after being installed. */
export async function has(name: ToolName): Promise<boolean> {
  if ((await missingOf([name])).length === 0) return true
  if (canInstall()) await install([name])
  return (await missingOf([name])).length === 0
}

async function missingOf(names: readonly ToolName[]): Promise<ToolName[]> {
  const works = await Promise.all(names.map((name) => TOOLS[name].works()))
  return names.filter((_name, index) => !works[index])
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

/**
 * The lists are brought up to date only where the packages are not found in those that are there: a fresh container has
 * none. What went wrong shows in that the tool is still missing.
 */
async function install(names: readonly ToolName[]): Promise<void> {
  const packages = names.map((name) => TOOLS[name].package).join(' ')
  const get = 'apt-get -qq -o DPkg::Lock::Timeout=60'
  const add = `${get} install -y --no-install-recommends ${packages}`
  const script = `${add} || { ${get} update && ${add}; }`
  const lock = join(tmpdir(), 'ottla-apt-get.lock')
  const args = ['--timeout', String(LOCK_SECONDS_MAX), lock, 'sh', '-c', script]
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const finished = await run('flock', args, { env, timeoutMs: INSTALL_MS_MAX })
  if (finished.exitCode !== 0) process.stderr.write(`Cannot install ${packages}: ${finished.errors}\n`)
}

async function ends(command: string, args: readonly string[]): Promise<boolean> {
  try {
    return (await run(command, args)).exitCode === 0
  } catch {
    return false
  }
}
