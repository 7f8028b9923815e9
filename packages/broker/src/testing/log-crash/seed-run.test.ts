import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Events } from './events.ts'
import { runSeed } from './seed-run.ts'

const SEEDS = 200
/** What a lying disk breaks shows within a few seeds, not under every one. */
const LIE_SEEDS_MAX = 20

test('logs keep their promises through crashes, kills, failing disks and orderly stops, and each kind of event occurs', async () => {
  const events = new Events()
  for (let seed = 0; seed < SEEDS; seed++) events.addAll((await runSeed(`ci ${seed}`)).events)
  assert.deepEqual(events.missing, [])
})

test('a seed replays exactly', async () => {
  const [first, second] = [await runSeed('twice'), await runSeed('twice')]
  assert.ok(first.transcript.length > 20)
  assert.deepEqual(first.transcript, second.transcript)
})

for (const lie of ['files', 'names'] as const) {
  test(`a disk that lies about syncing ${lie} is found out, by name of the seed and with a transcript`, async () => {
    let found: Error | null = null
    for (let seed = 0; seed < LIE_SEEDS_MAX && found === null; seed++) {
      found = await runSeed(`lie ${seed}`, { lie }).then(
        () => null,
        (error: Error) => error,
      )
    }
    assert.match(found?.message ?? '', /^Seed lie \d+: /)
    assert.match(found?.message ?? '', /\d+\.\d+ found /)
  })
}
