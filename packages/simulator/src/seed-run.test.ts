import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seedRun } from './seed-run.ts'

/** Until a planted bug is found. */
const PLANTED_SEEDS_MAX = 20
/** Half as long as by hand (`main.ts --seeds N`), so that the tests see more of them. */
const FAULTS_MS = 30_000
test('nothing acknowledged is lost, doubled or reordered, whatever fails, and all comes to rest; everything occurs', async () => {
  const args = ['--seeds', '100', '--jobs', '2', '--faults-ms', String(FAULTS_MS)]
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const told: string[] = []
  for await (const line of createInterface({ input: child.stdout })) told.push(line)
  assert.deepEqual(
    told.filter((line) => /^(SEED|NEVER)/.test(line)),
    [],
    told.join('\n'),
  )
  assert.ok(
    told.some((line) => line.startsWith('100 seeds from 1 on, 0 with anomalies')),
    told.join('\n'),
  )
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
  for (let seed = 1; seed <= PLANTED_SEEDS_MAX; seed++) {
    const { anomalies } = await seedRun({ seed, ...planted })
    if (anomalies.length > 0) return anomalies.join('\n')
  }
  return ''
}
