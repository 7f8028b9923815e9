/** Owns what the log's tests share: a log on a disk in memory with time standing still, and batches to put into it. */
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import { batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder, type BatchFields } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { DelayedRemovals } from './delayed-removals.ts'
import { Log, type LogOptions } from './log.ts'
import { OpenSegments } from './open-segments.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from './settings.ts'
import { TailBudget } from './tail-budget.ts'

export const DIRECTORY = '/data/t-0'
export const NOW_MS = 1_700_000_000_000

export interface TestBatch extends BatchFields {
  readonly count?: number
  readonly valueBytes?: number
  readonly timestampsMs?: readonly number[]
  readonly codec?: Codec
}

/** A batch of records whose values are all `valueBytes` long. */
export function testBatch(fields: TestBatch = {}): Buffer {
  const { count = 1, valueBytes = 10, codec = 'none' } = fields
  const builder = new BatchBuilder({ codec })
  for (let i = 0; i < count; i++) {
    const timestampMs = fields.timestampsMs?.[i] ?? NOW_MS
    builder.append({ timestampMs, key: null, value: Buffer.alloc(valueBytes, i + 1) })
  }
  return Buffer.from(builder.build(fields))
}

export class LogFixture {
  readonly time = new FakeTime({ wallMs: NOW_MS })
  readonly disk: MemoryDisk
  readonly logger = new MemoryLogger()
  readonly tail: TailBudget
  readonly openSegments: OpenSegments
  readonly removals: DelayedRemovals
  syncs = new SyncQueue()
  settings: LogSettings
  /** What the observer was told. */
  syncedOffsets: number[] = []
  failures: Error[] = []

  constructor(options: { settings?: Partial<LogSettings>; random?: Random; tailBytesMax?: number } = {}) {
    this.disk = new MemoryDisk({ random: options.random ?? seededRandom(1), clock: this.time })
    this.settings = { ...DEFAULT_LOG_SETTINGS, ...options.settings }
    this.tail = new TailBudget(options.tailBytesMax ?? 16 * 1024 * 1024)
    this.openSegments = new OpenSegments({ filesMax: 2 })
    this.removals = new DelayedRemovals({ disk: this.disk, timers: this.time, logger: this.logger })
    this.disk.makeDirectory('/data')
    this.disk.syncAll()
  }

  open(options: Partial<LogOptions> = {}): Promise<Log> {
    const { time, disk, tail, openSegments, removals, logger, syncs, settings } = this
    return Log.open({
      disk,
      directory: DIRECTORY,
      clock: time,
      timers: time,
      syncs,
      tail,
      openSegments,
      removals,
      logger,
      settings,
      observer: {
        synced: (offset) => void this.syncedOffsets.push(offset),
        failed: (error) => void this.failures.push(error),
      },
      cleanShutdown: false,
      recoveryPoint: 0,
      logStartOffset: 0,
      producerIdExpirationMs: 86_400_000,
      ...options,
    })
  }

  append(log: Log, fields: TestBatch = {}): number {
    return log.append(testBatch(fields), 0, { leaderEpoch: fields.leaderEpoch ?? 0, appendTimeMs: this.time.wallMs() })
  }

  /** Waits for what needs the end of turns. */
  async finished<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = promise.finally(() => {
      isSettled = true
    })
    settled.catch(() => {})
    while (!isSettled) await this.time.settle()
    return settled
  }
}

/** All batches that a log has from an offset on. */
export async function readBatches(log: Log, from = log.logStartOffset): Promise<Buffer[]> {
  const batches: Buffer[] = []
  let offset = from
  while (offset < log.logEndOffset) {
    const lease = await log.read({ offset, maxOffset: log.logEndOffset, maxBytes: 1 << 20, minOneBatch: true })
    if (lease.bytes === 0) return batches
    for (const part of lease.parts) for (const batch of batchesIn(part)) batches.push(Buffer.from(batch))
    lease.release()
    const last = batches.at(-1)!
    offset = Number(last.readBigInt64BE(0)) + last.readInt32BE(23) + 1
  }
  return batches
}
