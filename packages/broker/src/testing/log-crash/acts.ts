/**
 * For the log's crash suite: what may happen in a life, as a table. Each act draws what it needs from the one source of
 * randomness, tells the model what it has done, and says in one line what came of it.
 *
 * A log that was made to fail refuses; that is told apart from a wrong answer by asking whether a fault was injected.
 */
import assert from 'node:assert/strict'
import type { DiskOperation } from '@ottla/base/disk-gate.ts'
import type { Random } from '@ottla/base/random.ts'
import { batchesIn, batchLastOffset } from '@ottla/protocol/records/batch.ts'
import type { ReadLease } from '../../log/log.ts'
import { testBatch } from '../../log/testing.ts'
import type { AppendResult, Partition } from '../../partition/partition.ts'
import type { EventName } from './events.ts'
import type { LogLife } from './log-life.ts'
import type { LogModel, ModelBatch } from './log-model.ts'
import { checkTimestamps } from './recovered.ts'

const PRODUCERS = 3
const TIMEOUT_MS = 10_000
const LEASES_MAX = 3
const FAULTY_OPERATIONS: readonly DiskOperation[] = [
  'create',
  'rename',
  'remove',
  'truncate',
  'syncDirectory',
  'open',
  'read',
]
/** The longest lets a log that has failed come back. */
const WAITS_MS_MAX = [8, 8, 8, 8, 8, 120, 120, 2500]
/** With its batch it fits into the smallest segment. */
const LARGE_BYTES_MAX = 550
/** A disk that is full has so much room left. */
const ROOM_BYTES_MAX = 600

interface HeldLease {
  readonly lease: ReadLease
  readonly content: Buffer
}

/** Of one life. */
export interface Scene {
  readonly life: LogLife
  readonly random: Random
  readonly count: (event: EventName) => void
  /** What failed on purpose, so that logs may refuse. */
  readonly faults: { sync: boolean; any: boolean }
  readonly mayFail: boolean
  readonly leases: HeldLease[]
}

export interface Act {
  readonly name: string
  readonly weight: number
  /** Answers what came of it, in a few words. */
  readonly run: (scene: Scene, model: LogModel) => string | Promise<string>
}

export const ACTS: readonly Act[] = [
  { name: 'append', weight: 38, run: append },
  { name: 'retry', weight: 4, run: retry },
  { name: 'gap', weight: 2, run: appendWithGap },
  { name: 'read', weight: 10, run: read },
  { name: 'release', weight: 3, run: releaseOne },
  { name: 'turn', weight: 6, run: turn },
  { name: 'settle', weight: 5, run: settle },
  { name: 'wait', weight: 8, run: wait },
  { name: 'sync', weight: 3, run: sync },
  { name: 'roll', weight: 3, run: roll },
  { name: 'timestamps', weight: 3, run: lookUpTimes },
  { name: 'delete records', weight: 4, run: deleteRecords },
  { name: 'checkpoint', weight: 2, run: checkpoint },
  { name: 'elect', weight: 2, run: elect },
  { name: 'configure', weight: 1, run: configure },
  { name: 'hold syncs', weight: 2, run: holdSyncs },
  { name: 'fail a write', weight: 1, run: (scene) => fail(scene, 'write') },
  { name: 'fail a sync', weight: 1, run: (scene) => fail(scene, 'sync') },
  { name: 'fail something', weight: 1, run: (scene) => fail(scene, null) },
  { name: 'fill the disk', weight: 1, run: fillDisk },
]

function append(scene: Scene, model: LogModel): string {
  const { random, count } = scene
  const acks = ([-1, -1, 1, 0] as const)[random.below(4)]!
  const producerId = random.below(PRODUCERS + 1) - 1
  const source = newBatch(scene, model, producerId)
  const end = model.logEndOffset
  const result = appendTo(scene, model, { source, acks })
  if (result.kind === 'refused') {
    assert.equal(result.error, 'KAFKA_STORAGE_ERROR', `${model.name} refuses a right batch`)
    mayHaveFailed(scene, model)
    count('append refused by a failed log')
    // What it was when the log failed is not known: it may be the last that is there.
    if (life(scene, model).logEndOffset > end) model.appended(source, acks)
    return 'refused'
  }
  assert.equal(result.baseOffset, end, `${model.name}: the batch is the next`)
  const batch = model.appended(source, acks)
  follow(scene, model, batch, result)
  count(acks === -1 ? 'appended, acks=all' : 'appended, acks=1 or 0')
  if (producerId >= 0) count('appended by an idempotent producer')
  return `acks=${acks} [${batch.baseOffset}, ${batch.lastOffset}] ${source.length} B producer ${producerId}`
}

