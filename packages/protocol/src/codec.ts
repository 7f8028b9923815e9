/**
 * From tables to codecs. A message is described once, by a table (`types.ts`); for each version a reader and a writer
 * are compiled from it on first use, as straight-line code for exactly that version. No version is branched on by hand,
 * nothing is generated into files. This file is the one home of cleverness, of `any` and of `new Function`; tests prove
 * it against a plain interpreter of the same tables (`interpret.ts`).
 *
 * What compiled code promises:
 * - Reading throws DecodeError and nothing else. Counts are checked before anything is allocated. Absent fields get
 *   fresh defaults, never shared ones. All versions of a table give objects of one shape.
 * - An int64 beyond 2^53 is a DecodeError, except where a peer may well mean "for ever" by it: such fields are
 *   `int64Saturating`, those that need all 64 bits `bigint64` (see `types.ts`).
 * - Writing throws EncodeError and nothing else. A value that the version lacks fails the write unless it is ignorable.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: compiled code and tables of every kind meet here; see above.
import { assert } from '@ottla/base/assert.ts'
import { EncodeError, Reader, Writer } from './bytes.ts'
import {
  defaultOf,
  type Field,
  type FieldType,
  type Input,
  isNullable,
  isPresent,
  isTagged,
  type Output,
  type Table,
} from './types.ts'

export interface Codec<Out, In = Out> {
  read(reader: Reader): Out
  write(writer: Writer, value: In): void
}

/** First and last, inclusive. */
export type VersionRange = readonly [number, number]

/** One message in all its versions. */
export class Message<T extends Table> {
  readonly name: string
  readonly versions: VersionRange
  /** The first flexible version; Infinity when there is none. */
  readonly flexible: number
  readonly table: T
  readonly #codecs: Codec<Output<T>, Input<T>>[] = []

  constructor(name: string, table: T, options: { versions: VersionRange; flexible?: number }) {
    this.name = name
    this.table = table
    this.versions = options.versions
    this.flexible = options.flexible ?? Number.POSITIVE_INFINITY
  }

  /** The codec of one version, compiled on first use. The caller has checked that the version exists. */
  at(version: number): Codec<Output<T>, Input<T>> {
    return this.#codecs[version] ?? this.#compile(version)
  }

  #compile(version: number): Codec<Output<T>, Input<T>> {
    const [first, last] = this.versions
    assert(version >= first && version <= last, `${this.name} has versions ${first} to ${last}, not ${version}`)
    const codec = new Compiler(`${this.name} v${version}`, version, version >= this.flexible).compile(this.table)
    this.#codecs[version] = codec
    return codec
  }
}

export type Listener = 'broker' | 'controller'

/** One request and its response. */
export interface Api<Q extends Table = Table, S extends Table = Table> {
  readonly key: number
  readonly name: string
  readonly versions: VersionRange
  readonly flexible: number
  /** Who accepts the request in Kafka. */
  readonly listeners: readonly Listener[]
  /** The last version is not advertised. */
  readonly unstableLast: boolean
  readonly request: Message<Q>
  readonly response: Message<S>
}

export type AnyApi = Api<any, any>
export type RequestOf<A extends AnyApi> = Output<A['request']['table']>
export type RequestInputOf<A extends AnyApi> = Input<A['request']['table']>
export type ResponseOf<A extends AnyApi> = Output<A['response']['table']>
export type ResponseInputOf<A extends AnyApi> = Input<A['response']['table']>

export type ApiOptions = {
  readonly versions: VersionRange
  readonly flexible?: number
  readonly listeners: readonly Listener[]
  readonly unstableLast?: boolean
}

export function api<Q extends Table, S extends Table>(
  key: number,
  name: string,
  options: ApiOptions,
  tables: { request: Q; response: S },
): Api<Q, S> {
  const request = new Message(`${name}Request`, tables.request, options)
  const response = new Message(`${name}Response`, tables.response, options)
  const { versions, listeners, unstableLast = false } = options
  return { key, name, versions, flexible: request.flexible, listeners, unstableLast, request, response }
}

/** A message that is no request: stored, or carried inside another one. `type` marks it in its store, -1 is none. */
export class DataMessage<T extends Table> extends Message<T> {
  readonly type: number

  constructor(name: string, table: T, options: DataOptions) {
    super(name, table, options)
    this.type = options.type ?? -1
  }
}

