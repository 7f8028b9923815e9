/**
 * Protocol Buffers as far as etcd's API needs them: messages are tables of fields, from which the types of their values
 * are inferred, and which one function writes and one reads. Owns no message (see `messages.ts`).
 *
 *   field     varint(number << 3 | wire type) and then, by wire type:
 *   0         varint: 7 bits a byte, the lowest first, the top bit set in all bytes but the last; at most 10 bytes
 *   1, 5      8 or 4 bytes; not used by etcd's API, skipped
 *   2         varint(length) and so many bytes: bytes, text (UTF-8) or a message
 *
 * A field that is not there has its type's zero, a message that is not there is null. Writing puts down whatever is
 * given, zeros too, as members of a oneof need it. Fields that the table does not know are skipped when read.
 */
import { assert } from '@ottla/base/assert.ts'

/**
 * `int` is a whole number up to 2^53, `id` one of all 64 bits, `[table]` a list of messages, `['text']` a list of texts.
 */
export type FieldType = 'int' | 'id' | 'flag' | 'text' | 'bytes' | Table | readonly [Table] | readonly ['text']

/** Each field's number and type. */
export interface Table {
  readonly [name: string]: readonly [number: number, type: FieldType]
}

type ReadField<T> = T extends 'int'
  ? number
  : T extends 'id'
    ? bigint
    : T extends 'flag'
      ? boolean
      : T extends 'text'
        ? string
        : T extends 'bytes'
          ? Buffer
          : T extends readonly [infer Item]
            ? readonly ReadItem<Item>[]
            : T extends Table
              ? Read<T> | null
              : never
type ReadItem<T> = T extends 'text' ? string : T extends Table ? Read<T> : never

/** A message as it is read: every field is there. */
export type Read<T extends Table> = { readonly [Name in keyof T]: ReadField<T[Name][1]> }

type WriteField<T> = T extends 'bytes'
  ? Uint8Array
  : T extends readonly [infer Item]
    ? readonly (Item extends Table ? Write<Item> : string)[]
    : T extends Table
      ? Write<T>
      : ReadField<T>

/** A message as it is given to be written: what is left out is not written. */
export type Write<T extends Table> = { readonly [Name in keyof T]?: WriteField<T[Name][1]> }

/** Bytes that are not the message they should be. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

const WIRE_VARINT = 0
const WIRE_FIXED64 = 1
const WIRE_LENGTH = 2
const WIRE_FIXED32 = 5
/** A varint of so few bytes is exact as a number. */
const NUMBER_VARINT_BYTES = 7
const VARINT_BYTES_MAX = 10

export function encode<T extends Table>(table: T, message: Write<T>): Buffer {
  const parts: Uint8Array[] = []
  writeMessage(parts, table, message)
  return Buffer.concat(parts)
}

/** Throws ProtobufError. Byte fields are views of `bytes`. */
export function decode<T extends Table>(table: T, bytes: Buffer): Read<T> {
  return readMessage(table, new Cursor(bytes)) as Read<T>
}

type Values = { readonly [name: string]: unknown }

function writeMessage(parts: Uint8Array[], table: Table, message: Values): void {
  for (const [name, [number, type]] of Object.entries(table)) {
    const value = message[name]
    if (value === undefined) continue
    if (Array.isArray(type)) for (const item of value as unknown[]) writeField(parts, number, [type[0], item])
    else writeField(parts, number, [type as FieldType, value])
  }
}

function writeField(parts: Uint8Array[], number: number, [type, value]: [type: FieldType, value: unknown]): void {
  if (type === 'int' || type === 'id' || type === 'flag') {
    parts.push(varint((number << 3) | WIRE_VARINT), varint(value as number | bigint | boolean))
    return
  }
  const content = contentOf(type, value)
  parts.push(varint((number << 3) | WIRE_LENGTH), varint(content.length), content)
}

function contentOf(type: FieldType, value: unknown): Uint8Array {
  if (type === 'text') return Buffer.from(value as string)
  if (type === 'bytes') return value as Uint8Array
  return encode(type as Table, value as Values as Write<Table>)
}

function varint(value: number | bigint | boolean): Uint8Array {
  const small = Number(value)
  if (small >= 0 && small < 0x80) return Uint8Array.of(small)
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

/** What is left to read of one message. */
class Cursor {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  varint(): number | bigint {
    let value = 0
    for (let i = 0, scale = 1; i < NUMBER_VARINT_BYTES; i++, scale *= 0x80) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return this.#longVarint(BigInt(value))
  }

  #longVarint(low: bigint): bigint {
    let value = low
    for (let i = NUMBER_VARINT_BYTES; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new ProtobufError(`Cannot read a varint of more than ${VARINT_BYTES_MAX} bytes`)
  }

  int(): number {
    const value = Number(this.varint())
    if (!Number.isSafeInteger(value)) throw new ProtobufError(`Cannot read ${value}: it is beyond 2^53`)
    return value
  }

  content(): Buffer {
    const length = this.int()
    this.skip(length)
    return this.bytes.subarray(this.at - length, this.at)
  }

  skip(length: number): void {
    if (length < 0 || length > this.bytes.length - this.at) throw truncated()
    this.at += length
  }

  #byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw truncated()
    return byte
  }
}

function truncated(): ProtobufError {
  return new ProtobufError('Cannot read a message that ends too early')
}

function readMessage(table: Table, cursor: Cursor): Values {
  const message: { [name: string]: unknown } = {}
  for (const [name, [, type]] of Object.entries(table)) message[name] = absent(type)
  const fields = Object.entries(table)
  while (!cursor.isAtEnd) {
    const tag = cursor.int()
    const field = fields.find(([, [number]]) => number === tag >>> 3)
    if (field === undefined) skipField(cursor, tag & 7)
    else readField(message, field, { cursor, wireType: tag & 7 })
  }
  return message
}

function absent(type: FieldType): unknown {
  if (Array.isArray(type)) return []
  if (type === 'int') return 0
  if (type === 'id') return 0n
  if (type === 'flag') return false
  if (type === 'text') return ''
  return type === 'bytes' ? Buffer.alloc(0) : null
}

function readField(
  message: { [name: string]: unknown },
  [name, [, type]]: [name: string, field: Table[string]],
  { cursor, wireType }: { cursor: Cursor; wireType: number },
): void {
  const isNumber = type === 'int' || type === 'id' || type === 'flag'
  if (wireType !== (isNumber ? WIRE_VARINT : WIRE_LENGTH)) {
    throw new ProtobufError(`Cannot read field "${name}": its wire type is ${wireType}`)
  }
  if (Array.isArray(type)) (message[name] as unknown[]).push(readValue(type[0], cursor))
  else message[name] = readValue(type as FieldType, cursor)
}

function readValue(type: FieldType, cursor: Cursor): unknown {
  assert(!Array.isArray(type), 'A list has no lists as its items')
  if (type === 'int') return cursor.int()
  if (type === 'id') return BigInt(cursor.varint())
  if (type === 'flag') return cursor.int() !== 0
  if (type === 'text') return cursor.content().toString()
  return type === 'bytes' ? cursor.content() : readMessage(type as Table, new Cursor(cursor.content()))
}

function skipField(cursor: Cursor, wireType: number): void {
  if (wireType === WIRE_VARINT) cursor.varint()
  else if (wireType === WIRE_FIXED64) cursor.skip(8)
  else if (wireType === WIRE_LENGTH) cursor.content()
  else if (wireType === WIRE_FIXED32) cursor.skip(4)
  else throw new ProtobufError(`Cannot skip a field of wire type ${wireType}`)
}