function newBatch({ random, life }: Scene, model: LogModel, producerId: number): Buffer {
  const isLarge = random.below(15) === 0
  const count = isLarge ? 1 : 1 + random.below(4)
  const valueBytes = random.below(isLarge ? LARGE_BYTES_MAX : 80)
  const codec = random.below(8) === 0 ? 'gzip' : 'none'
  const timestampsMs = Array.from({ length: count }, () => life.time.wallMs() - 2000 + random.below(4000))
  const plain = { count, valueBytes, codec, timestampsMs } as const
  if (producerId < 0) return testBatch(plain)
  const producer = model.producer(producerId)
  const isNewEpoch = random.below(25) === 0 || producer.mustBeginEpoch
  const producerEpoch = producer.epoch + (isNewEpoch ? 1 : 0)
  return testBatch({ ...plain, producerId, producerEpoch, baseSequence: isNewEpoch ? 0 : producer.nextSequence })
}

function appendTo(
  { life }: Scene,
  model: LogModel,
  { source, acks }: { source: Buffer; acks: -1 | 0 | 1 },
): AppendResult {
  // The broker's read buffer is used again at once.
  const buffer = Buffer.from(source)
  const result = life.find(model).append({ buffer, at: 0, end: buffer.length, acks, timeoutMs: TIMEOUT_MS })
  buffer.fill(0xaa)
  return result
}

/** Takes note when the producer is answered. */
function follow(
  { life, count }: Scene,
  model: LogModel,
  batch: ModelBatch,
  result: { done: Promise<void> | null },
): void {
  const acknowledged = () => {
    model.acknowledged(batch)
    if (batch.acks !== -1) return
    count('acknowledged, acks=all')
    const { highWatermark } = life.find(model)
    assert.ok(highWatermark > batch.lastOffset, `${model.name}: what is acknowledged is below the high watermark`)
  }
  if (result.done === null) acknowledged()
  else result.done.then(acknowledged).catch((error: Error) => remember(life, error))
}

/** An assertion in a reaction fails the life; that a producer was refused does not. */
function remember({ failures }: LogLife, error: Error): void {
  if (error instanceof assert.AssertionError) failures.push(error)
}

function retry(scene: Scene, model: LogModel): string {
  const partition = life(scene, model)
  const known = [...model.producers.values()].flatMap(({ recent }) => recent)
  const batch = known[scene.random.below(Math.max(1, known.length))]
  if (batch === undefined || batch.baseOffset < partition.logStartOffset) return 'nothing to retry'
  const result = appendTo(scene, model, { source: batch.source, acks: batch.acks })
  if (result.kind === 'refused') return refusedByFailure(scene, model, result.error)
  assert.equal(result.baseOffset, batch.baseOffset, `${model.name}: a retry is answered as the first time`)
  assert.equal(partition.logEndOffset, model.logEndOffset, `${model.name}: a retry is not appended`)
  follow(scene, model, batch, result)
  scene.count('retry answered')
  return `${batch.baseOffset}`
}

