/** Runs seeds one after the other and tells what they found: `main.ts --seeds N [--from N]`, `main.ts --seed X`. */
import { parseArgs } from 'node:util'
import { EVENTS, type EventName } from './checkers/events.ts'
import { type SeedRun, seedRun } from './seed-run.ts'

const LINES_TOLD_MAX = 60

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})

if (values.seed !== undefined) await one(values.seed)
else await many(Number(values.from), Number(values.seeds))

async function one(seed: string): Promise<void> {
  const run = await seedRun({ seed })
  for (const line of run.transcript) console.log(line)
  tellAnomalies(run)
  console.log(`${run.sent} records sent, ${run.acknowledged} acknowledged, ${run.read} read`)
  console.log(eventsLine(run.events.counts))
}

async function many(from: number, count: number): Promise<void> {
  const totals = new Map<EventName, number>(EVENTS.map((name) => [name, 0]))
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const run = await seedRun({ seed })
    for (const [name, times] of run.events.counts) totals.set(name, totals.get(name)! + times)
    if (run.anomalies.length === 0) continue
    failed++
    for (const line of run.transcript.slice(-LINES_TOLD_MAX)) console.log(line)
    tellAnomalies(run)
  }
  console.log(`${count} seeds from ${from} on, ${failed} with anomalies`)
  console.log(eventsLine(totals))
}

function tellAnomalies({ seed, anomalies }: SeedRun): void {
  for (const anomaly of anomalies) console.log(`SEED ${seed}: ${anomaly}`)
  if (anomalies.length > 0) process.exitCode = 1
}

function eventsLine(counts: ReadonlyMap<EventName, number>): string {
  return Array.from(counts, ([name, count]) => `${name}: ${count}`).join(', ')
}
