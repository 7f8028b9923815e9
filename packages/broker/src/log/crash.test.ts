/** Stops the machine at every kind of moment and asserts what a log promises about what is there afterwards. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { batchBaseOffset, batchLastOffset, batchProducerId } from '@ottla/protocol/records/batch.ts'
import type { Log } from './log.ts'
import { LogFixture, NOW_MS, readBatches, type TestBatch, testBatch } from './testing.ts'

const CRASH_POINTS = 1500
const STEPS_MAX = 60
const PRODUCERS = 3

/** What the test knows: the model of one log, through any number of lives. */
class Model {
  readonly random: Random
  /** The batches of the current history, by base offset, as they were appended. */
  batches: Buffer[] = []
  logEndOffset = 0
  logStartOffset = 0
  syncedOffset = 0
  recoveryPoint = 0
  leaderEpoch = 0
  /** Set while an operation runs of which the outcome is unknown after a crash. */
  truncatingTo: number | null = null
  readonly nextSequence = new Map<number, number>()
  cleanShutdown = false

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  get settings() {
    return { segmentBytes: 600, indexIntervalBytes: 100, segmentIndexBytes: 120, fileDeleteDelayMs: 100 }
  }
}

function nextBatch(model: Model): TestBatch {
  const producerId = model.random.below(PRODUCERS + 1) - 1
  const count = 1 + model.random.below(4)
  const valueBytes = model.random.below(model.random.below(20) === 0 ? 3000 : 80)
  const timestampsMs = Array.from({ length: count }, () => NOW_MS + model.random.below(10_000))
  const plain = { count, valueBytes, timestampsMs, leaderEpoch: model.leaderEpoch, baseOffset: model.logEndOffset }
  if (producerId < 0) return plain
  const baseSequence = model.nextSequence.get(producerId) ?? 0
  model.nextSequence.set(producerId, baseSequence + count)
  return { ...plain, producerId, producerEpoch: 0, baseSequence }
}

function append(log: Log, model: Model): void {
  const batch = testBatch(nextBatch(model))
  model.batches.push(batch)
  model.logEndOffset = batchLastOffset(batch, 0) + 1
  log.append(batch, 0, { leaderEpoch: model.leaderEpoch, appendTimeMs: NOW_MS })
}

async function sync(log: Log, model: Model, fixture: LogFixture): Promise<void> {
  const offset = model.logEndOffset
  await fixture.finished(log.synced())
  model.syncedOffset = Math.max(model.syncedOffset, offset)
  if (model.random.below(2) === 0) model.recoveryPoint = log.syncedOffset
}

async function truncate(log: Log, model: Model, fixture: LogFixture): Promise<void> {
  const offset = model.logStartOffset + model.random.below(model.logEndOffset - model.logStartOffset + 1)
  const kept = model.batches.filter((batch) => batchLastOffset(batch, 0) < offset)
  const end = Math.max(model.logStartOffset, endOf(kept))
  model.recoveryPoint = Math.min(model.recoveryPoint, end)
  model.syncedOffset = Math.min(model.syncedOffset, end)
  model.truncatingTo = end
  await fixture.finished(log.truncateTo(offset))
  model.truncatingTo = null
  if (offset < model.logEndOffset) settleOn(model, kept, end)
  model.leaderEpoch++
}

/** Makes these batches the whole history, and what the producers send next its consequence. */
function settleOn(model: Model, batches: Buffer[], logEndOffset: number): void {
  model.batches = batches
  model.logEndOffset = logEndOffset
  model.syncedOffset = logEndOffset
  model.nextSequence.clear()
  for (const batch of batches) {
    const last = batch.readInt32BE(53) + batch.readInt32BE(23)
    if (batchProducerId(batch, 0) >= 0) model.nextSequence.set(batchProducerId(batch, 0), last + 1)
  }
}

function endOf(batches: Buffer[]): number {
  return batches.length > 0 ? batchLastOffset(batches.at(-1)!, 0) + 1 : 0
}

/** As after a while without use: files are closed and what is in memory is given back. */
function rest(fixture: LogFixture): void {
  for (let i = 0; i < 2; i++) {
    fixture.openSegments.restIdle()
    fixture.tail.giveBackIdle()
  }
}

