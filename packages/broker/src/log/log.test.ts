import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchBaseOffset, batchesIn } from '@ottla/protocol/records/batch.ts'
import { type Log, LogOfflineError, type ReadLease } from './log.ts'
import { UNWRITTEN_BYTES_MAX } from './log-writer.ts'
import { DIRECTORY, LogFixture, NOW_MS, readBatches, testBatch } from './testing.ts'

const everything = (log: Log, offset: number) =>
  ({ offset, maxOffset: log.logEndOffset, maxBytes: 1 << 20, minOneBatch: true }) as const

function readTail(log: Log, offset: number): ReadLease {
  const lease = log.read(everything(log, offset))
  assert.ok(!(lease instanceof Promise), 'the tail answers at once')
  return lease
}

test('a batch gets the next offset and the leader’s epoch, and can be read before it is written', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  assert.equal(fixture.append(log, { count: 3 }), 0)
  assert.equal(fixture.append(log, { count: 2, leaderEpoch: 7 }), 3)
  assert.deepEqual([log.logEndOffset, log.writtenOffset, log.syncedOffset], [5, 0, 0])
  const lease = readTail(log, 4)
  assert.equal(batchBaseOffset(lease.parts[0]!, 0), 3, 'a read in the middle of a batch begins at the batch')
  assert.equal(lease.parts[0]!.readInt32BE(12), 7)
  lease.release()
})

test('all that one turn appends leaves by one write, and all callers of the turn share one promise', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  const before = fixture.disk.operations
  for (let i = 0; i < 10; i++) fixture.append(log)
  const written = log.written()
  assert.equal(log.written(), written)
  await fixture.finished(written)
  assert.equal(fixture.disk.operations - before, 1)
  assert.deepEqual([log.writtenOffset, log.syncedOffset], [10, 0])
})

test('whoever asks while a sync runs shares the next one', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  fixture.disk.holdSyncs()
  fixture.append(log)
  const first = log.synced()
  await fixture.time.settle()
  fixture.append(log)
  const second = log.synced()
  fixture.append(log)
  assert.equal(log.synced(), second)
  await fixture.time.settle()
  assert.deepEqual([log.writtenOffset, log.syncedOffset, fixture.syncedOffsets], [3, 0, []])
  const syncsBefore = fixture.syncs.syncs.value
  fixture.disk.releaseSyncs()
  await fixture.finished(Promise.all([first, second]))
  assert.deepEqual(fixture.syncedOffsets, [1, 3])
  assert.equal(fixture.syncs.syncs.value - syncsBefore, 2)
})

test('flush.messages=1 makes written wait for the sync', async () => {
  const fixture = new LogFixture({ settings: { flushMessages: 1 } })
  const log = await fixture.open()
  fixture.disk.holdSyncs()
  fixture.append(log)
  let isWritten = false
  const written = log.written().then(() => {
    isWritten = true
  })
  await fixture.time.settle()
  assert.deepEqual([log.writtenOffset, isWritten], [1, false])
  fixture.disk.releaseSyncs()
  await fixture.finished(written)
  assert.equal(log.syncedOffset, 1)
})

test('flush.ms syncs what nobody waits for, and leaves no timer behind', async () => {
  const fixture = new LogFixture({ settings: { flushMs: 500 } })
  const log = await fixture.open()
  fixture.append(log)
  await fixture.time.run(499)
  assert.equal(log.syncedOffset, 0)
  await fixture.time.run(1)
  assert.equal(log.syncedOffset, 1)
  await fixture.finished(log[Symbol.asyncDispose]())
  assert.equal(fixture.time.pendingTimers, 0)
})

for (const operation of ['write', 'sync'] as const) {
  test(`after a failed ${operation} the log refuses everything, says so once, and loses nothing durable`, async () => {
    const fixture = new LogFixture()
    const log = await fixture.open()
    fixture.append(log)
    await fixture.finished(log.synced())
    fixture.disk.failNext({ operation, code: operation === 'write' ? 'ENOSPC' : 'EIO' })
    fixture.append(log)
    const [written, synced] = [log.written(), log.synced()]
    if (operation === 'write') await assert.rejects(fixture.finished(written), LogOfflineError)
    await assert.rejects(fixture.finished(synced), LogOfflineError)
    assert.equal(log.isOffline, true)
    assert.throws(() => fixture.append(log), LogOfflineError)
    assert.throws(() => log.read(everything(log, 0)), LogOfflineError)
    await assert.rejects(log.written(), LogOfflineError)
    await assert.rejects(log.synced(), LogOfflineError)
    assert.equal(fixture.failures.length, 1)
    await fixture.finished(log[Symbol.asyncDispose]())
    const again = await fixture.finished(fixture.open())
    assert.ok(again.logEndOffset >= 1)
  })
}

