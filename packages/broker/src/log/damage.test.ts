/** Files of a log that are damaged: what is found, what is rebuilt, and that nothing acknowledged is dropped silently. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CorruptLogError } from './errors.ts'
import type { Log, LogOptions } from './log.ts'
import { DIRECTORY, LogFixture, readBatches, testBatch } from './testing.ts'

const FIRST = `${DIRECTORY}/00000000000000000000.log`
const BATCH_BYTES = testBatch().length

/** A log of ten batches of one record each, in segments of two where asked for. */
class DamagedLog {
  readonly fixture: LogFixture
  endOffset = 10

  private constructor(segmentBytes: number) {
    this.fixture = new LogFixture({ settings: { segmentBytes, indexIntervalBytes: 0 } })
  }

  static async make(options: { segmentBytes?: number } = {}): Promise<DamagedLog> {
    const made = new DamagedLog(options.segmentBytes ?? 1_000_000)
    const { fixture } = made
    const log = await fixture.finished(fixture.open())
    for (let i = 0; i < made.endOffset; i++) fixture.append(log, { producerId: 7, producerEpoch: 0, baseSequence: i })
    await fixture.finished(log.synced())
    await fixture.finished(log[Symbol.asyncDispose]())
    fixture.logger.lines.length = 0
    return made
  }

  damage(path: string, change: (bytes: Buffer) => unknown): void {
    const { disk } = this.fixture
    const bytes = disk.readFile(path)
    const changed = change(bytes)
    disk.replaceFile(path, Buffer.isBuffer(changed) ? changed : bytes)
  }

  open(options: Partial<LogOptions> = {}): Promise<Log> {
    return this.fixture.finished(this.fixture.open(options))
  }

  async offsets(log: Log, from?: number): Promise<number[]> {
    const batches = await this.fixture.finished(readBatches(log, from))
    return batches.map((batch) => Number(batch.readBigInt64BE(0)))
  }

  get kept(): string[] {
    const names = this.fixture.disk.list(DIRECTORY).map(({ name }) => name)
    return names.filter((name) => name.endsWith('.damaged'))
  }

  keptBytes(name: string): Buffer {
    return this.fixture.disk.readFile(`${DIRECTORY}/${name}`)
  }

  logged(level: string): string[] {
    return this.fixture.logger.lines.filter((line) => line.level === level).map(({ message }) => message)
  }
}

function flip(bytes: Buffer, at: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
}

const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

test('a torn end that was never synced is cut, and nothing of it is kept', async () => {
  const one = await DamagedLog.make()
  one.damage(FIRST, (bytes) => bytes.subarray(0, bytes.length - 1))
  const log = await one.open({ recoveryPoint: 5 })
  assert.deepEqual([await one.offsets(log), one.kept], [upTo(9), []])
  assert.match(one.logged('warn').join(), /not whole/)
})

test('zeros at the end, as a file system leaves them, are cut', async () => {
  const one = await DamagedLog.make()
  one.damage(FIRST, (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)]))
  const log = await one.open({ recoveryPoint: 10 })
  assert.deepEqual([await one.offsets(log), one.kept.length], [upTo(10), 0])
})

for (const [what, change] of [
  ['a flipped bit in a body', (bytes: Buffer) => flip(bytes, 4 * BATCH_BYTES + 65)],
  ['a flipped bit in a length', (bytes: Buffer) => flip(bytes, 4 * BATCH_BYTES + 9)],
  ['zeros in the middle', (bytes: Buffer) => bytes.fill(0, 4 * BATCH_BYTES, 5 * BATCH_BYTES)],
] as const) {
  test(`${what} behind the recovery point: whole batches follow, which are kept aside and told of`, async () => {
    const one = await DamagedLog.make()
    one.damage(FIRST, change)
    const before = one.fixture.disk.readFile(FIRST)
    const log = await one.open({ recoveryPoint: 2 })
    assert.deepEqual(await one.offsets(log), upTo(4))
    assert.deepEqual(one.kept, [`00000000000000000000-at-${4 * BATCH_BYTES}.damaged`])
    assert.deepEqual(one.keptBytes(one.kept[0]!), before.subarray(4 * BATCH_BYTES))
    const [line] = one.fixture.logger.lines.filter(({ message }) => message.includes('kept aside'))
    const { file, position, keptIn, logEndOffset } = line!.fields
    assert.deepEqual([file, position, logEndOffset], [FIRST, 4 * BATCH_BYTES, 4])
    assert.equal(keptIn, `${DIRECTORY}/${one.kept[0]}`)
    await one.fixture.finished(log[Symbol.asyncDispose]())
    const again = await one.open({ cleanShutdown: true })
    assert.deepEqual([again.logEndOffset, one.kept.length], [4, 1], 'it stays until somebody removes it')
  })
}

