/**
 * Owns the form in which `consume` writes a record: a format string as of kcat, or one JSON object a line. Values are
 * bytes and leave as they came; only JSON has to choose a text form, and marks what is no UTF-8 as {"base64": "…"}.
 */
import { isUtf8 } from 'node:buffer'
import { parseEscapes, UsageError } from './arguments.ts'
import type { ByteSink } from './byte-sink.ts'

/** What can be written of a record; the client's ConsumerRecord fits. */
export interface PrintableRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
}

export type RecordWriter = (record: PrintableRecord, sink: ByteSink) => void

/** The help text of the format's letters. */
export const FORMAT_HELP = `%t topic  %p partition  %o offset  %T timestamp in ms  %k key  %v or %s value
%K size of the key in bytes (-1: null)  %S size of the value  %h headers as a=1,b=2  %% percent
escapes: \\n \\t \\r \\0 \\\\ \\xHH`

const WRITERS: Readonly<Record<string, RecordWriter>> = {
  t: (record, sink) => sink.text(record.topic),
  p: (record, sink) => sink.text(String(record.partition)),
  o: (record, sink) => sink.text(String(record.offset)),
  T: (record, sink) => sink.text(String(record.timestampMs)),
  k: (record, sink) => record.key !== null && sink.bytes(record.key),
  v: (record, sink) => record.value !== null && sink.bytes(record.value),
  s: (record, sink) => record.value !== null && sink.bytes(record.value),
  K: (record, sink) => sink.text(String(record.key?.length ?? -1)),
  S: (record, sink) => sink.text(String(record.value?.length ?? -1)),
  h: writeHeaders,
  '%': (_record, sink) => sink.text('%'),
}

/** Compiles a format string once, so that a record costs one call for each of its parts. */
export function compileFormat(format: string): RecordWriter {
  const writers: RecordWriter[] = []
  for (const part of format.split(/(%[\s\S]?)/)) {
    if (part.startsWith('%')) writers.push(writerOf(part, format))
    else if (part.length > 0) writers.push(literal(parseEscapes(part)))
  }
  return (record, sink) => {
    for (const write of writers) write(record, sink)
  }
}

/** One JSON object and a newline: topic, partition, offset, timestamp, key, value, headers. */
export function writeJson(record: PrintableRecord, sink: ByteSink): void {
  const headers = record.headers.map((header) => ({ key: header.key, value: jsonBytes(header.value) }))
  const { topic, partition, offset, timestampMs: timestamp } = record
  const key = jsonBytes(record.key)
  sink.text(
    `${JSON.stringify({ topic, partition, offset, timestamp, key, value: jsonBytes(record.value), headers })}\n`,
  )
}

export function jsonBytes(bytes: Buffer | null): string | null | { base64: string } {
  if (bytes === null) return null
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

function writerOf(part: string, format: string): RecordWriter {
  const writer = WRITERS[part.slice(1)]
  if (writer === undefined) throw new UsageError(`"${part}" in the format "${format}" is unknown:\n${FORMAT_HELP}`)
  return writer
}

function literal(bytes: Buffer): RecordWriter {
  return (_record, sink) => sink.bytes(bytes)
}

function writeHeaders(record: PrintableRecord, sink: ByteSink): void {
  record.headers.forEach((header, index) => {
    sink.text(`${index > 0 ? ',' : ''}${header.key}=`)
    if (header.value !== null) sink.bytes(header.value)
  })
}
