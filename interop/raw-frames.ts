/** Frames made by hand, sound or not, for clients that break the rules. */
import { Writer } from '@ottla/protocol/bytes.ts'

export const HEADER = { correlationId: 1, clientId: 'hostile' }

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** int32 size and body. */
export function framed(body: Buffer): Buffer {
  return Buffer.concat([int32(body.length), body])
}

/** A request's header, version 1, and no body. */
export function headerBytes({ key, version }: { key: number; version: number }): Buffer {
  const writer = new Writer()
  writer.int16(key)
  writer.int16(version)
  writer.int32(HEADER.correlationId)
  writer.classicNullableString(HEADER.clientId)
  return writer.toBuffer()
}

/** The first half of an encoded request, in a frame that says so. */
export function halved(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts).subarray(4)
  return framed(body.subarray(0, Math.floor(body.length / 2) + 4))
}
