/**
 * Loads a machine from its partition's log: reads all that was there at the election, in order, and applies it. Owns
 * nothing beyond the load. The work of decoding is done in pieces, so that a long log holds up no other client.
 *
 * The machine is told everything or is dropped: at the first thing that cannot be read the load fails. What lies above
 * the high watermark at the election is waited for, since it may still be lost.
 */
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  checkCrc,
  isControl,
  isTransactional,
  nextBatchAt,
} from '@ottla/protocol/records/batch.ts'
import { readControlRecord } from '@ottla/protocol/records/control.ts'
import { type LogRecord, recordsOf } from '@ottla/protocol/records/record.ts'
import type { FetchWaiter, Partition } from '../partition/partition.ts'
import type { Machine } from './machine.ts'
import type { Pieces } from './pieces.ts'
import type { Places } from './places.ts'

/** With what a look-up in an index reads along it is still one of the log's blocks. */
const READ_BYTES_MAX = 1000 * 1024
/** A piece of work between two looks at the clock: some tens of microseconds. */
const PIECE_RECORDS = 64
/** As a partition accepts at most: see `DECOMPRESSED_BATCH_BYTES_MAX` in partition/. */
const DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024

/** The log holds what no machine may leave out and this one cannot read. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
}

export interface ReplayOptions {
  readonly partition: Partition
  readonly machine: Machine
  readonly pieces: Pieces
  /** Held while blocks of the log are. */
  readonly places: Places
  readonly signal: AbortSignal
}

export interface Replayed {
  records: number
  bytes: number
}

/** Rejects with ReplayError, LogOfflineError or CorruptLogError. Ends early, whatever was read, when the signal aborts. */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { partition, places, signal } = options
  const endOffset = partition.logEndOffset
  await committed(partition, endOffset, signal)
  await places.take()
  try {
    return await replayUpTo(endOffset, options)
  } finally {
    places.give()
  }
}

async function replayUpTo(endOffset: number, options: ReplayOptions): Promise<Replayed> {
  const { partition, signal } = options
  const replayed: Replayed = { records: 0, bytes: 0 }
  let offset = partition.logStartOffset
  while (offset < endOffset && !signal.aborted) {
    const lease = await partition.read({ offset, maxBytes: READ_BYTES_MAX, minOneBatch: true })
    try {
      if (lease.bytes === 0) throw new ReplayError(`Cannot load from offset ${offset}: nothing is there`)
      offset = await inPieces(options.pieces, applyParts(lease.parts, { ...options, offset, replayed }))
      replayed.bytes += lease.bytes
    } finally {
      lease.release()
    }
    // Retention may have moved the start meanwhile.
    offset = Math.max(offset, partition.logStartOffset)
  }
  return replayed
}

/** Resolves when the high watermark has reached the offset, or cannot any more: a read then tells why. */
async function committed(partition: Partition, offset: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = deferred<void>()
  const waiter: FetchWaiter = {
    wake: () => {
      if (partition.highWatermark >= offset || partition.isOffline || signal.aborted) resolve()
    },
  }
  partition.addFetchWaiter(waiter)
  signal.addEventListener('abort', waiter.wake)
  waiter.wake()
  await promise
  signal.removeEventListener('abort', waiter.wake)
  partition.removeFetchWaiter(waiter)
}

function inPieces<Result>(pieces: Pieces, work: Generator<void, Result>): Promise<Result> {
  const { promise, resolve, reject } = deferred<Result>()
  pieces.run(work, { done: resolve, failed: reject })
  return promise
}

interface Reading {
  readonly machine: Machine
  readonly signal: AbortSignal
  /** Nothing below it is applied: of the first batch it may be the middle. */
  readonly offset: number
  readonly replayed: Replayed
}

/** Answers the offset behind the last batch. */
function* applyParts(parts: readonly Buffer[], reading: Reading): Generator<void, number> {
  let { offset } = reading
  for (const part of parts) {
    let at = 0
    while (at < part.length) {
      if (reading.signal.aborted) return offset
      const end = nextBatchAt(part, at)
      if (end < 0) throw new ReplayError(`Cannot load the batch behind offset ${offset - 1}: it is malformed`)
      const batch = part.subarray(at, end)
      yield* applyBatch(batch, reading)
      offset = batchLastOffset(batch, 0) + 1
      at = end
    }
  }
  return offset
}

function* applyBatch(batch: Buffer, reading: Reading): Generator<void, void> {
  const baseOffset = batchBaseOffset(batch, 0)
  const attributes = batchAttributes(batch, 0)
  if (!checkCrc(batch, 0)) throw new ReplayError(`Cannot load the batch at offset ${baseOffset}: its checksum is wrong`)
  try {
    // Compaction leaves empty batches where a producer's last sequence has to be kept.
    if (batchRecordCount(batch, 0) === 0) return
    if (isControl(attributes)) applyControl(batch, reading.machine)
    else yield* applyRecords(batch, reading)
  } catch (cause) {
    throw new ReplayError(`Cannot load the batch at offset ${baseOffset}`, { cause })
  }
  yield
}

function applyControl(batch: Buffer, machine: Machine): void {
  const marker = readControlRecord(batch)
  if (marker.kind !== 'end-transaction') return
  machine.endTransaction(batchProducerId(batch, 0), marker.commit ? 'commit' : 'abort')
}

function* applyRecords(batch: Buffer, { machine, offset, replayed, signal }: Reading): Generator<void, void> {
  const inTransaction = isTransactional(batchAttributes(batch, 0))
  const producerId = inTransaction ? batchProducerId(batch, 0) : -1
  const producerEpoch = inTransaction ? batchProducerEpoch(batch, 0) : -1
  let count = 0
  for (const record of recordsOf(batch, { decompressedBytesMax: DECOMPRESSED_BYTES_MAX })) {
    if (record.offset < offset) continue
    machine.apply(ownedRecord(record), { timestampMs: record.timestamp, producerId, producerEpoch })
    replayed.records++
    if (++count % PIECE_RECORDS > 0) continue
    yield
    if (signal.aborted) return
  }
}

/** The log's memory is used again: a machine may keep what it is given, as it does when it gets its own records back. */
function ownedRecord({ offset, key, value }: LogRecord): { key: Buffer; value: Buffer | null } {
  assert(key !== null, `The record at offset ${offset} has a key`)
  return { key: Buffer.from(key), value: value && Buffer.from(value) }
}
