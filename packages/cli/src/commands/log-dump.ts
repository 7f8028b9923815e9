/** Owns `ottla log dump`: what lies in a file of a data directory, and whether it is sound. Needs no broker. */
import { formatIsoTime } from '@ottla/base/calendar.ts'
import {
  baseOffsetOf,
  type LogFileKind,
  type LoggedBatch,
  logFileKind,
  readCheckpoint,
  readOffsetIndex,
  readProducerSnapshot,
  readTimeIndex,
  readTransactionIndex,
  recordsOfBatch,
  scanLog,
} from '@ottla/client/log-files.ts'
import { UsageError } from '../arguments.ts'
import { type CommandContext, print } from '../context.ts'
import { CommandError } from '../exit-codes.ts'
import { jsonBytes } from '../format.ts'
import { type Cell, table } from '../output.ts'

export interface DumpOptions {
  readonly records?: boolean
  readonly json?: boolean
}

export async function dump(context: CommandContext, path: string, options: DumpOptions): Promise<void> {
  const kind = logFileKind(path)
  if (kind === null)
    throw new UsageError(`"${path}" is no .log, .index, .timeindex, .txnindex, .snapshot or checkpoint file`)
  if (kind === 'log') return await dumpLog(context, path, options)
  const { rows, problem } = entriesOf(kind, await context.streams.wholeFile(path), path)
  if (options.json === true) for (const row of rows) await print(context, `${JSON.stringify(row)}\n`)
  else await print(context, rowsText(rows))
  if (problem !== null) throw new CommandError(`${path} is damaged: ${problem}`)
}

type Row = Readonly<Record<string, Cell>>

function entriesOf(
  kind: Exclude<LogFileKind, 'log'>,
  bytes: Buffer,
  path: string,
): { rows: Row[]; problem: string | null } {
  if (kind === 'index') return { rows: readOffsetIndex(bytes, baseOffsetOf(path)), problem: null }
  if (kind === 'timeindex') return { rows: readTimeIndex(bytes, baseOffsetOf(path)), problem: null }
  if (kind === 'txnindex') return { rows: readTransactionIndex(bytes), problem: null }
  if (kind === 'snapshot') {
    const { isCrcValid, entries } = readProducerSnapshot(bytes)
    return { rows: entries, problem: isCrcValid ? null : 'its checksum is wrong' }
  }
  const { entries, isComplete } = readCheckpoint(bytes)
  const names = path.endsWith('leader-epoch-checkpoint') ? ['epoch', 'startOffset'] : ['topic', 'partition', 'offset']
  const rows = entries.map((words) =>
    Object.fromEntries(words.map((word, index) => [names[index] ?? `column${index + 1}`, word])),
  )
  return { rows, problem: isComplete ? null : 'its count does not fit its lines' }
}

function rowsText(rows: readonly Row[]): string {
  const [first] = rows
  if (first === undefined) return 'no entries\n'
  const names = Object.keys(first)
  return table(
    names.map(columnName),
    rows.map((row) => names.map((name) => row[name] ?? null)),
  )
}

/** `lastOffset` → `LAST-OFFSET`. */
function columnName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter}`).toUpperCase()
}

async function dumpLog(context: CommandContext, path: string, options: DumpOptions): Promise<void> {
  const batches = scanLog(context.streams.file(path))
  let damaged = 0
  let step = await batches.next()
  for (; step.done !== true; step = await batches.next()) {
    context.signal.throwIfAborted()
    const batch = step.value
    if (!batch.isCrcValid) damaged++
    await print(context, options.json === true ? batchJson(batch, options) : batchText(batch, options))
  }
  const { position, problem, bytesLeft } = step.value
  if (damaged > 0) throw new CommandError(`${path} is damaged: ${damaged} batches have a wrong checksum`)
  if (problem === 'malformed')
    throw new CommandError(`${path} is damaged: what begins at ${position} is no batch (${bytesLeft} bytes or more)`)
  if (problem === 'incomplete')
    throw new CommandError(`${path} ends with ${bytesLeft} bytes of a batch that is not whole, at ${position}`)
}

function batchFields({ position, header, codec, isCrcValid, flags }: LoggedBatch) {
  const { baseOffset, lastOffset, recordCount, sizeBytes, leaderEpoch, producerId, producerEpoch, baseSequence } =
    header
  const { baseTimestampMs, maxTimestampMs } = header
  const producer = { producerId, producerEpoch, baseSequence }
  return {
    position,
    sizeBytes,
    baseOffset,
    lastOffset,
    recordCount,
    leaderEpoch,
    codec,
    flags,
    ...producer,
    baseTimestampMs,
    maxTimestampMs,
    isCrcValid,
  }
}

function batchJson(batch: LoggedBatch, options: DumpOptions): string {
  const records = options.records === true ? { records: recordRows(batch) } : {}
  return `${JSON.stringify({ ...batchFields(batch), ...records })}\n`
}

function batchText(batch: LoggedBatch, options: DumpOptions): string {
  const fields = batchFields(batch)
  const producer =
    fields.producerId < 0
      ? ''
      : ` producer ${fields.producerId}/${fields.producerEpoch} sequence ${fields.baseSequence}`
  const flags = fields.flags.length === 0 ? '' : ` ${fields.flags.join(' ')}`
  const crc = fields.isCrcValid ? '' : ' WRONG CHECKSUM'
  const offsets = `offsets ${fields.baseOffset}-${fields.lastOffset} (${fields.recordCount} records)`
  const time = formatIsoTime(fields.maxTimestampMs)
  const head = `at ${fields.position}: ${offsets}, ${fields.sizeBytes} bytes, ${fields.codec}, epoch ${fields.leaderEpoch}, newest ${time}${producer}${flags}${crc}\n`
  if (options.records !== true) return head
  return (
    head +
    recordRows(batch)
      .map((row) => `  ${JSON.stringify(row)}\n`)
      .join('')
  )
}

/** Of a damaged batch there may be nothing to show: then that is shown. */
function recordRows(batch: LoggedBatch): unknown[] {
  try {
    return recordsOfBatch(batch).map(({ offset, timestamp, key, value, headers }) => ({
      offset,
      timestamp,
      key: jsonBytes(key),
      value: jsonBytes(value),
      headers: headers.map((header) => ({ key: header.key, value: jsonBytes(header.value) })),
    }))
  } catch (error) {
    return [{ error: error instanceof Error ? error.message : String(error) }]
  }
}
