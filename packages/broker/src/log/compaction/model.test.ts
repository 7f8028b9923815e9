/**
 * A log is compacted while it is written to and read, through crashes and clean stops, and compared with a model that
 * knows every record that was ever appended. By seeds: `COMPACTION_SEED` replays one, `COMPACTION_SEEDS` asks for more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Disk } from '@ottla/base/disk.ts'
import { InlineThreads } from '@ottla/base/inline-threads.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchesIn,
  batchLastOffset,
  hasDeleteHorizon,
} from '@ottla/protocol/records/batch.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import type { Log } from '../log.ts'
import { DIRECTORY, type LogFixture, NOW_MS, readBatches } from '../testing.ts'
import { compactLog } from './compact-log.ts'
import { compactionFixture, forgetTails, type KeyedRecord, keyedBatch, TEST_LIMITS } from './testing.ts'

const SEEDS = Number(process.env['COMPACTION_SEEDS'] ?? 40)
const LIVES = 4
const STEPS_MAX = 80
const KEYS = 8
const PRODUCERS = 2
const DELETE_RETENTION_MS = 400
const CODECS: readonly Codec[] = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']

interface ModelRecord {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestampMs: number
  /** When a compaction that may have stamped it began; only tombstones are. */
  stampedMs: number
}

/** What is known through all lives. */
class Model {
  readonly random: Random
  records: ModelRecord[] = []
  logEndOffset = 0
  logStartOffset = 0
  syncedOffset = 0
  recoveryPoint = 0
  cleanShutdown = false
  firstDirtyOffset = 0
  compactions = 0
  recordsGone = 0
  readonly nextSequence = new Map<number, number>()
  readonly lastBatch = new Map<number, Buffer>()

  constructor(random: Random) {
    this.random = random
  }

  /** What was not synced may be gone. */
  settleAt(logEndOffset: number): void {
    assert.ok(logEndOffset >= this.syncedOffset, `everything synced is there: ${logEndOffset} < ${this.syncedOffset}`)
    assert.ok(logEndOffset <= this.logEndOffset, 'nothing is made up')
    this.records = this.records.filter(({ offset }) => offset < logEndOffset)
    for (const [producerId, batch] of this.lastBatch) {
      if (batchLastOffset(batch, 0) < logEndOffset) continue
      // Which of its batches is the last one now is not kept: it begins anew, as after a restart of the producer.
      this.lastBatch.delete(producerId)
      this.nextSequence.delete(producerId)
    }
    this.logEndOffset = logEndOffset
    this.syncedOffset = logEndOffset
    this.recoveryPoint = Math.min(this.recoveryPoint, logEndOffset)
  }
}

/** One life of the log. */
class Life {
  readonly #log: Log
  readonly #model: Model
  readonly #fixture: LogFixture
  readonly #stop = new AbortController()
  #compaction: Promise<void> | null = null
  /** What the compaction's checks have found. */
  #wrong: unknown = null

  constructor(log: Log, model: Model, fixture: LogFixture) {
    this.#log = log
    this.#model = model
    this.#fixture = fixture
  }

