/** Owns what the tests of compaction share: batches with keys, what a log has, and compactions that run to their end. */
import { InlineThreads } from '@ottla/base/inline-threads.ts'
import type { Random } from '@ottla/base/random.ts'
import { batchBaseOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder, type BatchFields } from '@ottla/protocol/records/batch-builder.ts'
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import type { Log } from '../log.ts'
import type { LogSettings } from '../settings.ts'
import { LogFixture, NOW_MS, readBatches } from '../testing.ts'
import { type CompactionOutcome, type CompactLogOptions, compactLog } from './compact-log.ts'
import type { CompactionLimits } from './compaction-job.ts'

export interface KeyedRecord {
  readonly key: string | null
  /** Null: a tombstone. */
  readonly value: string | null
  readonly timestampMs?: number
}

export interface KeyedBatch extends BatchFields {
  readonly codec?: Codec
}

export function keyedBatch(records: readonly KeyedRecord[], { codec = 'none', ...fields }: KeyedBatch = {}): Buffer {
  const builder = new BatchBuilder({ codec })
  for (const { key, value, timestampMs = NOW_MS } of records) builder.append({ timestampMs, key, value })
  return Buffer.from(builder.build(fields))
}

export const TEST_LIMITS: CompactionLimits = {
  segmentBytes: 1 << 20,
  segmentIndexBytes: 1 << 16,
  indexIntervalBytes: 4096,
  deleteRetentionMs: 1000,
  mapBytesMax: 1 << 16,
  mapLoadFactor: 0.9,
  readBytes: 4096,
  decompressedBytesMax: 1 << 20,
}

/** Compacts everything that is sealed and durable. */
export function compacted(
  log: Log,
  fixture: LogFixture,
  options: Partial<Omit<CompactLogOptions, 'limits'>> & { limits?: Partial<CompactionLimits> } = {},
): Promise<CompactionOutcome> {
  const { time, disk } = fixture
  const running = compactLog(log, {
    threads: new InlineThreads({ disk, clock: time, timers: time }),
    firstDirtyOffset: log.logStartOffset,
    belowOffset: log.logEndOffset,
    nowMs: time.wallMs(),
    bytesPerSecondMax: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    ...options,
    limits: { ...TEST_LIMITS, ...options.limits },
  })
  return fixture.finished(running)
}

const TAIL_BYTES_MAX = 64 * 1024

/** A log of which little is in memory. */
export function compactionFixture(options: { settings?: Partial<LogSettings>; random?: Random } = {}): LogFixture {
  return new LogFixture({ ...options, tailBytesMax: TAIL_BYTES_MAX })
}

/** What is written is read from the files from now on. */
export function forgetTails(fixture: LogFixture): void {
  fixture.tail.give(fixture.tail.take(TAIL_BYTES_MAX))
}

export function storedBatches(log: Log, fixture: LogFixture, from?: number): Promise<Buffer[]> {
  forgetTails(fixture)
  return fixture.finished(readBatches(log, from))
}

/** `offset key=value` of each record that the log has. */
export async function contents(log: Log, fixture: LogFixture): Promise<string[]> {
  const batches = await storedBatches(log, fixture)
  return batches.flatMap((batch) =>
    readRecords(batch).map(({ offset, key, value }) => `${offset} ${key ?? ''}=${value ?? ''}`),
  )
}

/** The base offset, record count and whether there is a delete horizon of each batch. */
export async function batchLines(log: Log, fixture: LogFixture): Promise<string[]> {
  const batches = await storedBatches(log, fixture)
  return batches.map((batch) => {
    const last = batchBaseOffset(batch, 0) + batch.readInt32BE(23)
    const horizon = (batch.readUInt16BE(21) & 0x40) !== 0 ? ' horizon' : ''
    return `${batchBaseOffset(batch, 0)}-${last}: ${batch.readInt32BE(57)}${horizon}`
  })
}
