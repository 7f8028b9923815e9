/**
 * For the log's crash suite: what has to be true of a log that was just opened, and of the files of one that was closed
 * in order. Throws AssertionError where it is not.
 */
import assert from 'node:assert/strict'
import type { Disk } from '@ottla/base/disk.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { batchesIn, batchLastOffset, batchMaxTimestamp, batchSize } from '@ottla/protocol/records/batch.ts'
import { readInt64 } from '@ottla/protocol/records/int64.ts'
import {
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetInName,
  SNAPSHOT_SUFFIX,
  TIME_INDEX_SUFFIX,
} from '../../log/file-names.ts'
import { OFFSET_ENTRY_BYTES } from '../../log/offset-index.ts'
import { SET_ASIDE_SUFFIX } from '../../log/set-aside.ts'
import { TIME_ENTRY_BYTES } from '../../log/time-index.ts'
import type { Partition } from '../../partition/partition.ts'
import type { LogLife } from './log-life.ts'
import type { LogModel, ModelRecord } from './log-model.ts'

const PLAIN_FILES = ['leader-epoch-checkpoint', 'partition.metadata']
const TIMESTAMPS_ASKED = 4

/** How the life before this one has ended; `reopened`: within a life, after the log has failed. */
export type Ending = 'nothing' | 'stopped' | 'killed' | 'crashed' | 'reopened'

/** Compares the log with its model and makes what was found the model's history. Answers what a crash has taken. */
export async function checkRecovered(life: LogLife, model: LogModel, ending: Ending): Promise<{ lostBatches: number }> {
  const partition = life.find(model)
  const { log } = partition
  log.verify()
  const start = log.logStartOffset
  const end = log.logEndOffset
  const where = `${model.name} [${start}, ${end}) after it was ${ending}`
  assert.equal(partition.highWatermark, end, `${where}: what was recovered is committed`)
  assert.equal(log.syncedOffset, end, `${where}: what was recovered is durable`)
  model.startSeen(start)
  assert.ok(end <= Math.max(model.logEndOffset, start), `${where}: only ${model.logEndOffset} were appended`)
  const certain = Math.min(certainEnd(model, ending), model.truncatingTo ?? Number.POSITIVE_INFINITY)
  assert.ok(end >= certain, `${where}: lost what lies below ${certain}`)
  const found = await readAll(life, partition)
  compareBatches(model, found, { start, end, where })
  const lostBatches = model.from(end).length
  model.settle(end, start)
  checkProducers(model, partition, life.time.wallMs())
  checkEpochs(model, partition)
  checkNames(life.ground.disk, log.directory)
  return { lostBatches }
}

/** What both kinds of looking for a time answer, for a few times around those of the records. */
export async function checkTimestamps(life: LogLife, model: LogModel, random: Random): Promise<void> {
  const { log } = life.find(model)
  const { logStartOffset } = log
  // Retention may go on meanwhile: what is found then is as right as what was expected.
  const isSame = () => log.logStartOffset === logStartOffset
  const records = model.from(logStartOffset).flatMap((batch) => batch.records)
  for (let i = 0; i < TIMESTAMPS_ASKED && records.length > 0; i++) {
    const timestamp = records[random.below(records.length)]!.timestamp + random.below(3) - 1
    const found = await life.until(log.offsetForTimestamp(timestamp))
    const expected = model.offsetForTimestamp(timestamp, logStartOffset)
    if (isSame()) assert.deepEqual(plain(found), expected, `${model.name}: the first record from ${timestamp} on`)
  }
  const latest = await life.until(log.maxTimestampOffset())
  if (isSame()) {
    assert.deepEqual(plain(latest), model.maxTimestampOffset(logStartOffset), `${model.name}: the latest record`)
  }
}

function plain(found: ModelRecord | null): ModelRecord | null {
  return found && { offset: found.offset, timestamp: Number(found.timestamp) }
}

function certainEnd({ durableEnd, writtenEnd, logEndOffset }: LogModel, ending: Ending): number {
  if (ending === 'stopped') return logEndOffset
  return ending === 'killed' || ending === 'reopened' ? Math.max(durableEnd, writtenEnd) : durableEnd
}

/** In pieces of all sizes. */
async function readAll(life: LogLife, partition: Partition): Promise<Buffer[]> {
  const random = seededRandom(`reads ${life.time.wallMs()}`)
  const found: Buffer[] = []
  let offset = partition.logStartOffset
  while (offset < partition.highWatermark) {
    const request = { offset, maxBytes: 1 + random.below(3000), minOneBatch: true }
    const lease = await life.until(Promise.resolve(partition.read(request)))
    if (lease.bytes === 0) break
    for (const part of lease.parts) for (const batch of batchesIn(part)) found.push(Buffer.from(batch))
    lease.release()
    offset = batchLastOffset(found.at(-1)!, 0) + 1
  }
  return found
}

