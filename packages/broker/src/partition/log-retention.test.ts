import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import { testBatch } from '../log/testing.ts'
import { idOf, NOW_MS, PartitionsFixture } from '../testing/partitions-fixture.ts'

const INTERVAL_MS = 300_000
const DELAY_MS = 60_000
/** One batch of the tests fills a segment, more or less. */
const SMALL_SEGMENTS = { 'internal.segment.bytes': '200' }
const ONE_HOUR = { ...SMALL_SEGMENTS, 'retention.ms': '3600000' }

async function fill(one: PartitionsFixture, batches: number, options: { index?: number; ageMs?: number } = {}) {
  const { index = 0, ageMs = 0 } = options
  for (let i = 0; i < batches; i++) {
    const timestampMs = one.time.wallMs() - ageMs
    await one.append(one.find('T', index), { valueBytes: 100, timestampsMs: [timestampMs] })
  }
}

function segmentsOf(one: PartitionsFixture, index = 0): string[] {
  return one.disk
    .list(`/data/t-${index}`)
    .filter(({ name }) => /\.log(\.deleted)?$/.test(name))
    .map(({ name }) => name.replace(/^0+(?=\d)/, ''))
}

function deletionLines(one: PartitionsFixture): unknown[] {
  return one.logger.lines
    .filter(({ level, message }) => level === 'info' && message.startsWith('Deleted segments'))
    .map(({ message, fields }) => [message, fields['segments'], fields['firstOffset'], fields['logStartOffset']])
}

test('what is older than retention.ms goes at the next check; its files lose their names then, their bytes later', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: ONE_HOUR }])
  one.partitions.keepRetention(one.config)
  await fill(one, 3, { ageMs: 2 * 3_600_000 })
  await fill(one, 2)
  const partition = one.find('T')
  await one.time.run(29_999)
  assert.equal(partition.logStartOffset, 0, 'the first check waits half a minute')
  await one.time.run(1)
  assert.deepEqual([partition.logStartOffset, partition.logEndOffset], [3, 5])
  assert.match(one.text('/data/log-start-offset-checkpoint'), /^t 0 3$/m, 'durably')
  assert.deepEqual(segmentsOf(one), ['0.log.deleted', '1.log.deleted', '2.log.deleted', '3.log', '4.log'])
  assert.deepEqual(deletionLines(one), [['Deleted segments that retention.ms does not keep', 3, 0, 3]])
  await one.time.run(DELAY_MS)
  assert.deepEqual(segmentsOf(one), ['3.log', '4.log'])
  // The rest is as old when twelve more checks have come.
  await one.time.run(13 * INTERVAL_MS)
  assert.deepEqual([partition.logStartOffset, partition.logEndOffset, partition.log.bytes], [5, 5, 0])
  assert.deepEqual(segmentsOf(one), ['5.log'], 'the active segment was sealed, and went as well')
  assert.equal(one.partitions.retention.deletedSegments.time.value, 5)
  assert.deepEqual(
    [one.partitions.removalCount, partition.log.leaderEpochs.entries],
    [0, [{ epoch: 0, startOffset: 5 }]],
  )
  await one.append(partition)
  assert.deepEqual([partition.logStartOffset, partition.logEndOffset], [5, 6], 'offsets go on')
  partition.log.verify()
})

test('what is more than retention.bytes goes, oldest first', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.bytes': '400' } }])
  one.partitions.keepRetention(one.config)
  await fill(one, 6)
  const partition = one.find('T')
  const segmentBytes = partition.log.bytes / 6
  await one.time.run(30_000)
  assert.equal(partition.log.bytes, 3 * segmentBytes, 'the last that has 400 bytes or more')
  assert.equal(partition.logStartOffset, 3)
  assert.equal(one.partitions.retention.deletedSegments.size.value, 3)
  assert.equal(one.partitions.retention.deletedBytes.value, 3 * segmentBytes)
})

