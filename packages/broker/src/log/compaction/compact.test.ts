import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchesIn, batchProducerId, readBatchHeader } from '@ottla/protocol/records/batch.ts'
import { buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import type { Log } from '../log.ts'
import { DIRECTORY, type LogFixture, NOW_MS } from '../testing.ts'
import { formatAbortedTransactions, parseAbortedTransactions } from '../transaction-index.ts'
import {
  batchLines,
  compacted,
  compactionFixture,
  contents,
  forgetTails,
  type KeyedBatch,
  type KeyedRecord,
  keyedBatch,
  storedBatches,
} from './testing.ts'

const FRESH = { leaderEpoch: 0, appendTimeMs: NOW_MS }

function put(log: Log, batch: Buffer): number {
  return log.append(batch, 0, FRESH)
}

function record(text: string): KeyedRecord {
  const [key, value] = text.split('=')
  return { key: key === '' ? null : key!, value: value === '' || value === undefined ? null : value }
}

/** A log whose batches are `k=v k=v`, each in a segment of its own, behind which another begins. */
async function logOf(fixture: LogFixture, batches: readonly string[], fields: KeyedBatch = {}): Promise<Log> {
  const log = await fixture.finished(fixture.open())
  for (const records of batches) {
    put(log, keyedBatch(records.split(' ').map(record), fields))
    log.roll()
  }
  await fixture.finished(log.synced())
  return log
}

test('the newest record of each key stays, with its offset, in order', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1', 'a=2 c=1', 'b=2 d=1'])
  const outcome = await compacted(log, fixture)
  assert.equal(outcome.kind === 'compacted' && outcome.nextDirtyOffset, 6)
  assert.deepEqual(await contents(log, fixture), ['2 a=2', '3 c=1', '4 b=2', '5 d=1'])
  assert.equal(log.segmentCount, 2, 'the sealed segments have become one')
  assert.equal(log.logEndOffset, 6)
  log.verify()
})

test('the active segment is not touched, and its records do not outdate older ones', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1', 'a=2'])
  put(log, keyedBatch([record('a=3')]))
  await fixture.finished(log.synced())
  await compacted(log, fixture)
  assert.deepEqual(await contents(log, fixture), ['1 a=2', '2 a=3'])
})

test('a batch that keeps all of its records keeps its bytes', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1', 'c=1 d=1'], { codec: 'gzip' })
  const before = await storedBatches(log, fixture)
  await compacted(log, fixture)
  assert.deepEqual(await storedBatches(log, fixture), before)
})

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies Codec[]) {
  test(`a batch of ${codec} that loses records stays one of ${codec}, with its offsets, times and producer`, async () => {
    const fixture = compactionFixture()
    const log = await fixture.finished(fixture.open())
    const records = ['a=old', 'b=stays', 'c=old'].map((text, index) => ({
      ...record(text),
      timestampMs: NOW_MS + 10 * index,
    }))
    put(log, keyedBatch(records, { codec, producerId: 7, producerEpoch: 2, baseSequence: 5 }))
    put(log, keyedBatch([record('a=new'), record('c=new')]))
    log.roll()
    await fixture.finished(log.synced())
    const [before] = await storedBatches(log, fixture)
    await compacted(log, fixture)
    const [batch] = await storedBatches(log, fixture)
    const { sizeBytes: _, crc: __, recordCount, maxTimestampMs, ...kept } = readBatchHeader(batch!, 0)
    const { sizeBytes: _s, crc: _c, recordCount: _r, maxTimestampMs: _m, ...expected } = readBatchHeader(before!, 0)
    assert.deepEqual(kept, expected)
    assert.equal(recordCount, 1)
    assert.equal(maxTimestampMs, NOW_MS + 10)
    const [only] = readRecords(batch!)
    assert.deepEqual([only!.offset, only!.timestamp, String(only!.value)], [1, NOW_MS + 10, 'stays'])
  })
}

