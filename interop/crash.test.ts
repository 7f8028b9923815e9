/** A few kills of a broker under load; `scripts/crash` does hundreds. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { crashRun } from './crash/crash-run.ts'
import { needs } from './debian.ts'
import { TempDirectory } from './temp-directory.ts'

const KILLS = 5

const directory = new TempDirectory('crash')
after(() => directory[Symbol.dispose]())

test('acknowledged records survive kill -9, once each and without holes', async (context) => {
  const options = { dataDir: directory.of('raw'), kills: KILLS, seed: 'crash.test' }
  const summary = await crashRun({ ...options, producers: ['raw'] })
  context.diagnostic(JSON.stringify(summary))
  assert.equal(summary.kills, KILLS)
  for (const count of Object.values(summary.acknowledged)) assert(count > 0)
})

test('so do those of librdkafka', await needs('python3-confluent-kafka'), async (context) => {
  const options = { dataDir: directory.of('confluent'), kills: KILLS, seed: 'crash.test' }
  const summary = await crashRun({ ...options, producers: ['confluent'] })
  context.diagnostic(JSON.stringify(summary))
  assert.equal(summary.kills, KILLS)
  for (const count of Object.values(summary.acknowledged)) assert(count > 0)
})