test('a change of the settings is obeyed by the next check, of the topic and of the broker', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: SMALL_SEGMENTS }])
  one.partitions.keepRetention(one.config)
  await fill(one, 5)
  await one.time.run(30_000)
  assert.equal(one.find('T').logStartOffset, 0)
  one.publish([{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.bytes': '400' } }])
  await one.time.run(INTERVAL_MS)
  assert.equal(one.find('T').logStartOffset, 2)
  const { broker, dynamic } = { broker: new Map(), dynamic: new Map([['log.retention.ms', '1000']]) }
  one.config = one.config.withDynamic({ broker, cluster: dynamic })
  one.publish([{ id: 'T', configs: SMALL_SEGMENTS }], new Map())
  await one.time.run(INTERVAL_MS)
  assert.equal(one.find('T').logStartOffset, 5)
})

test('only what is below the log start goes where the policy has no delete', async () => {
  for (const policy of ['compact', '']) {
    const one = new PartitionsFixture()
    const configs = { ...SMALL_SEGMENTS, 'retention.ms': '1', 'retention.bytes': '1', 'cleanup.policy': policy }
    await one.open([{ id: 'T', configs: { ...configs, 'cleanup.policy': 'delete' } }])
    await fill(one, 5)
    one.publish([{ id: 'T', configs }])
    await one.until(one.partitions.deleteRecords(one.find('T'), 2))
    one.partitions.keepRetention(one.config)
    await one.time.run(INTERVAL_MS)
    assert.deepEqual([one.find('T').logStartOffset, one.find('T').log.segmentCount], [2, 3], policy)
  }
})

test('DeleteRecords moves the start at once, and the segments below it go after', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: SMALL_SEGMENTS }])
  await fill(one, 60)
  assert.equal(await one.partitions.deleteRecords(one.find('T'), 55), 55)
  await one.time.settle()
  assert.equal(one.find('T').log.segmentCount, 5, 'however many there are')
  assert.deepEqual(deletionLines(one), [['Deleted segments below the log start offset', 55, 0, 55]])
  await one.time.run(DELAY_MS)
  assert.deepEqual(segmentsOf(one), ['55.log', '56.log', '57.log', '58.log', '59.log'])
})

test('DeleteRecords deletes what it was asked to, and leaves what is old to its check', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: ONE_HOUR }])
  one.partitions.keepRetention(one.config)
  await fill(one, 4, { ageMs: 2 * 3_600_000 })
  await one.until(one.partitions.deleteRecords(one.find('T'), 2))
  await one.time.settle()
  assert.deepEqual([one.find('T').logStartOffset, one.find('T').log.segmentCount], [2, 2])
  await one.time.run(30_000)
  assert.equal(one.find('T').logStartOffset, 4)
})

test('nothing uncommitted goes', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.ms': '0' } }])
  await fill(one, 2, { ageMs: 5 })
  one.disk.holdSyncs()
  const partition = one.find('T')
  const buffer = testBatch({ valueBytes: 100, timestampsMs: [NOW_MS - 5] })
  partition.append({ buffer, at: 0, end: buffer.length, acks: -1, timeoutMs: INTERVAL_MS })
  await one.time.settle()
  assert.deepEqual([partition.highWatermark, partition.logEndOffset], [2, 3])
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  assert.equal(partition.logStartOffset, 2)
  one.disk.releaseSyncs()
  await one.time.run(INTERVAL_MS)
  assert.equal(partition.logStartOffset, 3)
})

test('records without timestamps are as old as the last change of their file', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: ONE_HOUR }])
  const partition = one.find('T')
  const batch = { valueBytes: 100, timestampsMs: [-1] }
  for (let i = 0; i < 2; i++) await one.append(partition, batch)
  await one.time.run(3_600_000)
  for (let i = 0; i < 2; i++) await one.append(partition, batch)
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  assert.equal(partition.logStartOffset, 2)
  await one.time.run(3_600_000 + INTERVAL_MS)
  assert.deepEqual([partition.logStartOffset, partition.logEndOffset], [4, 4])
})

test('after a start the time of a segment is found in its index, and in its batches where that is lost', async () => {
  const one = new PartitionsFixture()
  const topics = [{ id: 'T', configs: ONE_HOUR }]
  await one.open(topics)
  await fill(one, 2, { ageMs: 2 * 3_600_000 })
  await fill(one, 2)
  await one.stop()
  const { directories } = one
  one.disk.remove(`/data/t-0/${'0'.repeat(19)}1.timeindex`)
  one.start()
  assert.ok(directories.length > 0)
  one.publish(topics)
  await one.until(one.partitions.opened())
  one.partitions.setStraysAside()
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  assert.deepEqual([one.find('T').logStartOffset, one.find('T').log.segmentCount], [2, 2])
})

