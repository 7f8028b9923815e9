import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVENTS, type EventName } from './checkers/events.ts'
import { type SeedRun, seedRun } from './seed-run.ts'

const SEEDS = 20
/** Half as long as by hand (`main.ts --seeds N`), so that the tests see more of them. */
const FAULTS_MS = 30_000
/** What may not occur in so few. */
const NEVER_NEEDED: readonly EventName[] = [
  'broker failed',
  'start failed',
  'delivery failed',
  'truncation',
  'divergence',
  'torn bytes',
  'coordinator moved',
  'partition without leader',
  'partitions lost',
  'member failed',
  'failed write',
  'failed sync',
]

function report({ seed, anomalies, transcript }: SeedRun): string {
  return [`Seed ${seed}`, ...transcript.slice(-40), ...anomalies].join('\n')
}

test('nothing acknowledged is lost, doubled or reordered, whatever fails, and all comes to rest', async () => {
  const totals = new Map<EventName, number>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const run = await seedRun({ seed, faultsMs: FAULTS_MS })
    assert.deepEqual(run.anomalies, [], report(run))
    assert.ok(run.acknowledged > 200 && run.read > 200, report(run))
    for (const [name, count] of run.events.counts) totals.set(name, (totals.get(name) ?? 0) + count)
  }
  const absent = EVENTS.filter((name) => totals.get(name) === 0 && !NEVER_NEEDED.includes(name))
  assert.deepEqual(absent, [], 'Every kind of event occurs')
})

test('a seed gives the same run each time', async () => {
  const [first, second] = [await seedRun({ seed: 'twice' }), await seedRun({ seed: 'twice' })]
  assert.deepEqual(second.transcript, first.transcript)
  assert.deepEqual([second.sent, second.acknowledged, second.read], [first.sent, first.acknowledged, first.read])
})

test('disks that lie about syncs are found out', async () => {
  assert.match(await firstAnomalies({ lie: 'files' }), /lost|diverged|read ahead|moved|damaged|stuck/)
})

test('followers that claim what they have not synced are found out', async () => {
  assert.match(await firstAnomalies({ topicConfigs: { 'write.caching': 'true' } }), /lost|moved|not in sync/)
})

/** Of the first seeds that have any. */
async function firstAnomalies(planted: Omit<Parameters<typeof seedRun>[0], 'seed'>): Promise<string> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { anomalies } = await seedRun({ seed, ...planted })
    if (anomalies.length > 0) return anomalies.join('\n')
  }
  return ''
}
