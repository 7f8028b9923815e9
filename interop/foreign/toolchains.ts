/**
 * Owns making foreign programs ready to run: their sources are copied to a cache outside the repository and built there
 * by their language's own tools, with the versions that their manifests pin. What is missing here skips the program.
 */
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { kafkaJars } from '../apache-kafka.ts'
import { REPOSITORY, type RunOptions, run } from '../processes.ts'
import { SkipError } from '../run-parts.ts'
import type { Step } from '../transcript.ts'

/** A compiler with a cold cache and one core; a guard, not a measurement. */
const BUILD_MS_MAX = 1_200_000

const SOURCES = join(REPOSITORY, 'interop', 'foreign')

/** The words that run a program, before its arguments. */
export type Command = readonly [program: string, ...args: string[]]

export async function goProgram(folder: string, steps: Step[]): Promise<Command> {
  const place = copied(folder)
  await build(['go', 'build', '-o', 'program', '.'], place, steps)
  return [join(place, 'program')]
}

/** `name` is the package's. */
export async function rustProgram(folder: string, name: string, steps: Step[]): Promise<Command> {
  const place = copied(folder)
  await build(['cargo', 'build', '--release', '--locked', '--quiet'], place, steps)
  return [join(place, 'target', 'release', name)]
}

/** All Python programs share one virtual environment. */
export async function pythonProgram(file: string, steps: Step[]): Promise<Command> {
  const place = copied('python')
  const python = join(place, 'venv', 'bin', 'python')
  if (!existsSync(python)) await build(['python3', '-m', 'venv', 'venv'], place, steps)
  await build([python, '-m', 'pip', 'install', '--quiet', '-r', 'requirements.txt'], place, steps)
  return [python, join(place, file)]
}

/** Java compiles a program of one file as it starts it. */
export async function javaProgram(path: string): Promise<Command> {
  const jars = await kafkaJars().catch((error: Error) => {
    throw new SkipError(`needs Apache Kafka's jars: ${error.message}`)
  })
  return ['java', '-cp', join(jars, '*'), join(SOURCES, path)]
}

/** An npm package that is built on this machine, for the machine's own Node. */
export async function npmProgram(folder: string, file: string, options: { steps: Step[]; env: Env }): Promise<Command> {
  const place = copied(folder)
  await build(['npm', 'install', '--silent', '--foreground-scripts'], place, options.steps, options.env)
  return ['node', join(place, file)]
}

type Env = NonNullable<RunOptions['env']>

function copied(folder: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const place = join(cache, 'ottla', 'foreign', folder)
  mkdirSync(place, { recursive: true })
  cpSync(join(SOURCES, folder), place, { recursive: true })
  return place
}

/** A tool that is not there, or a package that cannot be had, is a reason to skip; each leaves its words behind. */
async function build(words: Command, place: string, steps: Step[], env: Env = {}): Promise<void> {
  const [program, ...args] = words
  const options = { cwd: place, env, timeoutMs: BUILD_MS_MAX }
  const finished = await run(program, args, options).catch((error: Error) => {
    throw new SkipError(`cannot run ${program}: ${error.message}`)
  })
  const output = finished.output.toString() + finished.errors
  steps.push({ command: words.join(' ').replaceAll(`${place}/`, ''), code: finished.exitCode, output })
  if (finished.exitCode !== 0) throw new SkipError(`cannot be built: ${lastLine(output)}`)
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}