  async step(): Promise<void> {
    if (this.#wrong !== null) throw this.#wrong
    const { random } = this.#model
    const kind = random.below(20)
    if (kind < 9) this.#append()
    else if (kind < 11) await this.#sync()
    else if (kind < 13) this.#log.roll()
    else if (kind < 14) this.#deleteRecords()
    else if (kind < 16) this.#compact()
    else if (kind < 18) await this.#readWhile(random.below(30))
    else await this.#fixture.time.run(random.below(300))
  }

  /** What ran ends with the machine. */
  async end(): Promise<void> {
    this.#stop.abort()
    if (this.#compaction !== null) await this.#fixture.finished(this.#compaction)
  }

  async stop(): Promise<void> {
    await this.end()
    if (this.#wrong !== null) throw this.#wrong
    await this.#fixture.finished(this.#log[Symbol.asyncDispose]())
  }

  #append(): void {
    const model = this.#model
    const { random } = model
    const timestampMs = this.#fixture.time.wallMs()
    const records = Array.from({ length: 1 + random.below(4) }, (): KeyedRecord => {
      const value = random.below(4) === 0 ? null : String(random.below(1000)).repeat(1 + random.below(20))
      return { key: `k${random.below(KEYS)}`, value, timestampMs }
    })
    const offset = model.logEndOffset
    const batch = this.#batchOf(records)
    this.#log.append(batch, 0, { leaderEpoch: 0, appendTimeMs: timestampMs })
    for (const [index, { key, value }] of records.entries()) {
      model.records.push({ offset: offset + index, key: key!, value, timestampMs, stampedMs: Infinity })
    }
    model.logEndOffset += records.length
    assert.equal(this.#log.logEndOffset, model.logEndOffset)
  }

  #batchOf(records: readonly KeyedRecord[]): Buffer {
    const { random, nextSequence, lastBatch, logEndOffset } = this.#model
    const codec = CODECS[random.below(CODECS.length)]!
    const producerId = random.below(PRODUCERS + 1) - 1
    if (producerId < 0) return keyedBatch(records, { codec })
    const baseSequence = nextSequence.get(producerId) ?? 0
    nextSequence.set(producerId, baseSequence + records.length)
    const batch = keyedBatch(records, { codec, producerId, producerEpoch: 0, baseSequence, baseOffset: logEndOffset })
    lastBatch.set(producerId, batch)
    return batch
  }

  async #sync(): Promise<void> {
    const offset = this.#model.logEndOffset
    await this.#fixture.finished(this.#log.synced())
    this.#model.syncedOffset = Math.max(this.#model.syncedOffset, offset)
    if (this.#model.random.below(2) === 0) this.#model.recoveryPoint = this.#log.syncedOffset
  }

  #deleteRecords(): void {
    const model = this.#model
    if (model.random.below(3) > 0 || model.syncedOffset <= model.logStartOffset) return
    model.logStartOffset += model.random.below(model.syncedOffset - model.logStartOffset + 1)
    this.#log.advanceLogStartOffset(model.logStartOffset)
  }

  #compact(): void {
    if (this.#compaction !== null) return
    const model = this.#model
    const { random } = model
    const nowMs = this.#fixture.time.wallMs()
    const { disk, time } = this.#fixture
    for (const record of model.records) record.stampedMs = Math.min(record.stampedMs, nowMs)
    const firstDirtyOffset = Math.max(model.firstDirtyOffset, model.logStartOffset)
    this.#compaction = compactLog(this.#log, {
      threads: new InlineThreads({ disk, clock: time, timers: time }),
      limits: {
        ...{ ...TEST_LIMITS, deleteRetentionMs: DELETE_RETENTION_MS, readBytes: 100 + random.below(2000) },
        mapBytesMax: 24 * (2 + random.below(2 * KEYS)),
        segmentBytes: 200 + random.below(2000),
      },
      ...{ firstDirtyOffset, belowOffset: model.syncedOffset, nowMs, signal: this.#stop.signal },
      // Steps come with time, so that writes and reads come between them.
      bytesPerSecondMax: 10_000 + random.below(100_000),
    })
      .then((outcome) => {
        if (outcome.kind !== 'compacted') return
        model.compactions++
        model.firstDirtyOffset = outcome.nextDirtyOffset
        this.#checkCompacted(outcome.nextDirtyOffset, nowMs)
      })
      .catch((error: Error) => {
        if (error.name === 'AssertionError') this.#wrong = error
      })
      .finally(() => {
        this.#compaction = null
      })
  }