test('a cut below the recovery point keeps what it cuts, whole batches or not, and is told of', async () => {
  const one = await DamagedLog.make()
  one.damage(FIRST, (bytes) => bytes.subarray(0, bytes.length - 1))
  const log = await one.open({ recoveryPoint: 10 })
  assert.deepEqual(await one.offsets(log), upTo(9))
  assert.equal(one.keptBytes(one.kept[0]!).length, BATCH_BYTES - 1)
  assert.equal(one.logged('error').length, 1)
})

test('the segments behind damage are kept with it, as they are', async () => {
  const one = await DamagedLog.make({ segmentBytes: 2 * BATCH_BYTES })
  const path = `${DIRECTORY}/00000000000000000004.log`
  const later = one.fixture.disk.readFile(`${DIRECTORY}/00000000000000000006.log`)
  one.damage(path, (bytes) => flip(bytes, BATCH_BYTES + 70))
  const log = await one.open()
  assert.deepEqual(await one.offsets(log), upTo(5))
  assert.deepEqual(one.kept, ['00000000000000000006-at-0.damaged', '00000000000000000008-at-0.damaged'])
  assert.deepEqual(one.keptBytes(one.kept[0]!), later)
})

test('a crash wherever it comes while damage is kept aside loses nothing of what is kept', async () => {
  for (let operation = 1; operation <= 25; operation++) {
    const one = await DamagedLog.make({ segmentBytes: 5 * BATCH_BYTES })
    one.damage(FIRST, (bytes) => flip(bytes, 2 * BATCH_BYTES + 70))
    const { disk } = one.fixture
    disk.syncAll()
    const cut = disk.readFile(FIRST).subarray(2 * BATCH_BYTES)
    const later = disk.readFile(`${DIRECTORY}/00000000000000000005.log`)
    disk.crashAtOperation(disk.operations + operation)
    await one.open().catch(() => {})
    disk.crash()
    const log = await one.open()
    assert.equal(log.logEndOffset, 2, `operation ${operation}`)
    const kept = one.kept.map((name) => one.keptBytes(name))
    for (const bytes of [cut, later])
      assert.ok(
        kept.some((one) => one.equals(bytes)),
        `operation ${operation}`,
      )
  }
})

test('a log that was closed in order and ends below its recovery point is told of', async () => {
  const one = await DamagedLog.make()
  one.damage(FIRST, (bytes) => bytes.subarray(0, 8 * BATCH_BYTES))
  const log = await one.open({ cleanShutdown: true, recoveryPoint: 10 })
  assert.equal(log.logEndOffset, 8)
  assert.match(one.logged('warn').join(), /ends below its recovery point/)
})

test('a segment that is gone from the middle is told of at the start, clean or not, and the rest serves', async () => {
  const gone = '00000000000000000004'
  for (const cleanShutdown of [true, false]) {
    for (const traces of [['index', 'timeindex', 'snapshot'], ['snapshot'], ['index']]) {
      const one = await DamagedLog.make({ segmentBytes: 2 * BATCH_BYTES })
      const { disk, logger } = one.fixture
      for (const suffix of ['log', 'index', 'timeindex', 'snapshot']) {
        if (!traces.includes(suffix)) disk.remove(`${DIRECTORY}/${gone}.${suffix}`)
      }
      const log = await one.open({ cleanShutdown, recoveryPoint: 10 })
      const lines = logger.lines.filter(({ message }) => message.includes('missing'))
      const fields = { file: `${DIRECTORY}/${gone}.log`, position: 0, from: 4, to: 6 }
      assert.deepEqual(
        lines.map((line) => [line.level, line.fields]),
        [['error', fields]],
      )
      assert.deepEqual(await one.offsets(log, 0), [0, 1, 2, 3, 6, 7, 8, 9])
    }
  }
})

test('what an orderly stop and an interrupted removal leave is not taken for a lost segment', async () => {
  const one = await DamagedLog.make({ segmentBytes: 5 * BATCH_BYTES })
  const { disk } = one.fixture
  const snapshot = disk.readFile(`${DIRECTORY}/00000000000000000010.snapshot`)
  disk.replaceFile(`${DIRECTORY}/00000000000000000003.snapshot`, snapshot)
  disk.replaceFile(`${DIRECTORY}/00000000000000000002.index`, Buffer.alloc(0))
  const log = await one.open({ recoveryPoint: 10 })
  assert.deepEqual([await one.offsets(log), one.logged('error')], [upTo(10), []])
})

