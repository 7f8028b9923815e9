/**
 * Owns the load generators in C: compiles them at the beginning of a bench, and on Debian installs what that needs where
 * it is missing and the user is root. What cannot be had is told as a reason, and its rows are skipped by name.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'
import { runCommand } from './child.ts'
import { loadDirectory } from './paths.ts'

export type Generator = 'librdkafka' | 'raw-produce' | 'latency'

/** Where a generator's program is, or why there is none. */
export type Built = { readonly path: string } | { readonly missing: string }

export type Generators = { readonly [name in Generator]: Built }

const GENERATORS: readonly { name: Generator; libraries: readonly string[] }[] = [
  { name: 'librdkafka', libraries: ['-lrdkafka'] },
  { name: 'raw-produce', libraries: [] },
  { name: 'latency', libraries: [] },
]
const COMPILER_FLAGS = ['-O2', '-Wall', '-Wextra', '-Wpedantic']
const COMPILE_MS_MAX = 60_000
const INSTALL_MS_MAX = 180_000
const DEBIAN_PACKAGES = ['librdkafka-dev', 'gcc', 'libc6-dev']

/** Compiles into `directory`, which exists. */
export async function buildGenerators(disk: Disk, directory: string): Promise<Generators> {
  if (!disk.exists('/usr/include/librdkafka/rdkafka.h') || !disk.exists('/usr/bin/cc')) await installFromDebian(disk)
  const built = GENERATORS.map(
    async ({ name, libraries }) => [name, await build(directory, { name, libraries })] as const,
  )
  return Object.fromEntries(await Promise.all(built)) as Generators
}

async function build(directory: string, generator: { name: Generator; libraries: readonly string[] }): Promise<Built> {
  const { name, libraries } = generator
  const path = `${directory}/${name}`
  const sources = [`${loadDirectory}${name}.c`, `${loadDirectory}wire.c`]
  try {
    await runCommand('cc', [...COMPILER_FLAGS, '-o', path, ...sources, ...libraries], { timeoutMs: COMPILE_MS_MAX })
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