test('a segment ends by size, by record time and by a full index, as Kafka’s do', async () => {
  const size = testBatch().length
  const bySize = new LogFixture({ settings: { segmentBytes: size * 2 } })
  const log = await bySize.open()
  for (let i = 0; i < 5; i++) bySize.append(log)
  assert.equal(log.segmentCount, 3, 'two batches fill a segment exactly')

  const byTime = new LogFixture({ settings: { segmentMs: 1000, segmentJitterMs: 100 } })
  const timed = await byTime.open()
  for (const ms of [0, 900, 901]) byTime.append(timed, { timestampsMs: [NOW_MS + ms] })
  assert.equal(timed.segmentCount, 2)

  const byIndex = new LogFixture({ settings: { indexIntervalBytes: 0, segmentIndexBytes: 24 } })
  const indexed = await byIndex.open()
  for (let i = 0; i < 3; i++) byIndex.append(indexed, { timestampsMs: [NOW_MS + i] })
  assert.equal(indexed.segmentCount, 2, 'the time index counts as full one entry early')
})

test('a batch larger than a chunk, and one larger than maxBytes, come back whole', async () => {
  const fixture = new LogFixture({ tailBytesMax: 64 * 1024 })
  const log = await fixture.open()
  const large = testBatch({ valueBytes: 1_500_000 })
  log.append(large, 0, { leaderEpoch: 0, appendTimeMs: NOW_MS })
  fixture.append(log)
  await fixture.finished(log.written())
  const first = await log.read({ offset: 0, maxOffset: 2, maxBytes: 10, minOneBatch: true })
  assert.equal(first.bytes, large.length)
  first.release()
  const none = await log.read({ offset: 0, maxOffset: 2, maxBytes: 10, minOneBatch: false })
  assert.equal(none.bytes, 0)
  assert.equal((await fixture.finished(readBatches(log))).length, 2)
})

test('memory and files answer every read alike', async () => {
  const inMemory = new LogFixture({ settings: { segmentBytes: 2000, indexIntervalBytes: 200 } })
  const log = await inMemory.open()
  for (let i = 0; i < 100; i++) inMemory.append(log, { count: 1 + (i % 3), valueBytes: (i * 37) % 150 })
  await inMemory.finished(log.synced())
  inMemory.disk.syncAll()
  const file = new LogFixture({ settings: inMemory.settings })
  Object.assign(file, { disk: inMemory.disk })
  const reopened = await file.finished(file.open())
  assert.equal(reopened.logEndOffset, log.logEndOffset)
  for (let offset = 0; offset < log.logEndOffset; offset += 3) {
    for (const maxBytes of [1, 100, 500]) {
      const request = { offset, maxOffset: log.logEndOffset - 5, maxBytes, minOneBatch: offset % 2 === 0 }
      const [tail, history] = [readTailRequest(log, request), await reopened.read(request)]
      // A read of files ends with the segment.
      const bytes = Buffer.concat(history.parts)
      assert.deepEqual(bytes, Buffer.concat(tail.parts).subarray(0, bytes.length))
      assert.equal(bytes.length === 0, tail.bytes === 0)
      tail.release()
      history.release()
    }
  }
})

function readTailRequest(log: Log, request: Parameters<Log['read']>[0]): ReadLease {
  const lease = log.read(request)
  assert.ok(!(lease instanceof Promise))
  return lease
}

test('what a reader holds does not change when the log is truncated and goes on', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  for (let i = 0; i < 4; i++) fixture.append(log)
  const lease = readTail(log, 0)
  const held = Buffer.concat(lease.parts)
  await fixture.finished(log.truncateTo(1))
  for (let i = 0; i < 200; i++) fixture.append(log, { leaderEpoch: 1, valueBytes: 500 })
  assert.deepEqual(Buffer.concat(lease.parts), held)
  lease.release()
  log.verify()
})

test('reads that a truncation overtakes see the log as it was or as it is, never something between', async () => {
  const fixture = new LogFixture({ tailBytesMax: 16 * 1024, settings: { segmentBytes: 10_000 } })
  const log = await fixture.open()
  for (let i = 0; i < 40; i++) fixture.append(log, { valueBytes: 1000 })
  await fixture.finished(log.synced())
  const before = await readBatches(log)
  let isTruncated = false
  const truncated = log.truncateTo(5).then(() => {
    isTruncated = true
  })
  const reads: Promise<Buffer[]>[] = []
  while (!isTruncated) {
    reads.push(readBatches(log, 3))
    await fixture.time.settle()
  }
  await truncated
  for (const found of await fixture.finished(Promise.all(reads))) {
    assert.deepEqual(found, before.slice(3, 3 + found.length))
  }
  assert.equal((await readBatches(log, 3)).length, 2)
})

