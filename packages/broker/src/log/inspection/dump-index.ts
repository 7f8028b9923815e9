/** Walks over the entries of an index for `ottla log dump`, a page at a time, and tells where they break its rules. */
import type { DiskFile } from '@ottla/base/disk.ts'
import { readInt64 } from '@ottla/protocol/records/int64.ts'
import { CorruptLogError } from '../errors.ts'
import { OFFSET_ENTRY_BYTES } from '../offset-index.ts'
import { TIME_ENTRY_BYTES } from '../time-index.ts'
import { parseAbortedTransactions, TRANSACTION_ENTRY_BYTES } from '../transaction-index.ts'
import type { DumpedLine } from './dump.ts'

const PAGE_ENTRIES = 8192

type IndexKind = 'index' | 'timeindex' | 'txnindex'
type Entry = Readonly<Record<string, number>>

interface IndexForm {
  readonly entryBytes: number
  /** Throws CorruptLogError for another version of it. */
  read(entry: Buffer, index: { readonly baseOffset: number; readonly path: string }): Entry
  /** By which of its offsets an entry is chosen. */
  readonly chosenBy: string
  /** These grow from entry to entry. */
  readonly rising: readonly string[]
}

const FORMS: Readonly<Record<IndexKind, IndexForm>> = {
  index: {
    entryBytes: OFFSET_ENTRY_BYTES,
    read: (entry, { baseOffset }) => ({ offset: baseOffset + entry.readInt32BE(0), position: entry.readInt32BE(4) }),
    chosenBy: 'offset',
    rising: ['offset', 'position'],
  },
  timeindex: {
    entryBytes: TIME_ENTRY_BYTES,
    read: (entry, { baseOffset }) => ({ timestamp: readInt64(entry, 0), offset: baseOffset + entry.readInt32BE(8) }),
    chosenBy: 'offset',
    rising: ['timestamp'],
  },
  txnindex: {
    entryBytes: TRANSACTION_ENTRY_BYTES,
    read: (entry, { path }) => ({ version: entry.readInt16BE(0), ...parseAbortedTransactions(entry, path)[0] }),
    chosenBy: 'lastOffset',
    rising: ['lastOffset'],
  },
}

export interface DumpedIndex {
  readonly kind: IndexKind
  readonly baseOffset: number
  /** Entries below this offset are left out. */
  readonly from: number
}

export async function* dumpIndex(file: DiskFile, { kind, baseOffset, from }: DumpedIndex): AsyncGenerator<DumpedLine> {
  const form = FORMS[kind]
  let before: Entry | null = null
  for await (const { bytes, position } of entriesOf(file, form.entryBytes)) {
    if (bytes.length < form.entryBytes) return yield problem(position, 'the file ends inside an entry')
    // Preallocated, and not used yet. Of aborted transactions producer 0's may be all zeros.
    if (kind !== 'txnindex' && bytes.every((byte) => byte === 0)) return
    const entry = entryOrProblem(form, bytes, { baseOffset, path: file.path })
    if (typeof entry === 'string') return yield problem(position, entry)
    if (entry[form.chosenBy]! >= from) yield { kind: 'entry', fields: entry }
    const fallen = form.rising.find((name) => before !== null && entry[name]! <= before[name]!)
    if (fallen !== undefined)
      yield problem(position, `the ${fallen} of an entry is not above that of the one before it`)
    before = entry
  }
}

/** The last one may be shorter. */
async function* entriesOf(file: DiskFile, entryBytes: number): AsyncGenerator<{ bytes: Buffer; position: number }> {
  const page = Buffer.allocUnsafe(PAGE_ENTRIES * entryBytes)
  for (let position = 0; ; position += page.length) {
    const read = await file.read(page, position)
    for (let at = 0; at < read; at += entryBytes) {
      yield { bytes: page.subarray(at, Math.min(at + entryBytes, read)), position: position + at }
    }
    if (read < page.length) return
  }
}

function entryOrProblem(form: IndexForm, bytes: Buffer, index: { baseOffset: number; path: string }): Entry | string {
  try {
    return form.read(bytes, index)
  } catch (error) {
    if (error instanceof CorruptLogError) return error.message
    throw error
  }
}

function problem(position: number, text: string): DumpedLine {
  return { kind: 'problem', position, problem: text }
}