test('records without a key go, and are counted', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['=lost a=1', 'b=1'])
  const outcome = await compacted(log, fixture)
  assert.deepEqual(await contents(log, fixture), ['1 a=1', '2 b=1'])
  assert.equal(outcome.kind === 'compacted' && outcome.stats.recordsWithoutKey, 1)
})

test('a tombstone removes what is older at once, gets a delete horizon, and goes once that has passed', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1', 'a= c=1', 'd=1'])
  await compacted(log, fixture)
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '2 a=', '3 c=1', '4 d=1'])
  assert.deepEqual(await batchLines(log, fixture), ['0-1: 1', '2-3: 2 horizon', '4-4: 1'])
  const stamped = (await storedBatches(log, fixture))[1]!
  assert.equal(readBatchHeader(stamped, 0).baseTimestampMs, NOW_MS + 1000)
  assert.deepEqual(
    readRecords(stamped).map(({ timestamp }) => timestamp),
    [NOW_MS, NOW_MS],
    'the records keep their timestamps',
  )
  await compacted(log, fixture, { nowMs: NOW_MS + 999 })
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '2 a=', '3 c=1', '4 d=1'], 'it is not due')
  await compacted(log, fixture, { nowMs: NOW_MS + 1000 })
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '3 c=1', '4 d=1'])
  assert.equal(readRecords((await storedBatches(log, fixture))[1]!)[0]!.timestamp, NOW_MS)
})

test('with LogAppendTime a delete horizon changes no timestamp', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a= b=1', 'c=1'], { logAppendTimeMs: NOW_MS + 5 })
  await compacted(log, fixture)
  const [batch] = await storedBatches(log, fixture)
  assert.ok(readBatchHeader(batch!, 0).baseTimestampMs === NOW_MS + 1000)
  assert.deepEqual(
    readRecords(batch!).map(({ timestamp }) => timestamp),
    [NOW_MS + 5, NOW_MS + 5],
  )
})

test('a producer’s last batch stays without its records, so that its next sequence is known', async () => {
  const fixture = compactionFixture()
  const log = await fixture.finished(fixture.open())
  const producer = { producerId: 9, producerEpoch: 0 }
  put(log, keyedBatch([record('a=1')], { ...producer, baseSequence: 0 }))
  put(log, keyedBatch([record('a=2'), record('b=1')], { ...producer, baseSequence: 1 }))
  put(log, keyedBatch([record('a=3'), record('b=2')]))
  log.roll()
  await fixture.finished(log.synced())
  await compacted(log, fixture)
  assert.deepEqual(await batchLines(log, fixture), ['1-2: 0', '3-4: 2'])
  const again = await fixture.finished(reopened(log, fixture))
  const next = keyedBatch([record('c=1')], { ...producer, baseSequence: 3 })
  assert.equal(again.producers.check(next, 0, NOW_MS).kind, 'append')
  const retry = keyedBatch([record('a=2'), record('b=1')], { ...producer, baseSequence: 1 })
  assert.equal(again.producers.check(retry, 0, NOW_MS).kind, 'duplicate')
})

async function reopened(log: Log, fixture: LogFixture): Promise<Log> {
  await log[Symbol.asyncDispose]()
  for (const { name } of fixture.disk.list(DIRECTORY)) {
    if (name.endsWith('.snapshot')) fixture.disk.remove(`${DIRECTORY}/${name}`)
  }
  return fixture.open()
}

test('a segment whose records all go keeps its last batch: the next one begins where it ends', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1', 'a=2 b=1', 'a=3 b=2'])
  await compacted(log, fixture, { limits: { segmentBytes: 1 } })
  assert.deepEqual(await batchLines(log, fixture), ['0-0: 0', '1-2: 0', '3-4: 2'])
  const again = await fixture.finished(reopened(log, fixture))
  assert.deepEqual(await contents(again, fixture), ['3 a=3', '4 b=2'])
})