test('removing segments leaves a reader its file, and removes it after', async () => {
  const fixture = new LogFixture({ settings: { segmentBytes: 1000 }, tailBytesMax: 16 * 1024 })
  const log = await fixture.open()
  for (let i = 0; i < 60; i++) fixture.append(log, { valueBytes: 400 })
  await fixture.finished(log.synced())
  const read = log.read(everything(log, 0))
  log.advanceLogStartOffset(20)
  const before = log.segmentCount
  assert.equal(log.removeBelowStart(3), 3, 'no more than was allowed')
  assert.equal(log.segmentCount, before - 3)
  assert.ok(log.removeBelowStart(100) > 0)
  assert.equal(log.removeBelowStart(100), 0)
  const lease = await read
  assert.ok(lease.bytes > 0)
  assert.equal(log.logStartOffset, 20)
  lease.release()
  log.advanceLogStartOffset(log.logEndOffset)
  log.removeBelowStart(100)
  assert.equal(log.segmentCount, 1, 'the active segment stays')
})

test('after an orderly close nothing is scanned, and indexes and snapshot are as Kafka wants them', async () => {
  const fixture = new LogFixture({ settings: { indexIntervalBytes: 100 } })
  const log = await fixture.open()
  for (let i = 0; i < 10; i++) {
    fixture.append(log, { producerId: 5, producerEpoch: 0, baseSequence: i, timestampsMs: [NOW_MS + i] })
  }
  await fixture.finished(log[Symbol.asyncDispose]())
  const names = fixture.disk.list(DIRECTORY).map(({ name }) => name)
  const base = '0'.repeat(20)
  assert.deepEqual(names.sort(), [
    `${base}.index`,
    `${base}.log`,
    `${base}.timeindex`,
    '00000000000000000010.snapshot',
    'leader-epoch-checkpoint',
  ])
  const index = fixture.disk.readFile(`${DIRECTORY}/${base}.index`)
  const timeIndex = fixture.disk.readFile(`${DIRECTORY}/${base}.timeindex`)
  const size = testBatch().length
  assert.deepEqual([index.readInt32BE(0), index.readInt32BE(4)], [2, 2 * size], 'last offset and start of the batch')
  assert.equal(Number(timeIndex.readBigInt64BE(timeIndex.length - 12)), NOW_MS + 9, 'the last entry seals')
  // One flipped bit: a scan would cut the log here.
  const file = fixture.disk.open(`${DIRECTORY}/${base}.log`)
  file.write(Buffer.from([0xff]), 65)
  const again = await fixture.finished(fixture.open({ cleanShutdown: true, recoveryPoint: 10 }))
  assert.equal(again.logEndOffset, 10)
  const retry = testBatch({ producerId: 5, producerEpoch: 0, baseSequence: 9, baseOffset: 9 })
  assert.equal(again.producers.check(retry, 0, NOW_MS).kind, 'duplicate')
  again.verify()
})

test('a producer whose records are of long ago is known again after a crash', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  const batch = { producerId: 5, producerEpoch: 0, baseSequence: 0, timestampsMs: [NOW_MS - 1000 * 86_400_000] }
  fixture.append(log, batch)
  await fixture.finished(log.synced())
  const again = await fixture.finished(fixture.open())
  assert.equal(again.producers.check(testBatch(batch), 0, NOW_MS).kind, 'duplicate')
})

test('without an orderly close the log is cut at the first bad batch, with one line that says where', async () => {
  const fixture = new LogFixture({ settings: { segmentBytes: 500 } })
  const log = await fixture.open()
  for (let i = 0; i < 20; i++) fixture.append(log)
  await fixture.finished(log.synced())
  const size = testBatch().length
  fixture.disk.open(`${DIRECTORY}/${'0'.repeat(20)}.log`).write(Buffer.from([0xff]), size + 65)
  const again = await fixture.finished(fixture.open())
  assert.deepEqual([again.logEndOffset, again.segmentCount], [1, 1])
  const lines = fixture.logger.lines.filter(({ fields }) => fields['position'] === size)
  assert.equal(lines.length, 1)
  const trusting = await fixture.finished(fixture.open({ recoveryPoint: 1 }))
  assert.equal(trusting.logEndOffset, 1)
})