  /** A reader that is under way while whatever else happens happens. */
  async #readWhile(forMs: number): Promise<void> {
    const { random, logStartOffset, logEndOffset } = this.#model
    if (random.below(2) === 0) forgetTails(this.#fixture)
    const from = logStartOffset + random.below(logEndOffset - logStartOffset + 1)
    const reading = readBatches(this.#log, from)
    reading.catch(() => {})
    await this.#fixture.time.run(forMs)
    checkRead(await this.#fixture.finished(reading), this.#model, { from, nowMs: this.#fixture.time.wallMs() })
  }

  /** No key twice in what is compacted, and no tombstone that was due. */
  #checkCompacted(endOffset: number, nowMs: number): void {
    const seen = new Set<string>()
    for (const batch of storedIn(this.#fixture.disk).toReversed()) {
      const isDue = hasDeleteHorizon(batchAttributes(batch, 0)) && batchBaseTimestamp(batch, 0) <= nowMs
      for (const { offset, key, value } of readRecords(batch).toReversed()) {
        // What is deleted is nobody's business any more.
        if (offset >= endOffset || offset < this.#log.logStartOffset) continue
        assert.ok(!(isDue && value === null), `the tombstone at ${offset} was due`)
        assert.ok(!seen.has(String(key)), `offset ${offset} is not its key's newest below ${endOffset}`)
        seen.add(String(key))
      }
    }
  }
}

/** The batches of all segments' files, whatever is in memory. */
function storedIn(disk: Disk): Buffer[] {
  const names = disk.list(DIRECTORY).filter(({ name }) => name.endsWith('.log'))
  return names.flatMap(({ name }) => [...batchesIn(disk.readFile(`${DIRECTORY}/${name}`))])
}

interface ReadRange {
  readonly from: number
  readonly nowMs: number
}

/** What a reader sees: records that were appended, in order, and every one that has no reason to be gone. */
function checkRead(batches: readonly Buffer[], model: Model, { from, nowMs }: ReadRange): void {
  const found = new Set<number>()
  let end = -1
  for (const batch of batches) {
    assert.ok(batchBaseOffset(batch, 0) >= end, 'batches are in order')
    end = batchLastOffset(batch, 0) + 1
    for (const { offset, key, value, timestamp } of readRecords(batch)) {
      const expected = model.records.find((record) => record.offset === offset)
      assert.ok(expected !== undefined, `there is a record at ${offset}`)
      const actual = [String(key), value === null ? null : String(value), timestamp]
      assert.deepEqual(actual, [expected.key, expected.value, expected.timestampMs], `the record at ${offset}`)
      found.add(offset)
    }
  }
  for (const record of model.records) {
    if (record.offset < Math.max(from, model.logStartOffset) || found.has(record.offset)) continue
    assert.ok(mayBeGone(record, model, nowMs), `the record at ${record.offset} is there`)
    model.recordsGone++
  }
}

function mayBeGone({ offset, key, value, stampedMs }: ModelRecord, { records }: Model, nowMs: number): boolean {
  if (records.some((newer) => newer.key === key && newer.offset > offset)) return true
  return value === null && nowMs >= stampedMs + DELETE_RETENTION_MS
}

/** The log as the last life left it. */
async function opened(model: Model, fixture: LogFixture): Promise<Log> {
  const { cleanShutdown, recoveryPoint, logStartOffset } = model
  const log = await fixture.finished(fixture.open({ cleanShutdown, recoveryPoint, logStartOffset }))
  model.cleanShutdown = false
  log.verify()
  model.settleAt(log.logEndOffset)
  model.logStartOffset = log.logStartOffset
  model.firstDirtyOffset = Math.min(model.firstDirtyOffset, log.logEndOffset)
  const batches = await fixture.finished(readBatches(log))
  checkRead(batches, model, { from: log.logStartOffset, nowMs: fixture.time.wallMs() })
  for (const batch of model.lastBatch.values()) {
    if (batchBaseOffset(batch, 0) < log.logStartOffset) continue
    assert.equal(log.producers.check(batch, 0, NOW_MS).kind, 'duplicate', 'a producer’s last batch is known')
  }
  return log
}

async function live(model: Model, fixture: LogFixture): Promise<void> {
  fixture.failures = []
  let life: Life | null = null
  try {
    life = new Life(await opened(model, fixture), model, fixture)
    const steps = model.random.below(STEPS_MAX)
    for (let i = 0; i < steps && fixture.failures.length === 0; i++) await life.step()
    await life.stop()
    if (fixture.failures.length > 0) return
    model.syncedOffset = model.logEndOffset
    model.recoveryPoint = model.logEndOffset
    model.cleanShutdown = true
  } catch (error) {
    if ((error as Error).name === 'AssertionError') throw error
  } finally {
    await life?.end()
  }
}

async function run(seed: number): Promise<Model> {
  const random = seededRandom(`compaction ${seed}`)
  const model = new Model(random)
  const settings = { segmentBytes: 700, indexIntervalBytes: 150, segmentIndexBytes: 4096 }
  const fixture = compactionFixture({ settings, random: seededRandom(`disk ${seed}`) })
  for (let lives = 0; lives < LIVES; lives++) {
    if (random.below(4) > 0) fixture.disk.crashAtOperation(fixture.disk.operations + 1 + random.below(400))
    await live(model, fixture)
    fixture.disk.crash()
  }
  await live(model, fixture)
  return model
}

test('a log that is compacted while it is written, read and crashed keeps what it must', async () => {
  let compactions = 0
  let recordsGone = 0
  const replayed = process.env['COMPACTION_SEED']
  const seeds = replayed === undefined ? Array.from({ length: SEEDS }, (_, seed) => seed) : [Number(replayed)]
  for (const seed of seeds) {
    const model = await run(seed).catch((error: Error) => {
      error.message = `COMPACTION_SEED=${seed}: ${error.message}`
      throw error
    })
    compactions += model.compactions
    recordsGone += model.recordsGone
  }
  assert.ok(compactions >= seeds.length, `${compactions} compactions came to their end`)
  assert.ok(recordsGone > seeds.length, 'readers have found gaps')
})