test('what does not fit into the map is left for the next pass, which goes on there', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1 c=1', 'd=1 a=2 e=1', 'c=2 f=1'])
  const limits = { mapBytesMax: 24 * 4, mapLoadFactor: 0.5 }
  const first = await compacted(log, fixture, { limits })
  assert.equal(first.kind === 'compacted' && first.nextDirtyOffset, 2)
  assert.deepEqual((await contents(log, fixture)).length, 8, 'a and b are known up to offset 1 only')
  let firstDirtyOffset = 2
  for (let passes = 0; firstDirtyOffset < 8; passes++) {
    assert.ok(passes < 4, 'each pass gets on')
    const next = await compacted(log, fixture, { limits, firstDirtyOffset })
    assert.equal(next.kind, 'compacted')
    firstDirtyOffset = next.kind === 'compacted' ? next.nextDirtyOffset : 8
  }
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '3 d=1', '4 a=2', '5 e=1', '6 c=2', '7 f=1'])
})

test('batches larger than what one step reads are compacted as well', async () => {
  const fixture = compactionFixture()
  const log = await fixture.finished(fixture.open())
  for (const round of [1, 2]) {
    const value = String(round).repeat(9000)
    put(
      log,
      keyedBatch([
        { key: 'a', value },
        { key: `b${round}`, value },
      ]),
    )
  }
  log.roll()
  await fixture.finished(log.synced())
  await compacted(log, fixture)
  const keys = (await contents(log, fixture)).map((line) => line.slice(0, 4))
  assert.deepEqual(keys, ['1 b1', '2 a=', '3 b2'])
})

test('a batch whose checksum is wrong ends the compaction, and the log stays as it was', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1', 'a=2'])
  const file = fixture.disk.open(`${DIRECTORY}/00000000000000000000.log`)
  file.write(Buffer.from('?'), 70)
  file.close()
  await assert.rejects(compacted(log, fixture), /00000000000000000000.log.*batch at 0.*checksum/)
  assert.equal(fixture.disk.list(DIRECTORY).filter(({ name }) => name.endsWith('.cleaned')).length, 0)
  assert.equal(log.segmentCount, 3)
})

const PRODUCER = { producerId: 4, producerEpoch: 0, transactional: true }

function marker(commit: boolean): Buffer {
  return buildEndTransactionBatch({ ...PRODUCER, commit, coordinatorEpoch: 0, timestampMs: NOW_MS })
}

/** a=1 of nobody; then a transaction with a=2 and x=1 that ends so. */
async function transactionLog(fixture: LogFixture, options: { commit: boolean }): Promise<Log> {
  const log = await fixture.finished(fixture.open())
  put(log, keyedBatch([record('a=1')]))
  put(log, keyedBatch([record('a=2'), record('x=1')], { ...PRODUCER, baseSequence: 0 }))
  put(log, marker(options.commit))
  if (!options.commit) {
    const file = fixture.disk.open(`${DIRECTORY}/00000000000000000000.txnindex`, { create: true })
    const aborted = { producerId: 4, firstOffset: 1, lastOffset: 3, lastStableOffset: 4 }
    file.write(formatAbortedTransactions([aborted]), 0)
    file.close()
  }
  log.roll()
  put(log, keyedBatch([record('y=1')]))
  log.roll()
  await fixture.finished(log.synced())
  return log
}

test('a committed transaction is compacted as all else, and its marker stays while it has batches', async () => {
  const fixture = compactionFixture()
  const log = await transactionLog(fixture, { commit: true })
  await compacted(log, fixture)
  assert.deepEqual(await batchLines(log, fixture), ['1-2: 2', '3-3: 1', '4-4: 1'])
})