function compareBatches(
  model: LogModel,
  found: readonly Buffer[],
  { start, end, where }: { start: number; end: number; where: string },
): void {
  const expected = model.from(start)
  for (const [index, bytes] of found.entries()) {
    assert.ok(expected[index]?.bytes.equals(bytes), `${where}: batch ${index} is not the one that was appended`)
  }
  const foundEnd = found.length > 0 ? batchLastOffset(found.at(-1)!, 0) + 1 : start
  assert.equal(foundEnd, end, `${where}: the end is what can be read`)
}

/** The retry of each batch that a producer may send again is known, and so is what comes next. */
function checkProducers(model: LogModel, partition: Partition, nowMs: number): void {
  const { log } = partition
  for (const [id, { recent }] of model.producers) {
    for (const batch of recent) {
      if (batch.lastOffset < log.logStartOffset) continue
      const verdict = log.producers.check(batch.bytes, 0, nowMs)
      assert.equal(verdict.kind, 'duplicate', `${model.name}: ${id}'s batch at ${batch.baseOffset} is known`)
      assert.equal(verdict.kind === 'duplicate' && verdict.baseOffset, batch.baseOffset)
    }
  }
}

function checkEpochs(model: LogModel, { log }: Partition): void {
  for (const { baseOffset, leaderEpoch } of model.from(log.logStartOffset)) {
    const offset = Math.max(baseOffset, log.logStartOffset)
    assert.equal(log.leaderEpochs.epochAt(offset), leaderEpoch, `${model.name}: the epoch at ${offset}`)
  }
}

/** Nothing that an interrupted operation has left is there any more. */
function checkNames(disk: Disk, directory: string): void {
  const names = disk.list(directory).map(({ name }) => name)
  const segments = new Set(names.map((name) => offsetInName(name, LOG_SUFFIX)))
  for (const name of names) {
    const index = offsetInName(name, OFFSET_INDEX_SUFFIX) ?? offsetInName(name, TIME_INDEX_SUFFIX)
    const isKnown =
      PLAIN_FILES.includes(name) ||
      name.endsWith(SET_ASIDE_SUFFIX) ||
      offsetInName(name, LOG_SUFFIX) !== null ||
      offsetInName(name, SNAPSHOT_SUFFIX) !== null ||
      (index !== null && segments.has(index))
    assert.ok(isKnown, `${directory}/${name} is a leftover`)
  }
}

/** After an orderly stop every segment that holds anything has its indexes, and what they say is so. */
export function checkIndexFiles(disk: Disk, directory: string): void {
  for (const { name } of disk.list(directory)) {
    const base = offsetInName(name, LOG_SUFFIX)
    if (base === null) continue
    const batches = placesOf(disk.readFile(`${directory}/${name}`))
    if (batches.length === 0) continue
    const read = (suffix: string): Buffer => disk.readFile(`${directory}/${fileName(base, suffix)}`)
    checkOffsetIndex(read(OFFSET_INDEX_SUFFIX), batches, { base, name })
    checkTimeIndex(read(TIME_INDEX_SUFFIX), batches, { base, name })
  }
}

interface IndexedBatch {
  readonly position: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

function placesOf(bytes: Buffer): IndexedBatch[] {
  const batches: IndexedBatch[] = []
  for (let position = 0; position < bytes.length; position += batchSize(bytes, position)) {
    const lastOffset = batchLastOffset(bytes, position)
    batches.push({ position, lastOffset, maxTimestamp: batchMaxTimestamp(bytes, position) })
  }
  return batches
}

function checkOffsetIndex(
  bytes: Buffer,
  batches: readonly IndexedBatch[],
  { base, name }: { base: number; name: string },
): void {
  for (let at = 0; at < bytes.length; at += OFFSET_ENTRY_BYTES) {
    const lastOffset = base + bytes.readInt32BE(at)
    const position = bytes.readInt32BE(at + 4)
    const isRight = batches.some((batch) => batch.position === position && batch.lastOffset === lastOffset)
    assert.ok(isRight, `The index of ${name} says that ${lastOffset} ends the batch at ${position}`)
  }
}

function checkTimeIndex(
  bytes: Buffer,
  batches: readonly IndexedBatch[],
  { base, name }: { base: number; name: string },
): void {
  let last = -1
  for (let at = 0; at < bytes.length; at += TIME_ENTRY_BYTES) {
    last = readInt64(bytes, at)
    const offset = base + bytes.readInt32BE(at + 8)
    const until = batches.filter(({ lastOffset }) => lastOffset <= offset)
    assert.equal(Math.max(...until.map((batch) => batch.maxTimestamp)), last, `The time index of ${name} at ${offset}`)
  }
  const largest = Math.max(-1, ...batches.map(({ maxTimestamp }) => maxTimestamp))
  assert.equal(last, largest, `The time index of ${name} ends with the segment's largest timestamp`)
}