test('what lies below the recovery point is not checked', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  for (let i = 0; i < 5; i++) fixture.append(log)
  await fixture.finished(log.synced())
  fixture.disk.open(`${DIRECTORY}/${'0'.repeat(20)}.log`).write(Buffer.from([0xff]), 65)
  const again = await fixture.finished(fixture.open({ recoveryPoint: 5 }))
  assert.equal(again.logEndOffset, 5)
})

test('records are found by time inside batches, compressed ones too, in any segment', async () => {
  for (const codec of ['none', 'gzip'] as const) {
    const fixture = new LogFixture({ settings: { segmentBytes: 400, indexIntervalBytes: 50 } })
    const log = await fixture.open()
    for (let i = 0; i < 20; i++) {
      fixture.append(log, {
        codec,
        count: 3,
        timestampsMs: [i * 100, i * 100 + 50, i * 100 + 20].map((t) => NOW_MS + t),
      })
    }
    const find = (ms: number) => fixture.finished(log.offsetForTimestamp(NOW_MS + ms))
    assert.deepEqual(await find(0), { offset: 0, timestamp: NOW_MS })
    assert.deepEqual(await find(1021), { offset: 31, timestamp: NOW_MS + 1050 })
    assert.deepEqual(await find(1051), { offset: 33, timestamp: NOW_MS + 1100 })
    assert.equal(await find(1951), null)
    const newest = { offset: 58, timestamp: NOW_MS + 1950 }
    assert.deepEqual(await fixture.finished(log.maxTimestampOffset()), newest)
    log.advanceLogStartOffset(32)
    assert.deepEqual(await find(0), { offset: 32, timestamp: NOW_MS + 1020 })
  }
})

test('a record is found by time however far behind the last index entry it lies, in batches of all sizes', async () => {
  const fixture = new LogFixture({ settings: { indexIntervalBytes: 1 << 30 } })
  const log = await fixture.open()
  for (let i = 0; i < 300; i++) {
    fixture.append(log, { valueBytes: i % 50 === 7 ? 200_000 : 1000, timestampsMs: [NOW_MS + i] })
  }
  for (const i of [0, 6, 7, 8, 30, 57, 151, 299]) {
    const found = await fixture.finished(log.offsetForTimestamp(NOW_MS + i))
    assert.deepEqual(found, { offset: i, timestamp: NOW_MS + i })
  }
})

test('the latest record is looked for from the log’s start on, also inside the batch that it lies in', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  fixture.append(log, { count: 3, timestampsMs: [NOW_MS + 90, NOW_MS + 20, NOW_MS + 30] })
  fixture.append(log, { count: 1, timestampsMs: [NOW_MS + 10] })
  await fixture.finished(log.written())
  log.advanceLogStartOffset(1)
  assert.deepEqual(await fixture.finished(log.maxTimestampOffset()), { offset: 2, timestamp: NOW_MS + 30 })
})

test('a follower keeps offsets, gaps and epochs of its leader', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  log.appendAsFollower(testBatch({ baseOffset: 10, count: 2, leaderEpoch: 3 }), 0)
  log.appendAsFollower(testBatch({ baseOffset: 20, leaderEpoch: 4 }), 0)
  assert.equal(log.logEndOffset, 21)
  assert.deepEqual(log.leaderEpochs.endOffsetFor(3, log.logEndOffset), { epoch: 3, endOffset: 20 })
  const lease = readTail(log, 15)
  assert.equal(batchBaseOffset(lease.parts[0]!, 0), 20, 'the first batch behind the gap')
  lease.release()
  assert.throws(() => log.appendAsFollower(testBatch({ baseOffset: 5 }), 0), /behind all that the log has/)
  await fixture.finished(log.synced())
  const again = await fixture.finished(fixture.open())
  assert.equal(again.logEndOffset, 21)
})

test('a far offset of a follower begins a segment whose index can hold it', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  log.appendAsFollower(testBatch({ baseOffset: 3_000_000_000 }), 0)
  assert.equal(log.logEndOffset, 3_000_000_001)
  assert.equal(log.segmentCount, 1)
  log.verify()
  await fixture.finished(log[Symbol.asyncDispose]())
  const again = await fixture.finished(fixture.open({ cleanShutdown: true }))
  assert.equal(again.logEndOffset, 3_000_000_001)
})

