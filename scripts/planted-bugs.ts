/**
 * Shows that the simulator finds things: plants known bugs in the brokers, one at a time, and runs seeds until one of
 * them finds it.
 *
 *   sh scripts/node26 scripts/planted-bugs.ts [--seeds-max 1000] [--jobs 2]   every bug, each in a process of its own
 *   sh scripts/node26 scripts/planted-bugs.ts --bug NAME [--seeds-max 1000] [--from SEED]
 *   sh scripts/node26 scripts/planted-bugs.ts --bug NAME --seed SEED           one run, with all that happened in it
 *
 * Exit code 1 where a bug was not found.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PLANTED_BUGS, type PlantedBug } from '../packages/simulator/src/planted/bugs.ts'
import { plant } from '../packages/simulator/src/planted/plant.ts'

const SEEDS_MAX_DEFAULT = '1000'
const TOLD_CHARACTERS_MAX = 160

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const options = { bug: text, seed: text, 'seeds-max': text, from: text, jobs: text }
  const { values } = parseArgs({ options })
  const seedsMax = values['seeds-max'] ?? SEEDS_MAX_DEFAULT
  if (values.bug === undefined) return huntAll({ seedsMax, jobs: Number(values.jobs ?? '2') })
  const bug = PLANTED_BUGS.find(({ name }) => name === values.bug)
  if (bug === undefined)
    throw new Error(`There is no bug "${values.bug}": ${PLANTED_BUGS.map(({ name }) => name).join(', ')}`)
  if (values.seed !== undefined) return replay(bug, values.seed)
  return hunt(bug, { from: Number(values.from ?? '1'), seedsMax: Number(seedsMax) })
}

async function hunt(bug: PlantedBug, { from, seedsMax }: { from: number; seedsMax: number }): Promise<number> {
  const seedRun = await seedRunWith(bug)
  for (let seed = from; seed < from + seedsMax; seed++) {
    const { anomalies } = await seedRun({ seed })
    if (anomalies.length === 0) continue
    print(row(bug, String(seed), anomalies[0]!))
    return 0
  }
  print(row(bug, 'not found', `in ${seedsMax} seeds from ${from} on`))
  return 1
}

async function replay(bug: PlantedBug, seed: string): Promise<number> {
  const seedRun = await seedRunWith(bug)
  const { transcript, anomalies } = await seedRun({ seed })
  for (const line of [...transcript, ...anomalies]) print(line)
  return anomalies.length > 0 ? 0 : 1
}

/** Loads the brokers with the bug in them. */
async function seedRunWith(bug: PlantedBug) {
  const { planted } = plant(bug)
  const { seedRun } = await import('../packages/simulator/src/seed-run.ts')
  for (const { file } of bug.edits) if (!planted.has(file)) throw new Error(`The brokers do not load ${file}`)
  return seedRun
}

async function huntAll({ seedsMax, jobs }: { seedsMax: string; jobs: number }): Promise<number> {
  const waiting = [...PLANTED_BUGS]
  const missed: string[] = []
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const script = [fileURLToPath(import.meta.url), '--bug', bug.name, '--seeds-max', seedsMax]
      const [code] = await once(spawn(process.execPath, script, { stdio: 'inherit' }), 'exit')
      if (code !== 0) missed.push(bug.name)
    }
  }
  print('| bug | found by seed | what the run told first |\n| --- | --- | --- |')
  await Promise.all(Array.from({ length: jobs }, work))
  print(
    `${PLANTED_BUGS.length - missed.length} of ${PLANTED_BUGS.length} found; missed: ${missed.join(', ') || 'none'}`,
  )
  return missed.length === 0 ? 0 : 1
}

function row({ name }: PlantedBug, seeds: string, told: string): string {
  const line = told.split('\n')[0]!
  const short = line.length > TOLD_CHARACTERS_MAX ? `${line.slice(0, TOLD_CHARACTERS_MAX)}…` : line
  return `| \`${name}\` | ${seeds} | ${short} |`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main()
