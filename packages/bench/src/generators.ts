/**
 * Owns the load generators in C: compiles them at the beginning of a bench, and on Debian installs what that needs where
 * it is missing and the user is root. What cannot be had is told as a reason, and its rows are skipped by name.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'
import { runCommand } from './child.ts'
import { loadDirectory } from './paths.ts'

export type Generator = 'librdkafka' | 'mixed' | 'raw-produce' | 'paced-produce' | 'latency' | 'drop-cache'

/** Where a generator's program is, or why there is none. */
export type Built = { readonly path: string } | { readonly missing: string }

export type Generators = { readonly [name in Generator]: Built }

interface Program {
  readonly name: Generator
  /** Beside its own source and wire.c. */
  readonly sources: readonly string[]
  readonly libraries: readonly string[]
}

const PROGRAMS: readonly Program[] = [
  { name: 'librdkafka', sources: ['kafka', 'text'], libraries: ['-lrdkafka', '-lm', '-pthread'] },
  { name: 'mixed', sources: ['kafka', 'text', 'times'], libraries: ['-lrdkafka', '-lm', '-pthread'] },
  { name: 'raw-produce', sources: ['connection'], libraries: [] },
  { name: 'paced-produce', sources: ['connection', 'times'], libraries: [] },
  { name: 'latency', sources: ['times'], libraries: [] },
  { name: 'drop-cache', sources: [], libraries: [] },
]
const COMPILER_FLAGS = ['-O2', '-Wall', '-Wextra', '-Wpedantic']
const COMPILE_MS_MAX = 60_000
const INSTALL_MS_MAX = 180_000
const DEBIAN_PACKAGES = ['librdkafka-dev', 'gcc', 'libc6-dev']

/** Compiles into `directory`, which exists. */
export async function buildGenerators(disk: Disk, directory: string): Promise<Generators> {
  if (!disk.exists('/usr/include/librdkafka/rdkafka.h') || !disk.exists('/usr/bin/cc')) await installFromDebian(disk)
  const built = PROGRAMS.map(async (program) => [program.name, await build(directory, program)] as const)
  return Object.fromEntries(await Promise.all(built)) as Generators
}

async function build(directory: string, { name, sources, libraries }: Program): Promise<Built> {
  const path = `${directory}/${name}`
  const files = [name, 'wire', ...sources].map((source) => `${loadDirectory}${source}.c`)
  try {
    await runCommand('cc', [...COMPILER_FLAGS, '-o', path, ...files, ...libraries], { timeoutMs: COMPILE_MS_MAX })
    return { path }
  } catch (error) {
    return { missing: (error as Error).message.split('\n')[0]! }
  }
}

/** Does what it may; whether it helped shows when compiling. */
async function installFromDebian(disk: Disk): Promise<void> {
  if (process.getuid?.() !== 0 || !disk.exists('/usr/bin/apt-get')) return
  const options = { timeoutMs: INSTALL_MS_MAX, environment: { DEBIAN_FRONTEND: 'noninteractive' } }
  const install = () => runCommand('apt-get', ['install', '-y', '--no-install-recommends', ...DEBIAN_PACKAGES], options)
  try {
    await install()
  } catch {
    // The lists of packages may be old, or were never fetched.
    await runCommand('apt-get', ['update'], options)
      .then(install)
      .catch(() => {})
  }
}

/** Where the program is. Rows whose generator is missing are skipped before anybody asks. */
export function programOf(generators: Generators, name: Generator): string {
  const built = generators[name]
  assert('path' in built, `The generator ${name} was built`)
  return built.path
}
