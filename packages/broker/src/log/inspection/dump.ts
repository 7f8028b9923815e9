/**
 * `ottla log dump`: what lies in a file of a log directory, entry by entry, in the names of Kafka's DumpLogSegments.
 * Reads only, takes no lock and trusts nothing: what cannot be read is told of as a problem at its position. Of a running
 * broker's active segment the end may be half written.
 *
 * Memory: a page of a segment (dump-segment.ts) or of an index (dump-index.ts). Snapshots and checkpoints are read whole,
 * as a broker holds them.
 */
import type { Disk } from '@ottla/base/disk.ts'
import type { RecordHeader } from '@ottla/protocol/records/record.ts'
import { CheckpointError, parseCheckpoint } from '../checkpoint-file.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../file-names.ts'
import { LEADER_EPOCHS_NAME } from '../leader-epochs.ts'
import { isSnapshot, storedProducers } from '../producer-state.ts'
import { SET_ASIDE_SUFFIX } from '../set-aside.ts'
import { dumpIndex } from './dump-index.ts'
import { dumpSegment } from './dump-segment.ts'

export type DumpedValue = string | number | boolean | null | Buffer | readonly RecordHeader[]
/** In the order in which they are shown. */
export type DumpedFields = Readonly<Record<string, DumpedValue>>

export type DumpedLine =
  | { readonly kind: 'batch' | 'record' | 'entry'; readonly fields: DumpedFields }
  | { readonly kind: 'problem'; readonly position: number | null; readonly problem: string }

export interface DumpOptions {
  readonly disk: Disk
  /** The records of each batch too. */
  readonly records: boolean
  /** Of segments and indexes, only what lies at or behind this offset. */
  readonly offset: number
  /** Records at most where they are shown, else batches or entries; of each file. */
  readonly limit: number
}

type FileKind = 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot' | 'checkpoint'

const KINDS: ReadonlyMap<string, FileKind> = new Map([
  [LOG_SUFFIX, 'log'],
  [SET_ASIDE_SUFFIX, 'log'],
  [OFFSET_INDEX_SUFFIX, 'index'],
  [TIME_INDEX_SUFFIX, 'timeindex'],
  [TRANSACTION_INDEX_SUFFIX, 'txnindex'],
  [SNAPSHOT_SUFFIX, 'snapshot'],
])
/** They stand behind the whole name of a file that is about to come or to go. */
const PASSING_SUFFIXES = [DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX]
const CHECKPOINT_NAME = /-checkpoint$/
const LEADING_OFFSET = /^\d{20}(?=[.-])/
const WHOLE_NUMBER = /^-?\d+$/

/** Itself, or of a directory the files in it that can be shown. Throws DiskError: ENOTDIR for any other file. */
export function dumpedFiles(disk: Disk, path: string): string[] {
  if (kindOf(path) !== null) return [path]
  return disk
    .list(path)
    .filter(({ name, isDirectory }) => !isDirectory && kindOf(name) !== null)
    .map(({ name }) => `${path}/${name}`)
}

/** The path is one of dumpedFiles. Throws DiskError where it cannot be read. */
export async function* dumpFile(path: string, options: DumpOptions): AsyncGenerator<DumpedLine> {
  const kind = kindOf(path)
  const counted = kind !== 'log' ? 'entry' : options.records ? 'record' : 'batch'
  let left = options.limit
  for await (const line of linesOf(path, kind, options)) {
    yield line
    if (line.kind === counted && --left === 0) return
  }
}

function kindOf(path: string): FileKind | null {
  const passing = PASSING_SUFFIXES.find((suffix) => path.endsWith(suffix))
  const name = nameIn(passing === undefined ? path : path.slice(0, -passing.length))
  if (CHECKPOINT_NAME.test(name)) return 'checkpoint'
  return KINDS.get(name.slice(name.lastIndexOf('.'))) ?? null
}

async function* linesOf(path: string, kind: FileKind | null, options: DumpOptions): AsyncGenerator<DumpedLine> {
  if (kind === 'snapshot') return yield* dumpSnapshot(options.disk.readFile(path))
  if (kind === 'checkpoint' || kind === null) return yield* dumpCheckpoint(options.disk.readFile(path), path)
  const file = options.disk.open(path, { readOnly: true })
  const baseOffset = Number(LEADING_OFFSET.exec(nameIn(path))?.[0] ?? 0)
  try {
    if (kind === 'log') yield* dumpSegment(file, baseOffset, options)
    else yield* dumpIndex(file, { kind, baseOffset, from: options.offset })
  } finally {
    file.close()
  }
}

function* dumpSnapshot(bytes: Buffer): Generator<DumpedLine> {
  if (!isSnapshot(bytes)) yield problem('the version, size or checksum of the snapshot is wrong')
  for (const { timestampMs: timestamp, ...fields } of storedProducers(bytes)) {
    yield { kind: 'entry', fields: { ...fields, timestamp } }
  }
}

function* dumpCheckpoint(bytes: Buffer, path: string): Generator<DumpedLine> {
  const names = nameIn(path).startsWith(LEADER_EPOCHS_NAME)
    ? ['epoch', 'startOffset']
    : ['topic', 'partition', 'offset']
  try {
    for (const words of parseCheckpoint(bytes.toString(), path)) {
      const fields = words.map((word, at) => [names[at] ?? `field${at + 1}`, numberWhereOne(word)] as const)
      if (words.length === names.length) yield { kind: 'entry', fields: Object.fromEntries(fields) }
      else yield problem(`"${words.join(' ')}" is not ${names.join(', ')}`)
    }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    yield problem(error.message)
  }
}

function numberWhereOne(word: string): string | number {
  return WHOLE_NUMBER.test(word) && Number.isSafeInteger(Number(word)) ? Number(word) : word
}

function problem(text: string): DumpedLine {
  return { kind: 'problem', position: null, problem: text }
}

function nameIn(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
