import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assignOffset,
  BATCH_INCOMPLETE,
  BATCH_MALFORMED,
  BATCH_OVERHEAD,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchesIn,
  batchLastOffset,
  batchLastSequence,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchProducerId,
  checkCrc,
  isControl,
  isLogAppendTime,
  isTransactional,
  nextBatchAt,
  readBatchHeader,
  setMaxTimestamp,
} from './batch.ts'
import { GOLDEN_TIME_MS, goldenCommit, goldenPlain, goldenTransactional } from './golden.fixture.ts'

test('a header is read as Kafka wrote it', () => {
  assert.deepEqual(readBatchHeader(goldenTransactional, 0), {
    baseOffset: 0,
    lastOffset: 2,
    sizeBytes: goldenTransactional.length,
    leaderEpoch: 7,
    magic: 2,
    crc: 0x2b5ac325,
    attributes: 0x10,
    lastOffsetDelta: 2,
    baseTimestampMs: GOLDEN_TIME_MS,
    maxTimestampMs: GOLDEN_TIME_MS + 5,
    producerId: 4321,
    producerEpoch: 3,
    baseSequence: 10,
    recordCount: 3,
  })
  assert.equal(batchLastSequence(goldenTransactional, 0), 12)
  assert.equal(batchProducerId(goldenPlain, 0), -1)
  assert.equal(batchLastSequence(goldenPlain, 0), -1)
  assert.equal(isControl(batchAttributes(goldenCommit, 0)) && isTransactional(batchAttributes(goldenCommit, 0)), true)
})

test('a leader assigns offset and epoch without touching the checksum', () => {
  const batch = Buffer.from(goldenPlain)
  assignOffset(batch, 0, 2 ** 40 + 5, 9)
  assert.equal(batchBaseOffset(batch, 0), 2 ** 40 + 5)
  assert.equal(batchLastOffset(batch, 0), 2 ** 40 + 7)
  assert.equal(batchLeaderEpoch(batch, 0), 9)
  assert.equal(checkCrc(batch, 0), true)
})

test('a new timestamp brings its own checksum', () => {
  const batch = Buffer.concat([Buffer.alloc(3), goldenPlain])
  setMaxTimestamp(batch, 3, { timestampMs: 42, logAppendTime: true })
  assert.equal(batchMaxTimestamp(batch, 3), 42)
  assert.equal(isLogAppendTime(batchAttributes(batch, 3)), true)
  assert.equal(checkCrc(batch, 3), true)
  setMaxTimestamp(batch, 3, { timestampMs: GOLDEN_TIME_MS + 5, logAppendTime: false })
  assert.deepEqual(batch.subarray(3), goldenPlain)
})

test('one flipped bit behind the checksum is noticed, and one before it is not its business', () => {
  for (let at = 17; at < goldenPlain.length; at++) {
    const batch = Buffer.from(goldenPlain)
    batch[at]! ^= 0x10
    assert.equal(checkCrc(batch, 0), false, `byte ${at}`)
  }
  const renumbered = Buffer.from(goldenPlain)
  renumbered[7] = 9
  assert.equal(checkCrc(renumbered, 0), true)
})

test('sequence numbers wrap from the largest to 0', () => {
  const batch = Buffer.from(goldenTransactional)
  batch.writeInt32BE(2147483646, 53)
  assert.equal(batchLastSequence(batch, 0), 0)
})

test('a 64-bit value that no number holds saturates instead of throwing', () => {
  const batch = Buffer.from(goldenPlain)
  const cases: [bigint, number][] = [
    [-1n, -1],
    [2n ** 63n - 1n, Number.MAX_SAFE_INTEGER],
    [-(2n ** 63n), Number.MIN_SAFE_INTEGER],
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
    [-(2n ** 53n), Number.MIN_SAFE_INTEGER],
    [-(2n ** 53n) + 1n, Number.MIN_SAFE_INTEGER],
    [-(2n ** 53n) + 2n, Number.MIN_SAFE_INTEGER + 1],
    [-(2n ** 52n) - 3n, -(2 ** 52) - 3],
  ]
  for (const [stored, read] of cases) {
    batch.writeBigInt64BE(stored, 27)
    assert.equal(batchBaseTimestamp(batch, 0), read, String(stored))
  }
})

test('whole batches are visited in turn, and an incomplete last one ends the visit', () => {
  const log = Buffer.concat([goldenPlain, goldenCommit, goldenPlain.subarray(0, 80)])
  assert.equal(nextBatchAt(log, 0), goldenPlain.length)
  assert.equal(nextBatchAt(log, goldenPlain.length), goldenPlain.length + goldenCommit.length)
  assert.equal(nextBatchAt(log, goldenPlain.length + goldenCommit.length), BATCH_INCOMPLETE)
  assert.deepEqual([...batchesIn(log)], [goldenPlain, goldenCommit])
  for (let cut = 0; cut < goldenPlain.length; cut++) {
    assert.equal(nextBatchAt(goldenPlain.subarray(0, cut), 0), BATCH_INCOMPLETE, `cut at ${cut}`)
  }
})

test('a length below the header, negative or absurd, or another magic is no batch', () => {
  for (const length of [-2147483648, -1, 0, BATCH_OVERHEAD - 13]) {
    const batch = Buffer.from(goldenPlain)
    batch.writeInt32BE(length, 8)
    assert.equal(nextBatchAt(batch, 0), BATCH_MALFORMED, String(length))
  }
  const huge = Buffer.from(goldenPlain)
  huge.writeInt32BE(2147483647, 8)
  assert.equal(nextBatchAt(huge, 0), BATCH_INCOMPLETE)
  const old = Buffer.from(goldenPlain)
  old[16] = 1
  assert.equal(nextBatchAt(old, 0), BATCH_MALFORMED)
  assert.deepEqual([...batchesIn(old)], [])
})
