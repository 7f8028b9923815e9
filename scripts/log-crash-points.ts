/**
 * Runs the log's crash suite under many seeds, or under one with all that happened in it.
 *
 *   sh scripts/node26 scripts/log-crash-points.ts [--seeds N] [--first SEED]
 *   sh scripts/node26 scripts/log-crash-points.ts --seed SEED
 *
 * A seed that fails is printed with the end of its transcript and replays exactly. Prints how often each kind of event
 * occurred; where a hundred seeds or more have never seen one of them that is a failure too. Exit code 1 when anything
 * failed.
 */
import { parseArgs } from 'node:util'
import { Events } from '../packages/broker/src/testing/log-crash/events.ts'
import { runSeed } from '../packages/broker/src/testing/log-crash/seed-run.ts'

const SEEDS_DEFAULT = 1000
const SEEDS_PER_LINE = 1000
/** Fewer may well miss a rare event. */
const SEEDS_FOR_ALL_EVENTS = 100
const FAILURES_TOLD_MAX = 10

async function main(): Promise<number> {
  const options = { seed: { type: 'string' }, seeds: { type: 'string' }, first: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  if (values.seed !== undefined) return replay(values.seed)
  return runMany({ first: Number(values.first ?? 0), count: Number(values.seeds ?? SEEDS_DEFAULT) })
}

async function replay(seed: string): Promise<number> {
  try {
    await runSeed(seed, { witness: print })
    return 0
  } catch (error) {
    print(((error as Error).cause as Error).stack ?? String(error))
    return 1
  }
}

async function runMany({ first, count }: { first: number; count: number }): Promise<number> {
  const events = new Events()
  let failures = 0
  for (let seed = first; seed < first + count && failures < FAILURES_TOLD_MAX; seed++) {
    try {
      events.addAll((await runSeed(String(seed))).events)
    } catch (error) {
      failures++
      print(`${(error as Error).message}\n  again: scripts/log-crash-points.ts --seed ${seed}`)
    }
    const done = seed - first + 1
    if (done % SEEDS_PER_LINE === 0 || done === count) print(`${done} seeds, ${failures} failed`)
  }
  for (const [name, times] of events.counts) print(`${String(times).padStart(10)} ${name}`)
  const missing = count >= SEEDS_FOR_ALL_EVENTS ? events.missing : []
  if (missing.length > 0) print(`Never occurred: ${missing.join('; ')}`)
  return failures === 0 && missing.length === 0 ? 0 : 1
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main()
