/** The small files of a log and of a log directory, and what interrupted operations leave. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchLastOffset } from '@ottla/protocol/records/batch.ts'
import { CheckpointError, LogDirectoryCheckpoints, OffsetCheckpoint, RECOVERY_POINT_NAME } from './checkpoint-file.ts'
import { fileName } from './file-names.ts'
import { PartitionMetadataError, readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import { ProducerStates } from './producer-state.ts'
import { DIRECTORY, LogFixture, testBatch } from './testing.ts'

const path = (offset: number, suffix: string) => `${DIRECTORY}/${fileName(offset, suffix)}`

function fixtureWith(files: Record<string, Buffer>): LogFixture {
  const fixture = new LogFixture()
  fixture.disk.makeDirectory(DIRECTORY)
  for (const [name, content] of Object.entries(files)) fixture.disk.replaceFile(name, content)
  return fixture
}

function batches(...baseOffsets: number[]): Buffer {
  return Buffer.concat(baseOffsets.map((baseOffset) => testBatch({ baseOffset })))
}

test('offset checkpoints are Kafka’s text and keep what was flushed', () => {
  const { disk } = new LogFixture()
  const checkpoints = new LogDirectoryCheckpoints(disk, '/data')
  checkpoints.recoveryPoints.set('orders', 3, 42)
  checkpoints.recoveryPoints.set('a.b', 0, 9007199254740991)
  checkpoints.logStarts.set('orders', 3, 7)
  checkpoints.flush()
  const file = `/data/${RECOVERY_POINT_NAME}`
  assert.equal(disk.readFile(file).toString(), '0\n2\norders 3 42\na.b 0 9007199254740991\n')
  disk.crash()
  const again = new LogDirectoryCheckpoints(disk, '/data')
  assert.deepEqual([again.recoveryPoints.get('orders', 3), again.logStarts.get('orders', 3)], [42, 7])
  again.remove('orders', 3)
  again.flush()
  assert.equal(OffsetCheckpoint.load(disk, '/data', RECOVERY_POINT_NAME).get('orders', 3), undefined)
  for (const text of ['0\n1\norders 3\n', '0\n1\norders 3 x\n', '0\n1\na b 3 4\n', '7\n0\n']) {
    disk.replaceFile(file, Buffer.from(text))
    const damaged = OffsetCheckpoint.load(disk, '/data', RECOVERY_POINT_NAME)
    assert.ok(damaged.damage instanceof CheckpointError)
    assert.equal(damaged.get('orders', 3) ?? damaged.get('a', 0), undefined, 'nothing of it is believed')
    damaged.flush()
    assert.equal(disk.readFile(file).toString(), '0\n0\n', 'it is written anew')
  }
})

test('partition.metadata is Kafka’s text', () => {
  const { disk } = fixtureWith({})
  assert.equal(readPartitionMetadata(disk, DIRECTORY), null)
  writePartitionMetadata(disk, DIRECTORY, 'vPeOCWypqUOSepEvx0cbog')
  const file = `${DIRECTORY}/partition.metadata`
  assert.equal(disk.readFile(file).toString(), 'version: 0\ntopic_id: vPeOCWypqUOSepEvx0cbog')
  assert.equal(readPartitionMetadata(disk, DIRECTORY), 'vPeOCWypqUOSepEvx0cbog')
  disk.replaceFile(file, Buffer.from('version: 1\ntopic_id: vPeOCWypqUOSepEvx0cbog'))
  assert.throws(() => readPartitionMetadata(disk, DIRECTORY), PartitionMetadataError)
})

test('snapshots of segments that exist and the two newest are kept', () => {
  const { disk } = fixtureWith({})
  const snapshots = new ProducerSnapshots(disk, DIRECTORY)
  for (const offset of [10, 20, 30, 40, 50]) snapshots.take(new ProducerStates(1), offset).close()
  snapshots.prune((offset) => offset === 10)
  assert.deepEqual(new ProducerSnapshots(disk, DIRECTORY).offsets, [10, 40, 50])
  disk.replaceFile(path(50, '.snapshot'), Buffer.from('torn'))
  assert.equal(snapshots.load(new ProducerStates(1), 60), 40, 'the newest valid one')
})

test('what interrupted operations left is settled, other people’s files are left alone', async () => {
  const fixture = fixtureWith({
    [path(0, '.log')]: batches(0, 1),
    [path(0, '.log.cleaned')]: batches(0),
    [path(90, '.log.deleted')]: batches(90),
    [path(70, '.index')]: Buffer.alloc(8),
    [path(70, '.txnindex')]: Buffer.alloc(34),
    [path(0, '.txnindex')]: Buffer.alloc(34),
    [`${DIRECTORY}/leader-epoch-checkpoint.tmp`]: Buffer.from('0'),
    [`${DIRECTORY}/notes.txt`]: Buffer.from('mine'),
  })
  const log = await fixture.finished(fixture.open())
  assert.equal(log.logEndOffset, 2)
  const names = fixture.disk.list(DIRECTORY).map(({ name }) => name)
  assert.deepEqual(names.sort(), [fileName(0, '.log'), fileName(0, '.txnindex'), 'notes.txt'])
})

test('a compaction that had finished is carried through: its result replaces the segments that it covers', async () => {
  const fixture = fixtureWith({
    [path(0, '.log')]: batches(0, 1),
    [path(2, '.log')]: batches(2, 3),
    [path(4, '.log')]: batches(4),
    [path(0, '.log.swap')]: batches(1, 3),
  })
  const log = await fixture.finished(fixture.open({ recoveryPoint: 5 }))
  assert.deepEqual([log.segmentCount, log.logEndOffset], [2, 5])
  const lease = await log.read({ offset: 0, maxOffset: 5, maxBytes: 1000, minOneBatch: true })
  assert.equal(batchLastOffset(lease.parts[0]!, 0), 1)
  lease.release()
})

test('an index that is torn, missing or wrong is rebuilt from its segment when it is read', async () => {
  const settings = { segmentBytes: 2000, indexIntervalBytes: 100 }
  const fixture = new LogFixture({ settings })
  const log = await fixture.open()
  for (let i = 0; i < 60; i++) fixture.append(log, { timestampsMs: [1000 + i] })
  await fixture.finished(log[Symbol.asyncDispose]())
  const good = fixture.disk.readFile(path(0, '.index'))
  const swapped = Buffer.concat([good.subarray(8, 16), good.subarray(0, 8), good.subarray(16)])
  const preallocated = Buffer.concat([good, Buffer.alloc(80)])
  for (const bytes of [swapped, good.subarray(0, -3), Buffer.alloc(0), preallocated, null]) {
    if (bytes === null) fixture.disk.remove(path(0, '.index'))
    else fixture.disk.replaceFile(path(0, '.index'), bytes)
    const again = await fixture.finished(fixture.open({ cleanShutdown: true, recoveryPoint: 60 }))
    assert.equal(again.logEndOffset, 60)
    const lease = await again.read({ offset: 15, maxOffset: 60, maxBytes: 10, minOneBatch: true })
    assert.equal(Number(lease.parts[0]!.readBigInt64BE(0)), 15)
    lease.release()
    assert.deepEqual(await fixture.finished(again.offsetForTimestamp(1020)), { offset: 20, timestamp: 1020 })
    await fixture.finished(again[Symbol.asyncDispose]())
  }
})
