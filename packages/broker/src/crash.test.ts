/**
 * Stops the machine under a whole broker at every kind of moment, and asks of what comes back all that a client may
 * rely on: see testing/crash-model.ts. `scripts/crash-points.ts` runs as many seeds more as one likes, or one again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashRun } from './testing/crash-run.ts'

const SEEDS = 300
const CRASH_POINTS_MIN = 1000
/** A broker that lies is found out by most seeds. */
const LIAR_SEEDS = 30

test('what was acknowledged survives a crash at any operation of the disk, once, in order and where it was', async () => {
  const crashPoints = new Set<string>()
  let acknowledgedBatches = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await crashRun(String(seed))
    for (const point of run.crashPoints) crashPoints.add(`${seed} ${point}`)
    acknowledgedBatches += run.acknowledgedBatches
  }
  assert.ok(crashPoints.size >= CRASH_POINTS_MIN, `${crashPoints.size} crash points`)
  assert.ok(acknowledgedBatches > 5 * crashPoints.size, `${acknowledgedBatches} batches were acknowledged as durable`)
})

test('a seed gives the same run again', async () => {
  const [one, other] = [await crashRun('again'), await crashRun('again')]
  assert.ok(one.transcript.length > 100)
  assert.deepEqual(one, other)
})

for (const lie of ['files', 'names'] as const) {
  test(`the crash suite notices a broker that does not sync ${lie}`, async () => {
    const failures: string[] = []
    for (let seed = 0; seed < LIAR_SEEDS; seed++) {
      await crashRun(String(seed), { lie }).catch((error: Error) => failures.push(error.message))
    }
    assert.ok(
      failures.some((message) => /^Crash seed \d+: \S+ lost offset \d+/.test(message)),
      `It lost nothing: ${failures}`,
    )
  })
}
