/** Logs at rest: what is given back, and that nobody notices. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchBaseOffset } from '@ottla/protocol/records/batch.ts'
import { fileName } from './file-names.ts'
import { IDLE_REST_MS, IdleRest } from './idle-rest.ts'
import { OpenSegments } from './open-segments.ts'
import { DIRECTORY, LogFixture, NOW_MS, readBatches } from './testing.ts'

const SETTINGS = { indexIntervalBytes: 100 }
const index = `${DIRECTORY}/${fileName(0, '.index')}`

function rest({ openSegments, tail }: LogFixture): void {
  for (let i = 0; i < 2; i++) {
    openSegments.restIdle()
    tail.giveBackIdle()
  }
}

async function filled(fixture: LogFixture, batches: number) {
  const log = await fixture.finished(fixture.open())
  for (let i = 0; i < batches; i++) fixture.append(log, { timestampsMs: [NOW_MS + i] })
  await fixture.finished(log.synced())
  return log
}

test('a log that was idle for two ticks of the one timer holds no file, no index and no tail', async () => {
  const fixture = new LogFixture({ settings: SETTINGS })
  const log = await filled(fixture, 20)
  using idle = new IdleRest({ ...fixture, timers: fixture.time })
  assert.deepEqual([fixture.openSegments.fileCount, fixture.tail.liveBytes > 0], [1, true])
  await fixture.time.run(IDLE_REST_MS)
  assert.equal(fixture.openSegments.fileCount, 1, 'it was used a tick ago')
  await fixture.time.run(IDLE_REST_MS)
  const { openSegments, tail } = fixture
  assert.deepEqual([openSegments.fileCount, openSegments.indexBytes, tail.liveBytes], [0, 0, 0])
  log.verify()
  idle[Symbol.dispose]()
  assert.equal(fixture.time.pendingTimers, 0)
})

test('an append wakes a log by opening one file, and a read finds what came before and after', async () => {
  const fixture = new LogFixture({ settings: SETTINGS })
  const log = await filled(fixture, 30)
  for (let round = 0; round < 3; round++) {
    rest(fixture)
    for (let i = 0; i < 5; i++) fixture.append(log, { timestampsMs: [NOW_MS + log.logEndOffset] })
    await fixture.finished(log.synced())
    assert.equal(fixture.openSegments.fileCount, 1)
    assert.equal(fixture.openSegments.indexBytes < 2000, true, 'the index is not read for it')
  }
  rest(fixture)
  for (let offset = 0; offset < 45; offset++) {
    const [first] = await fixture.finished(readBatches(log, offset))
    assert.equal(batchBaseOffset(first!, 0), offset)
    assert.deepEqual(await fixture.finished(log.offsetForTimestamp(NOW_MS + offset)), {
      offset,
      timestamp: NOW_MS + offset,
    })
    if (offset % 10 === 0) rest(fixture)
  }
  log.verify()
  await fixture.finished(log[Symbol.asyncDispose]())
  const again = await fixture.finished(fixture.open({ cleanShutdown: true, recoveryPoint: 45 }))
  assert.equal((await fixture.finished(readBatches(again))).length, 45)
})

test('the index of a log at rest is written anew when its file is found torn, with what was appended since', async () => {
  const fixture = new LogFixture({ settings: SETTINGS })
  const log = await filled(fixture, 30)
  rest(fixture)
  const good = fixture.disk.readFile(index)
  for (const bytes of [good.subarray(0, 11), Buffer.alloc(good.length, 1)]) {
    fixture.disk.replaceFile(index, bytes)
    const offset = log.logEndOffset
    for (let i = 0; i < 10; i++) fixture.append(log)
    await fixture.finished(log.synced())
    fixture.tail.giveBackIdle()
    fixture.tail.giveBackIdle()
    for (const wanted of [3, 25, offset + 5]) {
      const [first] = await fixture.finished(readBatches(log, wanted))
      assert.equal(batchBaseOffset(first!, 0), wanted)
    }
    log.verify()
    rest(fixture)
    assert.ok(fixture.disk.readFile(index).length > good.length)
  }
})

test('what was written before a log came to rest is synced when that is asked for', async () => {
  const fixture = new LogFixture()
  const log = await fixture.finished(fixture.open())
  fixture.append(log)
  await fixture.finished(log.written())
  rest(fixture)
  assert.deepEqual([fixture.openSegments.fileCount, log.syncedOffset], [0, 0])
  await fixture.finished(log.synced())
  fixture.disk.crash()
  assert.equal((await fixture.finished(fixture.open())).logEndOffset, 1)
})

test('active segments share the limit of open files with all others, the least used rest first', async () => {
  const fixture = new LogFixture()
  const names = [0, 1, 2, 3].map((index) => `/data/many-${index}`)
  const logs = await Promise.all(names.map((directory) => fixture.finished(fixture.open({ directory }))))
  for (let round = 0; round < 5; round++) {
    for (const log of logs) {
      fixture.append(log)
      await fixture.finished(log.synced())
      assert.ok(fixture.openSegments.fileCount <= 2)
    }
  }
  for (const log of logs) assert.equal((await fixture.finished(readBatches(log))).length, 5)
})

test('when the process may open no more files, some that are not in use are closed and it goes on', async () => {
  const fixture = new LogFixture()
  Object.assign(fixture, { openSegments: new OpenSegments({ filesMax: 100 }) })
  const names = [0, 1, 2].map((index) => `/data/many-${index}`)
  const logs = await Promise.all(names.map((directory) => fixture.finished(fixture.open({ directory }))))
  for (const log of logs) fixture.append(log)
  for (const log of logs) await fixture.finished(log.synced())
  assert.equal(fixture.openSegments.fileCount, 3)
  fixture.disk.failNext({ operation: 'open', code: 'EMFILE' })
  const another = await fixture.finished(fixture.open())
  assert.equal(fixture.openSegments.fileCount, 0, 'a new log rests until it is written to')
  fixture.append(another)
  for (const log of logs) fixture.append(log)
  for (const log of [...logs, another]) await fixture.finished(log.synced())
  assert.deepEqual([fixture.failures, another.syncedOffset], [[], 1])
})

test('a log that cannot be woken is offline, and says so', async () => {
  const fixture = new LogFixture()
  const log = await filled(fixture, 1)
  rest(fixture)
  for (let i = 0; i < 2; i++) fixture.disk.failNext({ operation: 'open', code: 'EMFILE' })
  fixture.append(log)
  await assert.rejects(fixture.finished(log.written()), /offline/)
  assert.deepEqual([log.isOffline, fixture.failures.length], [true, 1])
})