test('records of an aborted transaction go at once and outdate nothing; the marker stays until its horizon', async () => {
  const fixture = compactionFixture()
  const log = await transactionLog(fixture, { commit: false })
  await compacted(log, fixture)
  assert.deepEqual(await batchLines(log, fixture), ['0-0: 1', '1-2: 0', '3-3: 1', '4-4: 1'])
  const path = `${DIRECTORY}/00000000000000000000.txnindex`
  assert.equal(parseAbortedTransactions(fixture.disk.readFile(path), path).length, 1)
  // Its producer has been forgotten since: nothing of the transaction is needed any more.
  log.producers.clear()
  await compacted(log, fixture, { firstDirtyOffset: 5 })
  await compacted(log, fixture, { firstDirtyOffset: 5, nowMs: NOW_MS + 500 })
  assert.deepEqual(await batchLines(log, fixture), ['0-0: 1', '3-3: 1 horizon', '4-4: 1'])
  await compacted(log, fixture, { firstDirtyOffset: 5, nowMs: NOW_MS + 2000 })
  assert.deepEqual(await batchLines(log, fixture), ['0-0: 1', '4-4: 1'])
  assert.ok(!fixture.disk.exists(path), 'the index of aborted transactions has gone with its last entry')
})

test('an open transaction and all behind it are left alone', async () => {
  const fixture = compactionFixture()
  const log = await fixture.finished(fixture.open())
  for (const text of ['a=1', 'a=2']) {
    put(log, keyedBatch([record(text)]))
    log.roll()
  }
  put(log, keyedBatch([record('a=3')], { ...PRODUCER, baseSequence: 0 }))
  log.roll()
  put(log, keyedBatch([record('a=4')]))
  log.roll()
  await fixture.finished(log.synced())
  const outcome = await compacted(log, fixture)
  assert.equal(outcome.kind === 'compacted' && outcome.nextDirtyOffset, 2)
  assert.deepEqual(await contents(log, fixture), ['1 a=2', '2 a=3', '3 a=4'])
})

test('a log that was compacted is read from any offset on: a gap gives what follows', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1', 'b=1', 'a=2', 'c=1', 'a=3 b=2'])
  await compacted(log, fixture, { limits: { indexIntervalBytes: 1 } })
  for (const [offset, expected] of [
    [0, 3],
    [1, 3],
    [3, 3],
    [4, 4],
    [5, 4],
  ] as const) {
    const [first] = await storedBatches(log, fixture, offset)
    assert.equal(readBatchHeader(first!, 0).baseOffset, expected)
  }
  assert.deepEqual(await fixture.finished(log.offsetForTimestamp(NOW_MS)), { offset: 3, timestamp: NOW_MS })
  assert.deepEqual(await fixture.finished(log.maxTimestampOffset()), { offset: 3, timestamp: NOW_MS })
})

test('a reader that has a replaced segment in hand reads on in the new one', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1 b=1', 'a=2', 'c=1'])
  forgetTails(fixture)
  const lease = log.read({ offset: 0, maxOffset: 4, maxBytes: 1 << 20, minOneBatch: true })
  assert.ok(lease instanceof Promise, 'it comes from the file')
  await compacted(log, fixture)
  const { parts, release } = await fixture.finished(lease)
  assert.ok([...batchesIn(Buffer.concat(parts))].every((batch) => batchProducerId(batch, 0) === -1))
  release.call(await lease)
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '2 a=2', '3 c=1'])
})

test('a compaction that a removal of segments overtakes changes nothing that is still needed', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1', 'b=1', 'a=2', 'c=1'])
  const running = compacted(log, fixture)
  log.advanceLogStartOffset(1)
  log.removeBelowStart(1000)
  assert.equal((await running).kind, 'overtaken')
  assert.deepEqual(await contents(log, fixture), ['1 b=1', '2 a=2', '3 c=1'])
  assert.ok(!fixture.disk.list(DIRECTORY).some(({ name }) => name.endsWith('.cleaned')))
})

test('a compaction that is stopped leaves no files, and the log as it was', async () => {
  const fixture = compactionFixture()
  const log = await logOf(fixture, ['a=1', 'a=2'])
  const stop = new AbortController()
  const running = compacted(log, fixture, { signal: stop.signal })
  fixture.time.turn()
  stop.abort()
  assert.equal((await running).kind, 'stopped')
  assert.deepEqual(await contents(log, fixture), ['0 a=1', '1 a=2'])
  assert.ok(!fixture.disk.list(DIRECTORY).some(({ name }) => name.endsWith('.cleaned')))
})