test('a recovery point far behind costs a scan and nothing else', async () => {
  const one = await DamagedLog.make()
  const log = await one.open({ recoveryPoint: 0 })
  assert.deepEqual([await one.offsets(log), one.kept, one.fixture.logger.lines], [upTo(10), [], []])
})

for (const [what, change] of [
  ['missing', null],
  ['truncated inside an entry', (bytes: Buffer) => bytes.subarray(0, bytes.length - 3)],
  ['not rising', (bytes: Buffer) => bytes.fill(0xff, 0, 4)],
  ['empty', () => Buffer.alloc(0)],
] as const) {
  test(`an index that is ${what} is rebuilt when it is needed`, async () => {
    const one = await DamagedLog.make({ segmentBytes: 5 * BATCH_BYTES })
    for (const suffix of ['index', 'timeindex']) {
      const path = FIRST.replace('log', suffix)
      if (change === null) one.fixture.disk.remove(path)
      else one.damage(path, change)
    }
    const log = await one.open({ cleanShutdown: true })
    assert.deepEqual(await one.offsets(log), upTo(10))
    assert.deepEqual(await one.offsets(log, 3), upTo(10).slice(3))
  })
}

test('leader epochs that are lost or garbage are taken from the batches', async () => {
  for (const text of [null, 'garbage', '0\n2\n3 0\n1 5\n']) {
    const one = await DamagedLog.make({ segmentBytes: 3 * BATCH_BYTES })
    const path = `${DIRECTORY}/leader-epoch-checkpoint`
    const before = one.fixture.disk.readFile(path)
    if (text === null) one.fixture.disk.remove(path)
    else one.fixture.disk.replaceFile(path, Buffer.from(text))
    const log = await one.open({ cleanShutdown: true })
    assert.deepEqual(log.leaderEpochs.entries, [{ epoch: 0, startOffset: 0 }])
    assert.deepEqual(one.fixture.disk.readFile(path), before, 'and written')
    assert.match(one.logged('warn').join(), /leader epochs are lost/)
  }
})

test('producers are known from the batches where every snapshot is lost', async () => {
  for (const cleanShutdown of [true, false]) {
    const one = await DamagedLog.make({ segmentBytes: 3 * BATCH_BYTES })
    const { disk } = one.fixture
    const snapshots = disk.list(DIRECTORY).filter(({ name }) => name.endsWith('.snapshot'))
    assert.ok(snapshots.length > 0)
    for (const { name } of snapshots) disk.remove(`${DIRECTORY}/${name}`)
    const log = await one.open({ cleanShutdown, recoveryPoint: 10 })
    const retry = testBatch({ producerId: 7, producerEpoch: 0, baseSequence: 9 })
    assert.equal(log.producers.check(retry, 0, one.fixture.time.wallMs()).kind, 'duplicate')
  }
})

test('a read that meets a damaged header names file and position; what lies before it is served', async () => {
  const at = 2 * BATCH_BYTES
  for (const change of [
    (bytes: Buffer) => bytes.fill(0, at, at + BATCH_BYTES),
    (bytes: Buffer) => bytes.writeInt32BE(7, at + 8),
    (bytes: Buffer) => bytes.writeInt32BE(0x7fff_0000, at + 8),
    (bytes: Buffer) => bytes.writeUInt8(0x7f, at),
    (bytes: Buffer) => bytes.writeUInt8(9, at + 16),
    (bytes: Buffer) => bytes.writeInt32BE(-1, at + 23),
  ]) {
    for (const hasIndex of [true, false]) {
      const one = await DamagedLog.make({ segmentBytes: 5 * BATCH_BYTES })
      one.damage(FIRST, change)
      if (!hasIndex) one.fixture.disk.remove(FIRST.replace('log', 'index'))
      const log = await one.open({ cleanShutdown: true })
      const read = (offset: number) =>
        one.fixture.finished(Promise.resolve(log.read({ offset, maxOffset: 10, maxBytes: 1000, minOneBatch: true })))
      const lease = await read(0)
      assert.equal(lease.bytes, at)
      lease.release()
      await assert.rejects(read(2), (error) => {
        assert.ok(error instanceof CorruptLogError, String(error))
        assert.match(error.message, new RegExp(`${FIRST}" at ${at}`))
        return true
      })
      assert.deepEqual(await one.offsets(log, 5), upTo(10).slice(5), 'the other segments are served')
    }
  }
})