export type DataOptions = { readonly versions: VersionRange; readonly flexible?: number; readonly type?: number }
export type DataOf<M extends DataMessage<any>> = Output<M['table']>
export type DataInputOf<M extends DataMessage<any>> = Input<M['table']>

export function data<T extends Table>(name: string, options: DataOptions, table: T): DataMessage<T> {
  return new DataMessage(name, table, options)
}

/** Reads a whole message; bytes left over fail it. */
export function decode<Out>(codec: Codec<Out, never>, buffer: Buffer): Out {
  const reader = new Reader(buffer)
  const value = codec.read(reader)
  reader.finish()
  return value
}

/** Writes a message in one piece. */
export function encode<In>(codec: Codec<unknown, In>, value: In): Buffer {
  const writer = new Writer(256)
  codec.write(writer, value)
  return writer.toBuffer()
}

type AnyField = Field<unknown, unknown, boolean>
type Row = {
  readonly name: string
  readonly field: AnyField
  readonly type: FieldType
  readonly nullable: boolean
  readonly present: boolean
  /** Null unless tagged in this version. */
  readonly tag: number | null
}

/** The least bytes that a value takes, for checking counts before allocating. Strings and bytes are their length's. */
const bytesMin: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  int64Saturating: 8,
  bigint64: 8,
  float64: 8,
  uuid: 16,
}

/**
 * Emits one script for one version of one message: a pair of functions for each nested table and each array, named by
 * number. `r` is the Reader, `w` the Writer, `v` a struct, `e` one value. Names of fields are the only foreign text
 * that gets into the script, and are checked.
 */
class Compiler {
  readonly #label: string
  readonly #version: number
  readonly #flexible: boolean
  readonly #family: 'classic' | 'compact'
  readonly #functions: string[] = []
  readonly #names = new Map<string, Map<unknown, string>>()

  constructor(label: string, version: number, flexible: boolean) {
    this.#label = label
    this.#version = version
    this.#flexible = flexible
    this.#family = flexible ? 'compact' : 'classic'
  }

  compile(table: Table): Codec<any, any> {
    const read = this.#structReader(table)
    const write = this.#structWriter(table)
    const script = `'use strict'
${this.#functions.join('\n')}
return { read: ${read}, write(w, v) { try { ${write}(w, v) } catch (error) { throw explain(error) } } }`
    const explain = (error: unknown) => explainFailure(this.#label, error)
    return new Function('noBytes', 'noElements', 'explain', 'lacks', 'notArray', script)(
      Buffer.alloc(0),
      [],
      explain,
      lacks,
      notArray,
    )
  }

  /** Defines a function once per thing it is for, and answers with its name. */
  #define(purpose: string, subject: unknown, body: () => string): string {
    const names = this.#names.get(purpose) ?? new Map<unknown, string>()
    this.#names.set(purpose, names)
    const known = names.get(subject)
    if (known !== undefined) return known
    const name = `${purpose}${names.size}`
    names.set(subject, name)
    this.#functions.push(`function ${name}${body()}`)
    return name
  }

