import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BATCH_OVERHEAD, checkCrc, readBatchHeader } from './batch.ts'
import { BatchBuilder, buildEndTransactionBatch, type NewRecord } from './batch-builder.ts'
import type { Codec } from './compression.ts'
import {
  GOLDEN_TIME_MS,
  goldenAbort,
  goldenCommit,
  goldenCompressed,
  goldenPlain,
  goldenRecords,
  goldenTransactional,
} from './golden.fixture.ts'
import { readRecords, scanRecords } from './record.ts'

const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

function builderOf(records: readonly NewRecord[], codec: Codec = 'none'): BatchBuilder {
  const builder = new BatchBuilder({ codec })
  for (const record of records) assert.equal(builder.append(record), true)
  return builder
}

test('a batch has the bytes that Kafka gives it', () => {
  assert.deepEqual(builderOf(goldenRecords).build(), goldenPlain)
  const fields = { leaderEpoch: 7, producerId: 4321, producerEpoch: 3, baseSequence: 10, transactional: true }
  assert.deepEqual(builderOf(goldenRecords).build(fields), goldenTransactional)
})

test('the marker that ends a transaction has the bytes that Kafka gives it', () => {
  const marker = { producerId: 4321, producerEpoch: 3, coordinatorEpoch: 2, timestampMs: GOLDEN_TIME_MS }
  const place = { baseOffset: 100, leaderEpoch: 5 }
  assert.deepEqual(buildEndTransactionBatch({ commit: true, ...marker, ...place }), goldenCommit)
  assert.deepEqual(buildEndTransactionBatch({ commit: false, ...marker, ...place }), goldenAbort)
})

test('compressed batches hold the same records as those that Kafka wrote', () => {
  for (const codec of ['gzip', 'snappy', 'lz4'] as const) {
    const batch = builderOf(goldenRecords, codec).build()
    assert.equal(checkCrc(batch, 0), true)
    assert.deepEqual(readRecords(batch), readRecords(goldenCompressed[codec]))
  }
})

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
/** Objects with the ordinary prototype, which deepEqual looks at. */
const plain = { noNullPrototype: true }
const record = fc.record(
  {
    timestampMs: fc.oneof(fc.integer({ min: -1, max: 2 ** 31 }), fc.integer({ min: -1, max: 4e12 })),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.array(fc.record({ key: fc.string(), value: fc.option(bytes) }, plain), { maxLength: 3 }),
  },
  plain,
)

test('what is built is read again, under every codec', () => {
  const records = fc.array(record, { minLength: 1, maxLength: 30 })
  const property = fc.property(records, fc.constantFrom(...CODECS), (list, codec) => {
    const batch = builderOf(list, codec).build({ baseOffset: 1000 })
    const expected = list.map(({ timestampMs, ...rest }, i) => ({ offset: 1000 + i, timestamp: timestampMs, ...rest }))
    assert.deepEqual(readRecords(batch), expected)
    assert.equal(readBatchHeader(batch, 0).maxTimestampMs, Math.max(...list.map((one) => one.timestampMs)))
    if (codec === 'none') assert.equal(scanRecords(batch, BATCH_OVERHEAD, batch.length, list.length).ok, true)
  })
  fc.assert(property, { numRuns: 200 })
})

test('strings are written as the UTF-8 that their bytes would be', () => {
  const text = { timestampMs: 1, key: 'schlüssel', value: '✓'.repeat(100) }
  const raw = { timestampMs: 1, key: Buffer.from(text.key), value: Buffer.from(text.value) }
  assert.deepEqual(builderOf([text]).build(), builderOf([raw]).build())
})

test('a builder takes what fits and no byte more, and its size is exact', () => {
  const one = { timestampMs: 1, key: null, value: 'v'.repeat(50) }
  const two = builderOf([one, one]).sizeBytes
  const builder = new BatchBuilder({ bytesMax: two })
  assert.equal(builder.append(one) && builder.append(one), true)
  const full = Buffer.from(builder.build())
  assert.equal(full.length, two)
  assert.equal(builder.append({ timestampMs: 1, key: null, value: null }), false)
  assert.deepEqual(builder.build(), full)
})

test('the first record fits however large, and the memory is given back afterwards', () => {
  const builder = new BatchBuilder({ bytesMax: 100 })
  assert.equal(builder.append({ timestampMs: 1, key: null, value: Buffer.alloc(100_000) }), true)
  assert.equal(builder.build().buffer.byteLength >= 100_000, true)
  builder.reset()
  assert.equal(builder.append({ timestampMs: 1, key: null, value: 'v' }), true)
  assert.equal(builder.build().buffer.byteLength <= 1024, true)
})

test('a builder that is reset builds as a new one does', () => {
  const builder = builderOf([{ timestampMs: 99, key: 'old', value: 'old' }])
  builder.build({ producerId: 5 })
  builder.reset()
  assert.equal(builder.recordCount, 0)
  assert.equal(builder.sizeBytes, BATCH_OVERHEAD)
  for (const one of goldenRecords) builder.append(one)
  assert.deepEqual(builder.build(), goldenPlain)
  assert.throws(() => new BatchBuilder().build(), /has records/)
})

test('a broker time is the time of the whole batch', () => {
  const batch = builderOf(goldenRecords).build({ logAppendTimeMs: 55 })
  assert.deepEqual([...new Set(readRecords(batch).map((one) => one.timestamp))], [55])
})
