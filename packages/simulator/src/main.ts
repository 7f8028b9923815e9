/**
 * Runs seeds and tells what they found: `main.ts --seeds N [--from N] [--jobs N] [--faults-ms N]`, or one with its whole
 * transcript: `main.ts --seed X`. Exits with 1 where a seed has an anomaly, or a hundred seeds lack an event.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ManySeeds, type SeedSummary } from './many-seeds.ts'
import { seedRun } from './seed-run.ts'

const LINES_TOLD_MAX = 60
const PROGRESS_SEEDS = 100
/** Runs make much that is soon garbage: with a larger nursery most of it is never copied. */
const NODE_FLAGS = ['--max-semi-space-size=32']

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** How long faults come, of simulated time. */
    'faults-ms': { type: 'string', default: '60000' },
    /** For the processes that this one starts: every so many seeds, told as JSON. */
    every: { type: 'string' },
  },
})

const [from, seeds, jobs] = [Number(values.from), Number(values.seeds), Number(values.jobs)]
const faultsMs = Number(values['faults-ms'])
if (values.seed !== undefined) await one(values.seed)
else if (values.every !== undefined) await tellEach(Number(values.every))
else await many()

async function one(seed: string): Promise<void> {
  const run = await seedRun({ seed, faultsMs })
  for (const line of run.transcript) console.log(line)
  for (const anomaly of run.anomalies) console.log(`SEED ${seed}: ${anomaly}`)
  console.log(`${run.sent} records sent, ${run.acknowledged} acknowledged, ${run.read} read`)
  console.log(Array.from(run.events.counts, ([name, count]) => `${name}: ${count}`).join(', '))
  if (run.anomalies.length > 0) process.exitCode = 1
}

async function many(): Promise<void> {
  const all = new ManySeeds()
  await Promise.all(Array.from({ length: jobs }, (_, job) => runJob(from + job, all)))
  console.log(`${all.seeds} seeds from ${from} on, ${all.failed} with anomalies`)
  console.log(`${all.cpuSecondsEach.toFixed(2)} CPU seconds each`)
  console.log(all.line)
  for (const name of all.absent) console.log(`NEVER: ${name}`)
  if (all.failed > 0 || all.absent.length > 0 || all.seeds < seeds) process.exitCode = 1
}

/** One process for every so many seeds. */
async function runJob(first: number, all: ManySeeds): Promise<void> {
  const range = ['--from', String(first), '--seeds', String(from + seeds - first), '--every', String(jobs)]
  const args = [...range, '--faults-ms', String(faultsMs)]
  const path = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [...NODE_FLAGS, path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) tell(JSON.parse(line) as SeedSummary, all)
}

function tell(summary: SeedSummary, all: ManySeeds): void {
  all.add(summary)
  for (const line of summary.told) console.log(line)
  for (const anomaly of summary.anomalies) console.log(`SEED ${summary.seed}: ${anomaly}`)
  if (all.seeds % PROGRESS_SEEDS === 0) console.log(`${all.seeds} seeds, ${all.failed} with anomalies`)
}

async function tellEach(every: number): Promise<void> {
  for (let seed = from; seed < from + seeds; seed += every) {
    const before = process.cpuUsage()
    const { anomalies, transcript, events } = await seedRun({ seed, faultsMs })
    const { user, system } = process.cpuUsage(before)
    const told = anomalies.length === 0 ? [] : transcript.slice(-LINES_TOLD_MAX)
    const counts = Object.fromEntries(events.counts)
    const summary: SeedSummary = { seed, anomalies, told, counts, cpuMs: (user + system) / 1000 }
    process.stdout.write(`${JSON.stringify(summary)}\n`)
  }
}