  #rows(table: Table): Row[] {
    return Object.entries(table).map(([name, field]) => {
      assert(/^[a-z][A-Za-z0-9]*$/.test(name), `${name} is a field's name`)
      const present = isPresent(field.rules, this.#version)
      const tagged = present && isTagged(field.rules, this.#version)
      const nullable = isNullable(field.rules, this.#version)
      return { name, field, type: field.type, nullable, present, tag: tagged ? field.rules.tag : null }
    })
  }

  // ---- reading

  #structReader(table: Table): string {
    return this.#define('read', table, () => {
      const rows = this.#rows(table)
      const plain = (row: Row) => row.present && row.tag === null
      const entries = rows.map((row) => {
        return `${row.name}: ${plain(row) ? this.#readValue(row.type, row.nullable) : this.#freshDefault(row.field)}`
      })
      return `(r) {\n  const v = { ${entries.join(', ')} }\n${this.#readTags(rows)}  return v\n}`
    })
  }

  #readTags(rows: Row[]): string {
    if (!this.#flexible) return ''
    const tagged = rows.filter((row) => row.tag !== null)
    if (tagged.length === 0) return '  r.skipTags()\n'
    const cases = tagged.map((row) => `case ${row.tag}: v.${row.name} = ${this.#readTagged(row)}; break`)
    return `  for (let n = r.uvarint(); n > 0; n--) {
    const tag = r.uvarint(), end = r.tagEnd()
    switch (tag) { ${cases.join('\n ')}\n default: r.at = end }
    r.endTag(end)
  }
`
  }

  #readTagged(row: Row): string {
    if (row.type.kind !== 'struct' || !row.nullable) return this.#readValue(row.type, row.nullable)
    return `r.uvarint() === 0 ? null : ${this.#structReader(row.type.table)}(r)`
  }

  #readValue(type: FieldType, nullable: boolean): string {
    switch (type.kind) {
      case 'array':
        return `${this.#arrayReader(type, nullable)}(r)`
      case 'struct': {
        const read = `${this.#structReader(type.table)}(r)`
        return nullable ? `(r.int8() < 0 ? null : ${read})` : read
      }
      case 'string':
      case 'bytes':
      case 'records':
        return `r.${this.#lengthed(type.kind, nullable)}()`
      default:
        return `r.${type.kind}()`
    }
  }

  #arrayReader(type: FieldType & { kind: 'array' }, nullable: boolean): string {
    return this.#define(nullable ? 'readNullableArray' : 'readArray', type, () => {
      const count = `r.${this.#family}${nullable ? 'Nullable' : ''}Count(${this.#bytesMin(type.element, false)})`
      return `(r) {
  const n = ${count}
  ${nullable ? 'if (n < 0) return null' : ''}
  const a = []
  for (let i = 0; i < n; i++) a.push(${this.#readValue(type.element, false)})
  return a
}`
    })
  }

  /** An expression for the value of an absent field; arrays and structs are made anew each time. */
  #freshDefault(field: AnyField): string {
    if (field.rules.default === null) return 'null'
    if (field.type.kind === 'array') return '[]'
    if (field.type.kind === 'struct') return `${this.#defaultStruct(field.type.table)}()`
    return this.#literal(field)
  }

  #defaultStruct(table: Table): string {
    return this.#define('default', table, () => {
      const entries = Object.entries(table).map(([name, field]) => `${name}: ${this.#freshDefault(field)}`)
      return `() { return { ${entries.join(', ')} } }`
    })
  }

  // ---- writing

  #structWriter(table: Table): string {
    return this.#define('write', table, () => {
      const rows = this.#rows(table)
      const statements = rows.filter((row) => row.tag === null).map((row) => this.#writeRow(row))
      return `(w, v) {\n${statements.join('\n')}\n${this.#writeTags(rows)}}`
    })
  }

  #writeRow(row: Row): string {
    const e = `v.${row.name}`
    if (row.present) return this.#writeValue(row.type, row.nullable, this.#orOmitted(row, e))
    if (row.field.rules.ignorable) return ''
    return `if (${e} !== undefined && !(${this.#isDefault(row.field, e)})) lacks('${row.name}')`
  }

  /** The value, or what stands for it when the caller left it out. Without a stand-in the type's own check fails it. */
  #orOmitted(row: Row, e: string): string {
    const standIn = this.#standIn(row)
    return standIn === null ? e : `(${e} === undefined ? ${standIn} : ${e})`
  }

  #standIn({ field, type, nullable }: Row): string | null {
    if (field.rules.default === null) return 'null'
    if (field.rules.default !== undefined) return this.#literal(field)
    if (nullable) return 'null'
    const isNullableElsewhere = field.rules.nullableFrom < Number.POSITIVE_INFINITY
    return isNullableElsewhere && type.kind !== 'struct' ? this.#literal(field) : null
  }

  #writeValue(type: FieldType, nullable: boolean, e: string): string {
    switch (type.kind) {
      case 'array':
        return `${this.#arrayWriter(type, nullable)}(w, ${e})`
      case 'struct': {
        const write = `${this.#structWriter(type.table)}(w, ${e})`
        return nullable ? `if (${e} === null) w.int8(-1); else { w.int8(1); ${write} }` : write
      }
      case 'string':
      case 'bytes':
      case 'records':
        return `w.${this.#lengthed(type.kind, nullable)}(${e})`
      default:
        return `w.${type.kind}(${e})`
    }
  }

  #arrayWriter(type: FieldType & { kind: 'array' }, nullable: boolean): string {
    return this.#define(nullable ? 'writeNullableArray' : 'writeArray', type, () => {
      return `(w, a) {
  ${nullable ? `if (a === null) return w.${this.#family}Count(-1)` : ''}
  if (!Array.isArray(a)) notArray(a)
  w.${this.#family}Count(a.length)
  for (let i = 0; i < a.length; i++) ${this.#writeValue(type.element, false, 'a[i]')}
}`
    })
  }

  #writeTags(rows: Row[]): string {
    if (!this.#flexible) return ''
    const tagged = rows.filter((row) => row.tag !== null).sort((one, other) => one.tag! - other.tag!)
    if (tagged.length === 0) return '  w.uvarint(0)\n'
    const has = tagged.map((row) => {
      return `const has${row.tag} = v.${row.name} !== undefined && !(${this.#isDefault(row.field, `v.${row.name}`)})`
    })
    const writes = tagged.map((row) => {
      const payload = `const begin = w.beginSized(); ${this.#writeTagged(row)}; w.endSized(begin)`
      return `if (has${row.tag}) { w.uvarint(${row.tag}); ${payload} }`
    })
    const count = tagged.map((row) => `(has${row.tag} ? 1 : 0)`).join(' + ')
    return `${has.join('\n')}\nw.uvarint(${count})\n${writes.join('\n')}\n`
  }

  #writeTagged(row: Row): string {
    const e = `v.${row.name}`
    if (row.type.kind !== 'struct' || !row.nullable) return this.#writeValue(row.type, row.nullable, e)
    return `if (${e} === null) w.uvarint(0); else { w.uvarint(1); ${this.#structWriter(row.type.table)}(w, ${e}) }`
  }

  /** An expression that is true when `e`, which is not undefined, equals the field's default. */
  #isDefault(field: AnyField, e: string): string {
    if (field.rules.default === null || field.type.kind === 'records') return `${e} === null`
    switch (field.type.kind) {
      case 'array':
      case 'bytes':
        return `${e} !== null && ${e}.length === 0`
      case 'struct':
        return `${e} !== null && ${this.#isDefaultStruct(field.type.table)}(${e})`
      default:
        return `${e} === ${this.#literal(field)}`
    }
  }

  #isDefaultStruct(table: Table): string {
    return this.#define('isDefault', table, () => {
      const tests = Object.entries(table).map(([name, field]) => {
        return `(v.${name} === undefined || (${this.#isDefault(field, `v.${name}`)}))`
      })
      return `(v) { return ${tests.join('\n && ')} }`
    })
  }

  // ---- both

  #lengthed(kind: 'string' | 'bytes' | 'records', nullable: boolean): string {
    return `${this.#family}${nullable ? 'Nullable' : ''}${kind === 'string' ? 'String' : 'Bytes'}`
  }

  /** The default as source text. Never used for what a reader could change. */
  #literal(field: AnyField): string {
    const value = defaultOf(field)
    if (Array.isArray(value)) return 'noElements'
    if (Buffer.isBuffer(value)) return 'noBytes'
    if (typeof value === 'bigint') return `${value}n`
    return JSON.stringify(value)
  }

  #bytesMin(type: FieldType, nullable: boolean): number {
    if (type.kind === 'struct') return nullable ? 1 : this.#structBytesMin(type.table)
    if (this.#flexible && bytesMin[type.kind] === undefined) return 1
    return bytesMin[type.kind] ?? (type.kind === 'string' ? 2 : 4)
  }

  #structBytesMin(table: Table): number {
    const rows = this.#rows(table).filter((row) => row.present && row.tag === null)
    const fields = rows.reduce((sum, row) => sum + this.#bytesMin(row.type, row.nullable), 0)
    const bytes = fields + (this.#flexible ? 1 : 0)
    assert(bytes > 0, `${this.#label}: an element takes at least one byte`)
    return bytes
  }
}

function lacks(field: string): never {
  throw new EncodeError(`this version has no ${field}`, { unsupportedVersion: true })
}

function notArray(value: unknown): never {
  throw new EncodeError(`Cannot write ${String(value)} as array`)
}

/** Names the message in an error, and types what a wrong value made the compiled code throw. */
function explainFailure(label: string, cause: unknown): EncodeError {
  const unsupportedVersion = cause instanceof EncodeError && cause.unsupportedVersion
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EncodeError(`Cannot encode ${label}: ${reason}`, { cause, unsupportedVersion })
}
