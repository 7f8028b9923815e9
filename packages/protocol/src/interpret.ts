/**
 * A second, plain meaning of the tables: it walks them field by field, version in hand. Used by tests only, to prove
 * the compiled codecs (`codec.ts`) right; it shares with them the rows of the tables and the encodings of single
 * numbers, nothing else. It is slow, and it trusts the values that it is given to write.
 */
import { DecodeError, EncodeError, Reader, Writer, ZERO_UUID } from './bytes.ts'
import type { Field, FieldType, Table } from './types.ts'

/** What is interpreted: one message at one version. */
export type Form = { readonly table: Table; readonly version: number; readonly flexible: boolean }

type Value = { [name: string]: unknown }
type AnyField = Field<unknown, unknown, boolean>

export function interpretRead(form: Form, reader: Reader): Value {
  const value: Value = {}
  for (const [name, field] of Object.entries(form.table)) {
    const plain = isCarried(field, form.version) && !liesInTags(field, form.version)
    value[name] = plain ? readField(form, field, reader) : zeroOf(field)
  }
  if (form.flexible) readTagged(form, reader, value)
  return value
}

export function interpretWrite(form: Form, writer: Writer, value: Value): void {
  for (const [name, field] of Object.entries(form.table)) {
    const given = value[name]
    if (!isCarried(field, form.version)) refuseUnlessDroppable(field, given, name)
    else if (!liesInTags(field, form.version))
      writeField(form, field, writer, given === undefined ? standIn(field, form.version) : given)
  }
  if (form.flexible) writeTagged(form, writer, value)
}

/** Absent fields get what Kafka calls the field's default. */
export function zeroOf(field: AnyField): unknown {
  const given = field.rules.default
  if (given !== undefined) return Array.isArray(given) ? [...given] : given
  const { type } = field
  if (type.kind === 'struct') return zeroStruct(type.table)
  if (type.kind === 'array') return []
  if (type.kind === 'bytes') return Buffer.alloc(0)
  const zeros: Value = { bool: false, string: '', uuid: ZERO_UUID, bigint64: 0n, records: null }
  return type.kind in zeros ? zeros[type.kind] : 0
}

export function isCarried(field: AnyField, version: number): boolean {
  return version >= field.rules.since && version <= field.rules.until
}

function zeroStruct(table: Table): Value {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, zeroOf(field)]))
}

function liesInTags(field: AnyField, version: number): boolean {
  return field.rules.tag !== null && version >= field.rules.tagFrom
}

function mayBeNull(field: AnyField, version: number): boolean {
  return version >= field.rules.nullableFrom && version <= field.rules.nullableTo
}

/** What a field counts as when it is left out; undefined where it may not be. */
export function standIn(field: AnyField, version: number): unknown {
  const { rules, type } = field
  if (rules.default !== undefined || rules.tag !== null) return zeroOf(field)
  if (mayBeNull(field, version)) return null
  return rules.nullableFrom < Number.POSITIVE_INFINITY && type.kind !== 'struct' ? zeroOf(field) : undefined
}

function refuseUnlessDroppable(field: AnyField, given: unknown, name: string): void {
  if (given === undefined || field.rules.ignorable || same(field, given)) return
  throw new EncodeError(`${name} does not exist in this version`, { unsupportedVersion: true })
}

/** Whether a value equals the field's default. */
function same(field: AnyField, given: unknown): boolean {
  const zero = zeroOf(field)
  if (given === null || zero === null) return given === zero
  const { type } = field
  if (type.kind === 'array' || type.kind === 'bytes') return (given as { length: number }).length === 0
  if (type.kind !== 'struct') return given === zero
  const parts = given as Value
  return Object.entries(type.table).every(([name, part]) => parts[name] === undefined || same(part, parts[name]))
}

// ---- tagged sections

function readTagged(form: Form, reader: Reader, value: Value): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    const tag = reader.uvarint()
    const payload = reader.bytes(reader.uvarint())
    const row = Object.entries(form.table).find(([, field]) => {
      return isCarried(field, form.version) && liesInTags(field, form.version) && field.rules.tag === tag
    })
    if (row) value[row[0]] = readPayload(form, row[1], payload)
  }
}

function readPayload(form: Form, field: AnyField, payload: Buffer): unknown {
  const inner = new Reader(payload)
  const { type } = field
  const isNull = type.kind === 'struct' && mayBeNull(field, form.version) && inner.uvarint() === 0
  const value = isNull ? null : type.kind === 'struct' ? readBody(form, type, inner) : readField(form, field, inner)
  if (inner.remaining !== 0) throw new DecodeError('a tag was longer than its field')
  return value
}

function writeTagged(form: Form, writer: Writer, value: Value): void {
  const rows = Object.entries(form.table)
    .filter(([, field]) => isCarried(field, form.version) && liesInTags(field, form.version))
    .filter(([name, field]) => value[name] !== undefined && !same(field, value[name]))
    .sort(([, one], [, other]) => one.rules.tag! - other.rules.tag!)
  writer.uvarint(rows.length)
  for (const [name, field] of rows) {
    const payload = new Writer()
    writePayload(form, field, payload, value[name])
    writer.uvarint(field.rules.tag!)
    writer.uvarint(payload.bytes)
    for (const part of payload.parts()) writer.raw(part)
  }
}