test('starting over at an offset leaves nothing of before', async () => {
  const fixture = new LogFixture({ settings: { segmentBytes: 200 } })
  const log = await fixture.open()
  for (let i = 0; i < 6; i++) fixture.append(log, { producerId: 1, producerEpoch: 0, baseSequence: i })
  await fixture.finished(log.truncateFullyAndStartAt(100))
  assert.deepEqual([log.logStartOffset, log.logEndOffset, log.syncedOffset, log.bytes], [100, 100, 100, 0])
  assert.equal(log.producers.count, 0)
  assert.equal(fixture.append(log), 100)
  await fixture.finished(log.synced())
  const again = await fixture.finished(fixture.open())
  assert.deepEqual([again.logStartOffset, again.logEndOffset], [100, 101])
})

test('an abandoned log leaves no timer and no memory behind, and refuses', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  fixture.append(log)
  await fixture.finished(log.abandon())
  await fixture.time.settle()
  assert.deepEqual([fixture.failures, fixture.time.pendingTimers, fixture.tail.liveBytes], [[], 0, 0])
  assert.throws(() => fixture.append(log), LogOfflineError)
  await log[Symbol.asyncDispose]()
})

test('leases are of whole batches', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  const size = testBatch().length
  for (let i = 0; i < 5; i++) fixture.append(log)
  const lease = log.read({ offset: 1, maxOffset: 5, maxBytes: size * 2 + 5, minOneBatch: false }) as ReadLease
  assert.equal(lease.bytes, size * 2)
  assert.equal([...batchesIn(lease.parts[0]!)].length, 2)
  lease.release()
  assert.throws(() => lease.release(), /released once/)
})

test('a turn that appends more than may stay unwritten is written before it ends', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  const batch = testBatch({ valueBytes: 1024 * 1024 })
  for (let bytes = 0; bytes <= UNWRITTEN_BYTES_MAX - batch.length; bytes += batch.length) {
    log.append(batch, 0, { leaderEpoch: 0, appendTimeMs: NOW_MS })
  }
  assert.equal(log.writtenOffset, 0, 'up to the limit it waits')
  fixture.append(log, { valueBytes: 2 * 1024 * 1024 })
  assert.equal(log.writtenOffset, log.logEndOffset)
})

test('an open that fails leaves nothing open, and works once the disk does', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  fixture.append(log)
  await fixture.finished(log.synced())
  fixture.disk.failNext({ operation: 'sync', code: 'EIO' })
  await assert.rejects(fixture.finished(fixture.open()), /EIO/)
  assert.equal((await fixture.finished(fixture.open())).logEndOffset, 1)
})

test('a recovery point of another log is not believed', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  for (let i = 0; i < 5; i++) fixture.append(log)
  await fixture.finished(log.synced())
  fixture.disk.open(`${DIRECTORY}/${'0'.repeat(20)}.log`).write(Buffer.from([0xff]), 2 * testBatch().length + 65)
  const again = await fixture.finished(fixture.open({ recoveryPoint: 1000 }))
  assert.equal(again.logEndOffset, 2, 'all checksums are looked at')
})

test('abandoning a log whose directory was renamed, with appends and a sync on their way, is no failure', async () => {
  const fixture = new LogFixture({ settings: { segmentBytes: 200 } })
  const log = await fixture.open()
  fixture.disk.holdSyncs()
  fixture.append(log)
  const synced = log.synced()
  await fixture.time.settle()
  for (let i = 0; i < 5; i++) fixture.append(log)
  fixture.disk.rename(DIRECTORY, `${DIRECTORY}.x-delete`)
  const abandoned = log.abandon()
  await fixture.time.settle()
  fixture.disk.releaseSyncs()
  await fixture.finished(abandoned)
  await assert.rejects(synced, LogOfflineError)
  assert.deepEqual(fixture.failures, [])
})

test('a segment whose delay ended while it was synced is gone after an orderly close', async () => {
  const fixture = new LogFixture({ settings: { fileDeleteDelayMs: 10 } })
  const log = await fixture.open()
  fixture.append(log)
  log.roll()
  fixture.append(log)
  fixture.disk.holdSyncs()
  await fixture.time.settle()
  log.advanceLogStartOffset(1)
  assert.equal(log.removeBelowStart(1), 1)
  await fixture.time.run(20)
  const left = () => fixture.disk.list(DIRECTORY).filter(({ name }) => name.endsWith('.deleted')).length
  assert.ok(left() > 0, 'the sync holds it')
  fixture.disk.releaseSyncs()
  await fixture.finished(log[Symbol.asyncDispose]())
  await fixture.removals.idle()
  assert.equal(left(), 0)
  assert.ok(log.summary !== null)
})
