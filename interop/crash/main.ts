/**
 * Kills a broker under load with SIGKILL, many times, and checks after each start that nothing acknowledged with acks=all
 * is missing, nothing of an idempotent producer is there twice, and offsets are dense.
 *
 * Usage: scripts/crash [--kills N] [--seed TEXT] [--producers raw,confluent] [--keep]
 * Ends with exit code 0 when every promise was kept; with --keep the data directory stays.
 */
import { parseArgs } from 'node:util'
import { needs } from '../debian.ts'
import { TempDirectory } from '../temp-directory.ts'
import { type CrashSummary, crashRun } from './crash-run.ts'

const KILLS_DEFAULT = 200
const PRODUCERS = ['raw', 'confluent'] as const
type ProducerName = (typeof PRODUCERS)[number]

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: String(KILLS_DEFAULT) },
    seed: { type: 'string', default: 'crash' },
    producers: { type: 'string', default: PRODUCERS.join(',') },
    keep: { type: 'boolean', default: false },
  },
})

const kills = Number(values.kills)
if (!Number.isSafeInteger(kills) || kills < 1)
  throw new Error(`Cannot use --kills ${values.kills}: it needs a whole number`)
const producers = values.producers.split(',').map(producerNamed)
if (producers.includes('confluent')) {
  const { skip } = await needs('python3-confluent-kafka')
  if (skip !== undefined) throw new Error(`Cannot run librdkafka: ${skip}; or choose --producers raw`)
}

const directory = new TempDirectory('crash', { keep: values.keep })
process.stdout.write(`seed "${values.seed}", data in ${directory.path}\n`)
try {
  const summary = await crashRun({
    dataDir: directory.of('data'),
    kills,
    seed: values.seed,
    producers,
    report: progress,
  })
  process.stdout.write(`\nall promises kept: ${described(summary)}\n`)
} finally {
  if (!values.keep) directory[Symbol.dispose]()
}

function producerNamed(text: string): ProducerName {
  const name = PRODUCERS.find((known) => known === text)
  if (name === undefined)
    throw new Error(`Cannot use --producers ${values.producers}: there are ${PRODUCERS.join(' and ')}`)
  return name
}

function progress(summary: CrashSummary): void {
  if (process.stdout.isTTY) process.stdout.write(`\r${described(summary)}`)
  else if (summary.kills % 20 === 0) process.stdout.write(`${described(summary)}\n`)
}

function described({ kills, killsWhileStarting, acknowledged }: CrashSummary): string {
  const counts = Object.entries(acknowledged).map(([name, count]) => `${count} of ${name}`)
  return `${kills} kills (${killsWhileStarting} while starting), acknowledged records: ${counts.join(', ')}`
}
