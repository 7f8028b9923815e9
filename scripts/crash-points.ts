/**
 * Runs the crash suite of the broker under many seeds, or under one with all that happened in it.
 *
 *   sh scripts/node26 scripts/crash-points.ts [HOW-MANY-SEEDS [FIRST-SEED]]
 *   sh scripts/node26 scripts/crash-points.ts --seed SEED
 *
 * A seed that fails is printed and replays exactly. Exit code 1 when any failed.
 */
import { parseArgs } from 'node:util'
import { crashRun } from '../packages/broker/src/testing/crash-run.ts'

const SEEDS_DEFAULT = 2000
const SEEDS_PER_LINE = 500

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true })
  if (values.seed !== undefined) return replay(values.seed)
  const [count = SEEDS_DEFAULT, first = 0] = positionals.map(Number)
  return runMany({ first, count })
}

async function replay(seed: string): Promise<number> {
  try {
    await crashRun(seed, { witness: (line) => process.stdout.write(`${line}\n`) })
    return 0
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n${((error as Error).cause as Error).stack}\n`)
    return 1
  }
}

async function runMany({ first, count }: { first: number; count: number }): Promise<number> {
  let crashPoints = 0
  let failures = 0
  for (let seed = first; seed < first + count; seed++) {
    try {
      crashPoints += (await crashRun(String(seed))).crashPoints.length
    } catch (error) {
      failures++
      process.stdout.write(`${(error as Error).message}\n  again: scripts/crash-points.ts --seed ${seed}\n`)
    }
    const done = seed - first + 1
    if (done % SEEDS_PER_LINE === 0 || done === count) {
      process.stdout.write(`${done} seeds, ${crashPoints} crash points, ${failures} seeds failed\n`)
    }
  }
  return failures === 0 ? 0 : 1
}

process.exitCode = await main()
