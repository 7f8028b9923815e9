/**
 * Walks over the batches of a segment for `ottla log dump`, past what is damaged. In memory are a page of batches, which
 * is larger only where one batch is, and the records of one batch decompressed.
 */
import type { DiskFile } from '@ottla/base/disk.ts'
import {
  batchAttributes,
  batchLastOffset,
  batchLastSequence,
  batchSize,
  checkCrc,
  compressionOf,
  hasDeleteHorizon,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
} from '@ottla/protocol/records/batch.ts'
import { codecOf } from '@ottla/protocol/records/compression.ts'
import { readControlRecord } from '@ottla/protocol/records/control.ts'
import { type LogRecord, recordsOf } from '@ottla/protocol/records/record.ts'
import { scanBatches } from '../scan.ts'
import { findBatch } from '../set-aside.ts'
import type { DumpedFields, DumpedLine, DumpOptions } from './dump.ts'

/** A page ends with the batch that makes it as large. */
const PAGE_BYTES = 1024 * 1024

interface PlacedBatch {
  readonly kind: 'placed'
  readonly position: number
  readonly bytes: Buffer
}

type Problem = Extract<DumpedLine, { kind: 'problem' }>

/** `baseOffset` is the segment's: behind a hole only a batch that may be of it is taken for one. */
export async function* dumpSegment(
  file: DiskFile,
  baseOffset: number,
  { records, offset }: Pick<DumpOptions, 'records' | 'offset'>,
): AsyncGenerator<DumpedLine> {
  for await (const part of partsOf(file, baseOffset, offset)) {
    if (part.kind === 'problem') {
      yield part
      continue
    }
    const { bytes, position } = part
    const isValid = checkCrc(bytes, 0)
    yield { kind: 'batch', fields: batchFields(bytes, position, isValid) }
    if (!isValid) yield { kind: 'problem', position, problem: 'the checksum of the batch is wrong' }
    if (records) yield* recordLines(part, offset)
  }
}

/** Pages of batches, and what lies between them that is none. */
async function* partsOf(file: DiskFile, baseOffset: number, fromOffset: number): AsyncGenerator<PlacedBatch | Problem> {
  const end = file.size()
  for (let position = 0; position < end; ) {
    const page = new Page(fromOffset)
    const range = { from: position, to: end, depth: 'whole' } as const
    position = await scanBatches(file, range, (buffer, at, here) => page.take(buffer, at, here))
    yield* page.batches
    if (page.isFull || position >= end) continue
    const next = await findBatch(file, { from: position + 1, to: end }, baseOffset)
    yield { kind: 'problem', position, problem: holeText((next ?? end) - position, next) }
    position = next ?? end
  }
}

class Page {
  readonly batches: PlacedBatch[] = []
  readonly #fromOffset: number
  #bytes = 0
  isFull = false

  constructor(fromOffset: number) {
    this.#fromOffset = fromOffset
  }

  /** False, and nothing taken, once the page is full. The buffer is used again, so the batch is copied. */
  take(buffer: Buffer, at: number, position: number): boolean {
    this.isFull = this.#bytes >= PAGE_BYTES
    if (this.isFull) return false
    if (batchLastOffset(buffer, at) < this.#fromOffset) return true
    const bytes = Buffer.from(buffer.subarray(at, at + batchSize(buffer, at)))
    this.batches.push({ kind: 'placed', position, bytes })
    this.#bytes += bytes.length
    return true
  }
}

function holeText(bytes: number, next: number | null): string {
  return `${bytes} bytes are no whole batch${next === null ? '' : `; the next begins at ${next}`}`
}

function batchFields(bytes: Buffer, position: number, isvalid: boolean): DumpedFields {
  const header = readBatchHeader(bytes, 0)
  const { attributes } = header
  const horizon = hasDeleteHorizon(attributes) ? { deleteHorizonMs: header.baseTimestampMs } : {}
  return {
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    count: header.recordCount,
    baseSequence: header.baseSequence,
    lastSequence: batchLastSequence(bytes, 0),
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    partitionLeaderEpoch: header.leaderEpoch,
    isTransactional: isTransactional(attributes),
    isControl: isControl(attributes),
    ...horizon,
    position,
    [timestampName(attributes)]: header.maxTimestampMs,
    size: header.sizeBytes,
    magic: header.magic,
    compresscodec: codecOf(compressionOf(attributes)) ?? `unknown (${compressionOf(attributes)})`,
    crc: header.crc,
    isvalid,
  }
}

function timestampName(attributes: number): string {
  return isLogAppendTime(attributes) ? 'LogAppendTime' : 'CreateTime'
}

/** Ends with a problem at the first record that cannot be read. */
function* recordLines({ bytes, position }: PlacedBatch, fromOffset: number): Generator<DumpedLine> {
  const attributes = batchAttributes(bytes, 0)
  try {
    if (isControl(attributes)) return yield { kind: 'record', fields: controlFields(bytes) }
    const timeName = timestampName(attributes)
    for (const record of recordsOf(bytes)) {
      if (record.offset >= fromOffset) yield { kind: 'record', fields: recordFields(record, timeName) }
    }
  } catch (error) {
    // Whatever the decoders make of damaged bytes: it is of this batch, and the next one is sound.
    const text = `the records of the batch cannot be read: ${error instanceof Error ? error.message : String(error)}`
    yield { kind: 'problem', position, problem: text }
  }
}

function controlFields(bytes: Buffer): DumpedFields {
  const control = readControlRecord(bytes)
  if (control.kind === 'other') return { offset: control.offset, controlType: control.type, payload: control.value }
  const { offset, commit, coordinatorEpoch } = control
  return { offset, endTxnMarker: commit ? 'COMMIT' : 'ABORT', coordinatorEpoch }
}

function recordFields({ offset, timestamp, key, value, headers }: LogRecord, timeName: string): DumpedFields {
  const sizes = { keySize: key?.length ?? -1, valueSize: value?.length ?? -1 }
  return { offset, [timeName]: timestamp, ...sizes, headers, key, payload: value }
}