test('what could not be removed goes at the next start, also after an orderly stop', async () => {
  const one = new PartitionsFixture()
  const topics = [{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.ms': '0' } }]
  await one.open(topics)
  await fill(one, 2, { ageMs: 5 })
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  one.disk.failNext({ operation: 'remove', path: `/data/t-0/${'0'.repeat(20)}.log.deleted`, code: 'EIO' })
  await one.stop()
  assert.ok(one.partitions.closedWhole)
  one.directories[0]!.endUse(1)
  const left = () => one.disk.list('/data/t-0').filter(({ name }) => name.endsWith('.deleted')).length
  assert.equal(left(), 1)
  await one.open(topics)
  assert.equal(left(), 0)
  await one.stop()
})

test('one check writes each checkpoint once for many logs, and a few logs in a turn', async () => {
  const one = new PartitionsFixture({ paths: ['/one', '/two'] })
  const partitions = 220
  await one.open([{ id: 'T', partitions, configs: { ...SMALL_SEGMENTS, 'retention.ms': '0' } }])
  for (let index = 0; index < partitions; index++) await fill(one, 2, { index, ageMs: 5 })
  let writes = 0
  const replaceFile = one.disk.replaceFile.bind(one.disk)
  one.disk.replaceFile = (path, content) => {
    if (path.endsWith('/log-start-offset-checkpoint')) writes++
    replaceFile(path, content)
  }
  let removedInTurn = 0
  let removedInTurnMost = 0
  const { rename } = one.disk
  one.disk.rename = (from, to) => {
    if (to.endsWith('.log.deleted')) removedInTurnMost = Math.max(removedInTurnMost, ++removedInTurn)
    rename.call(one.disk, from, to)
  }
  const { endOfTurn } = one.time
  one.time.endOfTurn = (callback) =>
    endOfTurn.call(one.time, () => {
      removedInTurn = 0
      callback()
    })
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  assert.equal(one.partitions.retention.deletedSegments.time.value, 2 * partitions)
  assert.equal(writes, 2, 'one for each directory')
  assert.ok(removedInTurnMost <= 25, `${removedInTurnMost} in one turn`)
  const lines = deletionLines(one)
  assert.equal(lines.length, 101)
  assert.deepEqual(lines.at(-1)![0 as never], 'Deleted segments of more logs')
  await one.stop()
})

test('a log start that cannot be made durable deletes nothing, and the next check tries again', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.ms': '0' } }])
  await fill(one, 3, { ageMs: 5 })
  one.partitions.keepRetention(one.config)
  one.disk.failNext({ operation: 'create', path: '/data/log-start-offset-checkpoint.tmp', code: 'ENOSPC' })
  await one.time.run(30_000)
  assert.deepEqual([one.find('T').logStartOffset, one.find('T').log.segmentCount], [0, 4])
  await one.time.run(INTERVAL_MS)
  assert.deepEqual([one.find('T').logStartOffset, one.find('T').log.segmentCount], [3, 1])
})

test('a log that is offline is left out, and so is one that fails meanwhile; the others are checked', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 3, configs: { ...SMALL_SEGMENTS, 'retention.ms': '0' } }])
  for (let index = 0; index < 3; index++) await fill(one, 2, { index, ageMs: 5 })
  one.disk.failNext({ operation: 'sync', path: `/data/t-0/${'0'.repeat(19)}1.log`, code: 'EIO' })
  await one
    .find('T', 0)
    .log.synced()
    .catch(() => {})
  one.disk.failNext({ operation: 'rename', path: `/data/t-1/${'0'.repeat(20)}.log`, code: 'EROFS' })
  one.partitions.keepRetention(one.config)
  await one.time.run(30_000)
  assert.equal(one.find('T', 1).isOffline, true)
  assert.deepEqual([one.find('T', 2).logStartOffset, one.find('T', 2).log.segmentCount], [2, 1])
  await one.time.run(INTERVAL_MS)
})