async function step(log: Log, model: Model, fixture: LogFixture): Promise<void> {
  const kind = model.random.below(22)
  if (kind < 12) append(log, model)
  else if (kind < 15) await sync(log, model, fixture)
  else if (kind < 16) log.roll()
  else if (kind < 17) await truncate(log, model, fixture)
  else if (kind < 18) fixture.time.turn()
  else if (kind < 19) await fixture.finished(readBatches(log))
  else if (kind < 21) rest(fixture)
  else if (model.syncedOffset > model.logStartOffset) {
    model.logStartOffset += model.random.below(model.syncedOffset - model.logStartOffset + 1)
    log.advanceLogStartOffset(model.logStartOffset)
    log.removeBelowStart(model.random.below(4))
    if (model.random.below(2) === 0) await fixture.time.run(fixture.settings.fileDeleteDelayMs)
  }
}

/** Lives until the disk crashes, or until it has done its steps and closes in order. */
async function live(model: Model, fixture: LogFixture): Promise<void> {
  try {
    const { cleanShutdown, recoveryPoint, logStartOffset } = model
    const log = await fixture.finished(fixture.open({ cleanShutdown, recoveryPoint, logStartOffset }))
    model.cleanShutdown = false
    await compare(log, model, fixture)
    const steps = model.random.below(STEPS_MAX)
    for (let i = 0; i < steps && fixture.failures.length === 0; i++) await step(log, model, fixture)
    if (fixture.failures.length === 0) log.verify()
    await fixture.finished(log[Symbol.asyncDispose]())
    if (fixture.failures.length > 0) return
    model.syncedOffset = model.logEndOffset
    model.recoveryPoint = model.logEndOffset
    model.cleanShutdown = true
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    if ((error as Error).name === 'AssertionError') throw error
  }
}

/** Everything synced is there, nothing is invented, nothing is missing in between. */
async function compare(log: Log, model: Model, fixture: LogFixture): Promise<void> {
  log.verify()
  const found = await fixture.finished(readBatches(log))
  const expected = model.batches.filter((batch) => batchLastOffset(batch, 0) >= log.logStartOffset)
  assert.ok(log.logEndOffset >= Math.min(model.syncedOffset, model.truncatingTo ?? Number.MAX_SAFE_INTEGER))
  assert.ok(log.logEndOffset <= model.logEndOffset, 'nothing is invented')
  assert.equal(log.syncedOffset, log.logEndOffset, 'what was recovered is durable')
  for (const [index, batch] of found.entries())
    assert.deepEqual(batch, expected[index], 'a prefix of what was appended')
  const end = found.length > 0 ? batchLastOffset(found.at(-1)!, 0) + 1 : log.logStartOffset
  assert.equal(end, log.logEndOffset, 'nothing is missing at the end')
  checkProducers(log, found)
  checkEpochs(log, found)
  model.truncatingTo = null
  model.logStartOffset = log.logStartOffset
  const kept = model.batches.filter((batch) => batchLastOffset(batch, 0) < log.logEndOffset)
  settleOn(model, kept, log.logEndOffset)
  fixture.failures = []
}

function checkProducers(log: Log, batches: Buffer[]): void {
  const lastOfProducer = new Map<number, Buffer>()
  for (const batch of batches) lastOfProducer.set(batchProducerId(batch, 0), batch)
  for (const [producerId, batch] of lastOfProducer) {
    if (producerId < 0) continue
    const verdict = log.producers.check(batch, 0, NOW_MS)
    assert.equal(verdict.kind, 'duplicate', 'the retry of a producer’s last batch is known')
    assert.equal(verdict.kind === 'duplicate' && verdict.baseOffset, batchBaseOffset(batch, 0))
  }
}

function checkEpochs(log: Log, batches: Buffer[]): void {
  for (const batch of batches) {
    const offset = Math.max(batchBaseOffset(batch, 0), log.logStartOffset)
    assert.equal(log.leaderEpochs.epochAt(offset), batch.readInt32BE(12), `the epoch at ${offset}`)
  }
}

async function crashOnce(seed: number, crashPoint: number): Promise<void> {
  const model = new Model(seed)
  const fixture = new LogFixture({ settings: model.settings, random: seededRandom(`disk ${seed}`) })
  for (let lives = 0; lives < 3; lives++) {
    fixture.disk.crashAtOperation(fixture.disk.operations + 1 + ((crashPoint * (lives + 1)) % 150))
    await live(model, fixture)
    fixture.disk.crash()
  }
  await live(model, fixture)
  assert.ok(fixture.disk.operations > 0)
}

test('what was synced survives a crash at any operation, and nothing else is made up', async () => {
  for (let point = 0; point < CRASH_POINTS / 3; point++) {
    const seed = Number(process.env['CRASH_SEED'] ?? point)
    await crashOnce(seed, seed).catch((error: Error) => {
      error.message = `seed ${seed}: ${error.message}`
      throw error
    })
    if (process.env['CRASH_SEED'] !== undefined) return
  }
})
