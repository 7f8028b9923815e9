/** Logs that were closed whole and are opened again without looking at their files: what was stored of their producers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from './log.ts'
import { LogFixture, NOW_MS, testBatch } from './testing.ts'

const PRODUCER = { producerId: 7, producerEpoch: 0 }
const WRITTEN = 3

/** It was closed with a producer that had written so many batches of one record, and what it was is remembered. */
async function resumed(fixture: LogFixture): Promise<Log> {
  const log = await fixture.finished(fixture.open())
  for (let i = 0; i < WRITTEN; i++) fixture.append(log, { ...PRODUCER, baseSequence: i })
  await fixture.finished(log[Symbol.asyncDispose]())
  return fixture.finished(fixture.open({ cleanShutdown: true, remembered: log.summary! }))
}

const replicate = (log: Log, fields: Parameters<typeof testBatch>[0]): void => {
  log.appendAsFollower(testBatch({ baseOffset: log.logEndOffset, ...fields }), 0)
}

/** What the producer is told of its batch with this sequence. */
const told = (log: Log, baseSequence: number): string => {
  return log.checkSequence(testBatch({ ...PRODUCER, baseSequence }), 0, NOW_MS).kind
}

test('a follower goes on with what the leader sends of a producer that was stored', async () => {
  const fixture = new LogFixture()
  const log = await resumed(fixture)
  replicate(log, { ...PRODUCER, baseSequence: WRITTEN })
  await fixture.finished(log.synced())
  assert.deepEqual(fixture.failures, [])
  assert.deepEqual([told(log, WRITTEN), told(log, WRITTEN + 1)], ['duplicate', 'append'])
  log.verify()
})

test('batches without a producer, on a leader or a follower, leave what was stored of others', async () => {
  for (const append of [replicate, (log: Log) => void new LogFixture().append(log)]) {
    const fixture = new LogFixture()
    const log = await resumed(fixture)
    append(log, {})
    await fixture.finished(log.synced())
    assert.deepEqual([told(log, WRITTEN - 1), told(log, WRITTEN)], ['duplicate', 'append'])
    await fixture.finished(log[Symbol.asyncDispose]())
    const again = await fixture.finished(fixture.open({ cleanShutdown: true, remembered: log.summary! }))
    assert.deepEqual([told(again, WRITTEN - 1), fixture.failures], ['duplicate', []])
  }
})

test('a log that is cut before what was stored knows its producers as of where it was cut', async () => {
  const fixture = new LogFixture()
  const log = await resumed(fixture)
  await fixture.finished(log.truncateTo(WRITTEN - 1))
  assert.deepEqual([told(log, WRITTEN - 2), told(log, WRITTEN - 1)], ['duplicate', 'append'])
  await fixture.finished(log[Symbol.asyncDispose]())
  const again = await resumed(new LogFixture())
  await fixture.finished(again.truncateFullyAndStartAt(10))
  assert.equal(told(again, 0), 'append')
  assert.deepEqual(fixture.failures, [])
})