test('a topic that is deleted while its segments wait leaves nothing, and its successor is not touched', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', configs: SMALL_SEGMENTS }])
  await fill(one, 4)
  await one.until(one.partitions.deleteRecords(one.find('T'), 3))
  await one.time.run(10_000)
  one.publish([])
  one.publish([{ id: 'T2', configs: SMALL_SEGMENTS }])
  await one.until(one.partitions.opened())
  const successor = one.partitions.find(idOf('T2'), 0)!
  for (let i = 0; i < 4; i++) await one.append(successor, { valueBytes: 100 })
  await one.until(one.partitions.deleteRecords(successor, 2))
  assert.deepEqual(one.names(), ['t-0', 't-0.#-delete'])
  await one.time.run(50_000)
  assert.deepEqual(segmentsOf(one), ['0.log.deleted', '1.log.deleted', '2.log', '3.log'], 'its own delay is not over')
  await one.time.run(10_000)
  assert.deepEqual(one.names(), ['t-0'])
  assert.deepEqual(segmentsOf(one), ['2.log', '3.log'])
  assert.equal(one.partitions.removalCount, 0)
})

test('what waits for its delay goes when the broker stops, and nothing is left to come due', async () => {
  const one = new PartitionsFixture()
  const topics = [{ id: 'T', configs: SMALL_SEGMENTS }]
  await one.open([...topics, { id: 'U', name: 'u' }])
  one.partitions.keepRetention(one.config)
  await fill(one, 4)
  await one.until(one.partitions.deleteRecords(one.find('T'), 3))
  one.publish(topics)
  await one.stop()
  assert.deepEqual([one.names(), segmentsOf(one)], [['t-0'], ['3.log']])
  assert.equal(one.time.pendingTimers, 0)
  assert.equal(one.partitions.closedWhole, true)
})

test('the jitter of a log is drawn once: other changes of its settings leave it as it is', async () => {
  const one = new PartitionsFixture()
  const jitter = { 'segment.jitter.ms': '1000000' }
  await one.open([{ id: 'T', partitions: 2, configs: jitter }])
  const drawn = () => [0, 1].map((index) => one.find('T', index).log.settings.segmentJitterMs)
  const before = drawn()
  assert.ok(before[0] !== before[1] && before.every((ms) => ms >= 0 && ms < 1_000_000), String(before))
  one.publish([{ id: 'T', partitions: 2, configs: { ...jitter, 'retention.ms': '5' } }])
  assert.deepEqual(drawn(), before)
  one.publish([{ id: 'T', partitions: 2, configs: { ...jitter, 'segment.ms': '1000' } }])
  assert.ok(
    drawn().every((ms) => ms < 1000),
    'never more than a segment covers',
  )
})

test('wherever a crash comes, a log starts where it was said to, with everything behind it', async () => {
  for (let seed = 0; seed < 120; seed++) {
    const random = seededRandom(`retention ${seed}`)
    const one = new PartitionsFixture({ seed: `retention ${seed}` })
    const topics = [{ id: 'T', configs: { ...SMALL_SEGMENTS, 'retention.ms': '1000' } }]
    await one.open(topics)
    const batches = 2 + random.below(6)
    await fill(one, random.below(batches), { ageMs: 2000 })
    while (one.find('T').logEndOffset < batches) await fill(one, 1)
    one.partitions.keepRetention(one.config)
    one.disk.crashAtOperation(one.disk.operations + 1 + random.below(60))
    await one.time.run(30_000 + random.below(3) * DELAY_MS).catch(() => {})
    const told = one.find('T').logStartOffset
    one.disk.crash()
    await one.open(topics)
    const partition = one.find('T')
    partition.log.verify()
    assert.ok(partition.logStartOffset >= told, `seed ${seed}: starts at ${partition.logStartOffset}, was ${told}`)
    assert.equal(partition.logEndOffset, batches, `seed ${seed}`)
    const epoch = partition.log.leaderEpochs.epochAt(partition.logStartOffset)
    assert.equal(epoch, 0, `seed ${seed}: the epoch of the start is known`)
  }
})
