/**
 * Messages that say their own version or type, as the internal topics and the members of groups keep them.
 *
 * ```
 * value  int16 version, then the message in that version
 * key    int16 type (`DataMessage.type`), then the message in version 0
 * ```
 * Bytes behind a message are let pass, as Kafka does: a later version of a classic message may have appended fields.
 */
import { assert } from '@ottla/base/assert.ts'
import { DecodeError, Reader, Writer } from './bytes.ts'
import type { DataMessage } from './codec.ts'
import type { Input, Output, Table } from './types.ts'

export function encodeVersioned<T extends Table>(message: DataMessage<T>, version: number, value: Input<T>): Buffer {
  const writer = new Writer(256)
  writer.int16(version)
  message.at(version).write(writer, value)
  return writer.toBuffer()
}

export type VersionedOptions = {
  /** What to make of a version that is not known yet: nothing, or the newest that is known. */
  readonly newer: 'refused' | 'clamped'
}

/** Throws DecodeError for bytes that are no such message, and for an unknown version unless it is to be clamped. */
export function decodeVersioned<T extends Table>(
  message: DataMessage<T>,
  buffer: Buffer,
  options: VersionedOptions = { newer: 'refused' },
): Output<T> {
  const reader = new Reader(buffer)
  const version = reader.int16()
  const [first, last] = message.versions
  const known = options.newer === 'clamped' ? Math.min(version, last) : version
  if (known < first || known > last) {
    throw new DecodeError(`Cannot read ${message.name}: version ${version} is not within ${first} to ${last}`)
  }
  return message.at(known).read(reader)
}

export function encodeKey<T extends Table>(message: DataMessage<T>, value: Input<T>): Buffer {
  assert(message.type >= 0, `${message.name} has a type`)
  const writer = new Writer(256)
  writer.int16(message.type)
  message.at(0).write(writer, value)
  return writer.toBuffer()
}

/** The type of a key, to find out which message it holds. */
export function keyTypeOf(key: Buffer): number {
  return new Reader(key).int16()
}

/** The caller has chosen the message by `keyTypeOf`. */
export function decodeKey<T extends Table>(message: DataMessage<T>, key: Buffer): Output<T> {
  const reader = new Reader(key)
  const type = reader.int16()
  if (type !== message.type) throw new DecodeError(`Cannot read ${message.name}: the key has type ${type}`)
  return message.at(0).read(reader)
}