function appendWithGap(scene: Scene, model: LogModel): string {
  const partition = life(scene, model)
  const producerId = scene.random.below(PRODUCERS)
  const { epoch, nextSequence, recent } = model.producer(producerId)
  if ((recent.at(-1)?.baseOffset ?? -1) < partition.logStartOffset) return 'nothing to follow'
  const source = testBatch({ producerId, producerEpoch: epoch, baseSequence: nextSequence + 1 })
  const result = appendTo(scene, model, { source, acks: -1 })
  assert.equal(result.kind, 'refused', `${model.name}: a gap in the sequence is refused`)
  if (result.kind === 'refused' && result.error === 'KAFKA_STORAGE_ERROR')
    return refusedByFailure(scene, model, result.error)
  assert.equal(result.kind === 'refused' && result.error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  scene.count('gap refused')
  return 'refused'
}

async function read(scene: Scene, model: LogModel): Promise<string> {
  const { random, count } = scene
  const partition = life(scene, model)
  const { logStartOffset: start, highWatermark } = partition
  const offset = start + random.below(Math.max(1, highWatermark - start + 1))
  const maxBytes = 1 + random.below(2000)
  const lease = await orFailed(scene, model, () => partition.read({ offset, maxBytes, minOneBatch: true }))
  if (lease === null) return 'failed'
  const content = Buffer.concat(lease.parts)
  const bytes = checkRead(model, content, { offset, highWatermark, maxBytes })
  if (scene.leases.length < LEASES_MAX) scene.leases.push({ lease, content })
  else lease.release()
  count('read')
  return `${offset} of ${highWatermark}: ${bytes} B`
}

function checkRead(
  model: LogModel,
  content: Buffer,
  asked: { offset: number; highWatermark: number; maxBytes: number },
): number {
  const { offset, highWatermark, maxBytes } = asked
  const expected = model.from(offset, highWatermark)
  const found = Array.from(batchesIn(content))
  // Retention may go on while history is read; nothing here deletes what is at or behind the offset asked for.
  assert.equal(found.length > 0, expected.length > 0, `${model.name}: a read at ${offset} of ${highWatermark}`)
  for (const [index, batch] of found.entries()) {
    assert.ok(expected[index]!.bytes.equals(batch), `${model.name}: read something else at ${offset}, batch ${index}`)
  }
  assert.ok(found.length <= 1 || content.length <= maxBytes, `${model.name}: read more than ${maxBytes}`)
  const last = found.at(-1)
  assert.ok(last === undefined || batchLastOffset(last, 0) < highWatermark, `${model.name}: read above the watermark`)
  return content.length
}

function releaseOne(scene: Scene): string {
  const held = scene.leases.shift()
  if (held === undefined) return 'nothing'
  releaseLease(held)
  return `${held.content.length} B`
}

/** What a reader holds stays as it was until it lets go. */
export function releaseLease({ lease, content }: HeldLease): void {
  assert.ok(Buffer.concat(lease.parts).equals(content), 'What is read stays as it is until it is released')
  lease.release()
}

function turn({ life }: Scene): string {
  life.time.turn()
  return ''
}

async function settle({ life }: Scene): Promise<string> {
  await life.time.settle()
  return ''
}

async function wait({ life, random }: Scene): Promise<string> {
  const ms = random.below(WAITS_MS_MAX[random.below(WAITS_MS_MAX.length)]!)
  await life.run(ms)
  return `${ms} ms`
}

/** Every earlier append is durable, whether anybody was told or not. */
async function sync(scene: Scene, model: LogModel): Promise<string> {
  scene.life.ground.disk.releaseSyncs()
  const { logEndOffset, log } = life(scene, model)
  const done = await orFailed(scene, model, async () => {
    await log.synced()
    return true
  })
  if (done === null) return 'failed'
  model.durable(logEndOffset)
  scene.count('synced')
  return `to ${logEndOffset}`
}

function roll(scene: Scene, model: LogModel): string {
  const { log } = life(scene, model)
  const before = log.segmentCount
  return sure(scene, model, () => {
    log.roll()
    if (log.segmentCount > before) scene.count('rolled')
    return `${log.segmentCount} segments`
  })
}

async function lookUpTimes(scene: Scene, model: LogModel): Promise<string> {
  const done = await orFailed(scene, model, async () => {
    await checkTimestamps(scene.life, model, scene.random)
    return true
  })
  if (done !== null) scene.count('looked up by time')
  return done === null ? 'failed' : ''
}

async function deleteRecords(scene: Scene, model: LogModel): Promise<string> {
  const { random, life: living, count } = scene
  const partition = life(scene, model)
  const { logStartOffset: from, highWatermark } = partition
  // Mostly little, or there is never much to lose.
  const share = random.below(6) === 0 ? 1 : 4
  const offset = from + random.below(Math.floor((highWatermark - from) / share) + 1)
  model.startAsked = Math.max(model.startAsked, offset)
  const segments = partition.log.segmentCount
  const start = await orFailed(scene, model, () => living.partitions.deleteRecords(partition, offset))
  if (start === null) return 'failed'
  assert.ok(start >= offset, `${model.name}: the start is at ${start}`)
  model.startSeen(start)
  count('records deleted')
  if (partition.log.segmentCount < segments) count('segments deleted')
  return `below ${start}`
}

function checkpoint(scene: Scene, model: LogModel): string {
  return sure(scene, model, () => {
    scene.life.partitions.checkpoint()
    scene.count('checkpoint written')
    return ''
  })
}

function elect(scene: Scene, model: LogModel): string {
  model.leaderEpoch++
  scene.life.publish()
  scene.count('leader elected')
  return `epoch ${model.leaderEpoch}`
}

function configure({ life, random }: Scene): string {
  const topic = life.ground.topics[random.below(life.ground.topics.length)]!
  topic.configs = new Map([...topic.configs, ...life.ground.newConfigs()])
  life.publish()
  return topic.name
}

function holdSyncs({ life, random, count }: Scene): string {
  if (random.below(2) === 0) life.ground.disk.releaseSyncs()
  else life.ground.disk.holdSyncs()
  count('syncs held or let go')
  return ''
}

function fail(scene: Scene, operation: DiskOperation | null): string {
  if (!scene.mayFail) return 'not in this life'
  const { random, life, faults, count } = scene
  const failing = operation ?? FAULTY_OPERATIONS[random.below(FAULTY_OPERATIONS.length)]!
  const code = ['EIO', 'ENOSPC', 'EMFILE'][random.below(failing === 'open' || failing === 'create' ? 3 : 2)]!
  life.ground.disk.failNext({ operation: failing, code })
  faults.any = true
  faults.sync ||= failing === 'sync'
  count(operation === 'write' ? 'write failed' : operation === 'sync' ? 'sync failed' : 'another operation failed')
  return `${failing} with ${code}`
}

function fillDisk(scene: Scene): string {
  if (!scene.mayFail) return 'not in this life'
  const { random, life, faults, count } = scene
  const { disk } = life.ground
  if (random.below(2) === 0) {
    disk.capacityBytes = Number.MAX_SAFE_INTEGER
    return 'there is space'
  }
  const { totalBytes, usableBytes } = disk.space('/')
  disk.capacityBytes = totalBytes - usableBytes + random.below(ROOM_BYTES_MAX)
  faults.any = true
  count('disk filled')
  return 'it is full'
}

function life({ life }: Scene, model: LogModel): Partition {
  return life.find(model)
}

function refusedByFailure(scene: Scene, model: LogModel, error: string): string {
  assert.equal(error, 'KAFKA_STORAGE_ERROR', `${model.name} refuses with ${error}`)
  mayHaveFailed(scene, model)
  return 'refused'
}

/** What an operation comes to, or null where a fault or the crash has made it fail. */
async function orFailed<T>(scene: Scene, model: LogModel, run: () => T | Promise<T>): Promise<T | null> {
  try {
    return await scene.life.until(Promise.resolve(run()))
  } catch (error) {
    throwIfWrong(scene, model, error)
    return null
  }
}

function sure(scene: Scene, model: LogModel, run: () => string): string {
  try {
    return run()
  } catch (error) {
    throwIfWrong(scene, model, error)
    return 'failed'
  }
}

function throwIfWrong(scene: Scene, model: LogModel, error: unknown): void {
  const { name } = error as Error
  if (name === 'AssertionError' || name === 'LifeEnded' || error instanceof TypeError) throw error
  mayHaveFailed(scene, model, error)
}

function mayHaveFailed({ life, faults }: Scene, model: LogModel, error?: unknown): void {
  if (faults.any || life.hasCrashed) return
  throw new assert.AssertionError({ message: `${model.name} fails without a fault: ${(error as Error)?.stack ?? ''}` })
}