function writePayload(form: Form, field: AnyField, writer: Writer, value: unknown): void {
  const { type } = field
  if (type.kind !== 'struct') writeField(form, field, writer, value)
  else {
    if (mayBeNull(field, form.version)) writer.uvarint(value === null ? 0 : 1)
    if (value !== null) writeBody(form, type, writer, value)
  }
}

// ---- single fields

function readField(form: Form, field: AnyField, reader: Reader): unknown {
  const { type } = field
  const nullable = mayBeNull(field, form.version)
  if (isFixed(type)) return readBody(form, type, reader)
  if (type.kind === 'struct') return nullable && reader.int8() < 0 ? null : readBody(form, type, reader)
  const size = readSize(form, type, reader)
  if (size >= 0) return readSized(form, type, { reader, size })
  if (!nullable) throw new DecodeError('null')
  return null
}

function writeField(form: Form, field: AnyField, writer: Writer, value: unknown): void {
  const { type } = field
  const nullable = mayBeNull(field, form.version)
  if (value === undefined) throw new EncodeError('missing')
  if (value === null && !nullable) throw new EncodeError('null')
  if (type.kind === 'struct' && nullable) writer.int8(value === null ? -1 : 1)
  if (type.kind === 'struct' || isFixed(type)) {
    if (value !== null) writeBody(form, type, writer, value)
  } else writeSized(form, type, writer, value)
}

function isFixed(type: FieldType): boolean {
  return !['struct', 'array', 'string', 'bytes', 'records'].includes(type.kind)
}

function readSize(form: Form, type: FieldType, reader: Reader): number {
  if (form.flexible) return reader.uvarint() - 1
  return type.kind === 'string' ? reader.int16() : reader.int32()
}

function readSized(form: Form, type: FieldType, from: { reader: Reader; size: number }): unknown {
  const { reader, size } = from
  if (type.kind === 'array') return Array.from({ length: size }, () => readElement(form, type.element, reader))
  return type.kind === 'string' ? reader.bytes(size).toString('utf8') : reader.bytes(size)
}

function writeSized(form: Form, type: FieldType, writer: Writer, value: unknown): void {
  const elements = type.kind === 'array' ? (value as unknown[] | null) : null
  const raw = type.kind === 'array' || value === null ? null : bytesOf(value as string | Buffer | Buffer[])
  const size = elements?.length ?? raw?.length ?? -1
  if (form.flexible) writer.uvarint(size + 1)
  else if (type.kind === 'string') writer.int16(size)
  else writer.int32(size)
  if (raw) writer.raw(raw)
  if (type.kind === 'array') for (const element of elements ?? []) writeElement(form, type.element, writer, element)
}

function bytesOf(value: string | Buffer | Buffer[]): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  return Array.isArray(value) ? Buffer.concat(value) : value
}

function readElement(form: Form, type: FieldType, reader: Reader): unknown {
  if (type.kind === 'struct' || isFixed(type)) return readBody(form, type, reader)
  return readSized(form, type, { reader, size: readSize(form, type, reader) })
}

function writeElement(form: Form, type: FieldType, writer: Writer, value: unknown): void {
  if (type.kind === 'struct' || isFixed(type)) writeBody(form, type, writer, value)
  else writeSized(form, type, writer, value)
}

function readBody(form: Form, type: FieldType, reader: Reader): unknown {
  if (type.kind === 'struct') return interpretRead({ ...form, table: type.table }, reader)
  return readers[type.kind]!(reader)
}

function writeBody(form: Form, type: FieldType, writer: Writer, value: unknown): void {
  if (type.kind === 'struct') interpretWrite({ ...form, table: type.table }, writer, value as Value)
  else writers[type.kind]!(writer, value as never)
}

const readers: { readonly [kind: string]: (reader: Reader) => unknown } = {
  bool: (reader) => reader.int8() !== 0,
  int8: (reader) => reader.int8(),
  int16: (reader) => reader.int16(),
  uint16: (reader) => reader.bytes(2).readUInt16BE(),
  int32: (reader) => reader.int32(),
  uint32: (reader) => reader.bytes(4).readUInt32BE(),
  int64: (reader) => safe(reader.bytes(8).readBigInt64BE()),
  int64Saturating: (reader) => saturated(reader.bytes(8).readBigInt64BE()),
  bigint64: (reader) => reader.bytes(8).readBigInt64BE(),
  float64: (reader) => reader.bytes(8).readDoubleBE(),
  uuid: (reader) => reader.bytes(16).toString('base64url'),
}

const writers: { readonly [kind: string]: (writer: Writer, value: never) => void } = {
  bool: (writer, value: boolean) => writer.int8(value ? 1 : 0),
  int8: (writer, value: number) => writer.int8(value),
  int16: (writer, value: number) => writer.int16(value),
  uint16: (writer, value: number) => writer.uint16(value),
  int32: (writer, value: number) => writer.int32(value),
  uint32: (writer, value: number) => writer.uint32(value),
  int64: (writer, value: number) => writer.bigint64(BigInt(value)),
  int64Saturating: (writer, value: number) => writer.bigint64(BigInt(value)),
  bigint64: (writer, value: bigint) => writer.bigint64(value),
  float64: (writer, value: number) => writer.float64(value),
  uuid: (writer, value: string) => writer.raw(Buffer.from(value, 'base64url')),
}

function safe(value: bigint): number {
  if (Number.isSafeInteger(Number(value))) return Number(value)
  throw new DecodeError('beyond 2^53')
}

function saturated(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER
  return value < BigInt(Number.MIN_SAFE_INTEGER) ? Number.MIN_SAFE_INTEGER : Number(value)
}
