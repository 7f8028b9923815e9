/**
 * The words of the table language: field types and the rules of a row. A message is a table of fields in wire order;
 * `codec.ts` compiles it for one version, `interpret.ts` (tests) walks it. The static types of what is read and of
 * what may be written are inferred from the same rows.
 *
 * A row reads left to right:  `members: array({ … }).since(3).nullable(5).default([])`
 * - `since`, `until`  first and last version that carries the field; none means all of the message's
 * - `nullable`        first and last version in which null is allowed; none means all
 * - `default`         what a reader gets where the field is absent; without it 0, false, '', empty, or null for records
 * - `tag`             lies in the tagged section from that version on, and is left out when it equals its default
 * - `ignorable`       a value that the version cannot carry is dropped; without it such a value fails the write
 *
 * What a writer may leave out: a tagged field or one with `default` counts as its default; a nullable one as null, or
 * as its zero in a version that has no null there.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Uuid, ZERO_UUID } from './wire.ts'

export type Primitive =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'int64Saturating'
  | 'bigint64'
  | 'float64'
  | 'uuid'
export type Lengthed = 'string' | 'bytes' | 'records'

export type FieldType =
  | { readonly kind: Primitive | Lengthed }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly table: Table }

export type Rules = {
  readonly since: number
  readonly until: number
  readonly nullableFrom: number
  readonly nullableTo: number
  /** Undefined where only the type's zero stands behind the field. */
  readonly default: unknown
  readonly tag: number | null
  readonly tagFrom: number
  readonly ignorable: boolean
}

/** One row of a table. Each method answers with a changed copy. */
export class Field<Out, In = Out, Omittable extends boolean = false> {
  readonly type: FieldType
  readonly rules: Rules
  /** Exists for the type checker alone. */
  declare readonly types: { readonly out: Out; readonly in: In; readonly omittable: Omittable }

  constructor(type: FieldType, rules: Rules = plainRules) {
    this.type = type
    this.rules = rules
  }

  since(version: number): Field<Out, In, Omittable> {
    return new Field(this.type, { ...this.rules, since: version })
  }

  until(version: number): Field<Out, In, Omittable> {
    return new Field(this.type, { ...this.rules, until: version })
  }

  nullable(from = 0, to = Number.POSITIVE_INFINITY): Field<Out | null, In | null, true> {
    return new Field(this.type, { ...this.rules, nullableFrom: from, nullableTo: to })
  }

  /** Structs have no other default than null (or that of their fields), arrays no other than null or empty. */
  default(value: Out): Field<Out, In, true> {
    const isPlain = this.type.kind !== 'struct' && !(Array.isArray(value) && value.length > 0)
    assert(value === null || isPlain, 'a default is null, empty or one plain value')
    return new Field(this.type, { ...this.rules, default: value })
  }

  tag(tag: number, from: number): Field<Out, In, true> {
    return new Field(this.type, { ...this.rules, tag, tagFrom: from, since: Math.max(this.rules.since, from) })
  }

  ignorable(): Field<Out, In, Omittable> {
    return new Field(this.type, { ...this.rules, ignorable: true })
  }
}

export type Table = { readonly [name: string]: Field<unknown, unknown, boolean> }

type OmittableKeys<T extends Table> = { [K in keyof T]: T[K]['types']['omittable'] extends true ? K : never }[keyof T]

/** What a reader gets: every field of every version. */
export type Output<T extends Table> = { [K in keyof T]: T[K]['types']['out'] }

/** What a writer takes: fields with a default, a tag or null may be left out. */
export type Input<T extends Table> = {
  readonly [K in Exclude<keyof T, OmittableKeys<T>>]: T[K]['types']['in']
} & {
  readonly [K in OmittableKeys<T>]?: T[K]['types']['in'] | undefined
}

const plainRules: Rules = {
  since: 0,
  until: Number.POSITIVE_INFINITY,
  nullableFrom: Number.POSITIVE_INFINITY,
  nullableTo: Number.POSITIVE_INFINITY,
  default: undefined,
  tag: null,
  tagFrom: Number.POSITIVE_INFINITY,
  ignorable: false,
}

export const bool = new Field<boolean>({ kind: 'bool' })
export const int8 = new Field<number>({ kind: 'int8' })
export const int16 = new Field<number>({ kind: 'int16' })
export const uint16 = new Field<number>({ kind: 'uint16' })
export const int32 = new Field<number>({ kind: 'int32' })
export const uint32 = new Field<number>({ kind: 'uint32' })
/** Offsets, times, sizes, epochs, producer ids: beyond 2^53 the message is refused. */
export const int64 = new Field<number>({ kind: 'int64' })
/**
 * For what a peer may well set to Long.MAX or Long.MIN ("for ever", "the end"): read as the nearest safe integer, since
 * Kafka takes such a value and refusing it would cost the sender its connection. Written as it is.
 */
export const int64Saturating = new Field<number>({ kind: 'int64Saturating' })
/** Where all 64 bits carry meaning: hashes, and defaults beyond 2^53. */
export const bigint64 = new Field<bigint>({ kind: 'bigint64' })
export const float64 = new Field<number>({ kind: 'float64' })
export const string = new Field<string>({ kind: 'string' })
/** Read as a view of the message's buffer. */
export const bytes = new Field<Buffer>({ kind: 'bytes' })
/** Record batches; read as a view, written from one run of bytes or from a list of them. */
export const records = new Field<Buffer, Buffer | readonly Buffer[]>({ kind: 'records' })
export const uuid = new Field<Uuid>({ kind: 'uuid' })

type ElementOf<E> =
  E extends Field<infer Out, infer In, boolean>
    ? { out: Out; in: In }
    : E extends Table
      ? { out: Output<E>; in: Input<E> }
      : never

/** Elements are one primitive or one table. */
export function array<E extends Field<unknown, unknown, boolean> | Table>(
  element: E,
): Field<ElementOf<E>['out'][], readonly ElementOf<E>['in'][]> {
  return new Field({
    kind: 'array',
    element: element instanceof Field ? element.type : { kind: 'struct', table: element },
  })
}

export function struct<T extends Table>(table: T): Field<Output<T>, Input<T>> {
  return new Field({ kind: 'struct', table })
}

export function isPresent(rules: Rules, version: number): boolean {
  return rules.since <= version && version <= rules.until
}

export function isTagged(rules: Rules, version: number): boolean {
  return rules.tag !== null && version >= rules.tagFrom
}

export function isNullable(rules: Rules, version: number): boolean {
  return rules.nullableFrom <= version && version <= rules.nullableTo
}

/** The default of everything but structs, whose default is a struct of defaults. Arrays are shared: copy them. */
export function defaultOf(field: Field<unknown, unknown, boolean>): unknown {
  if (field.rules.default !== undefined) return field.rules.default
  switch (field.type.kind) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return ZERO_UUID
    case 'bigint64':
      return 0n
    case 'records':
      return null
    case 'bytes':
      return noBytes
    case 'array':
      return noElements
    case 'struct':
      return undefined
    default:
      return 0
  }
}

const noBytes = Buffer.alloc(0)
const noElements: readonly unknown[] = Object.freeze([])
