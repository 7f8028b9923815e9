/** Owns `ottla log dump`: what lies in files of a data directory, a line for each entry. Needs no broker. */
import { DiskError } from '@ottla/base/disk.ts'
import {
  type DumpedFields,
  type DumpedLine,
  type DumpedValue,
  dumpedFiles,
  dumpFile,
} from '@ottla/broker/log/inspection/dump.ts'
import { UsageError } from '../arguments.ts'
import { ByteSink } from '../byte-sink.ts'
import { type CommandContext, print } from '../context.ts'
import { CommandError } from '../exit-codes.ts'
import { jsonBytes } from '../format.ts'

export interface DumpCommandOptions {
  readonly records?: boolean
  readonly offset?: number
  readonly limit?: number
  readonly json?: boolean
}

/** Fails at the end where anything is damaged; all that can be shown is shown. */
export async function dump(
  context: CommandContext,
  paths: readonly string[],
  options: DumpCommandOptions,
): Promise<void> {
  const files = paths.flatMap((path) => filesOf(context, path))
  const sink = new ByteSink()
  let problems = 0
  for (const file of files) {
    if (options.json !== true) sink.text(`${file}\n`)
    for await (const line of dumpFile(file, dumpOptions(context, options))) {
      context.signal.throwIfAborted()
      if (line.kind === 'problem') problems++
      sink.text(options.json === true ? jsonLine(file, line) : textLine(line))
      if (sink.isFull) await print(context, sink.take())
    }
  }
  await print(context, sink.take())
  if (problems > 0) throw new CommandError(`${problems} ${problems === 1 ? 'place is' : 'places are'} damaged`)
}

function filesOf({ disk }: CommandContext, path: string): string[] {
  try {
    return dumpedFiles(disk, path.replace(/\/+$/, ''))
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'ENOTDIR') throw error
    const known = '.log, .index, .timeindex, .txnindex, .snapshot, .damaged or checkpoint'
    throw new UsageError(`"${path}" is no ${known} file and no directory of them`)
  }
}

function dumpOptions({ disk }: CommandContext, options: DumpCommandOptions) {
  const { records = false, offset = 0, limit = Number.POSITIVE_INFINITY } = options
  return { disk, records, offset, limit }
}

function jsonLine(file: string, line: DumpedLine): string {
  if (line.kind === 'problem') return `${JSON.stringify({ file, ...line })}\n`
  return `${JSON.stringify({ file, kind: line.kind, ...shownFields(line.fields) })}\n`
}

/** `name: value` of each field, as Kafka's tool writes them; keys, payloads and headers as JSON, on one line. */
function textLine(line: DumpedLine): string {
  if (line.kind === 'problem') {
    return `DAMAGED${line.position === null ? '' : ` at ${line.position}`}: ${line.problem}\n`
  }
  const pairs = Object.entries(line.fields).map(([name, value]) => `${name}: ${valueText(value)}`)
  return `${line.kind === 'record' ? '| ' : ''}${pairs.join(' ')}\n`
}

function valueText(value: DumpedValue): string {
  return value !== null && typeof value === 'object' ? JSON.stringify(shown(value)) : String(value)
}

function shownFields(fields: DumpedFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shown(value)]))
}

function shown(value: DumpedValue): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return jsonBytes(value)
  return value.map((header) => ({ key: header.key, value: jsonBytes(header.value) }))
}
